"""An entry of a feed or a row of a file to a `NewsItem`, or to a `Reject`. Pure; never raises on content.

The text is cleaned to plain text and bounded, the date judged, the link reduced to a web address, the language told
by the script. What was noticed is written down in `flags`; nothing is lost because a field was strange.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ingest.cleaning import first_sentence, plain_text
from ingest.dates import read_date
from ingest.entry import Entry
from ingest.links import canonical_url, identity_of
from newstide.messages import Language, NewsItem, Reason, Reject, content_hash_of, story_id_of
from newstide.text import language_of

TITLE_CHARS_MAX: Final = 1_000
"""The model reads 1,024 characters at most; no headline is longer."""
BODY_CHARS_MAX: Final = 20_000
"""Some 3,000 words: longer than news is, and a line of it stays far below a record's limit."""
LEAD_CHARS_MAX: Final = 200
"""Of a body that must serve as a title."""
ORIGINAL_CHARS_MAX: Final = 4_000
"""Of a text as it came: enough to see what was tried, and four of the longest titles."""
SYMBOLS_MAX: Final = 32
"""A story under more symbols is a market list."""
RAW_BYTES_MAX: Final = 1 << 20
"""Of a refused entry, kept to be looked at."""
FUTURE_MAX: Final = timedelta(days=1)
"""Time zones explain less than a day; what claims more has a wrong clock."""
FEED_EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
"""Feeds list nothing older than the web."""
ARCHIVE_EARLIEST: Final = datetime(1800, 1, 1, tzinfo=UTC)
"""Files may hold any news; before this it is a typing error."""
_EPOCH_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC).date()

_SYMBOL: Final = re.compile(r"[A-Za-z0-9^$][A-Za-z0-9.:_^=/-]{0,31}")

_TAKEN_BACK: Final = re.compile(
    r"(?:WITHDRAWN|WITHDRAWAL|KILLED|KILL|RETRACTED|RETRACTION)\s*[-:\u2013\u2014]"
    r"|[\[\u3010(\uff08](?:WITHDRAWN|RETRACTED|撤稿|撤回|撤销|稿件撤回)[\]\u3011)\uff09]"
)
"""How wires mark that a story no longer holds: in capitals before the headline, or in brackets."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where entries come from. `archive` is for files: old dates are right there, and a date without zone is UTC."""

    source: str
    place: str
    received_at: datetime
    archive: bool = False


def normalise(entry: Entry, origin: Origin, position: int, raw: bytes = b"") -> NewsItem | Reject:
    """The entry as a story of revision 1, or the reason why there is none. `raw` is what a refusal keeps."""
    flags: list[str] = []
    title, title_altered, title_cut = plain_text(entry.title, TITLE_CHARS_MAX)
    body, body_altered, body_cut = plain_text(entry.body, BODY_CHARS_MAX) if entry.body else ("", False, False)
    if not title and body:
        title = first_sentence(body, LEAD_CHARS_MAX)
        flags.append("title_from_body")
    withdrawn = entry.withdrawn or bool(_TAKEN_BACK.match(title))
    if not title and not (withdrawn and (entry.id or entry.url)):
        return refuse(origin, position, Reason.EMPTY_TEXT, "neither title nor body holds readable text", raw)
    if title_altered or body_altered:
        flags.append("text_cleaned")
    if title_cut:
        flags.append("title_truncated")
    if body_cut:
        flags.append("body_truncated")
    published_at, suspect = judge_time(entry, origin)
    if suspect:
        flags.append("date_suspect")
    url = canonical_url(entry.url) if entry.url else ""
    if entry.url and not url:
        flags.append("link_dropped")
    return NewsItem(
        story_id=story_id_of(origin.source, publisher_id(entry, url, title, body)),
        revision=1,
        content_hash=content_hash_of(title, body, withdrawn=withdrawn),
        source=origin.source,
        title=title,
        body=body,
        url=url,
        language=tell_language(title, body, entry.language),
        published_at=published_at,
        received_at=origin.received_at,
        symbols=clean_symbols(entry.symbols) if entry.symbols else (),
        flags=tuple(flags),
        withdrawn=withdrawn,
        original_title=original(entry.title) if _changed(entry.title, title) else "",
        original_body=original(entry.body) if body_altered else "",
    )


def original(raw: str) -> str:
    """Text as it came, to be looked at: what no JSON can carry is written out."""
    return raw[:ORIGINAL_CHARS_MAX].encode("utf-8", "backslashreplace").decode("utf-8")


def _changed(raw: str, title: str) -> bool:
    """Whether more than white space was taken out of it. A cut is told by its flag."""
    return raw != title and not " ".join(raw[:ORIGINAL_CHARS_MAX].split()).startswith(title)


def refuse(origin: Origin, position: int, reason: Reason, detail: str, raw: bytes) -> Reject:
    return Reject(
        stage="ingest",
        origin=origin.place,
        position=position,
        reason=reason,
        detail=detail,
        raw=raw[:RAW_BYTES_MAX],
        at=origin.received_at,
    )


def publisher_id(entry: Entry, url: str, title: str, body: str) -> str:
    """What the publisher calls the story: its id, else its address, else its date and text.

    The last is for sources that name nothing: the same text on another day is another story there, and an edit cannot
    be told from a new story.
    """
    if entry.id:
        return identity_of(entry.id)
    if url:
        return identity_of(url)
    return f"text\x00{entry.published}\x00{title}\x00{body}"


def tell_language(title: str, body: str, claimed: str) -> Language:
    """By the script of the title, else of the body; what the source claims only counts where neither tells."""
    told = language_of(title)
    if told == "und" and body:
        told = language_of(body)
    if told == "und":
        claim = claimed.strip()[:2].lower()
        return "zh" if claim == "zh" else "en" if claim == "en" else "und"
    return told


def judge_time(entry: Entry, origin: Origin) -> tuple[datetime, bool]:
    """When the story was published, and whether the time of receipt stands in for a date not to be believed."""
    read = read_date(entry.published) if entry.published else None
    if read is not None:
        at, zoned = read
    elif entry.published_at is not None:
        at, zoned = entry.published_at, True
    else:
        return origin.received_at, True
    earliest = ARCHIVE_EARLIEST if origin.archive else FEED_EARLIEST
    believed = (
        (zoned or origin.archive)
        and earliest <= at <= origin.received_at + FUTURE_MAX
        and at.date() != _EPOCH_DAY  # a clock that was never set
    )
    return (at, False) if believed else (origin.received_at, True)


def clean_symbols(given: tuple[str, ...]) -> tuple[str, ...]:
    """The symbols that look like ones, each once, upper case, in order."""
    found: dict[str, None] = {}
    for symbol in given[: 4 * SYMBOLS_MAX]:
        name = symbol.strip().upper()
        if _SYMBOL.fullmatch(name):
            found[name] = None
    return tuple(found)[:SYMBOLS_MAX]
