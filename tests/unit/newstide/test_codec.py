"""Bytes and messages: what goes in comes out, and nothing that comes in breaks the reader."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide import codec
from newstide.messages import SCHEMA, NewsItem, Reason, ScoredStory, content_hash_of, partition_of, story_id_of

NOW = datetime(2026, 3, 2, 11, 10, tzinfo=UTC)


def item(**changes: object) -> NewsItem:
    fields: dict[str, object] = {
        "story_id": story_id_of("wire", "1"),
        "revision": 1,
        "content_hash": content_hash_of("Shares rise", ""),
        "source": "wire",
        "title": "Shares rise",
        "published_at": NOW,
        "received_at": NOW,
    }
    return NewsItem(**(fields | changes))  # type: ignore[arg-type]


def scored(of: NewsItem) -> ScoredStory:
    return ScoredStory(
        item=of, model_version="m", tokenizer_hash="t", p_negative=0.1, p_neutral=0.2, p_positive=0.7,
        label="positive", scored_at=NOW,
    )  # fmt: skip


text = st.text(st.characters(codec="utf-8"), max_size=200)


@given(title=text, body=text, symbols=st.lists(text, max_size=3))
def test_what_is_written_is_read(title: str, body: str, symbols: list[str]) -> None:
    message = item(title=title, body=body, symbols=tuple(symbols))
    assert codec.decode_items(codec.encode(message)) == ([codec.GoodLine(0, message)], [])
    story = scored(message)
    assert codec.decode_stories(codec.encode(story)) == ([codec.GoodLine(0, story)], [])


@given(st.binary(max_size=2_000))
def test_no_bytes_break_the_reader(value: bytes) -> None:
    good, bad = codec.decode_items(value)
    assert not good
    assert bad or value.strip() == b"" or not any(line.strip() for line in value.split(b"\n"))


def test_a_bad_line_does_not_take_its_neighbours_along() -> None:
    lines = [codec.encode(item(title="a")), b"{oops", codec.encode(item(title="b"))]
    good, bad = codec.decode_items(b"\n".join(lines))
    assert [(line, message.title) for line, message in good] == [(0, "a"), (2, "b")]
    assert [(line.line, line.raw, line.reason) for line in bad] == [(1, b"{oops", Reason.NOT_JSON)]


def changed(**fields: object) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(codec.encode(item())) | fields)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, Reason.EMPTY_RECORD),
        (b"", Reason.EMPTY_RECORD),
        (b" \n ", Reason.EMPTY_RECORD),
        (b"\x00\xff\xfe", Reason.NOT_JSON),
        (codec.encode(item())[:-5], Reason.NOT_JSON),
        (codec.encode(item()).replace(b"rise", b"\xff\xfe"), Reason.NOT_UTF8),
        (codec.encode(item()).replace(b"rise", b"\\ud800 x"), Reason.NOT_JSON),  # half a surrogate pair
        (b"[" * 20_000, Reason.WRONG_SHAPE),
        (b'{"story_id": ' + b"[" * 20_000, Reason.WRONG_SHAPE),
        (b"42", Reason.WRONG_SHAPE),
        (b"{}", Reason.WRONG_SHAPE),
        (changed(title=7), Reason.WRONG_SHAPE),
        (changed(revision=0), Reason.WRONG_SHAPE),
        (changed(story_id=""), Reason.WRONG_SHAPE),
        (changed(language="fr"), Reason.WRONG_SHAPE),
        (changed(published_at="2026-03-02T11:10:00"), Reason.WRONG_SHAPE),  # no zone: whose eleven o'clock?
        (changed(published_at="yesterday"), Reason.WRONG_SHAPE),
        (changed(schema=SCHEMA + 1), Reason.UNKNOWN_SCHEMA),
        (b'{"schema": 99, "headline": "another shape"}', Reason.UNKNOWN_SCHEMA),
        (changed(body="x" * codec.LINE_BYTES_MAX), Reason.TOO_LARGE),
        (b"1\n" * (codec.RECORD_LINES_MAX + 1), Reason.TOO_LARGE),  # one dead letter, not ten thousand
    ],
)
def test_what_is_no_story_has_a_reason_and_its_bytes(value: bytes | None, reason: Reason) -> None:
    good, bad = codec.decode_items(value)
    assert not good
    assert [line.reason for line in bad] == [reason]
    assert bad[0].raw == (value or b"") and bad[0].detail


def test_unknown_fields_pass_and_absent_ones_have_their_default() -> None:
    good, bad = codec.decode_items(changed(sentiment_of_the_editor="gloomy"))
    assert not bad and good[0].message == item()


def test_times_keep_their_moment_whatever_their_zone() -> None:
    shanghai = NOW.astimezone(timezone(timedelta(hours=8)))
    good, _ = codec.decode_items(codec.encode(item(published_at=shanghai)))
    assert good[0].message.published_at == NOW


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=700))
def test_packing_keeps_every_line_in_order_within_the_limits(lines: list[bytes]) -> None:
    lines = [line.replace(b"\n", b"_") for line in lines]
    packed = list(codec.pack(lines))
    assert [line for value, _ in packed for line in value.split(b"\n")] == lines
    assert all(count <= codec.LINES_MAX and value.count(b"\n") + 1 == count for value, count in packed)


def test_packing_stays_below_what_a_broker_takes() -> None:
    line = b"x" * 400_000
    assert [count for _, count in codec.pack([line] * 5)] == [2, 2, 1]


def test_all_revisions_of_a_story_share_a_partition_and_stories_spread() -> None:
    ids = [story_id_of("wire", str(n)) for n in range(6_000)]
    counts = [0] * 6
    for story_id in ids:
        counts[partition_of(story_id, 6)] += 1
    assert min(counts) > 850 and partition_of(ids[0], 6) == partition_of(ids[0], 6)


def test_a_score_is_none_where_the_model_had_no_opinion() -> None:
    third = 1 / 3
    opinion = msgspec.structs.replace(scored(item()), p_negative=third, p_neutral=third, p_positive=third)
    assert opinion.score is None
    assert scored(item()).score == pytest.approx(0.6)
