"""A turn of the desk: what is new of some messages goes to the bus, and what became of each is remembered.

One transaction stands around one publish. It holds the sources from before the memory is asked until after what is new
is remembered, so that several processes never make two different texts the same revision of a story. The bus has
acknowledged before the transaction is committed, and it is committed before anybody is answered. A crash in between
makes the sender repeat; the stories are then published again as the same revisions: duplicates downstream, no loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ingest.novelty import Judged, judge
from ingest.publish import Publisher
from ingest.push.message import Contents, Message
from newstide.messages import NewsItem, Reject
from newstide.store import push, sources
from newstide.store.database import Database, Transaction
from newstide.store.push import Handled, MessageKey
from newstide.store.sources import SeenText
from newstide.store.writes import add_rejects

OK, NOT_JSON, CONFLICT, NO_STORY = 200, 400, 409, 422


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that was let in, and what stands in it."""

    message: Message
    contents: Contents


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a message is answered. `handled` is None where nothing became of it."""

    status: int
    handled: Handled | None = None
    repeated: bool = False
    rejects: tuple[Reject, ...] = ()
    error: str = ""
    retry_after_s: int = 0


@dataclass(slots=True)
class _Turn:
    """What the messages of a turn come to. Pure: memory comes in, what to publish and to keep goes out."""

    known: dict[MessageKey, Handled]
    seen: dict[str, dict[str, SeenText]]
    outcomes: list[Outcome] = field(default_factory=list)
    publish: list[NewsItem] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    fresh: dict[MessageKey, Handled] = field(default_factory=dict)
    texts: dict[str, dict[str, SeenText]] = field(default_factory=dict)
    totals: dict[str, Handled] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    """The last that was wrong, by source."""

    def take(self, taken: Taken) -> None:
        message, contents = taken.message, taken.contents
        before = self.known.get((message.source, message.message_id))
        if before is not None and before.digest == message.digest:
            self.outcomes.append(Outcome(before.status, before, repeated=True))
        elif before is not None and before.status == OK:
            error = "this webhook-id was taken for another body"
            self.outcomes.append(Outcome(CONFLICT, before, error=error))
        else:
            self._take_new(message, contents)

    def _take_new(self, message: Message, contents: Contents) -> None:
        seen = self.seen.setdefault(message.source, {})
        judged = judge(contents.items, seen)
        texts = {text.story_id: text for text in judged.texts}
        seen |= texts
        self.texts.setdefault(message.source, {}).update(texts)
        self.publish += judged.publish
        self.rejects += contents.rejects
        if contents.rejects:
            self.errors[message.source] = f"{contents.rejects[-1].reason}: {contents.rejects[-1].detail}"
        handled = _handled(message, contents, judged)
        self.known[handled.key] = self.fresh[handled.key] = handled
        total = self.totals.get(message.source) or replace(handled, published=0, unchanged=0, rejected=0)
        self.totals[message.source] = replace(
            total,
            published=total.published + handled.published,
            unchanged=total.unchanged + handled.unchanged,
            rejected=total.rejected + handled.rejected,
        )
        self.outcomes.append(Outcome(handled.status, handled, rejects=contents.rejects))


def _handled(message: Message, contents: Contents, judged: Judged) -> Handled:
    """400: nothing could be read. 422: all that was read is refused. Else 200, whatever some of the stories were."""
    none = bool(contents.rejects) and not contents.items
    return Handled(
        source=message.source,
        message_id=message.message_id,
        digest=message.digest,
        status=NOT_JSON if not contents.readable else NO_STORY if none else OK,
        published=len(judged.publish),
        unchanged=judged.unchanged,
        rejected=len(contents.rejects),
    )


def settle(some: Sequence[Taken], database: Database, publisher: Publisher, now: datetime) -> list[Outcome]:
    """See the module. In the order of the messages. Raises BusUnavailable, StoreUnavailable, StoreRefused: then nothing
    may be answered as taken."""
    names = {taken.message.source for taken in some}
    with database.transaction() as connection:
        push.lock(connection, names)
        known = push.handled(connection, {(taken.message.source, taken.message.message_id) for taken in some})
        turn = _Turn(known, _seen(connection, some, names))
        for taken in some:
            turn.take(taken)
        publisher.publish(turn.publish)
        _save(connection, turn, now)
    for name, total in turn.totals.items():
        for outcome in ("published", "unchanged", "rejected"):
            publisher.service.metrics.count("ingest_items", getattr(total, outcome), source=name, outcome=outcome)
    return turn.outcomes


def _seen(connection: Transaction, some: Sequence[Taken], names: Iterable[str]) -> dict[str, dict[str, SeenText]]:
    ids: dict[str, set[str]] = {name: set() for name in names}
    for taken in some:
        ids[taken.message.source].update(item.story_id for item in taken.contents.items)
    return {name: sources.seen_by(connection, name, sorted(wanted)) for name, wanted in ids.items()}


def _save(connection: Transaction, turn: _Turn, now: datetime) -> None:
    add_rejects(connection, turn.rejects)
    for name, texts in sorted(turn.texts.items()):
        if texts:
            sources.remember(connection, name, list(texts.values()), now)
    push.keep(connection, list(turn.fresh.values()), now)
    for name, total in sorted(turn.totals.items()):
        push.count(connection, name, total, turn.errors.get(name, ""), now)
