"""What is due to whom: written with the firing, once, on SQLite and on a real PostgreSQL."""

import threading
from collections import Counter
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from newstide.alerting.channel import Channel, ChannelKind
from newstide.alerting.correcting import corrections
from newstide.alerting.firing import Firing, Kind, Severity
from newstide.alerting.subscription import EVERYONE, Mute, Quiet, Scope, Spare, Subscription, alert_key
from newstide.errors import UsageError
from newstide.labelling import Given, StoryText, judge, read_line
from newstide.store import alerting, outbox, people
from newstide.store.database import Database
from tests.contract.stories import HOSTILE, count, scored
from tests.firings import NOON, evidence, firing


def channel(owner: str = "ann", name: str = "hook", **more: Any) -> Channel:
    given = {"kind": ChannelKind.WEBHOOK, "address": f"https://example.com/{owner}/{name}", "secret": "whsec_x"}
    return Channel(owner=owner, name=name, **given | more)


def person(database: Database, owner: str = "ann", *channels: str, **wants: Any) -> None:
    """Somebody with channels and a subscription to all of them."""
    for name in channels or ("hook",):
        people.put_channel(database, channel(owner, name), NOON)
    wanted = Subscription(**{"owner": owner, "name": "all", "channels": channels or ("hook",), **wants})
    people.put_subscription(database, wanted, NOON)


def add(database: Database, *firings: Firing, minutes: float = 0) -> None:
    with database.transaction() as connection:
        now = NOON + timedelta(minutes=minutes)
        outbox.add(connection, alerting.add_firings(connection, firings, now), now)


def rows(database: Database, columns: str = "owner, channel, state, reason", table: str = "deliveries") -> list[Any]:
    with database.transaction() as connection:
        found = connection.execute(text(f"SELECT {columns} FROM {table} ORDER BY created_at, owner, channel"))  # noqa: S608
        return [tuple(row) for row in found]


def test_without_a_subscription_it_is_in_the_inbox(database: Database) -> None:
    add(database, firing())
    assert (count(database, "inbox"), count(database, "firing_stories"), count(database, "deliveries")) == (1, 2, 0)


def test_each_channel_of_each_subscriber_is_told_once(database: Database) -> None:
    person(database, "ann", "hook", "mail")
    people.put_subscription(database, Subscription(owner="ann", name="again", channels=("hook",)), NOON)
    person(database, "bo")
    person(database, "cy", rules=("other",))
    for _ in range(2):
        add(database, firing(owner=EVERYONE), firing(number=2))
        with database.transaction() as connection:
            outbox.add(connection, [firing(number=2)], NOON)
    told = Counter((owner, name) for owner, name, _state, _reason in rows(database))
    assert told == {("ann", "hook"): 2, ("ann", "mail"): 2, ("bo", "hook"): 1}
    with database.transaction() as connection:
        kept = connection.execute(text("SELECT owner, count(*) FROM inbox GROUP BY owner ORDER BY owner")).all()
    assert [tuple(row) for row in kept] == [("ann", 2), ("bo", 1), (EVERYONE, 1)]


def test_nothing_is_there_when_the_transaction_fails(database: Database) -> None:
    person(database)
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        outbox.add(connection, [firing()], NOON)
        raise ZeroDivisionError
    assert (count(database, "inbox"), count(database, "deliveries")) == (0, 0)


def test_of_two_subscriptions_to_one_channel_the_quicker_wins(database: Database) -> None:
    person(database, digest=(time(18),))
    people.put_subscription(database, Subscription(owner="ann", name="b", channels=("hook",)), NOON)
    add(database, firing())
    assert rows(database) == [("ann", "hook", "pending", "at once")]


def test_what_is_not_sent_is_recorded_with_its_reason(database: Database) -> None:
    person(database, least=Severity.CRITICAL)
    person(database, "bo")
    mute = Mute(owner="bo", spare=Spare.MUTE, scope=Scope.SUBJECT, value="acme", since=NOON)
    people.add_mute(database, mute)
    add(database, firing(owner=EVERYONE))
    assert rows(database) == [
        ("ann", "hook", "suppressed", "below the least severity"),
        ("bo", "hook", "suppressed", "muted"),
    ]
    assert people.end_mutes(database, "ann", Scope.SUBJECT, "acme", NOON) == 0, "that is another's"
    assert people.end_mutes(database, "bo", Scope.SUBJECT, "acme", NOON) == 1
    add(database, firing(number=2, owner=EVERYONE))
    assert rows(database)[-1] == ("bo", "hook", "pending", "at once")


def test_quiet_hours_hold_and_nothing_is_lost(database: Database) -> None:
    person(database, quiet=(Quiet(start=time(11), end=time(13)),))
    add(database, firing())
    assert rows(database, "state, reason, due_at > created_at") == [("pending", "quiet hours", True)]


def test_a_digest_is_one_delivery_with_its_members(database: Database) -> None:
    person(database, digest=(time(18),))
    add(database, firing(number=1), firing(number=2))
    add(database, firing(number=3), minutes=5)
    found = rows(database, "firing_id = '', state, digest_id")
    digests = [each for each in found if each[0]]
    members = [each for each in found if not each[0]]
    assert [each[1] for each in digests] == ["pending"]
    assert [each[1] for each in members] == ["digest"] * 3
    assert len({each[2] for each in members}) == 1


def test_a_cap_counts_firings_of_a_local_day_and_the_rest_is_one_digest(database: Database) -> None:
    person(database, "ann", "hook", "mail", daily_cap=2)
    add(database, firing(number=1), firing(number=2), firing(number=3))
    add(database, firing(number=4), minutes=5)
    states = Counter(state for _owner, _channel, state, _reason in rows(database))
    assert states == {"pending": 4 + 2, "digest": 4}, "two at once and one digest, on each of two channels"
    add(database, firing(number=5), minutes=24 * 60)
    assert rows(database)[-1][2] == "pending", "another day"


def test_an_acknowledgement_ends_when_the_alert_resolves(database: Database) -> None:
    person(database)
    add(database, firing())
    seen = Mute(owner="ann", spare=Spare.ACK, scope=Scope.ALERT, value=alert_key("r1", "acme"), since=NOON)
    people.add_mute(database, seen)
    add(database, firing(number=2), minutes=1)
    add(database, firing(Kind.RESOLVED, number=1), minutes=2)
    add(database, firing(number=3), minutes=3)
    assert [reason for *_, reason in rows(database)] == ["at once", "acknowledged", "at once", "at once"]


def test_what_resolves_an_alert_that_was_not_sent_is_not_sent(database: Database) -> None:
    person(database)
    mute = Mute(owner="ann", spare=Spare.MUTE, scope=Scope.EVERYTHING, since=NOON, until=NOON + timedelta(minutes=1))
    people.add_mute(database, mute)
    add(database, firing())
    add(database, firing(Kind.RESOLVED), minutes=2)
    assert [reason for *_, reason in rows(database)] == ["muted", "its alert was not sent"]


# --- corrections ----------------------------------------------------------------------------------------------------


def test_exactly_those_who_were_told_are_told_of_a_correction(database: Database) -> None:
    person(database, "ann", "hook", "mail")
    person(database, "bo")
    person(database, "cy")
    people.add_mute(database, Mute(owner="cy", spare=Spare.MUTE, scope=Scope.EVERYTHING, since=NOON))
    story = scored(1, revision=2, title="Acme denies everything", score=0.4)
    add(database, firing(owner=EVERYONE, evidence=(evidence(story.item.story_id),)))
    person(database, "dee")
    people.remove_subscription(database, "bo", "all")
    with database.transaction() as connection:
        told = outbox.told_of(connection, {story.item.story_id, "another"})
        said = corrections(story, told)
    add(database, *said, minutes=1)
    with database.transaction() as connection:
        again = corrections(story, outbox.told_of(connection, {story.item.story_id}))
    add(database, *again, minutes=2)
    assert len(said) == 1
    found = [row[:2] for row in rows(database, "owner, channel, firing_id") if row[2] == said[0].firing_id]
    assert found == [("ann", "hook"), ("ann", "mail"), ("bo", "hook")]
    with database.transaction() as connection:
        query = text("SELECT owner FROM inbox WHERE firing_id = :said ORDER BY owner")
        assert connection.execute(query, {"said": said[0].firing_id}).scalars().all() == ["ann", "bo", "cy", EVERYONE]


def test_a_label_that_a_person_corrects_is_told_once(database: Database) -> None:
    person(database)
    add(database, firing(), firing(number=2, evidence=(evidence("story-9"),)))
    line = b'{"text": "Acme recalls its flagship", "story_id": "story-1", "label": "positive"}'
    said = judge(read_line(line), StoryText("Acme recalls its flagship", "m-1"), Given("ann", NOON))
    assert outbox.tell_labelled(database, [said, replace(said, entity="acme", sentiment="neutral")], NOON) == 1
    assert outbox.tell_labelled(database, [said], NOON) == 0
    assert outbox.tell_labelled(database, [replace(said, sentiment="negative")], NOON) == 0, "that is what was told"
    assert [reason for *_, reason in rows(database)].count("its alert was sent") == 1


def test_a_correction_of_what_waits_comes_after_it(database: Database) -> None:
    person(database, digest=(time(18),))
    add(database, firing())
    add(database, firing(Kind.CORRECTED), minutes=1)
    due = rows(database, "due_at, firing_id")
    correction = next(at for at, told in due if told == firing(Kind.CORRECTED).firing_id)
    assert correction == next(at for at, told in due if told == "")


# --- what people say ------------------------------------------------------------------------------------------------


def test_a_subscription_names_only_channels_that_are_there(database: Database) -> None:
    people.put_channel(database, channel("bo"), NOON)
    with pytest.raises(UsageError, match="channels: there is no channel hook"):
        people.put_subscription(database, Subscription(owner="ann", name="all", channels=("hook",)), NOON)


def test_owners_do_not_meet(database: Database) -> None:
    person(database, "ann")
    person(database, "bo")
    assert [each.owner for each in people.channels_of(database, "ann")] == ["ann"]
    assert [each.owner for each in people.subscriptions_of(database, "bo")] == ["bo"]
    assert not people.remove_channel(database, "ann", "other", NOON)
    assert people.remove_channel(database, "ann", "hook", NOON)
    assert len(people.channels_of(database, None)) == 1
    add(database, firing())
    assert rows(database) == [], "a channel that is gone is told nothing"


def test_hostile_names_and_texts_come_back_as_they_were(database: Database) -> None:
    for place, words in enumerate(HOSTILE):
        name = words[:40]
        people.put_channel(database, channel(name, name), NOON)
        wanted = Subscription(owner=name, name=name, rules=(name,), channels=(name,))
        people.put_subscription(database, wanted, NOON)
        assert people.subscriptions_of(database, name) == [wanted]
        said = firing(number=place, owner=name, rule_id=name, subject=name, rule_text=words, subject_name=words)
        add(database, said)
    assert count(database, "deliveries") == len(HOSTILE)


def test_several_evaluators_write_at_once(database: Database) -> None:
    person(database, "ann", "hook", "mail", digest=(time(18),))
    failed: list[Exception] = []

    def write(order: int) -> None:
        batch = [firing(number=number) for number in range(20)]
        try:
            for _ in range(3):
                add(database, *(batch if order else reversed(batch)))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(order,)) for order in (0, 1, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert count(database, "deliveries") == 2 * 20 + 2
