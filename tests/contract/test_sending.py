"""What senders promise one another: claims, leases, marks, on SQLite and on a real PostgreSQL."""

import threading
from collections import Counter
from datetime import datetime, time, timedelta

from newstide.alerting.channel import Channel, ChannelKind
from newstide.alerting.firing import Firing
from newstide.alerting.retrying import Attempt, Next, Verdict
from newstide.alerting.subscription import Subscription
from newstide.store import alerting, inbox, outbox, people, sending
from newstide.store.database import Database
from tests.firings import NOON, firing

FINE, SENT = Attempt(True, 204), Next(Verdict.SENT)
LEASE = timedelta(seconds=sending.LEASE_S)


def person(database: Database, owner: str, **wants: object) -> None:
    channel = Channel(owner, "hook", ChannelKind.WEBHOOK, f"https://example.com/{owner}", "whsec_x")
    people.put_channel(database, channel, NOON)
    wanted = Subscription(**{"owner": owner, "name": "all", "channels": ("hook",), **wants})  # type: ignore[arg-type]
    people.put_subscription(database, wanted, NOON)


def fire(database: Database, *firings: Firing, now: datetime = NOON) -> None:
    with database.transaction() as connection:
        outbox.add(connection, alerting.add_firings(connection, firings, now), now)


def done(database: Database, job: sending.Job, now: datetime = NOON) -> bool:
    return sending.mark(database, job, FINE, SENT, now, rest_s=0)


def test_a_channel_is_one_senders_until_it_is_marked(database: Database) -> None:
    person(database, "ann")
    fire(database, firing(number=1), firing(number=2))
    (first,) = sending.claim(database, "a", NOON + timedelta(seconds=1), 5)
    later = NOON + timedelta(seconds=2)
    assert sending.claim(database, "b", later, 5) == []
    assert [said.firing_id for said in first.firings] == [firing(number=1).firing_id]
    assert done(database, first, later)
    (second,) = sending.claim(database, "b", later, 5)
    assert second.delivery_id != first.delivery_id and (second.number, second.step) == (1, 1)
    assert done(database, second, later)
    assert sending.claim(database, "a", later, 5) == []


def test_a_lease_that_ends_is_taken_over_and_the_first_holder_is_not_heard(database: Database) -> None:
    person(database, "ann")
    fire(database, firing())
    (killed,) = sending.claim(database, "a", NOON, 5)
    after = NOON + LEASE + timedelta(seconds=1)
    (again,) = sending.claim(database, "b", after, 5)
    assert (again.delivery_id, again.number) == (killed.delivery_id, 2)
    assert not done(database, killed, after), "it woke up too late"
    assert done(database, again, after)
    tried = inbox.attempts(database, "ann", again.delivery_id)
    assert [(each.sender, each.verdict) for each in tried] == [("a", "sent"), ("b", "sent")]


def test_a_holder_that_is_late_is_not_heard_even_if_nobody_took_over(database: Database) -> None:
    person(database, "ann")
    fire(database, firing())
    (slow,) = sending.claim(database, "a", NOON, 5)
    assert not done(database, slow, NOON + LEASE)
    assert len(sending.claim(database, "a", NOON + LEASE, 5)) == 1


def test_many_senders_share_the_work_and_nothing_is_claimed_twice(database: Database) -> None:
    owners = [f"p{number:02d}" for number in range(12)]
    for owner in owners:
        person(database, owner)
    fire(database, *(firing(number=n, owner=owner, rule_id=owner) for owner in owners for n in range(5)))
    sent: list[str] = []
    failed: list[Exception] = []

    def work(sender: str) -> None:
        try:
            idle = 0
            while idle < 3:
                jobs = sending.claim(database, sender, NOON + timedelta(seconds=1), 4)
                idle = 0 if jobs else idle + 1
                for job in jobs:
                    sent.append(job.delivery_id)
                    assert done(database, job, NOON + timedelta(seconds=1))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(f"s{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failed == []
    left = sending.claim(database, "last", NOON + timedelta(seconds=2), 64)
    while left:  # a thread may have gone while another held the last channels
        for job in left:
            sent.append(job.delivery_id)
            assert done(database, job, NOON + timedelta(seconds=2))
        left = sending.claim(database, "last", NOON + timedelta(seconds=2), 64)
    assert set(Counter(sent).values()) == {1} and len(sent) == 60


def test_a_digest_tells_of_its_members_and_ends_them(database: Database) -> None:
    person(database, "ann", digest=(time(18),))
    fire(database, *(firing(number=number) for number in range(3)))
    six = NOON + timedelta(hours=6)
    assert sending.claim(database, "a", six - timedelta(seconds=1), 5) == []
    (job,) = sending.claim(database, "a", six, 5)
    assert job.is_digest and len(job.firings) == 3 and job.left_out == 0
    assert [said.at for said in job.firings] == sorted(said.at for said in job.firings)
    assert done(database, job, six)
    assert {row.state for row in inbox.delivery_rows(database, "ann")} == {"sent"}


def test_what_waits_is_counted(database: Database) -> None:
    person(database, "ann")
    person(database, "bo")
    fire(database, firing(number=1), firing(number=2, owner="bo", rule_id="r2"))
    later = NOON + timedelta(minutes=1)
    assert sending.waiting(database, later) == sending.Waiting(2, NOON)
    jobs = sending.claim(database, "a", later, 5)
    for job, following in zip(jobs, (Next(Verdict.EXHAUSTED), Next(Verdict.RETRY, later)), strict=True):
        sending.mark(database, job, Attempt(False, 500, "status 500"), following, later, rest_s=0)
    assert sending.waiting(database, later).count == 1
    with database.transaction() as connection:
        assert sending.undelivered(connection, later) == 2
        assert sending.undelivered(connection, later + timedelta(days=2)) == 1, "what was given up is old news then"


def test_a_channel_rests_between_two_messages(database: Database) -> None:
    person(database, "ann")
    fire(database, firing(number=1), firing(number=2))
    at = NOON + timedelta(seconds=1)
    (job,) = sending.claim(database, "a", at, 5)
    assert sending.mark(database, job, FINE, SENT, at, rest_s=1)
    assert sending.claim(database, "a", at + timedelta(milliseconds=900), 5) == []
    assert len(sending.claim(database, "a", at + timedelta(seconds=1), 5)) == 1
