"""What the store promises of alerts: a firing is kept once, whole, and people's words about it."""

from datetime import timedelta

import msgspec
import pytest

from newstide.alerting.firing import Evidence, Firing, Kind, Severity, Trace, firing_id_of
from newstide.errors import UsageError
from newstide.store import alerting
from newstide.store.alerting import Judged
from newstide.store.database import Database
from tests.contract.stories import HOSTILE, NOON


def fired(number: int = 1, **more: object) -> Firing:
    given: dict[str, object] = {
        "firing_id": firing_id_of(Kind.FIRED, "apple-bad", 1, "apple", str(number)),
        "kind": Kind.FIRED,
        "rule_id": "apple-bad",
        "rule_version": 1,
        "rule_text": "apple: score < -0.5 over 1h",
        "owner": "ann",
        "severity": Severity.CRITICAL,
        "subject": "apple",
        "at": NOON + timedelta(minutes=number),
        "window_s": 3600,
        "traces": (Trace(clause="score < -0.5 over 1h", value=-0.7, threshold=-0.5, holds=True, stories=4),),
    }
    return msgspec.convert(given | more, Firing, from_attributes=True)


def test_a_firing_is_kept_once(database: Database) -> None:
    first, second = fired(1), fired(2)
    with database.transaction() as transaction:
        assert alerting.add_firings(transaction, [second, first, second], NOON) == [second, first]
        assert alerting.add_firings(transaction, [first, fired(3)], NOON) == [fired(3)]
    with database.transaction() as transaction:
        assert alerting.add_firings(transaction, [first, fired(3)], NOON) == []
        assert alerting.add_firings(transaction, [], NOON) == []
        changed = msgspec.structs.replace(first, note="said otherwise later")
        assert alerting.add_firings(transaction, [changed], NOON) == []
        assert alerting.firing(transaction, first.firing_id) == first
        assert alerting.firing(transaction, "none") is None
    assert alerting.list_firings(database) == [fired(3), second, first]
    assert alerting.list_firings(database, "apple-bad", NOON + timedelta(minutes=2), NOON + timedelta(minutes=3)) == [
        second
    ]
    assert alerting.list_firings(database, "another") == []


@pytest.mark.parametrize("title", HOSTILE)
def test_what_strangers_wrote_comes_back(database: Database, title: str) -> None:
    seen = Evidence(
        story_id="s", revision=1, title=title, source="wire", published_at=NOON, score=None, label="negative",
        model_version="m",
    )  # fmt: skip
    said = fired(1, evidence=(seen,))
    with database.transaction() as transaction:
        alerting.add_firings(transaction, [said], NOON)
        assert alerting.firing(transaction, said.firing_id) == said


def test_the_last_verdict_of_each_person_counts(database: Database) -> None:
    said = fired(1)
    with database.transaction() as transaction:
        alerting.add_firings(transaction, [said], NOON)
        for verdict, who in (("wrong", "ann"), ("unsure", "bob"), ("right", "ann")):
            alerting.judge(transaction, Judged(said.firing_id, verdict, who, "it's so", NOON))  # type: ignore[arg-type]
        found = alerting.verdicts(transaction, [said.firing_id, "none"])
        assert [(j.who, j.verdict) for j in found[said.firing_id]] == [("ann", "right"), ("bob", "unsure")]
        assert set(found) == {said.firing_id}
        with pytest.raises(UsageError, match="no alert"):
            alerting.judge(transaction, Judged("none", "right", "ann", "", NOON))
        with pytest.raises(UsageError, match="no verdict"):
            alerting.judge(transaction, Judged(said.firing_id, "maybe", "ann", "", NOON))  # type: ignore[arg-type]
