"""From a verified artifact to a tokenizer and a session of ONNX Runtime: untyped values, for `scoring.onnx` alone."""

from typing import Any, Final, Literal

from newstide.artifact import Artifact, Precision
from newstide.errors import DeviceUnavailable, ModelInvalid

Device = Literal["cpu", "cuda", "auto"]

PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
# What is best on each device, first come first served among the graphs that the artifact has.
_PREFERENCE: Final[dict[str, tuple[Precision, ...]]] = {
    "cpu": ("int8", "fp32", "fp16"),
    "cuda": ("fp16", "fp32", "int8"),
}


def tokenizer(found: Artifact) -> Any:
    """The tokenizer of an artifact, cutting at the length that the model reads."""
    from tokenizers import Tokenizer

    try:
        read = Tokenizer.from_str(found.read(found.manifest.tokenizer).decode("utf-8"))
    except Exception as error:  # the library raises bare Exception
        raise _unfit(found, f"the tokenizer cannot be read: {first_line(error)}") from error
    # Said again here, because the file's own word on length would be a stranger's word on our memory.
    read.no_padding()
    # Of a pair the story is cut, never the name.
    read.enable_truncation(max_length=found.manifest.max_tokens, strategy="only_first")
    return read


def session(found: Artifact, device: Device, threads: int, precision: Precision | None) -> Any:
    """A session over the graph that suits the device, or the one of `precision`; DeviceUnavailable, ModelInvalid."""
    import onnxruntime as ort

    available = ort.get_available_providers()
    wanted = device if device != "auto" else ("cuda" if PROVIDERS["cuda"] in available else "cpu")
    opened = _try_session(ort, found, wanted, threads, precision) if PROVIDERS[wanted] in available else None
    if opened is None and device == "auto":
        opened = _try_session(ort, found, "cpu", threads, precision)
    if opened is None:
        raise DeviceUnavailable(
            f"the device {wanted!r} is not available to ONNX Runtime",
            why=f"it offers {', '.join(available)}",
            fix="install newstide with the extra `gpu` on a machine with an NVIDIA driver, or use --device cpu",
        )
    return opened


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
    provider = PROVIDERS[device]
    try:
        # From verified bytes, not from the path: the file cannot be swapped in between nor point to another one.
        made = ort.InferenceSession(found.read(graph), options, providers=[provider])
    except ModelInvalid:
        raise
    except Exception as error:  # onnxruntime has no common base class of its own
        if device != "cpu":  # a driver that is missing or too old raises here; a bad graph is found out on the CPU too
            return None
        raise _unfit(found, f"ONNX Runtime refuses {graph}: {first_line(error)}") from error
    return made if made.get_providers()[0] == provider else None


def _graph(found: Artifact, device: str, precision: Precision | None) -> str:
    graphs = found.manifest.graphs
    for choice in (precision,) if precision else _PREFERENCE[device]:
        if choice in graphs:
            return graphs[choice]
    raise _unfit(found, f"it has no {precision} graph, only {', '.join(sorted(graphs))}")


def _unfit(found: Artifact, why: str) -> ModelInvalid:
    return ModelInvalid(f"the artifact {found.folder.name} cannot be loaded", why=why, fix="export it again")


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
