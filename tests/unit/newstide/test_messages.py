from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.messages import SCHEMA, NewsItem, Reason, ScoredStory, content_hash_of, partition_of, story_id_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@given(st.text(), st.text(), st.integers(1, 1_000))
def test_any_names_make_an_id_that_has_a_partition(source: str, publisher_id: str, partitions: int) -> None:
    story_id = story_id_of(source, publisher_id)
    assert len(story_id) == 32
    assert int(story_id, 16) >= 0
    assert 0 <= partition_of(story_id, partitions) < partitions
    assert story_id == story_id_of(source, publisher_id)


def test_ids_tell_sources_and_texts_apart() -> None:
    assert story_id_of("a", "bc") != story_id_of("ab", "c")
    assert content_hash_of("a", "bc") != content_hash_of("ab", "c")
    assert content_hash_of("a", "") != content_hash_of("", "a")


def test_ids_never_change() -> None:
    """They are keys of what is stored: another value would store every story again."""
    assert story_id_of("wire", "1") == "b851cb598b13d677ad1ea40baeeda00a"
    assert content_hash_of("", "") == "6e340b9cffb37a989ca544e6bb780a2c"


def test_partitions_are_used_evenly() -> None:
    counts = [0] * 6
    for n in range(6_000):
        counts[partition_of(story_id_of("wire", str(n)), 6)] += 1
    assert min(counts) > 900


def test_messages_do_not_change() -> None:
    item = NewsItem(
        story_id="a", revision=1, content_hash="b", source="c", title="d", published_at=NOON, received_at=NOON
    )
    with pytest.raises(AttributeError):
        item.title = "e"  # type: ignore[misc]
    story = ScoredStory(
        item=item,
        model_version="m",
        tokenizer_hash="t",
        p_negative=0.2,
        p_neutral=0.1,
        p_positive=0.7,
        label="positive",
        scored_at=NOON,
    )
    assert story.score == pytest.approx(0.5)
    assert (item.language, item.schema, story.schema) == ("und", SCHEMA, SCHEMA)


def test_probabilities_are_checked_on_the_way_in() -> None:
    decode = msgspec.json.Decoder(ScoredStory).decode
    with pytest.raises(msgspec.ValidationError):
        decode(b'{"p_negative": 1.5}')


def test_words_that_are_stored_are_never_renamed() -> None:
    assert {reason.value for reason in Reason} >= {
        "not_json",
        "not_utf8",
        "wrong_shape",
        "unknown_schema",
        "empty_record",
        "empty_text",
        "too_large",
        "no_time",
        "scorer_failed",
        "store_refused",
        "crashed_repeatedly",
    }
