"""What a story can be about: sixteen topics in five groups. Definitions and examples: docs/model.md. Pure."""

from typing import Final

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "company": ("earnings", "guidance", "mergers", "financing", "management", "product", "labour"),
    "risk": ("legal", "fraud_default"),
    "street": ("analyst_view", "market_move"),
    "economy": ("macro", "monetary_policy", "commodities", "currency"),
    "other": ("other",),
}
TOPICS: Final[tuple[str, ...]] = tuple(topic for members in GROUPS.values() for topic in members)
"""All topics, in the order of the model's columns."""


def group_of(topic: str) -> str:
    """The upper level. Raises KeyError for a name that is not a topic."""
    return _GROUP_OF[topic]


_GROUP_OF: Final = {topic: group for group, members in GROUPS.items() for topic in members}
