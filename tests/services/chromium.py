"""The distribution's Chromium, driven by playwright, which would otherwise download a browser of its own."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.services.common import ServiceMissing

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

FLAGS = (
    "--no-sandbox",  # root, in containers, may not nest one; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # a closed network would refuse its calls home, many at a time
    "--disable-component-update",
    "--disable-sync",
)


def program() -> str | None:
    """The path of the browser, or None."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


def has_chinese_font() -> bool:
    """Whether a page in Chinese shows characters instead of boxes."""
    lister = shutil.which("fc-list")
    if lister is None:
        return False
    listed = subprocess.run([lister, ":lang=zh", "family"], capture_output=True, text=True, timeout=60, check=False)
    return bool(listed.stdout.strip())


def missing() -> str | None:
    """What is not installed, in words, or None."""
    if program() is None:
        return "the Chromium browser"
    if not has_chinese_font():
        return "a font with Chinese characters"
    return None


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running headless browser. Its `version` names it. Raises ServiceMissing when there is none."""
    lacking = missing()
    if lacking:
        raise ServiceMissing(f"{lacking}: run `make services`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), headless=True, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
