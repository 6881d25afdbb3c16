"""Many names sought at once: the only importer of ahocorasick_rs. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ahocorasick_rs import AhoCorasick, MatchKind


class Automaton:
    """Finds patterns leftmost and longest, without overlap, in time linear in the text however many there are."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """No pattern may be empty."""
        self.find = AhoCorasick(patterns, matchkind=MatchKind.LeftmostLongest).find_matches_as_indexes
        """(number of the pattern, start, end) of each match in a text, in characters, from left to right."""
