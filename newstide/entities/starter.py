"""The starter list and the word lists that ship with newstide, read from the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from newstide.entities import table
from newstide.entities.linking import Linker
from newstide.entities.vocabulary import Entity

_TABLES: Final = ("companies_us", "companies_china", "companies_world", "macro")


@cache
def entities() -> tuple[Entity, ...]:
    """The starter list, in the order of its files. Raises NoEntity for a line that is none; a test sees to that."""
    found: list[Entity] = []
    for name in _TABLES:
        for _, entity in table.read(_text("starter", f"{name}.tsv")):
            if isinstance(entity, table.NoEntity):
                raise entity
            found.append(entity)
    return tuple(found)


def linker(master: tuple[Entity, ...]) -> Linker:
    """A linker over a master, with the phrases and words that ship."""
    return Linker(master, words("decoys"), frozenset(words("common_words")))


@cache
def words(name: str) -> tuple[str, ...]:
    """The lines of a word list, its remarks left out."""
    return tuple(line for line in _text("lists", f"{name}.txt").splitlines() if line and not line.startswith("#"))


def _text(folder: str, name: str) -> str:
    return (files("newstide.entities") / folder / name).read_text(encoding="utf-8")
