"""Whether one story is what a rule asks for. Pure.

Text is matched by plain words: folded as names are (case, width, script, accents), and at word boundaries where there
are any. There are no patterns, so no rule can make a story slow.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from newstide.alerting.rules import StoryClause, compares
from newstide.entities.folding import fold, fold_name
from newstide.entities.relevance import ROUND_UP_MAX
from newstide.messages import EntityOpinion, ScoredStory

READ_CHARS_MAX: Final = 5_000
"""Of a body in which a phrase is sought: some ten paragraphs."""
RELEVANCE_MIN: Final = ROUND_UP_MAX
"""A story is about a company when it is more relevant than a name in a round-up can be."""


class Story:
    """A story that is held against many clauses; its text is folded when the first of them asks."""

    def __init__(self, story: ScoredStory) -> None:
        self.story = story
        self.by_entity = {each.entity_id: each for each in story.entities}
        self._text: str | None = None

    def says(self, phrase: str) -> bool:
        if self._text is None:
            item = self.story.item
            folded = fold(f"{item.title}\n{item.body[:READ_CHARS_MAX]}").text
            self._text = " ".join(folded.split())
        return _holds(self._text, _folded(phrase))

    def about(self, entity_id: str) -> bool:
        found = self.by_entity.get(entity_id)
        return found is not None and found.relevance > RELEVANCE_MIN

    def matches(self, clause: StoryClause, towards: EntityOpinion | None) -> bool:
        """`towards`: the opinion for the rule's entity; None: the story's own. What the model is unsure of, or a copy,
        or what was taken back, matches nothing."""
        said: ScoredStory | EntityOpinion = self.story if towards is None else towards
        if said.label == "unsure" or self.story.item.withdrawn:
            return False
        if towards is not None and towards.relevance <= RELEVANCE_MIN:
            return False
        return (
            clause.label in (None, said.label)
            and clause.topic in ("", self.story.topic)
            and (not clause.mentions or self.about(clause.mentions))
            and _scores(clause, said.score)
            and (not clause.phrase or self.says(clause.phrase))
        )


def _scores(clause: StoryClause, score: float | None) -> bool:
    if clause.comparison is None or clause.score is None:
        return True
    return score is not None and compares(score, clause.comparison, clause.score)


@lru_cache(maxsize=4_096)
def _folded(phrase: str) -> str:
    return fold_name(phrase)


def _holds(text: str, phrase: str) -> bool:
    place = text.find(phrase) if phrase else -1
    while place >= 0:
        end = place + len(phrase)
        if not (_joined(text, place) or _joined(text, end)):
            return True
        place = text.find(phrase, place + 1)
    return False


def _joined(text: str, place: int) -> bool:
    """Whether a word of Latin letters or figures runs across that place."""
    if not 0 < place < len(text):
        return False
    return all(c.isascii() and c.isalnum() for c in text[place - 1 : place + 1])
