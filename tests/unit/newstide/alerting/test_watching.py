"""Rules on newstide itself, and baselines of the week."""

from newstide.alerting.firing import Kind
from newstide.alerting.memory import Memory
from newstide.alerting.rules import Measure
from newstide.alerting.watching import Asked, Reading, asked, observe
from newstide.alerting.windows import micros
from tests.unit.newstide.alerting.stage import at, engine, rule, run, story, usual

SILENT = rule("system: silence > 2h until 1h, for 10m", "silent")
LAGS = rule("system: lag > 1000 or dead letters > 50 over 1h", "lags")


def test_each_part_of_the_system_has_its_own_alert() -> None:
    book, memory = engine(SILENT, LAGS).book, Memory()
    assert asked(book) == {Asked(Measure.SILENCE, 0), Asked(Measure.LAG, 0), Asked(Measure.DEAD_LETTERS, 3_600)}

    def look(minute: float, *readings: Reading) -> list[tuple[str, str, str]]:
        found = observe(book, memory, readings, micros(at(minute)))
        return [(f.rule_id, f.kind.value, f.subject) for f in found]

    hours = 3_600.0
    assert look(0, Reading("a", Measure.SILENCE, 0, 3 * hours), Reading("b", Measure.SILENCE, 0, 60.0)) == []
    assert look(9, Reading("a", Measure.SILENCE, 0, 3 * hours)) == []
    assert look(10, Reading("a", Measure.SILENCE, 0, 3 * hours)) == [("silent", "fired", "a")]
    assert look(11, Reading("a", Measure.SILENCE, 0, 1.5 * hours)) == [], "not back yet"
    assert look(12, Reading("a", Measure.SILENCE, 0, 5.0), Reading("processor", Measure.LAG, 0, 2_000.0)) == [
        ("lags", "fired", "processor")
    ]
    assert look(22, Reading("a", Measure.SILENCE, 0, 5.0)) == [
        ("silent", "resolved", "a"),
        ("lags", "resolved", "processor"),
    ]
    assert look(30, Reading("newstide", Measure.DEAD_LETTERS, 3_600, 51.0)) == [("lags", "fired", "newstide")]
    assert look(31) == [("lags", "resolved", "newstide")], "a part that cannot be read has no data"


STREAM = usual(200)
APPLE = usual(20)


def test_a_monday_morning_is_held_against_monday_mornings() -> None:
    """Two stories an hour are what is usual at that time; after a weekend without any they are no burst."""
    loud = rule("apple: volume z > 3 over 2h or volume > 2 over 2h or surprise < -3 over 2h")
    morning = [story(n, 30 * n, 0.1) for n in range(6)]
    assert run(engine(loud, past={"": STREAM, "entity:apple": APPLE}), morning, until=200) == []
    burst = [story(100 + n, 2 * n, 0.1) for n in range(40)]
    fired = run(engine(loud, past={"": STREAM, "entity:apple": APPLE}), burst, until=79)
    assert [f.kind for f in fired] == [Kind.FIRED]
    assert 3 <= fired[0].stories < 40


def test_a_night_is_held_against_nights() -> None:
    loud = rule("apple: volume z > 3 over 2h")
    night = [story(n, 60 * 14 + 5 * n, 0.1) for n in range(8)]  # 23 o'clock, when there usually is nothing
    assert [f.kind for f in run(engine(loud, past={"": STREAM, "entity:apple": APPLE}), night, 60 * 15)] == [Kind.FIRED]


def test_a_surprise_is_one_beside_the_subjects_own_past() -> None:
    bad = rule("apple: surprise < -2.5 until -1 over 1h, at least 4 stories")
    stories = [story(n, n, -0.9) for n in range(5)]
    fired = run(engine(bad, past={"": STREAM, "entity:apple": APPLE}), stories, until=30)
    assert [(f.kind, f.stories) for f in fired] == [(Kind.FIRED, 4)]
    assert fired[0].traces[0].value is not None and fired[0].traces[0].value < -2.5
    assert run(engine(bad), stories, until=30) == [], "without a past nothing is unusual"
