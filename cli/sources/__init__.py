"""`newstide sources`: what is polled, and how well it is."""

from cli.sources import lists, registry, trying  # noqa: F401 - each adds its commands to `app`
from cli.sources.common import app

__all__ = ["app"]
