"""A candidate beside the active model: what it adds, and that it takes nothing away, however it fails."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
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
from newstide.store.schema import rollups, scores, shadow_scores
from newstide.telemetry import Metrics, logger
from processor.handler import ScoreStories
from processor.reading import Reader
from processor.shadow import Shadow

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


class Candidate(StubScorer):
    """Another version, and of another mind."""

    version = "candidate-1"

    def score(self, batch: Sequence[Encoded]) -> Opinions:
        found = super().score(batch)
        return found._replace(sentiment=found.sentiment[:, ::-1].copy())


class Mute(Candidate):
    def score(self, batch: Sequence[Encoded]) -> Opinions:
        raise ModelInvalid("the model failed", why="it always does")


class Broken(Candidate):
    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        raise ZeroDivisionError


class NoNumber(Candidate):
    def score(self, batch: Sequence[Encoded]) -> Opinions:
        found = super().score(batch)
        return found._replace(sentiment=found.sentiment * float("nan"))


class Long(Candidate):
    """No two rows where two were asked for."""

    def score(self, batch: Sequence[Encoded]) -> Opinions:
        found = super().score(batch)
        return found._replace(sentiment=found.sentiment[:, :2])


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'n.db'}")
    migrate.upgrade(made)
    yield made
    made.close()


def item(number: int, title: str) -> NewsItem:
    return NewsItem(
        story_id=story_id_of("wire", str(number)),
        revision=1,
        content_hash=content_hash_of(title, ""),
        source="wire",
        title=title,
        published_at=NOON,
        received_at=NOON,
    )


def record(*items: NewsItem) -> Record:
    return Record(0, 0, b"k", b"\n".join(map(encode, items)), 0)


def outcome(metrics: Metrics, name: str) -> float:
    sought = f'newstide_processor_shadow_stories_total{{outcome="{name}"}} '
    lines = metrics.exposition().decode().splitlines()
    return sum(float(line.removeprefix(sought)) for line in lines if line.startswith(sought))


class Turns:
    """A handler with or without a candidate, and what its turns left behind."""

    def __init__(self, database: Database, candidate: StubScorer | None) -> None:
        self.database, self.producer, self.metrics = database, Remembering(), Metrics()
        service = Service("test", "one", FakeClock(NOON), self.metrics, logger("test"))
        shadow = Shadow(candidate, 1_024, service) if candidate else None
        self.handler = ScoreStories(
            Settings(), lambda: Reader(StubScorer(), 1_024), self.producer, database, service, shadow
        )

    def turn(self, *items: NewsItem) -> dict[int, Tally]:
        work = self.handler.prepare([record(*items)])
        self.handler.announce(work)
        with self.database.transaction() as transaction:
            return dict(self.handler.write(transaction, work, NOON))

    def left(self) -> tuple[object, ...]:
        """Everything that the active path is answerable for."""
        with self.database.transaction() as connection:
            tables = [connection.execute(table.select()).all() for table in (scores, rollups)]
        return *tables, self.producer.stories

    def in_shadow(self) -> list[tuple[str, str, float]]:
        columns = (shadow_scores.c.model_version, shadow_scores.c.label, shadow_scores.c.score)
        with self.database.transaction() as connection:
            return [tuple(row) for row in connection.execute(shadow_scores.select().with_only_columns(*columns))]


ITEMS = [item(1, "Profit rises"), item(2, "Fraud"), item(2, "Fraud"), item(3, "")]


@pytest.fixture
def alone(tmp_path: Path) -> Turns:
    """The same turns without a candidate."""
    other = Database(f"sqlite:///{tmp_path / 'alone.db'}")
    migrate.upgrade(other)
    made = Turns(other, None)
    made.turn(*ITEMS)
    return made


def test_it_scores_the_same_stories_under_its_own_version_and_nobody_sees(database: Database, alone: Turns) -> None:
    with_it = Turns(database, Candidate())
    assert with_it.turn(*ITEMS) == {0: Tally(stored=2, duplicates=1, dead=1)}
    assert with_it.left() == alone.left()
    assert {story.model_version for story in with_it.producer.stories} == {StubScorer.version}
    assert [(version, label) for version, label, _ in with_it.in_shadow()] == [
        ("candidate-1", "negative"),
        ("candidate-1", "positive"),
    ]
    assert with_it.turn(*ITEMS) == {0: Tally(duplicates=3, dead=1)}
    assert len(with_it.in_shadow()) == 2
    assert (outcome(with_it.metrics, "stored"), outcome(with_it.metrics, "failed")) == (2, 0)


@pytest.mark.parametrize("kind", [Mute, Broken, NoNumber, Long])
def test_however_it_fails_the_active_path_goes_on(
    kind: type[Candidate], database: Database, alone: Turns, capfd: pytest.CaptureFixture[str]
) -> None:
    with_it = Turns(database, kind())
    assert with_it.turn(*ITEMS) == {0: Tally(stored=2, duplicates=1, dead=1)}
    assert with_it.left() == alone.left()
    assert with_it.in_shadow() == []
    assert outcome(with_it.metrics, "failed") == 3
    told = capfd.readouterr()
    assert "shadow_failed" in told.out + told.err


def test_what_the_database_refuses_of_it_takes_nothing_with_it(database: Database, alone: Turns) -> None:
    with_it = Turns(database, Candidate())
    work = with_it.handler.prepare([record(*ITEMS)])
    work.shadow = [msgspec.structs.replace(story, label=None) for story in work.shadow]
    with_it.handler.announce(work)
    with database.transaction() as transaction:
        assert with_it.handler.write(transaction, work, NOON) == {0: Tally(stored=2, duplicates=1, dead=1)}
    assert with_it.left() == alone.left()
    assert outcome(with_it.metrics, "failed") == 3


def test_a_text_that_is_set_aside_has_no_shadow(database: Database) -> None:
    with_it = Turns(database, Candidate())
    work = with_it.handler.prepare([record(item(1, "Profit falls"), item(2, "Fraud"))])
    with_it.turn(item(1, "Profit rises"))  # another text takes the revision after ours was looked up
    with database.transaction() as transaction:
        assert with_it.handler.write(transaction, work, NOON) == {0: Tally(stored=1, dead=1)}
    assert len(with_it.in_shadow()) == 2


def test_a_record_that_is_given_up_has_no_shadow(database: Database) -> None:
    with_it = Turns(database, Candidate())
    work = with_it.handler.give_up(record(*ITEMS), Reason.CRASHED_REPEATEDLY, "why")
    with database.transaction() as transaction:
        assert with_it.handler.write(transaction, work, NOON) == {0: Tally(dead=1)}
    assert with_it.in_shadow() == []
