"""Settings to a scorer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from newstide.scoring.port import Scorer
from newstide.settings import Settings

SHIPPED: Final = Path(__file__).resolve().parents[2] / "artifacts"
"""The artifacts that come with newstide: beside the packages, in the tree as in an installed wheel."""


def artifact_path(settings: Settings) -> Path:
    """The artifact folder that the settings name, or the shipped ones, of which ACTIVE names one."""
    return Path(settings.model.artifact) if settings.model.artifact else SHIPPED


def connect(settings: Settings) -> Scorer:
    """The scorer, loaded, verified and warm. Raises ModelInvalid, DeviceUnavailable."""
    from newstide.scoring import onnx  # onnxruntime takes longer to import than most commands take to run

    return onnx.load(artifact_path(settings), settings.model.device, settings.model.threads)
