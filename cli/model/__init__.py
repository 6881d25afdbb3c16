"""`newstide model`: make it, measure it, and choose which artifact is in use."""

from cli.model import artifacts, measuring, shadow, training  # noqa: F401 - each adds its commands to `app`
from cli.model.common import app

__all__ = ["app"]
