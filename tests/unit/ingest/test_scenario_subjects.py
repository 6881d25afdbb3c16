"""The invented companies as entities."""

from datetime import date

from ingest.scenario.day import load_cast
from ingest.scenario.subjects import entities_of, taken_in
from newstide.entities import starter


def test_each_company_is_found_by_its_names_in_both_languages() -> None:
    linker = starter.linker(tuple(entities_of(load_cast())))
    for title in ("Halvern staff to share in profit", "Halvern Systems beats", "赫文系统上调指引"):
        (link,) = linker.link(title, "", (), date(2026, 11, 26))
        assert link.entity_id == "demo-hlvn"


def test_they_are_taken_in_once_and_are_nobody_else() -> None:
    cast, real = load_cast(), starter.entities()
    first = taken_in(cast, real)
    assert first.added == len(cast.companies) == len(first.changes)
    assert not set(first.changes) & {each.entity_id for each in real}
    assert taken_in(cast, [*real, *(change.after for change in first.changes.values())]).changes == {}
