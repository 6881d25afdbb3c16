"""Each formula, worked out by hand, equals what the database gives, on SQLite and on a real PostgreSQL."""

from datetime import timedelta
from math import sqrt

import pytest

from newstide.index.series import Steps, ranked
from newstide.messages import ScoredStory
from newstide.store import indexing
from newstide.store.database import Database
from newstide.store.entity_schema import entities
from newstide.store.filters import Filters
from tests.contract.stories import NOON, like, scored, store, towards

HOUR = indexing.hour_of(NOON)
WEEK = 168


def usual(entity: str, every_h: int, first: int, scores: tuple[float, ...] = (0.8, -0.8)) -> list[ScoredStory]:
    """Eight weeks of one story every so many hours, its scores in turn. 0.8 is (3 x 0.8 - 1) / 2 = 0.7 sure."""
    made = []
    for number, hour in enumerate(range(-8 * WEEK, 0, every_h)):
        score = scores[number % len(scores)]
        made.append(scored(first + number, minute=hour * 60, score=score, entities=(towards(entity, score),)))
    return made


def test_mean_decay_and_dispersion(database: Database) -> None:
    told = ((0.6, -30), (0.2, -90), (-0.2, -150))  # scores, minutes before noon: in the hours that end 0, 1, 2 h ago
    store(database, [scored(n, score=s, minute=m) for n, (s, m) in enumerate(told)])
    (point,) = indexing.index(database, Filters(), Steps(HOUR - 24, HOUR, 24, 24, half_life=1.0))
    assert point.estimate is not None
    assert point.estimate.mean == pytest.approx(0.24 / 1.8)
    assert point.estimate.effective_stories == pytest.approx(1.8**2 / 1.14)
    assert point.estimate.dispersion == pytest.approx(sqrt(0.2 / 1.8 - (0.24 / 1.8) ** 2))
    assert point.decayed is not None
    assert point.decayed.mean == pytest.approx((0.24 + 0.14 / 2 - 0.14 / 4) / (0.4 + 0.7 / 2 + 0.7 / 4))
    assert (point.volume.expected, point.volume.z, point.surprise) == (None, None, None), "there is no history"


def test_volume_against_the_subjects_own_week(database: Database) -> None:
    store(database, usual("apple", 2, 0))
    store(database, [scored(10_000 + n, minute=n * 10, entities=(towards("apple", 0.8),)) for n in range(60)])
    (point,) = indexing.index(database, Filters(entity="apple"), Steps(HOUR, HOUR + 24, 24, 24))
    # The stream is one story every second hour: its week is flat after the pseudo-week is mixed in, up to the
    # hours of the week that have a story (8 + 0.5) / 9 and those that have none 0.5 / 9. A day has 12 of each.
    expected = (672 + 0.5) / 1_344 * 24
    assert point.count == 60
    assert point.volume.expected == pytest.approx(expected)
    assert point.volume.z == pytest.approx(2 * (sqrt(60.375) - sqrt(expected + 0.375)) / sqrt(1 + 24 / 1_344))


def test_surprise_against_the_subjects_own_mean(database: Database) -> None:
    store(database, usual("apple", 24, 0))  # 56 stories, mean 0, deviation 0.8
    store(database, [scored(10_000 + n, minute=n, score=0.8, entities=(towards("apple", 0.8),)) for n in range(5)])
    (point,) = indexing.index(database, Filters(entity="apple"), Steps(HOUR, HOUR + 24, 24, 24))
    assert point.surprise is not None
    assert point.surprise.difference == pytest.approx(0.8)
    assert point.surprise.z == pytest.approx(0.8 / (0.8 * sqrt(1 / 5 + 1 / 66)))


def test_hours_without_stories_have_no_value_and_not_zero(database: Database) -> None:
    store(database, [scored(1, score=0.8, minute=5)])
    points = indexing.index(database, Filters(), Steps(HOUR - 2, HOUR + 3, 1, 1, half_life=0.1))
    assert [p.hour - HOUR for p in points] == [-1, 0, 1, 2, 3]
    assert [p.count for p in points] == [0, 0, 1, 0, 0]
    assert [p.estimate is None for p in points] == [True, True, False, True, True]
    assert [p.decayed is None for p in points] == [True, True, False, True, True]


def test_movers_are_measured_against_themselves(database: Database) -> None:
    """A small company with ten stories moves more than a large one with its usual twenty."""
    store(database, usual("large", 1, 0) + usual("small", 84, 20_000))
    news = [scored(50_000 + n, minute=n * 60, entities=(towards("large", 0.0),)) for n in range(24)]
    news += [scored(60_000 + n, minute=n * 9, score=-0.8, entities=(towards("small", -0.8),)) for n in range(12)]
    store(database, news)
    found = indexing.moved(database, Filters(), Steps(HOUR, HOUR + 24, 24, 24))
    by_volume = ranked(found, "volume")
    assert [mover.entity_id for mover in by_volume] == ["small", "large"]
    assert by_volume[0].point.volume.z is not None
    assert by_volume[0].point.volume.z > 3
    by_sentiment = ranked(found, "sentiment")
    assert by_sentiment[0].entity_id == "small"
    assert by_sentiment[0].point.surprise is not None
    assert by_sentiment[0].point.surprise.z < -2


def test_clusters_show_heat_and_evidence_apart(database: Database) -> None:
    copies = [
        scored(n, title="Apple halves", minute=n, novelty=like(1, n - 1), wire=("en", ("wire", "blog")[n % 2]))
        for n in range(2, 7)
    ]
    original = scored(1, title="Apple halves production", novelty=like(1, 0))
    store(database, [original, *copies, scored(9, novelty=like(9, 0)), scored(10)])
    (cluster,) = indexing.clusters(database, Filters(), 10)
    assert (cluster.title, cluster.stories, cluster.sources) == ("Apple halves production", 6, 2)
    assert cluster.last_published - cluster.first_published == timedelta(minutes=6)


def test_breadth_is_by_sector(database: Database) -> None:
    told = {"apple": 0.8, "nvidia": 0.8, "microsoft": -0.8, "shell": 0.8}
    store(database, [scored(n, entities=(towards(e, s),)) for n, (e, s) in enumerate(told.items())])
    with database.transaction() as connection:
        connection.execute(entities.delete())
        rows = [(e, "energy" if e == "shell" else "technology") for e in told]
        fixed = {"kind": "company", "country": "US", "updated_at": NOON}
        connection.execute(entities.insert(), [{"entity_id": e, "sector": s, **fixed} for e, s in rows])
    found = indexing.breadth_of(database, Filters())
    assert found == {"energy": (1.0, 1), "technology": (pytest.approx(1 / 3), 3)}
