"""Rules on a stream through a real bus into a real database: embedded, and Kafka with PostgreSQL."""

from datetime import timedelta

from newstide.alerting.firing import Firing, Kind
from newstide.bus.port import Outgoing
from newstide.store import alerting, health
from newstide.store.rehearsing import rehearse
from tests.integration.evaluators import MONTH, evaluator, keep_rules, month, processor
from tests.integration.loops import Stage, wait_until


def by_id(firings: list[Firing]) -> dict[str, Firing]:
    return {firing.firing_id: firing for firing in firings}


def told(firing: Firing) -> tuple[str, str, str, str]:
    return firing.at.isoformat(), firing.rule_id, firing.kind.value, firing.subject


def stored(stage: Stage) -> dict[str, Firing]:
    return by_id(alerting.list_firings(stage.database))


def read_up(stage: Stage, consumer: str, count: int) -> bool:
    return sum(p.received for p in health.partitions(stage.database) if p.consumer == consumer) >= count


def test_rehearsal_equals_live(stage: Stage) -> None:
    """News are published, scored and evaluated at the same time; then the same days are rehearsed."""
    rules, news = keep_rules(stage), month()
    live = [processor(stage).start(), evaluator(stage).start()]
    for first in range(0, len(news), 50):
        stage.publish(*news[first : first + 50])
    wait_until(lambda: read_up(stage, "alerts", len(news)), 120)
    for program in live:
        program.stop()
    said = stored(stage)
    until = max(item.published_at for item in news)
    rehearsed = rehearse(stage.database, rules, MONTH, until + timedelta(seconds=1))
    settled = until - timedelta(minutes=5)  # what live has not yet decided, for nothing later was published
    expected = {f.firing_id: f for f in rehearsed.firings if f.at < settled}
    live_said = {key: f for key, f in said.items() if f.at < settled}
    assert sorted(map(told, live_said.values())) == sorted(map(told, expected.values()))
    assert live_said == expected
    assert {f.rule_id for f in expected.values()} == {rule.rule_id for rule in rules}
    assert rehearsed.stories == len(news)
    assert sum(count for _, count in rehearsed.weeks) == sum(f.kind is Kind.FIRED for f in rehearsed.firings)


def test_a_second_reading_of_the_log_says_nothing_new(stage: Stage) -> None:
    keep_rules(stage)
    news = month(days=16, a_day=10)
    stage.publish(*news)
    processor(stage, drain=True).run()
    evaluator(stage, drain=True).run()
    said = stored(stage)
    assert said
    with stage.database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM streams WHERE consumer = 'alerts'")
    evaluator(stage, "again", drain=True).run()
    assert stored(stage) == said


def test_a_standby_takes_over_where_the_first_ended(stage: Stage) -> None:
    """Killed after any turn: the next goes on from the rows, and says what one alone would have said."""
    rules, news = keep_rules(stage), month(days=18, a_day=12)
    half = len(news) // 2
    stage.publish(*news[:half])
    processor(stage, drain=True).run()
    first = evaluator(stage, "first", batch=16).start()
    wait_until(lambda: read_up(stage, "alerts", half), 60)
    first.stop()
    stage.publish(*news[half:])
    processor(stage, drain=True).run()
    evaluator(stage, "first", drain=True, batch=16).run()
    until = max(item.published_at for item in news) - timedelta(minutes=5)
    rehearsed = rehearse(stage.database, rules, MONTH, until)
    assert {k: f for k, f in stored(stage).items() if f.at < until} == by_id(list(rehearsed.firings))


def test_what_is_no_story_is_set_aside(stage: Stage) -> None:
    keep_rules(stage)
    producer = stage.bus.producer()
    producer.publish(stage.scored, [Outgoing(0, b"k", value) for value in (b"{}", b"\xff", b"not json")])
    producer.close()
    evaluator(stage, drain=True).run()
    counts = health.dead_letter_counts(stage.database)
    assert sum(counts.values()) == 3 and {key.split(":")[0] for key in counts} == {"alert"}
