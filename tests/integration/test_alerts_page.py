"""The page of alerts on a real database, without a browser."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from newstide.alerting.channel import Channel, ChannelKind
from newstide.alerting.firing import Firing, Kind, Severity
from newstide.alerting.subscription import Mute, Scope, Spare, Subscription, alert_key
from newstide.store import alerting, migrate, outbox, people
from newstide.store.database import Database
from tests.contract.stories import HOSTILE
from tests.firings import evidence, firing

ENTRY = Path(__file__).parents[2] / "dashboard" / "app.py"
NOW = datetime.now(UTC)
Open = Callable[..., AppTest]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'newstide.db'}")
    migrate.upgrade(made)
    yield made
    made.close()


@pytest.fixture
def visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    monkeypatch.delenv("NEWSTIDE_TEST_SERVICES", raising=False)
    monkeypatch.setenv("NEWSTIDE_DATA_DIR", str(tmp_path))

    def opened(**parameters: str) -> AppTest:
        st.cache_data.clear()
        app = AppTest.from_file(str(ENTRY), default_timeout=60)
        app.run()
        app.switch_page("views/alerts.py")
        for name, value in parameters.items():
            app.query_params[name] = value
        return app.run()

    yield opened
    st.cache_data.clear()
    st.cache_resource.clear()


def fire(database: Database, *firings: Firing) -> None:
    with database.transaction() as connection:
        outbox.add(connection, alerting.add_firings(connection, firings, NOW), NOW)


def words(app: AppTest) -> str:
    kinds = (app.title, app.subheader, app.markdown, app.text, app.caption, app.code, app.error)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def test_an_empty_inbox_says_how_to_begin(visit: Open, database: Database) -> None:
    app = visit()
    assert "No alerts yet" in words(app) and "newstide alerts subscribe --help" in words(app)
    assert not app.exception


def test_the_list_says_what_fired_and_what_became_of_it(visit: Open, database: Database) -> None:
    people.put_channel(database, Channel("ann", "hook", ChannelKind.WEBHOOK, "https://example.com/secret"), NOW)
    people.put_subscription(database, Subscription(owner="ann", name="all", channels=("hook",)), NOW)
    fire(database, firing(number=1), firing(number=2, subject="other", subject_name="Other Ltd"))
    fire(database, firing(Kind.RESOLVED, number=1))
    seen = Mute(owner="ann", spare=Spare.ACK, scope=Scope.ALERT, value=alert_key("r1", "other"), since=NOW)
    people.add_mute(database, seen)
    said = words(visit())
    assert "3 in the inbox" in said
    assert "Resolved since" in said and "hook: pending" in said
    assert "Acknowledged by ann" in said and "Stands" in said
    assert "secret" not in said


def test_one_alert_shows_clauses_evidence_and_versions(visit: Open, database: Database) -> None:
    fire(database, firing())
    app = visit(alert=firing().firing_id)
    said = words(app)
    assert "Rule r1, version 1" in said and "Models m-1" in said and "30 copies" in said
    assert "Acme recalls its flagship" in said
    assert list(app.dataframe[0].value["Measured"]) == ["-0.71"]
    assert "it lies in the inbox" in said
    assert not app.exception


def test_an_alert_that_is_not_there(visit: Open, database: Database) -> None:
    app = visit(alert="nope")
    assert "No alert with this id" in words(app) and not app.exception


@pytest.mark.parametrize("text", HOSTILE)
def test_what_strangers_wrote_is_text(visit: Open, database: Database, text: str) -> None:
    said = firing(rule_text=text, subject_name=text, evidence=(evidence(title=text, url="javascript:x"),))
    fire(database, said)
    for app in (visit(), visit(alert=said.firing_id)):
        assert not app.exception
        assert all(text not in str(element.value) for element in app.markdown)


def test_ten_thousand_alerts_are_a_page_and_a_count(visit: Open, database: Database) -> None:
    def some(first: int) -> list[Firing]:
        return [
            msgspec.structs.replace(firing(number=n), at=NOW - timedelta(minutes=n), severity=Severity.INFO)
            for n in range(first, first + 1_000)
        ]

    for first in range(0, 10_000, 1_000):
        fire(database, *some(first))
    app = visit()
    assert "10,000 in the inbox" in words(app)
    rows: Any = [element for element in app.text if "Acme Inc  ·  r1" in element.value]
    assert len(rows) == 25
    assert not app.exception
