"""Subscriptions, channels and mutes: what people have asked for. Everything is read and written by its owner."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, delete, insert, or_, select, update

from newstide.alerting.channel import Channel, ChannelKind
from newstide.alerting.subscription import Mute, Scope, Spare, Subscription
from newstide.errors import UsageError
from newstide.store.database import Database, Transaction
from newstide.store.delivery_schema import channels, deliveries, mutes, subscriptions
from newstide.store.schema import Row

EACH_MAX: Final = 100
"""Subscriptions, channels and standing mutes of one person."""
_CHANNEL: Final = ("owner", "name", "kind", "address", "secret", "language", "disabled_at", "disabled_why")
_MUTE: Final = ("owner", "spare", "scope", "value", "since", "until")


def put_subscription(database: Database, subscription: Subscription, now: datetime) -> bool:
    """Make it, or put it in the place of the one of that name; returns whether it is new.

    Raises UsageError when it names a channel that its owner has not.
    """
    with database.transaction() as connection:
        known = connection.execute(select(channels.c.name).where(channels.c.owner == subscription.owner)).scalars()
        if strange := sorted(set(subscription.channels) - set(known)):
            raise UsageError(f"channels: there is no channel {strange[0]}", fix="newstide alerts channels list")
        values: Row = {"body": msgspec.json.encode(subscription).decode(), "updated_at": now}
        return _put(connection, subscriptions, (subscription.owner, subscription.name), values)


def subscriptions_of(database: Database, owner: str | None) -> list[Subscription]:
    """One person's, or everybody's for None, by name."""
    with database.transaction() as connection:
        return standing(connection, None if owner is None else [owner])


def standing(transaction: Transaction, owners: Collection[str] | None) -> list[Subscription]:
    """The subscriptions of these people, or of everybody."""
    query = select(subscriptions.c.body).order_by(subscriptions.c.owner, subscriptions.c.name)
    if owners is not None:
        query = query.where(subscriptions.c.owner.in_(sorted(owners)))
    return [msgspec.json.decode(body, type=Subscription) for body in transaction.execute(query).scalars()]


def remove_subscription(database: Database, owner: str, name: str) -> bool:
    with database.transaction() as connection:
        mine = subscriptions.c.owner == owner, subscriptions.c.name == name
        return bool(connection.execute(delete(subscriptions).where(*mine)).rowcount)


# --- channels -------------------------------------------------------------------------------------------------------


def places_of(transaction: Transaction, owners: Collection[str] | None) -> set[tuple[str, str]]:
    """Owner and name of each channel of these people, or of everybody."""
    query = select(channels.c.owner, channels.c.name)
    if owners is not None:
        query = query.where(channels.c.owner.in_(sorted(owners)))
    return {(row.owner, row.name) for row in transaction.execute(query)}


def put_channel(database: Database, channel: Channel, now: datetime) -> bool:
    """Make it, or give the one of that name another address; what waits goes there then. Returns whether it is new."""
    values = {name: getattr(channel, name) for name in _CHANNEL[2:]}
    with database.transaction() as connection:
        more = {"created_at": now, "free_at": now}
        return _put(connection, channels, (channel.owner, channel.name), values, more)


def channels_of(database: Database, owner: str | None) -> list[Channel]:
    query = select(*(channels.c[name] for name in _CHANNEL)).order_by(channels.c.owner, channels.c.name)
    if owner is not None:
        query = query.where(channels.c.owner == owner)
    with database.transaction() as connection:
        return [channel_of(row) for row in connection.execute(query)]


def channel_of(row: Any) -> Channel:
    """A row that holds a channel's columns, and maybe more."""
    return Channel(**{name: getattr(row, name) for name in _CHANNEL} | {"kind": ChannelKind(row.kind)})


def enable_channel(database: Database, owner: str, name: str, now: datetime) -> bool:
    """Let it be used again: what waited goes out."""
    mine = channels.c.owner == owner, channels.c.name == name
    with database.transaction() as connection:
        values = {"disabled_at": None, "disabled_why": "", "free_at": now}
        return bool(connection.execute(update(channels).where(*mine).values(**values)).rowcount)


def remove_channel(database: Database, owner: str, name: str, now: datetime) -> bool:
    """Forget address and secret. What waited for it is over; subscriptions that name it tell the others."""
    with database.transaction() as connection:
        mine = deliveries.c.owner == owner, deliveries.c.channel == name
        waiting = deliveries.c.state.in_(("pending", "digest"))
        connection.execute(update(deliveries).where(*mine, waiting).values(state="disabled", ended_at=now))
        gone = connection.execute(delete(channels).where(channels.c.owner == owner, channels.c.name == name))
        return bool(gone.rowcount)


# --- mutes ----------------------------------------------------------------------------------------------------------


def add_mute(database: Database, mute: Mute) -> None:
    """It holds from now on, beside those that hold already."""
    with database.transaction() as connection:
        if len(mutes_of(connection, [mute.owner], mute.since)) >= EACH_MAX:
            raise UsageError(f"{mute.owner} has {EACH_MAX} mutes already", fix="newstide alerts unmute")
        connection.execute(insert(mutes), [{name: getattr(mute, name) for name in _MUTE}])


def end_mutes(database: Database, owner: str, scope: Scope | None, value: str, now: datetime) -> int:
    """Take back one person's mutes of a thing, or all of them for None; returns how many."""
    mine = [mutes.c.owner == owner, mutes.c.ended_at.is_(None)]
    if scope is not None:
        mine += [mutes.c.scope == scope.value, mutes.c.value == value]
    with database.transaction() as connection:
        return connection.execute(update(mutes).where(*mine).values(ended_at=now)).rowcount


def mutes_of(transaction: Transaction, owners: Collection[str] | None, now: datetime) -> list[Mute]:
    """Those of these people, or of everybody, that hold."""
    holds = mutes.c.ended_at.is_(None), or_(mutes.c.until.is_(None), mutes.c.until > now)
    query = select(*(mutes.c[name] for name in _MUTE)).where(*holds).order_by(mutes.c.id)
    if owners is not None:
        query = query.where(mutes.c.owner.in_(sorted(owners)))
    rows = (row._mapping for row in transaction.execute(query))
    return [Mute(**{**row, "spare": Spare(row["spare"]), "scope": Scope(row["scope"])}) for row in rows]


def _put(connection: Connection, table: Table, key: tuple[str, str], values: Row, more: Row | None = None) -> bool:
    """Update the row of that owner and name, or insert it, with `more` besides; returns whether it is new."""
    mine = table.c.owner == key[0], table.c.name == key[1]
    if connection.execute(update(table).where(*mine).values(**values)).rowcount:
        return False
    held = connection.execute(select(table.c.name).where(table.c.owner == key[0])).all()
    if len(held) >= EACH_MAX:
        raise UsageError(f"{key[0]} has {EACH_MAX} {table.name} already", fix="remove some first")
    connection.execute(insert(table), [{"owner": key[0], "name": key[1], **values, **(more or {})}])
    return True
