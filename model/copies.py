"""How often a run reads the examples of each source: what it is weak in more often, what there is plenty of less.

Pure: the same seed draws the same examples.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from model.examples import Example
from newstide.errors import UsageError

REST: Final = "rest"
"""Every source that is not named."""
ENTITY: Final = "entity"
CONTESTED: Final = "contested"
COPIES_MAX: Final = 20.0
"""More would be learning by heart."""


def read(given: Sequence[str]) -> dict[str, float]:
    """Times by name, from lines such as `tfns:2`, `finfe:0.4`, `sentfin/contested:3`. Raises UsageError."""
    found = {}
    for each in given:
        name, _, times = each.rpartition(":")
        try:
            found[name] = float(times)
        except ValueError:
            name = ""
        part = name.partition("/")[2]
        if not name or part not in ("", ENTITY, CONTESTED) or not 0 <= found[name] <= COPIES_MAX:
            raise UsageError(
                f"{each!r} does not say how often a source is read",
                why=f"it takes SOURCE, SOURCE/{ENTITY}, SOURCE/{CONTESTED} or {REST}, then 0 to {COPIES_MAX:g}",
                fix="write it as tfns:2 or own/contested:1.5",
            )
    return found


def drawn(examples: Sequence[Example], times: Mapping[str, float], seed: int) -> list[Example]:
    """Each example so many times as its source's is; of 2.4 times, two and by a draw in five of them a third.

    Of the names that fit an example the most particular one counts: `source/contested` (a question about one company
    of a text in which companies fare differently), `source/entity` (about any company), `source`, `rest`; or once.
    Raises UsageError for a source that no example has.
    """
    known = {example.source for example in examples} | {REST}
    if strangers := [name for name in times if name.partition("/")[0] not in known]:
        raise UsageError(f"{strangers[0]!r} is no source of this build", fix=f"they are {', '.join(sorted(known))}")
    contested = _contested(examples)
    draw = random.Random(seed)  # noqa: S311 - a sample, not a secret
    out = []
    for example in examples:
        wanted = next((times[name] for name in _names(example, contested) if name in times), 1.0)
        whole = int(wanted)
        out += [example] * (whole + (draw.random() < wanted - whole))
    return out


def _names(example: Example, contested: set[tuple[str, str]]) -> Iterator[str]:
    if example.entity is not None:
        if (example.source, example.text) in contested:
            yield f"{example.source}/{CONTESTED}"
        yield f"{example.source}/{ENTITY}"
    yield example.source
    yield REST


def _contested(examples: Sequence[Example]) -> set[tuple[str, str]]:
    """Source and text of those in which two companies have different labels."""
    labels: dict[tuple[str, str], set[int]] = {}
    for example in examples:
        if example.entity is not None and example.sentiment is not None:
            labels.setdefault((example.source, example.text), set()).add(example.label)
    return {text for text, found in labels.items() if len(found) > 1}
