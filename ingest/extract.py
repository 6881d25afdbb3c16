"""The text of an article, out of its web page. The only importer of trafilatura (extra `extract`). Pure.

Runs in `ingest.worker` alone, within its limits; a page that is larger or stranger than an article's is not read.
"""

from __future__ import annotations

import importlib.util
from typing import Final

from ingest.decoding import decode, valid_characters

PAGE_BYTES_MAX: Final = 1 << 20
"""Pages of articles have 50 to 500 kB."""
TAGS_MAX: Final = 20_000
"""Theirs have 500 to 8,000. The reader takes 50 us for each."""


def installed() -> bool:
    return importlib.util.find_spec("trafilatura") is not None


def article_text(page: bytes, content_type: str = "") -> str:
    """Paragraphs on lines of their own; empty where no article was found. Comments and tables of the page are left."""
    if len(page) > PAGE_BYTES_MAX or page.count(b"<") > TAGS_MAX:
        return ""
    from trafilatura import extract

    try:
        text = extract(
            valid_characters(decode(page, content_type).text),
            output_format="txt",
            include_comments=False,
            include_tables=False,
            fast=True,
        )
    except Exception:  # a page is a stranger's, and what it breaks is not known in advance
        return ""
    return text or ""
