"""Whom stories are about, and what the model is asked for each of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC
from itertools import pairwise
from typing import Final, NamedTuple

from newstide.entities.linking import Link, Linker
from newstide.messages import EntityOpinion, Label, NewsItem
from newstide.scoring.port import Opinions, label_of
from newstide.text import model_input

ASKED_MAX: Final = 3
"""Entities of a story that the model is asked about, the most relevant. Each costs as much as the story itself, and
of a long list the model can say little about any one."""
AROUND_CHARS_MAX: Final = 400
"""Of a body on each side of a name: the sentence it stands in is rarely longer, and the model reads 128 tokens."""

_SENTENCE_ENDS: Final = re.compile(r"[.!?]\s|[。！？\n]")
_UNKNOWN: Final = (1 / 3, 1 / 3, 1 / 3)
"""Three equal probabilities: nothing was said."""


class Question(NamedTuple):
    """A text and the name in it that the model is asked about, as the model reads them."""

    text: str
    name: str


def links_of(item: NewsItem, linker: Linker) -> tuple[Link, ...]:
    """Whom a story is about by the names and symbols of the day of its publication; a withdrawn one about nobody."""
    if item.withdrawn:
        return ()
    return linker.link(item.title, item.body, item.symbols, item.published_at.astimezone(UTC).date())


def questions(item: NewsItem, links: Sequence[Link]) -> list[Question]:
    """One for each of the first ASKED_MAX links: of the title where it is named there, else of its sentence."""
    return [Question(_text(item, link), model_input(link.mention.text)) for link in links[:ASKED_MAX]]


def _text(item: NewsItem, link: Link) -> str:
    if link.mention.field == "title":
        return model_input(item.title)
    return model_input(_sentence(item.body, link.mention.start, link.mention.end))


def _sentence(body: str, start: int, end: int) -> str:
    """The sentence of a body in which [start, end) stands, within AROUND_CHARS_MAX on each side."""
    low, high = max(0, start - AROUND_CHARS_MAX), min(len(body), end + AROUND_CHARS_MAX)
    ends = [low, *(match.end() for match in _SENTENCE_ENDS.finditer(body, low, high)), high]
    first = max((a for a, b in pairwise(ends) if a <= start < b), default=low)
    last = min((b for b in ends if b >= end), default=high)
    return body[first:last]


def opinions_of(links: Sequence[Link], said: Opinions, first_row: int) -> tuple[EntityOpinion, ...]:
    """The links with what was answered: row `first_row` and those after it belong to the first ASKED_MAX."""
    found = []
    for place, link in enumerate(links):
        row: tuple[float, float, float] = _UNKNOWN
        label: Label = "unsure"
        if place < ASKED_MAX:
            answer = said.sentiment[first_row + place]
            row = (float(answer[0]), float(answer[1]), float(answer[2]))
            label = label_of(answer, float(said.confidence[first_row + place]))
        mention = link.mention
        found.append(
            EntityOpinion(
                entity_id=link.entity_id,
                relevance=link.relevance,
                link_score=link.score,
                p_negative=row[0],
                p_neutral=row[1],
                p_positive=row[2],
                label=label,
                matched=mention.text,
                field=mention.field,
                start=mention.start,
                end=mention.end,
            )
        )
    return tuple(found)
