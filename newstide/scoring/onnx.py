"""The ONNX scorer: the untyped values of onnxruntime and tokenizers, which `loading` alone imports, end here."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from newstide import artifact
from newstide.artifact import Artifact, Precision
from newstide.errors import ModelInvalid
from newstide.heads import ENTITY, FINE, STORY, TOPIC
from newstide.messages import Language
from newstide.scoring import loading
from newstide.scoring.batching import cut
from newstide.scoring.calibrated import calibrated, nearly_tied
from newstide.scoring.loading import Device
from newstide.scoring.pairs import encode as encode_pairs
from newstide.scoring.port import Encoded, Opinions, Scorer, Task, no_opinions
from newstide.text import language_of

# Longest text read by the tokenizer; `text.model_input` cuts there too, this holds for callers that forget.
_CHARS_MAX: Final = 1_024
# Tokens in one run: bounds memory whatever batch a caller hands over (16,384 x 1,536 floats = 100 MB).
_TOKENS_PER_RUN_MAX: Final = 16_384
_HAN_FIRST, _HAN_LAST = "\u3400", "\u9fff"
_INPUTS: Final = ["input_ids", "token_type_ids"]
_OUTPUT: Final = "logits"
# In every language, for a model may read but one.
_WARM_UP: Final = (
    "Shares rise",
    "Profit warning after the auditor resigns, shares fall 30%",
    "审计师辞任，股价大跌",
    "",
)


def load(path: Path, device: Device = "auto", threads: int = 1, precision: Precision | None = None) -> Scorer:
    """Verify the artifact, load it on the device and run it once, so that the first story does not pay for that.

    `auto` takes CUDA where it works and the CPU elsewhere; `cuda` means CUDA or DeviceUnavailable, never a silent
    fall-back. Raises ModelInvalid when the artifact cannot be trusted or does not fit together.
    """
    return over(artifact.load(path), device, threads, precision)


def over(found: Artifact, device: Device, threads: int, precision: Precision | None = None) -> Scorer:
    """As `load`, of an artifact that is verified already."""
    tokenizer = loading.tokenizer(found)
    scorer = OnnxScorer(found, tokenizer, loading.session(found, device, threads, precision))
    _check(scorer, tokenizer)
    return scorer


class OnnxScorer:
    """One session and one tokenizer; safe to share among threads. Made by `load`."""

    def __init__(self, found: Artifact, tokenizer: Any, session: Any) -> None:
        self.version = found.version
        self.tokenizer_hash = found.manifest.tokenizer_hash
        self.labels = found.manifest.labels
        self.topics = found.manifest.topics
        self.languages = found.manifest.languages
        self.provider = str(session.get_providers()[0])
        self._calibration = found.manifest.calibration
        self._near = found.manifest.near
        self._tokenizer = tokenizer
        self._session = session
        self._has_fine = FINE in _inputs(session)

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Token ids by one call. Lone surrogates, which UTF-8 cannot carry, are replaced."""
        short = [_short(text) for text in texts]
        encodings = self._tokenizer.encode_batch_fast(short)
        return [
            self._encoded("story", text, encoding.ids, [0] * len(encoding.ids))
            for text, encoding in zip(short, encodings, strict=True)
        ]

    def encode_pairs(self, pairs: Sequence[tuple[str, str]]) -> list[Encoded]:
        """As `encode`, of stories and names together."""
        short = [(_short(story), _short(name).strip()) for story, name in pairs]
        return [
            self._encoded("entity", story if name else "", ids, types)
            for (story, name), (ids, types) in zip(short, encode_pairs(self._tokenizer, short), strict=True)
        ]

    def _encoded(self, task: Task, text: str, ids: Sequence[int], types: Sequence[int]) -> Encoded:
        language = language_of(text)
        # Letters of a script that it has not learned are all the same unknown token to it: that is no neutral news.
        strange = any(map(str.isalpha, text)) if language == "und" else language not in self.languages
        if not text.strip() or strange:
            return Encoded((), (), task, language)
        return Encoded(tuple(ids), tuple(types), task, language)

    def score(self, batch: Sequence[Encoded]) -> Opinions:
        """Runs once for each length in the batch, so no text is ever padded."""
        out = no_opinions(len(batch), len(self.topics))
        for members in cut(batch, _TOKENS_PER_RUN_MAX):
            if len(batch[members[0]]):
                self._run([batch[i] for i in members], np.array(members), out)
        return out

    def _run(self, passes: Sequence[Encoded], rows: NDArray[np.int64], out: Opinions) -> None:
        """Fill these rows of `out` with what the graph says of passes of one length, each by its own calibration."""
        ids = np.array([each.token_ids for each in passes], dtype=np.int64)
        types = np.array([each.type_ids for each in passes], dtype=np.int64)
        stories = np.array([each.task == "story" for each in passes])
        of_sentiment = self._calibrations((each.task, each.language) for each in passes)
        of_topic = self._calibrations(("topic", each.language) for each in passes)
        logits = self.logits(ids, types)
        if self._has_fine:
            again = nearly_tied(logits, stories, self._near)
            if again.any():
                logits[again] = self.logits(ids[again], types[again], fine=True)
        sentiment = np.where(stories[:, None], logits[:, STORY], logits[:, ENTITY])
        out.sentiment[rows] = calibrated(sentiment, of_sentiment.temperature, of_sentiment.power)
        out.confidence[rows] = of_sentiment.confidence
        shares = calibrated(logits[:, TOPIC], of_topic.temperature, of_topic.power)
        out.topics[rows[stories]] = shares[stories]
        out.topic_confidence[rows[stories]] = of_topic.confidence[stories]

    def _calibrations(self, wanted: Iterable[tuple[artifact.Task, Language]]) -> "_Calibrations":
        first = self.languages[0]
        found = [
            self._calibration[task][language if language in self.languages else first] for task, language in wanted
        ]
        columns = [(each.temperature, each.power, each.confidence) for each in found]
        return _Calibrations(*np.array(columns, dtype=np.float32).T)

    def logits(self, ids: NDArray[np.int64], types: NDArray[np.int64], *, fine: bool = False) -> NDArray[np.float32]:
        """The graph's own output (n, 6 + K) for passes of one length, before calibration."""
        inputs: dict[str, NDArray[Any]] = {"input_ids": ids, "token_type_ids": types}
        if self._has_fine:
            inputs[FINE] = np.array(fine)
        try:
            found = self._infer(inputs)
        except Exception as error:  # onnxruntime has no common base class of its own
            raise ModelInvalid(
                f"the model {self.version} failed on {ids.shape[0]} texts of {ids.shape[1]} tokens",
                why=loading.first_line(error),
                fix="check the artifact with `newstide model verify`",
            ) from error
        return np.asarray(found, dtype=np.float32)

    def _infer(self, inputs: dict[str, NDArray[Any]]) -> Any:
        if self.provider != loading.PROVIDERS["cuda"]:
            return self._session.run([_OUTPUT], inputs)[0]
        # Bound, so that what comes out stays on the device until it is whole, and is copied once.
        binding = self._session.io_binding()
        for name, values in inputs.items():
            binding.bind_cpu_input(name, values)
        binding.bind_output(_OUTPUT, "cuda")
        self._session.run_with_iobinding(binding)
        return binding.copy_outputs_to_cpu()[0]

    def words(self, text: str) -> list[tuple[int, int]]:
        """Pieces of one word joined, up to the model's limit; of Chinese, which has no spaces, the pieces."""
        short = _short(text)
        encoding = self._tokenizer.encode(short)
        spans: list[tuple[int, int]] = []
        for sequence, (first, end) in zip(encoding.sequence_ids, encoding.offsets, strict=True):
            before = spans[-1][1] if spans else 0
            start = max(first, before)
            start += len(short[start:end]) - len(short[start:end].lstrip())  # a piece may begin with its space
            if sequence is None or start >= end:
                continue
            if spans and start == before and _goes_on(short[start - 1]) and _goes_on(short[start]):
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
        return spans


class _Calibrations(NamedTuple):
    """Of n passes, each (n,); the fields of `Calibration`."""

    temperature: NDArray[np.float32]
    power: NDArray[np.float32]
    confidence: NDArray[np.float32]


def _inputs(session: Any) -> list[str]:
    return sorted(each.name for each in session.get_inputs())


def _goes_on(character: str) -> bool:
    """Whether a word of letters or digits goes on over this character."""
    return character.isalnum() and not _HAN_FIRST <= character <= _HAN_LAST


def _short(text: str) -> str:
    return text[:_CHARS_MAX].encode("utf-8", "replace").decode()


def _check(scorer: OnnxScorer, tokenizer: Any) -> None:
    """The parts fit together: inputs, 6 + K finite outputs, and no token id beyond the embedding."""
    inputs = _inputs(scorer._session)
    if inputs not in (_INPUTS, sorted([*_INPUTS, FINE])):
        raise ModelInvalid(
            f"the graph of {scorer.version} takes {inputs}, not {' and '.join(_INPUTS)}", fix="export it again"
        )
    columns = 6 + len(scorer.topics)
    passes = [*scorer.encode(_WARM_UP), *scorer.encode_pairs([(text, "the auditor") for text in _WARM_UP])]
    probes = [(each.token_ids, each.type_ids) for each in passes if len(each)]
    largest = tokenizer.get_vocab_size(with_added_tokens=True) - 1
    probes.append(((*probes[0][0], largest), (*probes[0][1], 0)))
    for ids, types in probes:
        for fine in {False, scorer._has_fine}:
            arrays = (np.array([each, each], dtype=np.int64) for each in (ids, types))
            found = scorer.logits(*arrays, fine=fine)
            if found.shape != (2, columns) or not np.isfinite(found).all():
                raise ModelInvalid(
                    f"the graph of {scorer.version} gives {list(found.shape)}, not 2 x {columns} finite numbers",
                    why="its last layer does not match the labels and topics of the manifest",
                    fix="export it again",
                )
