"""A firing, or a digest of several, as a message: plain text, HTML and JSON, in English or Chinese. Pure.

Text and HTML are made from one list of sections, so that neither tells what the other does not. Titles, names and rules
are outside text: one line each, bounded, without control or direction characters, and escaped in HTML.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from newstide.alerting.channel import Tongue
from newstide.alerting.firing import Evidence, Firing, Trace
from newstide.alerting.wording import note_words, say

TITLE_CHARS_MAX: Final = 150
"""Of a message: what a phone shows, and no header that a mail server would refuse."""
TEXT_CHARS_MAX: Final = 300
"""Of one outside text within a message."""
EVIDENCE_MAX: Final = 5
"""Stories that a message names; the page shows all that were kept."""
PAYLOAD_BYTES_MAX: Final = 20_000
"""Of a webhook's body: what Standard Webhooks advises."""
_ENVELOPE_BYTES: Final = 200
"""Of a digest's body, around its alerts."""
SYSTEM: Final = "system"
"""Rules whose text begins with it are about newstide itself (see `reading`)."""
_WEB: Final = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9._~:/?#&=%+,;!-]{0,1000}")
_PLAIN: Final = re.compile(rb"[A-Za-z0-9._-]")
_LOOKALIKE: Final = str.maketrans("\\`*_~|<>[]@", "＼ˋ＊＿～｜‹›［］＠")


@dataclass(frozen=True, slots=True)
class Message:
    title: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class _Line:
    words: str
    links: tuple[tuple[str, str], ...] = ()
    """Label and address."""


@dataclass(frozen=True, slots=True)
class _Section:
    heading: str
    lines: tuple[_Line, ...]


def clean(text: str, limit: int = TEXT_CHARS_MAX) -> str:
    """Outside text for one line: controls, line ends and direction overrides become spaces, and the rest is cut."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: limit * 4]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def for_chat(text: str) -> str:
    """Text for services that read marks in it: each mark becomes a character that looks like it and does nothing.

    Escapes differ from service to service, and what is missed calls a whole channel (`<!channel>`, `@all`). Lines that
    are web addresses stay as they are: `web_address` has looked at them.
    """
    return "\n".join(line if web_address(line.strip()) else line.translate(_LOOKALIKE) for line in text.split("\n"))


def web_address(text: str) -> str:
    """The address if a reader may be sent there, else nothing."""
    return text if _WEB.fullmatch(text) else ""


def kind_word(firing: Firing) -> str:
    """Which template a firing takes."""
    return SYSTEM if firing.rule_text.startswith(f"{SYSTEM}:") else firing.kind.value


def render(firing: Firing, language: Tongue, dashboard: str) -> Message:
    """`dashboard` is the address of the pages, without a slash at its end; empty: no links to them."""
    word = kind_word(firing)
    title = _title(firing, language)
    sections = [_Section("", (_Line(say(language, f"{word}.lead", subject=_subject(firing, language))),))]
    if firing.note:
        sections.append(_Section(say(language, "changed"), (_Line(note_words(language, clean(firing.note))),)))
    sections += [
        _Section(say(language, "why"), tuple(_Line(_clause(each, language)) for each in firing.traces)),
        _Section(say(language, "evidence"), _evidence(firing, language, dashboard)),
        _Section(say(language, "rule"), (_Line(_rule(firing, language)),)),
        _Section(say(language, "when"), (_Line(_when(firing, language)),)),
    ]
    links = ((say(language, "open"), alert_link(dashboard, firing)),) if dashboard else ()
    sections.append(_Section("", (_Line(say(language, "footer"), links),)))
    return _message(title, sections)


def render_digest(firings: Sequence[Firing], left_out: int, language: Tongue, dashboard: str) -> Message:
    """Several at once; `left_out` more were not given."""
    total = len(firings) + left_out
    words = say(language, "digest.title.one") if total == 1 else say(language, "digest.title", n=total)
    lines = [
        _Line(
            f"{each.at:%m-%d %H:%M} {_title(each, language)}",
            ((say(language, "open"), alert_link(dashboard, each)),) if dashboard else (),
        )
        for each in firings
    ]
    if left_out:
        lines.append(_Line(say(language, "digest.more", n=left_out)))
    lead, footer = _Line(say(language, "digest.lead")), _Line(say(language, "footer"))
    sections = [_Section("", (lead,)), _Section("", tuple(lines)), _Section("", (footer,))]
    return _message(f"{say(language, 'digest')}: {words}", sections)


def render_test(language: Tongue) -> Message:
    return _message(say(language, "test.title"), [_Section("", (_Line(say(language, "test.text")),))])


def payload(kind: str, firings: Sequence[Firing], left_out: int, at: datetime, dashboard: str) -> bytes:
    """The body of a webhook, within PAYLOAD_BYTES_MAX: what does not fit goes, evidence from its end, then clauses.

    A digest tells of each firing with its first story; firings that do not fit are counted as left out.
    """
    shown = [_data(firing, dashboard) for firing in firings]
    if kind == "digest":
        return _encoded(kind, at, _digest_data(shown, left_out))
    (data,) = shown
    while len(body := _encoded(kind, at, data)) > PAYLOAD_BYTES_MAX:
        (data["evidence"] or data["traces"]).pop()
    return body


def test_payload(at: datetime) -> bytes:
    """Of a test message: a type that no alert has."""
    return _encoded("test", at, {})


def _digest_data(shown: Sequence[dict[str, Any]], left_out: int) -> dict[str, Any]:
    alerts, room = [], PAYLOAD_BYTES_MAX - _ENVELOPE_BYTES
    for each in shown:
        short = each | {"evidence": each["evidence"][:1], "traces": []}
        room -= len(msgspec.json.encode(short)) + 1
        if room < 0:
            break
        alerts.append(short)
    return {"alerts": alerts, "left_out": left_out + len(shown) - len(alerts)}


def _encoded(kind: str, at: datetime, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"type": f"alert.{kind}", "timestamp": at, "data": data})


def _data(firing: Firing, dashboard: str) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(firing)
    data |= {"evidence": list(data["evidence"]), "traces": list(data["traces"])}
    data |= {name: clean(data[name]) for name in ("rule_text", "subject", "subject_name", "note")}
    for each in data["evidence"]:
        each |= {"title": clean(each["title"]), "url": web_address(each["url"])}
        each["dashboard"] = story_link(dashboard, each["story_id"]) if dashboard else ""
    for each in data["traces"]:
        each["clause"] = clean(each["clause"])
    return data | {"dashboard": alert_link(dashboard, firing) if dashboard else ""}


def alert_link(dashboard: str, firing: Firing) -> str:
    return f"{dashboard}/alerts?alert={_quoted(firing.firing_id)}"


def story_link(dashboard: str, story_id: str) -> str:
    return f"{dashboard}/story?story={_quoted(story_id)}"


def _quoted(identity: str) -> str:
    """As it stands in an address."""
    raw = identity.encode("utf-8", "replace")
    return "".join(chr(byte) if _PLAIN.match(bytes([byte])) else f"%{byte:02X}" for byte in raw)


def _title(firing: Firing, language: Tongue) -> str:
    severity = say(language, f"severity.{firing.severity.value}")
    head = f"{say(language, kind_word(firing))} ({severity}): {_subject(firing, language)}"
    return clean(f"{head} - {firing.rule_text}", TITLE_CHARS_MAX)


def _subject(firing: Firing, language: Tongue) -> str:
    return clean(firing.subject_name or firing.subject) or say(language, "everything")


def _rule(firing: Firing, language: Tongue) -> str:
    version = firing.rule_version
    return say(language, "rule.version", rule=clean(firing.rule_text), id=clean(firing.rule_id), version=version)


def _when(firing: Firing, language: Tongue) -> str:
    at = f"{firing.at:%Y-%m-%d %H:%M:%S}"
    if not firing.window_s:
        return say(language, "when.moment", at=at)
    return say(language, "when.window", at=at, window=length(firing.window_s))


def length(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"


def _clause(trace: Trace, language: Tongue) -> str:
    clause = say(language, "clause.holds" if trace.holds else "clause.fails", clause=clean(trace.clause))
    if trace.value is None:
        return f"{clause}; {say(language, 'clause.nothing')}"
    threshold = "-" if trace.threshold is None else f"{trace.threshold:g}"
    measured = say(language, "clause.value", value=f"{trace.value:.3g}", threshold=threshold, stories=trace.stories)
    return f"{clause}; {measured}"


def _evidence(firing: Firing, language: Tongue, dashboard: str) -> tuple[_Line, ...]:
    counts = {name: getattr(firing, name) for name in ("stories", "sources", "copies")}
    lines = [_Line(say(language, "evidence.counts", **counts))]
    for each in firing.evidence[:EVIDENCE_MAX]:
        links = [(say(language, "at_source"), web_address(each.url))]
        if dashboard:
            links.append((say(language, "in_dashboard"), story_link(dashboard, each.story_id)))
        lines.append(_Line(_story(each, language), tuple(link for link in links if link[1])))
    if (more := len(firing.evidence) - EVIDENCE_MAX) > 0:
        lines.append(_Line(say(language, "evidence.more", n=more)))
    return tuple(lines)


def _story(each: Evidence, language: Tongue) -> str:
    return say(
        language,
        "evidence.story",
        title=clean(each.title),
        source=clean(each.source),
        at=f"{each.published_at:%Y-%m-%d %H:%M}",
        label=say(language, f"label.{each.label}"),
        score="" if each.score is None else f"{each.score:+.2f}",
        model=clean(each.model_version),
    )


def _message(title: str, sections: Sequence[_Section]) -> Message:
    filled = [each for each in sections if each.lines]
    text = "\n\n".join(_as_text(each) for each in filled)
    body = "".join(_as_html(each) for each in filled)
    page = f'<div style="font-family:sans-serif;line-height:1.45"><h2>{html.escape(title)}</h2>{body}</div>'
    return Message(title, text, page)


def _as_text(section: _Section) -> str:
    indent = "  " if section.heading else ""
    lines = [section.heading] if section.heading else []
    for line in section.lines:
        lines += [indent + line.words, *(f"{indent}  {address}" for _label, address in line.links)]
    return "\n".join(lines)


def _as_html(section: _Section) -> str:
    heading = f"<h3>{html.escape(section.heading)}</h3>" if section.heading else ""
    return heading + "".join(f"<p>{html.escape(line.words)}{_html_links(line)}</p>" for line in section.lines)


def _html_links(line: _Line) -> str:
    return "".join(f'<br><a href="{html.escape(address)}">{html.escape(label)}</a>' for label, address in line.links)
