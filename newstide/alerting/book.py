"""The rules in force, found by whom they are about: a story costs what the rules on its subjects cost. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from newstide.alerting.naming import Names
from newstide.alerting.rules import StoredRule, SubjectKind
from newstide.alerting.windows import MICROS
from newstide.messages import ScoredStory

STREAM = ""
"""The key of everything."""


def entity_key(entity_id: str) -> str:
    return f"entity:{entity_id}"


def system_key(part: str) -> str:
    return f"system:{part}"


def keys_of(story: ScoredStory) -> Iterator[str]:
    """Every subject that a story belongs to."""
    yield STREAM
    yield f"source:{story.item.source}"
    if story.topic:
        yield f"topic:{story.topic}"
    for each in story.entities:
        yield entity_key(each.entity_id)


def name_of(key: str) -> str:
    """The subject of a key, as a firing calls it."""
    return key.partition(":")[2]


class Book:
    """An index of rules, made anew when a rule, a watchlist or the master changes."""

    def __init__(self, rules: Sequence[StoredRule], names: Names, members: Mapping[str, Collection[str]]) -> None:
        self.names = names
        self.at_once: dict[str, list[StoredRule]] = {}
        self.ordered: dict[str, list[StoredRule]] = {}
        self.system: list[StoredRule] = []
        self.memory_us: dict[str, int] = {}
        """By key, how long its stories matter; a key without windows is not in it."""
        self.rules: dict[tuple[str, int], StoredRule] = {}
        for stored in rules:
            self.rules[stored.rule_id, stored.version] = stored
            if stored.rule.subject.kind is SubjectKind.SYSTEM:
                self.system.append(stored)
                continue
            for key in self.keys(stored, members):
                self._put(key, stored)

    def keys(self, stored: StoredRule, members: Mapping[str, Collection[str]]) -> list[str]:
        """The subjects of a rule, each of which it is about apart."""
        subject = stored.rule.subject
        match subject.kind:
            case SubjectKind.EVERYTHING:
                return [STREAM]
            case SubjectKind.ENTITY:
                return [entity_key(subject.name)]
            case SubjectKind.WATCHLIST:
                return sorted(map(entity_key, members.get(subject.name, ())))
            case SubjectKind.SECTOR:
                return sorted(map(entity_key, self.names.of_sector(subject.name)))
            case _:
                return [f"{subject.kind.value}:{subject.name}"]

    def _put(self, key: str, stored: StoredRule) -> None:
        rule = stored.rule
        index = self.at_once if rule.at_once else self.ordered
        index.setdefault(key, []).append(stored)
        if rule.windows:
            self.memory_us[key] = max(self.memory_us.get(key, 0), rule.memory_s * MICROS)

    def shown(self, key: str) -> str:
        """What to call a subject to people."""
        return self.names.shown(name_of(key)) if key.startswith("entity:") else name_of(key)
