"""The ONNX scorer: the only place that imports onnxruntime and tokenizers; their untyped values end here."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from newstide import artifact
from newstide.artifact import Artifact, Precision
from newstide.errors import DeviceUnavailable, ModelInvalid
from newstide.messages import Language
from newstide.scoring.batching import cut
from newstide.scoring.pairs import encode as encode_pairs
from newstide.scoring.port import Encoded, Opinions, Probabilities, Scorer, Task, no_opinions
from newstide.text import language_of

Device = Literal["cpu", "cuda", "auto"]

_PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
# What is best on each device, first come first served among the graphs that the artifact has.
_PREFERENCE: Final[dict[str, tuple[Precision, ...]]] = {
    "cpu": ("int8", "fp32", "fp16"),
    "cuda": ("fp16", "fp32", "int8"),
}
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
    tokenizer = _tokenizer(found)
    scorer = OnnxScorer(found, tokenizer, _session(found, device, threads, precision))
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
        self._tokenizer = tokenizer
        self._session = session

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
        logits = self.logits(ids, types)
        stories = np.array([each.task == "story" for each in passes])
        sentiment = np.where(stories[:, None], logits[:, :3], logits[:, 3:6])
        temperature, confidence = self._calibrations((each.task, each.language) for each in passes)
        out.sentiment[rows] = _softmax(sentiment / temperature[:, None])
        out.confidence[rows] = confidence
        temperature, confidence = self._calibrations(("topic", each.language) for each in passes)
        out.topics[rows[stories]] = _softmax(logits[stories, 6:] / temperature[stories, None])
        out.topic_confidence[rows[stories]] = confidence[stories]

    def _calibrations(self, wanted: Iterable[tuple[artifact.Task, Language]]) -> NDArray[np.float32]:
        """(2, n): temperatures and confidences."""
        first = self.languages[0]
        found = [
            self._calibration[task][language if language in self.languages else first] for task, language in wanted
        ]
        return np.array([[each.temperature for each in found], [each.confidence for each in found]], dtype=np.float32)

    def logits(self, ids: NDArray[np.int64], types: NDArray[np.int64]) -> NDArray[np.float32]:
        """The graph's own output (n, 6 + K) for passes of one length, before temperature and softmax."""
        try:
            found = self._infer({"input_ids": ids, "token_type_ids": types})
        except Exception as error:  # onnxruntime has no common base class of its own
            raise ModelInvalid(
                f"the model {self.version} failed on {ids.shape[0]} texts of {ids.shape[1]} tokens",
                why=_first_line(error),
                fix="check the artifact with `newstide model verify`",
            ) from error
        return np.asarray(found, dtype=np.float32)

    def _infer(self, inputs: dict[str, NDArray[np.int64]]) -> Any:
        if self.provider != _PROVIDERS["cuda"]:
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


def _goes_on(character: str) -> bool:
    """Whether a word of letters or digits goes on over this character."""
    return character.isalnum() and not _HAN_FIRST <= character <= _HAN_LAST


def _short(text: str) -> str:
    return text[:_CHARS_MAX].encode("utf-8", "replace").decode()


def _softmax(logits: NDArray[np.float32]) -> Probabilities:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def _tokenizer(found: Artifact) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_str(found.read(found.manifest.tokenizer).decode("utf-8"))
    except Exception as error:  # the library raises bare Exception
        raise _unfit(found, f"the tokenizer cannot be read: {_first_line(error)}") from error
    # Said again here, because the file's own word on length would be a stranger's word on our memory.
    tokenizer.no_padding()
    # Of a pair the story is cut, never the name.
    tokenizer.enable_truncation(max_length=found.manifest.max_tokens, strategy="only_first")
    return tokenizer


def _session(found: Artifact, device: Device, threads: int, precision: Precision | None) -> Any:
    import onnxruntime as ort

    available = ort.get_available_providers()
    wanted = device if device != "auto" else ("cuda" if _PROVIDERS["cuda"] in available else "cpu")
    session = _try_session(ort, found, wanted, threads, precision) if _PROVIDERS[wanted] in available else None
    if session is None and device == "auto":
        session = _try_session(ort, found, "cpu", threads, precision)
    if session is None:
        raise DeviceUnavailable(
            f"the device {wanted!r} is not available to ONNX Runtime",
            why=f"it offers {', '.join(available)}",
            fix="install newstide with the extra `gpu` on a machine with an NVIDIA driver, or use --device cpu",
        )
    return session


def _try_session(ort: Any, found: Artifact, device: str, threads: int, precision: Precision | None) -> Any:
    """A session whose first provider is the one asked for, or None when ONNX Runtime put another in its place."""
    graph = _graph(found, device, precision)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # Spinning threads would take the cores from the broker and the database that share them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    provider = _PROVIDERS[device]
    try:
        # From verified bytes, not from the path: the file cannot be swapped in between nor point to another one.
        session = ort.InferenceSession(found.read(graph), options, providers=[provider])
    except ModelInvalid:
        raise
    except Exception as error:  # onnxruntime has no common base class of its own
        if device != "cpu":  # a driver that is missing or too old raises here; a bad graph is found out on the CPU too
            return None
        raise _unfit(found, f"ONNX Runtime refuses {graph}: {_first_line(error)}") from error
    return session if session.get_providers()[0] == provider else None


def _graph(found: Artifact, device: str, precision: Precision | None) -> str:
    graphs = found.manifest.graphs
    for choice in (precision,) if precision else _PREFERENCE[device]:
        if choice in graphs:
            return graphs[choice]
    raise _unfit(found, f"it has no {precision} graph, only {', '.join(sorted(graphs))}")


def _check(scorer: OnnxScorer, tokenizer: Any) -> None:
    """The parts fit together: inputs, 6 + K finite outputs, and no token id beyond the embedding."""
    inputs = sorted(each.name for each in scorer._session.get_inputs())
    if inputs != _INPUTS:
        raise ModelInvalid(
            f"the graph of {scorer.version} takes {inputs}, not {' and '.join(_INPUTS)}", fix="export it again"
        )
    columns = 6 + len(scorer.topics)
    passes = [*scorer.encode(_WARM_UP), *scorer.encode_pairs([(text, "the auditor") for text in _WARM_UP])]
    probes = [(each.token_ids, each.type_ids) for each in passes if len(each)]
    largest = tokenizer.get_vocab_size(with_added_tokens=True) - 1
    probes.append(((*probes[0][0], largest), (*probes[0][1], 0)))
    for ids, types in probes:
        found = scorer.logits(np.array([ids, ids], dtype=np.int64), np.array([types, types], dtype=np.int64))
        if found.shape != (2, columns) or not np.isfinite(found).all():
            raise ModelInvalid(
                f"the graph of {scorer.version} gives {list(found.shape)}, not 2 x {columns} finite numbers",
                why="its last layer does not match the labels and topics of the manifest",
                fix="export it again",
            )


def _unfit(found: Artifact, why: str) -> ModelInvalid:
    return ModelInvalid(f"the artifact {found.folder.name} cannot be loaded", why=why, fix="export it again")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
