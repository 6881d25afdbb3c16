"""Names, symbols and ids as people write them, to the entity they mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newstide.entities import starter
from newstide.entities.finding import SUGGESTED_MAX, meant
from newstide.entities.vocabulary import Entity, Kind, Listing, Name

MASTER = starter.entities()


@pytest.mark.parametrize(
    ("said", "entity_id"),
    [
        ("kweichow-moutai", "kweichow-moutai"),
        ("贵州茅台", "kweichow-moutai"),
        ("600519", "kweichow-moutai"),
        ("SSE:600519", "kweichow-moutai"),
        ("Tesla", "tesla"),
        ("tesla ", "tesla"),
        ("TSLA", "tesla"),
        ("騰訊", "tencent"),
        ("Target", "target"),
    ],
)
def test_what_people_write(said: str, entity_id: str) -> None:
    assert meant(MASTER, said).entity_id == entity_id


@pytest.mark.parametrize(("said", "suggested"), [("Telsa", "tesla"), ("Amazn", "amazon")])
def test_a_slip_gets_suggestions(said: str, suggested: str) -> None:
    found = meant(MASTER, said)
    assert found.entity_id is None
    assert suggested in found.suggestions
    assert len(found.suggestions) <= SUGGESTED_MAX


def test_two_of_one_name_are_both_suggested_and_an_old_symbol_is_nobodys() -> None:
    pair = [
        Entity(
            entity_id=f"acme-{n}",
            kind=Kind.COMPANY,
            names=(Name(text="Acme", language="en"),),
            listings=(Listing(exchange="US", symbol="ACM"),) if n else (),
        )
        for n in range(2)
    ]
    assert meant(pair, "acme") == (None, ("acme-0", "acme-1"))
    assert meant(pair, "ACM").entity_id == "acme-1"
    assert meant(MASTER, "FB").entity_id != "meta-platforms"


@given(st.text(max_size=300))
def test_any_text_is_answered(said: str) -> None:
    found = meant(MASTER[:50], said)
    assert found.entity_id is None or not found.suggestions
