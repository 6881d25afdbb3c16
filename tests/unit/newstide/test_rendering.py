"""Messages: each kind, both languages, plain and HTML, whatever strangers wrote."""

import json
from datetime import timedelta
from html.parser import HTMLParser
from string import Formatter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newstide.alerting.channel import Tongue
from newstide.alerting.correcting import corrections, relabelled
from newstide.alerting.firing import Firing, Kind, Severity, Trace
from newstide.alerting.rendering import (
    PAYLOAD_BYTES_MAX,
    TITLE_CHARS_MAX,
    Message,
    clean,
    for_chat,
    payload,
    render,
    render_digest,
    render_test,
    web_address,
)
from newstide.alerting.wording import LANGUAGES, note_words
from tests.contract.stories import HOSTILE, scored
from tests.firings import NOON, evidence, firing

PAGES = "https://news.example"
BOTH: tuple[Tongue, ...] = ("en", "zh")
ATTACKS = (
    *HOSTILE,
    "<!channel> <@U123> <https://evil.example|click>",
    "@all @everyone @here",
    "*bold* _under_ ~gone~ `code` > quote [link](javascript:alert(1))",
    "Subject\r\nBcc: everyone@example.com\r\n\r\nhello",
    "<img src=x onerror=alert(1)>\x00\x1b[31m",
    "{0.__class__} {subject} %s",
    "x" * 5_000,
)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.links += [value or "" for name, value in attributes if name == "href"]
        assert {name for name, _ in attributes} <= {"href", "style"}


def tags(message: Message) -> Tags:
    found = Tags()
    found.feed(message.html)
    return found


@pytest.mark.parametrize("language", BOTH)
@pytest.mark.parametrize("kind", Kind)
def test_each_kind_says_what_why_and_where(kind: Kind, language: Tongue) -> None:
    said = firing(kind, note="label:negative:positive" if kind is Kind.CORRECTED else "")
    message = render(said, language, PAGES)
    assert message.title.startswith(LANGUAGES[language][kind.value])
    assert "Acme Inc" in message.title
    for wanted in ("Acme recalls its flagship", "-0.71", "-0.5", "2", "30", "m-1", "r1", "https://example.com/acme"):
        assert wanted in message.text and wanted in message.html, wanted
    for link in (f"{PAGES}/story?story=story-1", f"{PAGES}/alerts?alert={said.firing_id}"):
        assert link in message.text and link in tags(message).links
    assert tags(message).seen <= {"div", "h2", "h3", "p", "br", "a"}


@pytest.mark.parametrize("language", BOTH)
def test_the_parts_of_newstide_itself_and_digests_have_words_of_their_own(language: Tongue) -> None:
    lag = firing(rule_text="system: lag > 10000", subject="processor", subject_name="processor")
    assert render(lag, language, "").title.startswith(LANGUAGES[language]["system"])
    digest = render_digest([firing(number=1), firing(Kind.RESOLVED, number=2)], 3, language, PAGES)
    assert "5" in digest.title and "3" in digest.text
    assert digest.text.index("12:01") < digest.text.index("12:02")
    assert render_digest([firing()], 0, language, "").title.endswith(LANGUAGES[language]["digest.title.one"])
    assert render_test(language).text


def test_every_language_has_the_same_words_with_the_same_places() -> None:
    def places(words: str) -> set[str | None]:
        return {name for _text, name, _spec, _conversion in Formatter().parse(words) if name is not None}

    english, chinese = LANGUAGES["en"], LANGUAGES["zh"]
    assert english.keys() == chinese.keys()
    assert {key for key in english if places(english[key]) != places(chinese[key])} == set()


def test_without_pages_there_are_no_links_to_them() -> None:
    assert "story?story" not in render(firing(), "en", "").text


def test_absent_is_not_zero() -> None:
    nothing = Trace(clause="score < -0.5", value=None, threshold=-0.5, holds=False)
    unread = firing(Kind.NO_DATA, traces=(nothing,), evidence=(evidence(score=None, label="unsure"),))
    text = render(unread, "en", "").text
    assert "nothing to measure" in text
    assert "measured" not in text and "0.00" not in text


@pytest.mark.parametrize("words", ATTACKS)
@pytest.mark.parametrize("language", BOTH)
def test_what_strangers_wrote_is_text(words: str, language: Tongue) -> None:
    said = firing(
        rule_text=words,
        subject_name=words,
        evidence=(evidence(title=words, source=words[:64], url=f"javascript:{words}"),),
        traces=(Trace(clause=words, value=1.0, threshold=None, holds=True),),
    )
    for message in (render(said, language, PAGES), render_digest([said], 0, language, PAGES)):
        assert message.title.isprintable() and len(message.title) <= TITLE_CHARS_MAX
        assert all(line.isprintable() for line in message.text.split("\n"))
        assert tags(message).seen <= {"div", "h2", "h3", "p", "br", "a"}
        assert all(link.startswith(PAGES) for link in tags(message).links)
        chat = for_chat(message.text)
        outside = "\n".join(line for line in chat.split("\n") if not web_address(line.strip()))
        assert not set("<>@*_~`[]|\\") & set(outside)
        assert "javascript:" not in "".join(line for line in chat.split("\n") if web_address(line.strip()))


@settings(max_examples=100, deadline=None)
@given(st.text(), st.integers(0, 400))
def test_clean_text_is_one_bounded_line(text: str, more: int) -> None:
    line = clean(text * (more // 50 + 1), 40)
    assert len(line) <= 40 and (line.isprintable() or not line)


@pytest.mark.parametrize("language", BOTH)
def test_every_note_has_words(language: Tongue) -> None:
    for note in ("withdrawn", "label:negative:unsure", "headline", "read_otherwise", "score:-0.80:+0.10"):
        assert note_words(language, note)
    assert "{" not in note_words(language, "relabelled:negative:positive")
    assert "the rule was changed" in render(firing(Kind.RESOLVED, note="the rule was changed"), language, "").text


# --- the webhook's body -------------------------------------------------------------------------------------------


def test_a_payload_is_what_the_standard_wants() -> None:
    body = json.loads(payload("fired", [firing()], 0, NOON, PAGES))
    assert list(body) == ["type", "timestamp", "data"]
    assert (body["type"], body["timestamp"]) == ("alert.fired", "2026-03-02T12:00:00Z")
    assert body["data"]["evidence"][0]["dashboard"] == f"{PAGES}/story?story=story-1"
    assert body["data"]["traces"][0]["value"] == -0.71


@pytest.mark.parametrize("count", [1, 60])
def test_a_payload_stays_below_its_limit(count: int) -> None:
    long = "长" * 300
    stories = tuple(evidence(f"s-{n}", title=long, url="https://example.com/" + "x" * 900) for n in range(40))
    traces = tuple(Trace(clause=long, value=1.0, threshold=0.0, holds=True) for _ in range(30))
    said = [firing(number=n, evidence=stories, traces=traces, rule_text=long) for n in range(count)]
    body = payload("digest" if count > 1 else "fired", said, 2, NOON, PAGES)
    assert len(body) <= PAYLOAD_BYTES_MAX
    data = json.loads(body)["data"]
    if count > 1:
        assert len(data["alerts"]) + data["left_out"] == 62


# --- corrections ------------------------------------------------------------------------------------------------


def told(**more: object) -> Firing:
    story = scored(1, title="Acme falls", score=-0.8)
    return firing(evidence=(evidence(story.item.story_id, title="Acme falls", score=-0.8, **more),))


@pytest.mark.parametrize(
    ("story", "note"),
    [
        (scored(1, title="Acme falls", revision=2, score=-0.8, withdrawn=True), "withdrawn"),
        (scored(1, title="Acme falls", revision=2, score=0.5), "label:negative:positive"),
        (scored(1, title="Acme does not fall", revision=2, score=-0.8), "headline"),
        (scored(1, title="Acme falls", revision=3, score=-0.3), "score:-0.80:-0.30"),
    ],
)
def test_what_no_longer_holds_is_told_once(story: object, note: str) -> None:
    original = told()
    (said,) = corrections(story, [original])  # type: ignore[arg-type]
    assert (said.kind, said.answers, said.note) == (Kind.CORRECTED, original.firing_id, note)
    assert (said.rule_id, said.subject, said.owner) == (original.rule_id, original.subject, original.owner)
    assert said.firing_id == corrections(story, [original])[0].firing_id  # type: ignore[arg-type]
    assert [each.revision for each in said.evidence] == [story.item.revision]  # type: ignore[attr-defined]


def test_what_still_holds_is_not_told() -> None:
    for story in (
        scored(1, title="Acme falls", revision=1, score=0.9),
        scored(1, title="Acme falls", revision=2, score=-0.7),
        scored(2, title="Another", revision=2, score=0.9),
    ):
        assert corrections(story, [told()]) == []


def test_a_person_who_corrects_a_label_is_heard() -> None:
    original, at = told(), NOON + timedelta(hours=1)
    (said,) = relabelled(original.evidence[0].story_id, "positive", [original], at)
    assert (said.note, said.at, said.evidence[0].label) == ("relabelled:negative:positive", at, "positive")
    assert relabelled(original.evidence[0].story_id, "negative", [original], at) == []


def test_severity_is_said_in_words() -> None:
    grave = msgspec.structs.replace(firing(), severity=Severity.CRITICAL)
    assert "(critical)" in render(grave, "en", "").title and "严重" in render(grave, "zh", "").title
