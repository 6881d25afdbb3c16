"""Which rows are the view: now, as of a moment in the past, or of another model version.

A story is shown by its latest revision, and a revision by its first score: what the model in use said when the story
came. Scores that came later, of another version, stand beside it and are seen by asking for that version.

As of t means: the rows with `stored_at` <= t, and nothing else. Rows are only added, so that answer is the same for
ever, whatever is backfilled, revised or scored again later. It is computed from rows; rollups are of the present.
`stored_at` is taken inside the transaction that stores, and such a transaction ends within a minute
(`consume.loop.TRANSACTION_MAX_S`) or not at all; so SETTLED_AFTER later no row of t can still come.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, exists

from newstide.errors import UsageError
from newstide.store.novelty_tables import story_novelty
from newstide.store.schema import scores, stories

SETTLED_AFTER: Final = timedelta(minutes=2)
"""A transaction's longest life, and as much again for clocks of several hosts that do not quite agree."""


def require_settled(as_of: datetime | None, now: datetime) -> None:
    """Raises UsageError for a moment of which the last word is not spoken."""
    if as_of is not None and as_of > now - SETTLED_AFTER:
        wait = f"ask for a time at least {SETTLED_AFTER.total_seconds():.0f} seconds ago, or without --as-of for now"
        raise UsageError(f"as of {as_of.isoformat()} is not settled yet", why="stories are being stored", fix=wait)


SAME_TEXT: Final = and_(stories.c.story_id == scores.c.story_id, stories.c.revision == scores.c.revision)
OF_TEXT: Final = and_(
    story_novelty.c.story_id == stories.c.story_id,
    story_novelty.c.revision == stories.c.revision,
    story_novelty.c.stored_at == stories.c.stored_at,
)
"""What was said of a revision's like when it came, in the transaction that stored it; later words change no sum."""


def in_view(as_of: datetime | None = None, model: str = "") -> ColumnElement[bool]:
    """A condition on `stories` joined to `scores` by SAME_TEXT: one row for each story that was not taken back."""
    newer = stories.alias()
    revised = and_(newer.c.story_id == stories.c.story_id, newer.c.revision > stories.c.revision)
    if as_of is not None:
        revised = and_(revised, newer.c.stored_at <= as_of)
    conditions = [~stories.c.withdrawn, ~exists().where(revised)]
    if as_of is not None:
        conditions += [stories.c.stored_at <= as_of, scores.c.stored_at <= as_of]
    if model:
        conditions.append(scores.c.model_version == model)
    else:
        conditions.append(first_score())
    return and_(*conditions)


def first_score() -> ColumnElement[bool]:
    earlier = scores.alias()
    return ~exists().where(
        earlier.c.story_id == scores.c.story_id,
        earlier.c.revision == scores.c.revision,
        earlier.c.seq < scores.c.seq,
    )
