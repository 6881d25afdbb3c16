"""What the store answers to pages and commands, on SQLite and on a real PostgreSQL."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest

from newstide.messages import ScoredStory
from newstide.store import health, reads, totals, writes
from newstide.store.database import Database
from newstide.store.filters import Filters
from tests.contract.stories import HOSTILE, NOON, scored


def store(database: Database, batch: Sequence[ScoredStory]) -> None:
    with database.transaction() as connection:
        writes.add_stories(connection, batch, NOON + timedelta(seconds=3))


def titles(database: Database, filters: Filters, limit: int = 50, offset: int = 0) -> list[str]:
    return [row.title for row in reads.list_stories(database, filters, limit, offset)]


def test_nothing_is_not_zero(database: Database) -> None:
    nothing = Filters()
    assert reads.trend(database, nothing, timedelta(minutes=5)) == []
    assert reads.published_span(database) is None
    assert totals.totals(database, nothing).mean_score is None
    assert totals.totals(database, nothing).count == 0
    assert totals.newest(database) is None
    assert (reads.last_seq(database), reads.count_stories(database, nothing)) == (0, 0)
    assert reads.source_names(database) == []
    assert reads.story(database, "none") == []
    assert health.latencies_s(database) == []


def test_a_trend_sums_steps_and_leaves_out_the_empty_ones(database: Database) -> None:
    stories = [(1, 0.6, 0), (2, 0.2, 4), (3, -0.2, 4), (4, 0.4, 11)]
    store(database, [scored(n, score=score, minute=minute) for n, score, minute in stories])
    first, second = reads.trend(database, Filters(), timedelta(minutes=5))
    assert (first.start, first.count, second.start, second.count) == (NOON, 3, NOON + timedelta(minutes=10), 1)
    # 0.6, 0.2 and -0.2 weigh (3 x 0.6 - 1) / 2 = 0.4, and 0.7, and 0.7 by their confidence; n_eff is 1.8^2 / 1.14.
    assert first.mean_score == pytest.approx(0.24 / 1.8)
    assert first.standard_error == pytest.approx((0.2 / 1.8 - (0.24 / 1.8) ** 2) ** 0.5 / (1.8**2 / 1.14 - 1) ** 0.5)
    assert second.mean_score == pytest.approx(0.4)
    assert second.standard_error is None, "one story has no spread"
    assert (first.negative, first.neutral, first.positive) == (1, 0, 2)


def test_a_mean_of_zero_is_a_value(database: Database) -> None:
    store(database, [scored(1, score=0.5), scored(2, score=-0.5)])
    (point,) = reads.trend(database, Filters(), timedelta(hours=1))
    assert point.mean_score == pytest.approx(0.0)
    assert point.standard_error == pytest.approx(0.5)


def test_windows_and_filters_of_trends(database: Database) -> None:
    store(
        database,
        [
            scored(1, minute=0, score=0.1),
            scored(2, minute=1, score=0.2, wire=("zh", "wire")),
            scored(3, minute=2, score=0.3, wire=("en", "other")),
        ],
    )

    def counted(filters: Filters) -> int:
        return totals.totals(database, filters).count

    minute = timedelta(minutes=1)
    assert counted(Filters(since=NOON + minute)) == 2
    assert counted(Filters(until=NOON + minute)) == 1
    assert counted(Filters(since=NOON, until=NOON + 2 * minute)) == 2
    assert counted(Filters(languages=("zh",))) == 1
    assert counted(Filters(sources=("other", "none"))) == 1
    assert reads.published_span(database) == (NOON, NOON + 2 * minute)
    assert reads.source_names(database) == ["other", "wire"]
    assert reads.source_names(database, Filters(until=NOON + minute)) == ["wire"]
    assert [s.source for s in totals.by_source(database, Filters(), 10)] == ["wire", "other"]
    assert [s.source for s in totals.by_source(database, Filters(), 1)] == ["wire"]


def test_stories_are_listed_newest_first_and_in_pages(database: Database) -> None:
    store(database, [scored(n, minute=n % 7) for n in range(20)])
    everything = titles(database, Filters(), limit=100)
    assert len(everything) == len(set(everything)) == 20
    rows = reads.list_stories(database, Filters(), 100)
    assert [r.published_at for r in rows] == sorted((r.published_at for r in rows), reverse=True)
    assert [t for page in range(4) for t in titles(database, Filters(), 6, page * 6)] == everything
    assert titles(database, Filters(), 5, 100) == []


def test_filters_of_stories(database: Database) -> None:
    store(
        database,
        [
            scored(1, title="Shares rise", score=0.5),
            scored(2, title="Shares fall", score=-0.5, minute=5),
            scored(3, title="央行降准", wire=("zh", "cn")),
        ],
    )
    assert titles(database, Filters(labels=("positive",))) == ["Shares rise"]
    assert titles(database, Filters(labels=("positive", "negative"))) == ["Shares fall", "Shares rise"]
    assert titles(database, Filters(languages=("zh",))) == ["央行降准"]
    assert titles(database, Filters(sources=("cn",))) == ["央行降准"]
    assert titles(database, Filters(text="SHARES fall")) == ["Shares fall"]
    assert titles(database, Filters(text="央行")) == ["央行降准"]
    assert titles(database, Filters(text="shares 央行")) == []
    assert titles(database, Filters(since=NOON + timedelta(minutes=5))) == ["Shares fall"]
    assert set(titles(database, Filters(until=NOON + timedelta(minutes=5)))) == {"Shares rise", "央行降准"}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("100%", {"up 100% today"}),
        ("%", {"up 100% today"}),
        ("_", {"snake_case"}),
        ("a_b", set()),
        ("O'Brien", {'O\'Brien "resigns"'}),
        ('"resigns"', {'O\'Brien "resigns"'}),
        ("\\", {"back\\slash"}),
        ("'; DROP TABLE stories; --", set()),
        ("/", {"either/or"}),
    ],
)
def test_search_takes_words_as_they_are(database: Database, words: str, found: set[str]) -> None:
    all_titles = ["up 100% today", "snake_case", 'O\'Brien "resigns"', "back\\slash", "plain", "axb", "either/or"]
    store(database, [scored(n, title=title) for n, title in enumerate(all_titles)])
    assert set(titles(database, Filters(text=words))) == found
    assert reads.count_stories(database, Filters(text=words)) == len(found)


def test_a_list_shows_the_last_revision_with_its_first_score(database: Database) -> None:
    store(database, [scored(1, title="First", score=0.5), scored(2)])
    store(database, [scored(1, title="Corrected", revision=2, score=-0.5)])
    store(database, [scored(1, title="Corrected", revision=2, score=-0.1, model="m-2")])
    (row,) = reads.list_stories(database, Filters(text="corrected"), 10)
    assert row.revision == 2
    assert row.score == pytest.approx(-0.5), "what a later model says stands beside it"
    (other,) = reads.list_stories(database, Filters(text="corrected", model="m-2"), 10)
    assert other.score == pytest.approx(-0.1)
    assert titles(database, Filters(text="first")) == []
    assert reads.count_stories(database, Filters()) == 2


def test_how_many_are_new_since_a_list_was_made(database: Database) -> None:
    store(database, [scored(1), scored(2)])
    seq = reads.last_seq(database)
    assert reads.count_stories(database, Filters(), seq) == 0
    store(database, [scored(3), scored(4, wire=("zh", "wire")), scored(1)])
    assert reads.count_stories(database, Filters(), seq) == 2
    assert reads.count_stories(database, Filters(languages=("zh",)), seq) == 1
    newest = totals.newest(database)
    assert newest is not None
    assert newest.seq == reads.last_seq(database) > seq
    assert newest.stored_at == NOON + timedelta(seconds=3)


def test_the_history_of_a_story(database: Database) -> None:
    store(database, [scored(1, title="First", score=0.5)])
    store(database, [scored(1, title="Second", revision=2), scored(1, title="First", score=0.4, model="m-2")])
    found = reads.story(database, scored(1).item.story_id)
    assert [(r.revision, r.model_version, r.title) for r in found] == [
        (2, "m-1", "Second"),
        (1, "m-2", "First"),
        (1, "m-1", "First"),
    ]
    last = found[-1]
    assert (last.p_positive, last.p_neutral, last.p_negative) == pytest.approx((0.5, 0.5, 0.0))
    assert last.score == pytest.approx(0.5)
    assert (last.published_at, last.received_at, last.scored_at, last.symbols) == (NOON, NOON, NOON, ("ACME",))
    assert all(r.stored_at.tzinfo is not None for r in found)


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_titles_are_found_by_their_words(database: Database, title: str) -> None:
    store(database, [scored(1, title=title), scored(2, title="plain")])
    assert titles(database, Filters(text=title)) == [title]


def test_what_an_operator_asks(database: Database) -> None:
    store(database, [scored(1, score=0.5), scored(2, score=-0.5), scored(3, score=-0.1)])
    assert health.label_counts(database) == {"positive": 1, "negative": 2}
    assert health.label_counts(database, reads.last_seq(database)) == {}
    assert health.latencies_s(database) == [3.0, 3.0, 3.0]
    assert health.latencies_s(database, limit=1) == [3.0]


def test_a_listing_has_a_limit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "ROWS_MAX", 3)
    store(database, [scored(n) for n in range(5)])
    assert len(reads.list_stories(database, Filters(), 1_000_000)) == 3


def test_a_revision_takes_the_place_of_what_it_revises(database: Database) -> None:
    store(database, [scored(1, score=0.5, wire=("en", "old")), scored(2, score=0.1, minute=9)])
    store(database, [scored(1, score=-0.5, minute=9, revision=2)])
    (point,) = reads.trend(database, Filters(), timedelta(minutes=1))
    assert (point.start, point.count, point.negative) == (NOON + timedelta(minutes=9), 2, 1)
    # -0.5 weighs 0.25, and 0.1 weighs 0.85
    assert point.mean_score == pytest.approx((-0.125 + 0.085) / 1.1)
    assert reads.published_span(database) == (point.start, point.start)
    assert reads.source_names(database) == ["wire"]
    assert [s.source for s in totals.by_source(database, Filters(), 10)] == ["wire"]
    store(database, [scored(2, score=0.9, revision=3), scored(2, score=0.9, revision=2)])
    assert totals.totals(database, Filters()).count == 2, "an old revision that comes late changes nothing"


def test_a_story_without_an_opinion_counts_and_weighs_nothing(database: Database) -> None:
    third = 1 / 3
    mute = msgspec.structs.replace(scored(1), p_negative=third, p_neutral=third, p_positive=third, label="unsure")
    store(database, [mute])
    (point,) = reads.trend(database, Filters(), timedelta(minutes=1))
    assert (point.count, point.unsure, point.mean_score, point.standard_error) == (1, 1, None, None)
    store(database, [scored(2, score=0.4)])
    (point,) = reads.trend(database, Filters(), timedelta(minutes=1))
    assert point.count == 2
    assert point.mean_score == pytest.approx(0.4)
    assert [row.score for row in reads.list_stories(database, Filters(labels=("unsure",)), 5)] == [None]
