"""The outbox: what is due to whom is written with the firing, in one transaction, and nothing of it is ever lost.

A delivery's id says what is told and where, so whatever is written twice is there once, and a receiver that is told
twice, because a sender died between sending and saying so, sees the same id.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import select, update

from newstide.alerting.correcting import corrections, relabelled
from newstide.alerting.firing import Firing, Kind
from newstide.alerting.routing import Outcome, Reason, Route, concerns, route
from newstide.alerting.subscription import EVERYONE, Mute, Spare, Subscription, alert_key, local_day
from newstide.labelling import Judgement
from newstide.messages import ScoredStory
from newstide.store.alert_rules import lists
from newstide.store.alert_tables import firings as said
from newstide.store.alerting import add_firings
from newstide.store.bulk import insert_new
from newstide.store.database import Database, Transaction
from newstide.store.delivery_schema import deliveries, firing_stories, inbox, mutes
from newstide.store.people import mutes_of, places_of, standing
from newstide.store.schema import Row

_NAMESPACE: Final = uuid.UUID("0c7d7c58-8e0c-5d2a-8f43-6a0f0b5f8a55")
_STATES: Final = {Outcome.SEND: "pending", Outcome.HOLD: "pending", Outcome.DIGEST: "digest"}
_DAY: Final = timedelta(days=1)

Place = tuple[str, str]
"""Owner and channel."""


def delivery_id_of(firing_id: str, owner: str, channel: str) -> str:
    """UUID version 5 of what is told, to whom and where: `webhook-id`, and the e-mail's Message-ID."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join((firing_id, owner, channel))))


def digest_id_of(place: Place, due: datetime) -> str:
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(("digest", *place, due.isoformat()))))


def add(transaction: Transaction, firings: Sequence[Firing], now: datetime) -> None:
    """Put firings into the inbox of whom they concern, and what follows from their subscriptions into the outbox.

    Call it in the transaction that stores the firings (`alerting.add_firings`), with those alone that were new.
    Repeating it changes nothing.
    """
    if firings:
        _Writing(transaction, firings, now).run()


class _Writing:
    """What is known while firings are being routed."""

    def __init__(self, transaction: Transaction, firings: Sequence[Firing], now: datetime) -> None:
        self._transaction, self._firings, self._now = transaction, firings, now
        owners = {firing.owner for firing in firings}
        owners |= _owners_told(transaction, firings)
        people = None if EVERYONE in owners else owners
        self._subscriptions = standing(transaction, people)
        named = {name for each in self._subscriptions for name in each.watchlists}
        self._lists = {each.name: each.members for each in lists(transaction)} if named else {}
        self._mutes: dict[str, list[Mute]] = defaultdict(list)
        for mute in mutes_of(transaction, people, now):
            self._mutes[mute.owner].append(mute)
        self._places = places_of(transaction, people)
        self._told = told(transaction, {firing.answers for firing in firings} - {""})
        capped = [each for each in self._subscriptions if each.daily_cap is not None]
        self._sent = _sent_by_day(transaction, capped, now)
        self._inbox: list[Row] = []
        self._rows: list[Row] = []

    def run(self) -> None:
        for place, firing in enumerate(self._firings):
            at = self._now + timedelta(microseconds=place)  # what was said first is told first
            self._keep(firing, at)
            for (owner, channel), (subscription, decided) in self._decide(firing).items():
                self._rows.append(_delivery(firing, (owner, channel), subscription, decided, at))
                if decided.outcome is not Outcome.SUPPRESS:
                    self._told[firing.firing_id, owner, channel] = decided.at
            if firing.kind is Kind.RESOLVED:
                _clear(self._transaction, firing, self._now)
        stories = sorted({(story.story_id, firing.firing_id) for firing in self._firings for story in firing.evidence})
        keys = ("story_id", "firing_id")
        # In the order of their keys, so that two writers never wait for each other in a circle.
        kept = sorted(self._inbox, key=lambda row: (row["owner"], row["firing_id"]))
        due = sorted(self._rows + _digests(self._rows), key=lambda row: str(row["delivery_id"]))
        insert_new(self._transaction, inbox, kept, ("owner", "firing_id"))
        insert_new(self._transaction, firing_stories, [dict(zip(keys, each, strict=True)) for each in stories], keys)
        insert_new(self._transaction, deliveries, due, ("delivery_id",))

    def _keep(self, firing: Firing, at: datetime) -> None:
        """A correction is kept by those who have what it corrects, anything else by whom it concerns."""
        owners = {each.owner for each in self._subscriptions if concerns(each, firing, self._lists)} | {firing.owner}
        if firing.kind is Kind.CORRECTED:
            owners = _holders(self._transaction, firing.answers)
        self._inbox += [{"owner": each, "firing_id": firing.firing_id, "stored_at": at} for each in sorted(owners)]

    def _decide(self, firing: Firing) -> dict[Place, tuple[str, Route]]:
        """For each channel the best that any subscription says, with that subscription's name."""
        best: dict[Place, tuple[str, Route]] = {}
        for subscription in self._subscribed(firing):
            used: set[date] = set()
            for channel in subscription.channels:
                place = (subscription.owner, channel)
                told_at = self._told.get((firing.answers, *place))
                if place not in self._places or (firing.kind is Kind.CORRECTED and told_at is None):
                    continue
                sent, spared = self._sent[subscription.owner, subscription.name], self._mutes[subscription.owner]
                decided = route(subscription, firing, self._now, sent, spared, told_at)
                if place not in best or decided.rank < best[place][1].rank:
                    best[place] = (subscription.name, decided)
                if decided.outcome in (Outcome.SEND, Outcome.HOLD) and firing.kind is not Kind.CORRECTED:
                    used.add(local_day(decided.at, subscription.zone))
            self._sent[subscription.owner, subscription.name].update(used)
        return best

    def _subscribed(self, firing: Firing) -> Iterable[Subscription]:
        """Those whom it concerns; for a correction, where its alert was told, whatever is subscribed to now."""
        if firing.kind is not Kind.CORRECTED:
            return [each for each in self._subscriptions if concerns(each, firing, self._lists)]
        reached: dict[str, set[str]] = defaultdict(set)
        for answered, owner, channel in self._told:
            if answered == firing.answers:
                reached[owner].add(channel)
        found = []
        for owner, names in sorted(reached.items()):
            own = [each for each in self._subscriptions if each.owner == owner]
            like = next((each for each in own if names & set(each.channels)), Subscription(owner=owner, name="-"))
            found.append(msgspec.structs.replace(like, channels=tuple(sorted(names))))
        return found


def told(transaction: Transaction, firing_ids: Collection[str]) -> dict[tuple[str, str, str], datetime]:
    """Firing, owner, channel to when it was told there or is to be; where it was suppressed there is nothing."""
    if not firing_ids:
        return {}
    columns = (deliveries.c.firing_id, deliveries.c.owner, deliveries.c.channel, deliveries.c.planned_at)
    query = select(*columns).where(
        deliveries.c.firing_id.in_(sorted(firing_ids)), deliveries.c.outcome != Outcome.SUPPRESS.value
    )
    return {(row.firing_id, row.owner, row.channel): row.planned_at for row in transaction.execute(query)}


def told_of(transaction: Transaction, story_ids: Collection[str]) -> list[Firing]:
    """What anybody was told on the evidence of these stories: each firing once, oldest first. Corrections are none."""
    if not story_ids:
        return []
    with_them = select(firing_stories.c.firing_id).where(firing_stories.c.story_id.in_(sorted(story_ids)))
    query = (
        select(said.c.payload)
        .where(said.c.firing_id.in_(with_them), said.c.kind != Kind.CORRECTED.value)
        .order_by(said.c.at, said.c.firing_id)
    )
    return [msgspec.json.decode(payload, type=Firing) for payload in transaction.execute(query).scalars()]


def corrected(transaction: Transaction, stories: Collection[ScoredStory]) -> list[Firing]:
    """What is to be said now that these revisions are known; call it when what they fired themselves is written."""
    revised = {story.item.story_id: story for story in stories if story.item.revision > 1}
    told = told_of(transaction, revised)
    return [correction for story in revised.values() for correction in corrections(story, told)]


def tell_labelled(database: Database, judgements: Sequence[Judgement], now: datetime) -> int:
    """Tell whoever was told on the evidence of a story that people label otherwise; returns of how many alerts.

    Labels towards one entity are not of the story. Saying it twice tells once.
    """
    labelled = [each for each in judgements if each.story_id and each.sentiment and not each.entity]
    with database.transaction() as transaction:
        told = told_of(transaction, {each.story_id for each in labelled if each.story_id})
        found = [
            correction
            for each in labelled
            if each.story_id and each.sentiment
            for correction in relabelled(each.story_id, each.sentiment, told, each.created_at)
        ]
        new = add_firings(transaction, found, now)
        add(transaction, new, now)
    return len(new)


def _owners_told(transaction: Transaction, firings: Sequence[Firing]) -> set[str]:
    answers = {firing.answers for firing in firings if firing.kind is Kind.CORRECTED}
    query = select(inbox.c.owner).where(inbox.c.firing_id.in_(sorted(answers))).distinct()
    return set(transaction.execute(query).scalars()) if answers else set()


def _holders(transaction: Transaction, firing_id: str) -> set[str]:
    return set(transaction.execute(select(inbox.c.owner).where(inbox.c.firing_id == firing_id)).scalars())


def _clear(transaction: Transaction, firing: Firing, now: datetime) -> None:
    """It has resolved: whoever acknowledged it wants to be told the next time."""
    seen = (
        mutes.c.spare == Spare.ACK.value,
        mutes.c.value == alert_key(firing.rule_id, firing.subject),
        mutes.c.ended_at.is_(None),
    )
    transaction.execute(update(mutes).where(*seen).values(ended_at=now))


def _sent_by_day(
    transaction: Transaction, capped: Sequence[Subscription], now: datetime
) -> dict[tuple[str, str], Counter[date]]:
    """By subscription and local day, how many firings are told or due, of yesterday and later."""
    counts: dict[tuple[str, str], Counter[date]] = defaultdict(Counter)
    for each in capped:
        query = (
            select(deliveries.c.firing_id, deliveries.c.planned_at)
            .where(
                deliveries.c.owner == each.owner,
                deliveries.c.subscription == each.name,
                deliveries.c.outcome.in_((Outcome.SEND.value, Outcome.HOLD.value)),
                deliveries.c.reason != Reason.CORRECTION.value,
                deliveries.c.firing_id != "",
                deliveries.c.planned_at > now - _DAY,
            )
            .distinct()
        )
        days = {(row.firing_id, local_day(row.planned_at, each.zone)) for row in transaction.execute(query)}
        counts[each.owner, each.name].update(day for _firing_id, day in days)
    return counts


def _delivery(firing: Firing, place: Place, subscription: str, decided: Route, now: datetime) -> Row:
    in_digest = decided.outcome is Outcome.DIGEST
    state = _STATES.get(decided.outcome, "suppressed")
    return {
        "delivery_id": delivery_id_of(firing.firing_id, *place),
        "owner": place[0],
        "channel": place[1],
        "subscription": subscription,
        "firing_id": firing.firing_id,
        "outcome": decided.outcome.value,
        "reason": decided.reason.value,
        "digest_id": digest_id_of(place, decided.at) if in_digest else None,
        "state": state,
        "planned_at": decided.at,
        "due_at": decided.at,
        "created_at": now,
        "ended_at": now if state == "suppressed" else None,
    }


def _digests(rows: Sequence[Row]) -> list[Row]:
    """A delivery for each digest that the rows go into."""
    made: dict[str, Row] = {}
    for row in rows:
        if row["digest_id"] is not None:
            own = {"delivery_id": row["digest_id"], "digest_id": None, "firing_id": "", "state": "pending"}
            made.setdefault(row["digest_id"], row | own | {"outcome": Outcome.SEND.value})
    return list(made.values())
