"""Firings as they are kept: each once, whole; and what people say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

import msgspec
from sqlalchemy import Connection, insert, select

from newstide.alerting.firing import Firing
from newstide.errors import UsageError
from newstide.store.alert_tables import firing_verdicts, firings
from newstide.store.bulk import insert_new
from newstide.store.database import Database, Transaction

Verdict = Literal["right", "wrong", "unsure"]
NOTE_CHARS_MAX: Final = 500
ROWS_MAX: Final = 10_000
"""Of one list: a year of an alert that goes off every hour."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What one person says of a firing, last."""

    firing_id: str
    verdict: Verdict
    who: str
    note: str
    at: datetime


def add_firings(transaction: Transaction, said: Sequence[Firing], now: datetime) -> list[Firing]:
    """Keep what is new; returns that, in the order in which it was said. What is there already stays as it is."""
    rows = [
        {
            "firing_id": f.firing_id,
            "kind": f.kind.value,
            "rule_id": f.rule_id,
            "rule_version": f.rule_version,
            "owner": f.owner,
            "severity": f.severity.value,
            "subject": f.subject,
            "at": f.at,
            "stored_at": now,
            "payload": msgspec.json.encode(f).decode(),
        }
        for f in sorted(said, key=lambda f: f.firing_id)
    ]
    new = {firing_id for (firing_id,) in insert_new(transaction, firings, rows, ("firing_id",))}
    kept: list[Firing] = []
    for each in said:
        if each.firing_id in new:
            new.discard(each.firing_id)  # said twice in one turn: the first was stored
            kept.append(each)
    return kept


def firing(connection: Connection, firing_id: str) -> Firing | None:
    payload = connection.execute(select(firings.c.payload).where(firings.c.firing_id == firing_id)).scalar_one_or_none()
    return None if payload is None else _read(payload)


def list_firings(
    database: Database,
    rule_id: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = ROWS_MAX,
) -> list[Firing]:
    """Of event time from `since` on and before `until`; the latest first."""
    query = select(firings.c.payload).order_by(firings.c.at.desc(), firings.c.firing_id).limit(min(limit, ROWS_MAX))
    if rule_id:
        query = query.where(firings.c.rule_id == rule_id)
    if since is not None:
        query = query.where(firings.c.at >= since)
    if until is not None:
        query = query.where(firings.c.at < until)
    with database.transaction() as connection:
        return [_read(payload) for payload in connection.execute(query).scalars()]


def _read(payload: str) -> Firing:
    return msgspec.json.decode(payload, type=Firing)


def judge(transaction: Transaction, said: Judged) -> None:
    """Keep a verdict. Raises UsageError for a firing that there is not, or a word that is no verdict."""
    if said.verdict not in get_args(Verdict):
        raise UsageError(f"{said.verdict!r} is no verdict", fix=f"one of {', '.join(get_args(Verdict))}")
    if firing(transaction, said.firing_id) is None:
        raise UsageError(f"there is no alert {said.firing_id}", fix="newstide alerts inbox lists them")
    transaction.execute(
        insert(firing_verdicts).values(
            firing_id=said.firing_id, verdict=said.verdict, who=said.who, note=said.note[:NOTE_CHARS_MAX], at=said.at
        )
    )


def judged_firings(connection: Connection, rule_ids: Sequence[str]) -> list[Firing]:
    """Of these rules, in any version, those of which somebody said what they were worth."""
    some = select(firing_verdicts.c.firing_id)
    query = select(firings.c.payload).where(firings.c.rule_id.in_(rule_ids), firings.c.firing_id.in_(some))
    return [_read(payload) for payload in connection.execute(query.limit(ROWS_MAX)).scalars()]


def verdicts(connection: Connection, firing_ids: Sequence[str]) -> dict[str, list[Judged]]:
    """By firing, the last word of each person, by name."""
    found: dict[tuple[str, str], Judged] = {}
    for first in range(0, len(firing_ids), 500):
        some = firing_ids[first : first + 500]
        query = select(firing_verdicts).where(firing_verdicts.c.firing_id.in_(some)).order_by(firing_verdicts.c.id)
        for row in connection.execute(query):
            found[row.firing_id, row.who] = Judged(row.firing_id, row.verdict, row.who, row.note, row.at)
    by_firing: dict[str, list[Judged]] = {}
    for (firing_id, _), said in sorted(found.items()):
        by_firing.setdefault(firing_id, []).append(said)
    return by_firing
