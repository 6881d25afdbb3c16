"""Do two forms of the model say the same? The gates that an export must pass."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from onnx import ModelProto

from model import batches, graphs
from model.inputs import Row
from model.metrics import Floats
from newstide import heads
from newstide.errors import ModelInvalid

# Same numbers, another order of additions: torch and ONNX fp32 differ by a few 1e-6 on logits of about 5.
LOGIT_TOLERANCE: Final = 1e-4
# Share of texts that int8 must give the same label as fp32.
AGREEMENT_MIN: Final = 0.99


class Graph:
    """An ONNX graph in memory on one CPU thread; for measuring, not for serving."""

    def __init__(self, model: ModelProto | bytes, threads: int = 1) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        content = model if isinstance(model, bytes) else model.SerializeToString()
        self._session: Any = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])

        self._has_fine = heads.FINE in [each.name for each in self._session.get_inputs()]
        self._columns = int(self._session.get_outputs()[0].shape[1])

    def logits(self, rows: Sequence[Row], batch_texts: int = 32, *, fine: bool = False) -> Floats:
        """Logits of all heads in input order, run in batches of one exact length.

        `fine`: by the finer form of a graph that has one (`twofold`).
        """
        chosen = {heads.FINE: np.array(fine)} if self._has_fine else {}
        out = np.zeros((len(rows), self._columns), dtype=np.float32)
        for part in batches.by_length([len(ids) for ids, _ in rows], batch_texts):
            out[part] = self._session.run(None, graphs.feed([rows[i] for i in part]) | chosen)[0]
        return out


def agreement(one: Floats, other: Floats) -> float:
    """Share of rows with the same most probable label."""
    return float((one.argmax(axis=1) == other.argmax(axis=1)).mean())


def require_same_logits(torch_logits: Floats, onnx_logits: Floats, tolerance: float = LOGIT_TOLERANCE) -> float:
    """The largest difference; ModelInvalid when it is beyond the tolerance (or not a number)."""
    difference = float(np.abs(torch_logits - onnx_logits).max())
    if not difference <= tolerance:
        raise ModelInvalid(
            f"torch and ONNX disagree by {difference:.2g}",
            why=f"their logits may differ by {tolerance:.0e} at most",
            fix="nothing was written; check the versions of torch and onnx, then export again",
        )
    return difference


def require_agreement(fp32: Floats, int8: Floats, least: float = AGREEMENT_MIN) -> float:
    """The share of equal labels; ModelInvalid when it is below the gate."""
    share = agreement(fp32, int8)
    if not share >= least:
        raise ModelInvalid(
            f"int8 gives {share:.2%} of texts the label that fp32 gives",
            why=f"the gate is {least:.2%}",
            fix="nothing was written; train longer or export with another recipe",
        )
    return share


def require_same_tokenizer(found: str, trained: str) -> None:
    """ModelInvalid unless the tokenizer is the one that the run was trained with."""
    if found != trained:
        raise ModelInvalid(
            "the tokenizer is not the one that this run was trained with",
            why=f"its SHA-256 starts with {found[:12]}, the run recorded {trained[:12]}",
            fix="nothing was written; restore tokenizer.json in the run folder",
        )
