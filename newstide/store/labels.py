"""What people say of texts: rows are only added, and of one person's on one text and entity the last holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, exists, func, insert, select, text

from newstide.labelling import Candidate, Judgement, Opinion, StoryText, settle
from newstide.store.database import Database
from newstide.store.schema import labels, scores, shadow_scores, stories
from newstide.text import READ_CHARS_MAX, model_input

KEYS_A_QUERY: Final = 500
CANDIDATES_MAX: Final = 10_000
"""The newest scores among which the queue looks; a person labels some hundreds a day."""
_FIELDS: Final = tuple(Judgement.__dataclass_fields__)


def add(database: Database, said: Sequence[Judgement]) -> int:
    """Add what is not known yet, in one transaction; returns how many rows that were (see `labelling.settle`)."""
    hashes = sorted({judgement.text_hash for judgement in said})
    with database.transaction() as connection:
        if not database.is_sqlite:  # SQLite's write lock, which we hold already, does the same; readers go on
            connection.execute(text("LOCK TABLE labels IN SHARE ROW EXCLUSIVE MODE"))
        known = [row for some in _cut(hashes) for row in _standing(connection, labels.c.text_hash.in_(some))]
        new = settle({judgement.key: judgement for judgement in known}, said)
        if new:
            connection.execute(insert(labels), [{name: getattr(each, name) for name in _FIELDS} for each in new])
    return len(new)


def standing(database: Database) -> list[Judgement]:
    """The judgements that hold, in the order in which they were given."""
    with database.transaction() as connection:
        return list(_standing(connection))


def _standing(connection: Connection, *conditions: Any) -> Iterator[Judgement]:
    key = (labels.c.annotator, labels.c.text_hash, labels.c.entity)  # NULLs are alike here, as they must be
    last = select(func.max(labels.c.id)).where(*conditions).group_by(*key)
    query = select(*(labels.c[name] for name in _FIELDS)).where(labels.c.id.in_(last)).order_by(labels.c.id)
    return (Judgement(*row) for row in connection.execute(query))


def labelled_hashes(database: Database) -> set[str]:
    """Hashes of the texts that anybody has labelled."""
    with database.transaction() as connection:
        return set(connection.execute(select(labels.c.text_hash).distinct()).scalars())


def story_texts(database: Database, story_ids: Iterable[str]) -> dict[str, StoryText]:
    """The latest revision of these stories, each with the version that scored it last; unknown ids are left out."""
    found: dict[str, StoryText] = {}
    with database.transaction() as connection:
        for some in _cut(sorted(set(story_ids))):
            query = _read(scores).where(stories.c.story_id.in_(some)).order_by(scores.c.seq)
            for row in connection.execute(query):
                found[row.story_id] = StoryText(model_input(row.title, row.body), row.model_version)
    return found


def candidates(database: Database, limit: int = CANDIDATES_MAX) -> list[Candidate]:
    """Stories among the newest `limit` scores, newest first, with what each active and shadow version said of them."""
    texts: dict[str, str] = {}
    said: dict[str, list[Opinion]] = {}
    with database.transaction() as connection:
        for table in (scores, shadow_scores):
            for row in connection.execute(_read(table).order_by(table.c.seq.desc()).limit(limit)):
                if table is scores:
                    texts.setdefault(row.story_id, model_input(row.title, row.body))
                probabilities = (row.p_negative, row.p_neutral, row.p_positive)
                said.setdefault(row.story_id, []).append(Opinion(row.model_version, probabilities, row.label))
    return [Candidate(story_id, read, tuple(said[story_id])) for story_id, read in texts.items()]


def _read(table: Any) -> Select[Any]:
    """Scores of latest revisions, with as much of the story as a model reads."""
    newer = stories.alias()
    same = and_(stories.c.story_id == table.c.story_id, stories.c.revision == table.c.revision)
    columns = (table.c.story_id, table.c.model_version, table.c.label)
    shares = (table.c.p_negative, table.c.p_neutral, table.c.p_positive)
    body = func.substr(stories.c.body, 1, READ_CHARS_MAX).label("body")
    return (
        select(*columns, *shares, stories.c.title, body)
        .join_from(table, stories, same)
        .where(~exists().where(newer.c.story_id == stories.c.story_id, newer.c.revision > stories.c.revision))
    )


def _cut(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(keys), KEYS_A_QUERY):
        yield keys[first : first + KEYS_A_QUERY]
