"""The ONNX scorer: the only place that imports onnxruntime and tokenizers; their untyped values end here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from newstide import artifact
from newstide.artifact import Artifact, Precision, Thresholds
from newstide.errors import DeviceUnavailable, ModelInvalid
from newstide.scoring.batching import cut
from newstide.scoring.port import Encoded, Probabilities, Scorer
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
_WARM_UP: Final = ("Shares rise", "Profit warning after the auditor resigns, shares fall 30%", "")


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
        self.languages = found.manifest.languages
        self.thresholds: Thresholds = found.manifest.thresholds
        self.provider = str(session.get_providers()[0])
        self._temperature = found.manifest.temperature
        self._tokenizer = tokenizer
        self._session = session

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Token ids by one call. Lone surrogates, which UTF-8 cannot carry, are replaced."""
        short = [text[:_CHARS_MAX].encode("utf-8", "replace").decode() for text in texts]
        encodings = self._tokenizer.encode_batch_fast(short)
        return [
            Encoded(tuple(encoding.ids)) if self._reads(text) else Encoded(())
            for text, encoding in zip(short, encodings, strict=True)
        ]

    def _reads(self, text: str) -> bool:
        return bool(text.strip()) and language_of(text) in (*self.languages, "und")

    def score(self, batch: Sequence[Encoded]) -> Probabilities:
        """Runs once for each length in the batch, so no text is ever padded."""
        out = np.full((len(batch), len(self.labels)), 1 / len(self.labels), dtype=np.float32)
        for members in cut(batch, _TOKENS_PER_RUN_MAX):
            if len(batch[members[0]]):
                ids = np.array([batch[i].token_ids for i in members], dtype=np.int64)
                out[members] = _softmax(self.logits(ids) / self._temperature)
        return out

    def logits(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The graph's own output for texts of one length, before temperature and softmax."""
        try:
            (found,) = self._session.run(None, {"input_ids": ids})
        except Exception as error:  # onnxruntime has no common base class of its own
            raise ModelInvalid(
                f"the model {self.version} failed on {ids.shape[0]} texts of {ids.shape[1]} tokens",
                why=_first_line(error),
                fix="check the artifact with `newstide model verify`",
            ) from error
        return np.asarray(found, dtype=np.float32)


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
    tokenizer.enable_truncation(max_length=found.manifest.max_tokens)
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
    """The parts fit together: inputs, three finite outputs, and no token id beyond the embedding."""
    inputs = [each.name for each in scorer._session.get_inputs()]
    if inputs != ["input_ids"]:
        raise ModelInvalid(f"the graph of {scorer.version} takes {inputs}, not input_ids", fix="export it again")
    encoded = [each for each in scorer.encode(_WARM_UP) if len(each)]
    largest = tokenizer.get_vocab_size(with_added_tokens=True) - 1
    for ids in (*(each.token_ids for each in encoded), (*encoded[0].token_ids, largest)):
        found = scorer.logits(np.array([ids, ids], dtype=np.int64))
        if found.shape != (2, len(scorer.labels)) or not np.isfinite(found).all():
            raise ModelInvalid(
                f"the graph of {scorer.version} gives {list(found.shape)}, not 2 x {len(scorer.labels)} finite numbers",
                why="its last layer does not match the labels of the manifest",
                fix="export it again",
            )


def _unfit(found: Artifact, why: str) -> ModelInvalid:
    return ModelInvalid(f"the artifact {found.folder.name} cannot be loaded", why=why, fix="export it again")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
