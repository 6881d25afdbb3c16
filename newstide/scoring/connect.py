"""Settings to a scorer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal

from newstide.scoring.port import Scorer
from newstide.settings import Settings

SHIPPED: Final = Path(__file__).resolve().parents[2] / "artifacts"
"""The artifacts that come with newstide: beside the packages, in the tree as in an installed wheel."""

# A batch of headlines is too small to share among more; several processors scale better.
_THREADS_MAX: Final = 4


def artifact_path(settings: Settings) -> Path:
    """The artifact folder that the settings name, or the shipped ones, of which ACTIVE names one."""
    return Path(settings.model.artifact) if settings.model.artifact else SHIPPED


def connect(settings: Settings) -> Scorer:
    """The scorer, loaded, verified and warm. Raises ModelInvalid, DeviceUnavailable."""
    from newstide.scoring import onnx  # onnxruntime takes longer to import than most commands take to run

    return onnx.load(artifact_path(settings), settings.model.device, threads_of(settings.model.threads))


def threads_of(setting: Literal["auto"] | int) -> int:
    """Threads of one scorer; `auto` leaves a core to the broker and the database, and stops at _THREADS_MAX."""
    if setting != "auto":
        return setting
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(max(1, cores - 1), _THREADS_MAX)
