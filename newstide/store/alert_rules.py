"""Rules and watchlists: every version kept, the last one in force."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from newstide.alerting.book import Book
from newstide.alerting.naming import Names
from newstide.alerting.rules import Rule, StoredRule, Subject, SubjectKind
from newstide.alerting.writing import text_of
from newstide.errors import UsageError
from newstide.store import entities
from newstide.store.alert_tables import alert_rules, watchlist_members, watchlists
from newstide.store.bulk import insert_new
from newstide.store.database import Transaction
from newstide.store.entity_schema import entity_edits

RULES_MAX: Final = 100_000
"""In force at once: ten times what the engine is measured with."""
MEMBERS_MAX: Final = 5_000
"""Of one watchlist: every member is a subject of each rule on it."""


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A version as it was written."""

    stored: StoredRule
    removed: bool
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Watchlist:
    name: str
    owner: str
    members: tuple[str, ...]


def current(connection: Connection, *, enabled_only: bool = False) -> list[RuleRow]:
    """The rules that were not removed, by id."""
    newer = select(func.max(alert_rules.c.seq)).group_by(alert_rules.c.rule_id)
    query = select(alert_rules).where(alert_rules.c.seq.in_(newer), ~alert_rules.c.removed)
    if enabled_only:
        query = query.where(alert_rules.c.enabled)
    return [_row(row) for row in connection.execute(query.order_by(alert_rules.c.rule_id).limit(RULES_MAX))]


def versions(connection: Connection, rule_id: str) -> list[RuleRow]:
    """Of one rule, the newest first."""
    query = select(alert_rules).where(alert_rules.c.rule_id == rule_id).order_by(alert_rules.c.version.desc())
    return [_row(row) for row in connection.execute(query)]


def _row(row: Any) -> RuleRow:
    stored = StoredRule(
        rule_id=row.rule_id,
        version=row.version,
        owner=row.owner,
        rule=msgspec.json.decode(row.payload, type=Rule),
        text=row.text,
        enabled=row.enabled,
    )
    return RuleRow(stored, row.removed, row.created_at, row.created_by)


def require(connection: Connection, rule_id: str) -> RuleRow:
    """The rule in force. Raises UsageError."""
    found = versions(connection, rule_id)
    if not found or found[0].removed:
        raise UsageError(f"there is no rule {rule_id!r}", fix="newstide alerts list")
    return found[0]


def save(transaction: Transaction, wanted: StoredRule, who: str, now: datetime) -> tuple[StoredRule, bool]:
    """Keep the rule as its next version; returns it, and False where it is what is in force already.

    The version of `wanted` does not matter, nor its text, which is made anew.
    """
    before = versions(transaction, wanted.rule_id)
    stored = msgspec.structs.replace(
        wanted, version=before[0].stored.version + 1 if before else 1, text=text_of(wanted.rule)
    )
    if before and not before[0].removed:
        same = msgspec.structs.replace(stored, version=before[0].stored.version)
        if same == before[0].stored:
            return same, False
    _add(transaction, stored, who, now, removed=False)
    return stored, True


def remove(transaction: Transaction, rule_id: str, who: str, now: datetime) -> None:
    """Take a rule out of force; its versions stay. Raises UsageError."""
    last = require(transaction, rule_id).stored
    gone = msgspec.structs.replace(last, version=last.version + 1, enabled=False)
    _add(transaction, gone, who, now, removed=True)


def _add(transaction: Transaction, stored: StoredRule, who: str, now: datetime, *, removed: bool) -> None:
    transaction.execute(
        insert(alert_rules).values(
            rule_id=stored.rule_id,
            version=stored.version,
            owner=stored.owner,
            text=stored.text,
            payload=msgspec.json.encode(stored.rule).decode(),
            enabled=stored.enabled,
            removed=removed,
            created_at=now,
            created_by=who,
        )
    )


# --- watchlists ---


def lists(connection: Connection) -> list[Watchlist]:
    members: dict[str, list[str]] = {}
    query = select(watchlist_members).order_by(watchlist_members.c.name, watchlist_members.c.entity_id)
    for row in connection.execute(query):
        members.setdefault(row.name, []).append(row.entity_id)
    found = connection.execute(select(watchlists).order_by(watchlists.c.name))
    return [Watchlist(row.name, row.owner, tuple(members.get(row.name, ()))) for row in found]


def create_list(transaction: Transaction, name: str, owner: str, now: datetime) -> bool:
    """False where it is there already."""
    row = {"name": name, "owner": owner, "revision": 0, "updated_at": now}
    return bool(insert_new(transaction, watchlists, [row], ("name",)))


def drop_list(transaction: Transaction, name: str) -> None:
    """Raises UsageError for a list that there is not, or that a rule names."""
    _require_list(transaction, name)
    naming = Subject(SubjectKind.WATCHLIST, name)
    using = [row.stored.rule_id for row in current(transaction) if row.stored.rule.subject == naming]
    if using:
        raise UsageError(f"the rules {', '.join(using[:5])} are on the watchlist {name!r}", fix="edit them first")
    transaction.execute(delete(watchlist_members).where(watchlist_members.c.name == name))
    transaction.execute(delete(watchlists).where(watchlists.c.name == name))


def change_list(
    transaction: Transaction, name: str, add: Collection[str], drop: Collection[str], now: datetime
) -> tuple[list[str], list[str]]:
    """The members that were really added, and taken away. Raises UsageError."""
    before = set(_require_list(transaction, name).members)
    added, dropped = sorted(set(add) - before), sorted(before & set(drop))
    if len(before) + len(added) - len(dropped) > MEMBERS_MAX:
        raise UsageError(f"the watchlist {name!r} would be too long", why=f"at most {MEMBERS_MAX:,} members")
    if added:
        rows = [{"name": name, "entity_id": entity_id, "added_at": now} for entity_id in added]
        transaction.execute(insert(watchlist_members), rows)
    for entity_id in dropped:
        member = (watchlist_members.c.name == name) & (watchlist_members.c.entity_id == entity_id)
        transaction.execute(delete(watchlist_members).where(member))
    if added or dropped:
        changed = {"revision": watchlists.c.revision + 1, "updated_at": now}
        transaction.execute(update(watchlists).where(watchlists.c.name == name).values(changed))
    return added, dropped


def _require_list(connection: Connection, name: str) -> Watchlist:
    for each in lists(connection):
        if each.name == name:
            return each
    raise UsageError(f"there is no watchlist {name!r}", fix="newstide watchlists create makes it")


# --- together ---


def names(connection: Connection) -> Names:
    return Names(entities.read(connection), [each.name for each in lists(connection)])


def book(connection: Connection, rules: Iterable[StoredRule] | None = None) -> Book:
    """An index of the rules in force, or of these."""
    some = [row.stored for row in current(connection, enabled_only=True)] if rules is None else list(rules)
    return Book(some, names(connection), {each.name: each.members for each in lists(connection)})


def stamp(connection: Connection) -> tuple[int, ...]:
    """Differs when a rule, a watchlist or an entity has changed: an index is then made anew."""
    queries = (
        select(func.coalesce(func.max(alert_rules.c.seq), 0)),
        select(func.coalesce(func.sum(watchlists.c.revision), 0)),
        select(func.count()).select_from(watchlists),
        select(func.coalesce(func.max(entity_edits.c.id), 0)),
    )
    found = connection.execute(select(*(query.scalar_subquery() for query in queries))).one()
    return tuple(int(number) for number in found)
