"""What a graph takes and gives: two sentiments, then topics. Training, export and serving read it here. Pure."""

from typing import Final

from newstide.messages import SENTIMENTS

STORY: Final = slice(0, len(SENTIMENTS))
"""Sentiment of the story: negative, neutral, positive."""
ENTITY: Final = slice(STORY.stop, STORY.stop + len(SENTIMENTS))
"""Sentiment towards the company that was asked for."""
TOPIC: Final = slice(ENTITY.stop, None)
"""One column for each topic, to the end."""
COLUMNS: Final = {"story": STORY, "entity": ENTITY, "topic": TOPIC}
"""By task."""
FINE: Final = "fine"
"""The input of a graph that holds a finer form of itself: whether it answers by that."""


def count(topics: int) -> int:
    """How many columns a model of so many topics has."""
    return ENTITY.stop + topics
