"""Which entity somebody means who writes a name, a symbol or an id. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

from newstide.entities.folding import fold_name
from newstide.entities.vocabulary import Entity

SAID_CHARS_MAX: Final = 128
"""Of what is looked for: twice the longest name."""
SUGGESTED_MAX: Final = 5
_CLOSE: Final = 0.75
"""Of difflib's ratio: one or two letters of a name."""


class Meant(NamedTuple):
    """`entity_id` where there is no doubt; else those that may be meant, the likeliest first."""

    entity_id: str | None
    suggestions: tuple[str, ...] = ()


def meant(master: Sequence[Entity], said: str) -> Meant:
    """An id first, then a name or a symbol that only one entity has in use; a weak name is one as well."""
    wanted = fold_name(said[:SAID_CHARS_MAX])
    if any(each.entity_id == said for each in master):
        return Meant(said)
    forms: dict[str, list[str]] = {}
    for each in master:
        for form in _forms(each):
            forms.setdefault(form, []).append(each.entity_id)
    exact = _once(forms.get(wanted, ()))
    if len(exact) == 1:
        return Meant(exact[0])
    within = (form for form in forms if wanted and wanted in form)
    close = get_close_matches(wanted, forms, SUGGESTED_MAX, _CLOSE)
    likely = [entity_id for form in [*close, *sorted(within, key=len)] for entity_id in forms[form]]
    return Meant(None, tuple(_once([*exact, *likely])[:SUGGESTED_MAX]))


def _forms(entity: Entity) -> set[str]:
    symbols = [each for each in entity.listings if each.valid_to is None]
    forms = [*(name.text for name in entity.names), *(each.symbol for each in symbols), entity.entity_id]
    forms += [f"{each.exchange}:{each.symbol}" for each in symbols]
    return {fold_name(form) for form in forms}


def _once(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(ids))
