"""The processor's handler between a bus and a store that both only remember: what it promises the loop."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from newstide.bus.port import Outgoing, Record
from newstide.clock import FakeClock
from newstide.codec import decode_stories, encode
from newstide.errors import ModelInvalid
from newstide.messages import NewsItem, Reason, ScoredStory, Tally, content_hash_of, story_id_of
from newstide.scoring.port import Encoded, Opinions
from newstide.scoring.stub import StubScorer
from newstide.service import Service
from newstide.settings import Settings
from newstide.store import migrate
from newstide.store.database import Database
from newstide.telemetry import Metrics, logger
from processor.handler import ScoreStories
from processor.reading import Reader

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Remembering:
    """A producer that keeps what it was given."""

    def __init__(self) -> None:
        self.stories: list[ScoredStory] = []

    def partitions(self, _topic: str) -> int:
        return 3

    def publish(self, _topic: str, records: Iterable[Outgoing]) -> None:
        self.stories += [good.message for r in records for good in decode_stories(r.value)[0]]

    def close(self) -> None: ...


class Allergic(StubScorer):
    """A model that fails on some texts; `answer` NaN says so with a value instead of an error."""

    def __init__(self, answer: float | None = None) -> None:
        self.calls, self._answer = 0, answer
        self._bad = {self.encode([word])[0].token_ids[0] for word in ("allergen", "poison")}

    def score(self, batch: Sequence[Encoded]) -> Opinions:
        self.calls += 1
        out = super().score(batch)
        for row, encoded in enumerate(batch):
            if self._bad & set(encoded.token_ids):
                if self._answer is None:
                    raise ModelInvalid("the model failed", why="this very text")
                out.sentiment[row, 1] = self._answer
        return out


def item(number: int, title: str) -> NewsItem:
    return NewsItem(
        story_id=story_id_of("wire", str(number)),
        revision=1,
        content_hash=content_hash_of(title, ""),
        source="wire",
        title=title,
        published_at=NOON,
        received_at=NOON - timedelta(seconds=2),
    )


def record(*items: NewsItem, offset: int = 0, partition: int = 0) -> Record:
    return Record(partition, offset, b"k", b"\n".join(map(encode, items)), 0)


UNOPENED = Database("sqlite:///never-opened.db")


def handler(scorer: StubScorer, producer: Remembering | None = None, database: Database = UNOPENED) -> ScoreStories:
    service = Service("test", "one", FakeClock(NOON), Metrics(), logger("test"))
    return ScoreStories(Settings(), lambda: Reader(scorer, 1_024), producer or Remembering(), database, service)


@pytest.mark.parametrize("answer", [None, float("nan"), float("inf")])
def test_only_the_text_on_which_the_model_fails_is_set_aside(answer: float | None) -> None:
    items = [item(n, "poison" if n in (5, 23) else f"Company {n} beats") for n in range(32)]
    scorer = Allergic(answer)
    work = handler(scorer).prepare([record(*items[:10]), record(*items[10:], offset=1)])
    assert {story.item for _, story in work.scored} == {i for n, i in enumerate(items) if n not in (5, 23)}
    assert [r.reason for _, r in work.rejected] == [Reason.SCORER_FAILED] * 2
    assert sorted((r.position, r.line, r.raw) for _, r in work.rejected) == [
        (0, 5, encode(items[5])),
        (1, 13, encode(items[23])),
    ]
    assert scorer.calls < 60, "found by halves, not one by one"


def test_a_model_that_fails_on_all_rejects_all_and_ends() -> None:
    work = handler(Allergic()).prepare([record(*(item(n, "allergen") for n in range(20)))])
    assert (len(work.scored), len(work.rejected)) == (0, 20)


def test_a_score_does_not_depend_on_the_company_of_a_failing_text() -> None:
    fine = item(1, "Profit falls after fraud")
    alone = handler(Allergic()).prepare([record(fine)]).scored[0][1]
    beside = handler(Allergic()).prepare([record(item(0, "poison"), fine, item(2, "surge"))]).scored
    assert alone in [story for _, story in beside]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"title": "", "body": ""}, Reason.EMPTY_TEXT),
        ({"title": " \u200b\n", "body": "https://example.com"}, Reason.EMPTY_TEXT),
        ({"published_at": "9999-12-31T23:59:59-12:00"}, Reason.NO_TIME),
        ({"received_at": "0001-01-01T00:00:00+14:00"}, Reason.NO_TIME),
    ],
)
def test_a_story_that_says_nothing_or_has_no_time_is_set_aside(changes: dict[str, str], reason: Reason) -> None:
    fields = msgspec.json.decode(encode(item(1, "A title"))) | changes
    value = msgspec.json.encode(fields)
    work = handler(StubScorer()).prepare([Record(2, 7, None, value, 0)])
    assert work.scored == []
    ((partition, reject),) = work.rejected
    assert (partition, reject.position, reject.origin, reject.reason) == (2, 7, "news.raw/2", reason)
    assert reject.raw


def test_the_first_and_last_moments_of_the_calendar_are_times() -> None:
    ends = [datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
    items = [msgspec.structs.replace(item(n, "A title"), published_at=at) for n, at in enumerate(ends)]
    assert len(handler(StubScorer()).prepare([record(*items)]).scored) == 2


def test_no_record_makes_it_raise() -> None:
    values = [None, b"", b"\x00", b"{}", b"[" * 50_000, b"\xff" * 100, b"\n\n", b'{"schema": 9}']
    work = handler(StubScorer()).prepare([Record(0, n, None, value, 0) for n, value in enumerate(values)])
    assert len(work.rejected) == len(values)
    assert handler(StubScorer()).prepare([]).scored == []


def test_what_is_scored_is_announced_and_what_is_rejected_is_not(tmp_path: Path) -> None:
    producer = Remembering()
    database = Database(f"sqlite:///{tmp_path / 'n.db'}")
    migrate.upgrade(database)
    made = handler(Allergic(), producer, database)
    made.announce(made.prepare([record(item(1, "poison"), item(2, "Company wins"))]))
    assert [story.item.title for story in producer.stories] == ["Company wins"]
    database.close()


def test_write_counts_each_story_once(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'n.db'}")
    migrate.upgrade(database)
    made = handler(Allergic())
    work = made.prepare(
        [record(item(1, "a"), item(1, "a"), item(2, "poison")), record(item(3, "c"), offset=0, partition=1)]
    )
    with database.transaction() as transaction:
        assert made.write(transaction, work, NOON) == {0: Tally(stored=1, duplicates=1, dead=1), 1: Tally(stored=1)}
    with database.transaction() as transaction:
        again = made.write(transaction, work, NOON)
    assert again == {0: Tally(duplicates=2, dead=1), 1: Tally(duplicates=1)}
    database.close()


def test_give_up_keeps_the_record_as_it_is() -> None:
    work = handler(StubScorer()).give_up(Record(1, 9, b"k", b"\x00raw", 0), Reason.CRASHED_REPEATEDLY, "why")
    ((partition, reject),) = work.rejected
    assert (partition, reject.position, reject.line, reject.raw) == (1, 9, -1, b"\x00raw")
    assert work.scored == []
