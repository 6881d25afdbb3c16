"""What a model version has not scored is handed out once, in order, on both databases."""

from msgspec import structs

from newstide.store import rescoring
from newstide.store.database import Database
from newstide.store.filters import Filters
from tests.contract.stories import HOSTILE, NOON, scored, store


def all_pending(database: Database, filters: Filters) -> list[rescoring.Pending]:
    found: list[rescoring.Pending] = []
    while some := rescoring.pending(database, filters, "m-2", found[-1].place if found else None):
        found += some
    return found


def test_every_revision_comes_once_oldest_first_as_it_was_stored(database: Database) -> None:
    many = rescoring.AT_ONCE + 50
    news = [scored(n, title=HOSTILE[n % len(HOSTILE)], minute=n // 7, tier=n % 3 + 1) for n in range(many)]
    news.append(scored(3, title="Edited", revision=2))
    store(database, news)
    found = all_pending(database, Filters())
    assert [each.place for each in found] == sorted(each.place for each in found)
    expected = {(s.item.story_id, s.item.revision): (s.item, s.tier) for s in news}
    assert {each.place[1:]: (each.item, each.tier) for each in found} == expected


def test_what_is_scored_by_that_version_and_what_was_not_asked_for_is_left_out(database: Database) -> None:
    news = [scored(n, minute=n, wire=("en", ("wire", "blog")[n % 2])) for n in range(8)]
    store(database, [*news, *(structs.replace(story, model_version="m-2") for story in news[:4])])
    found = all_pending(database, Filters(since=NOON, sources=("wire",)))
    assert [each.item for each in found] == [news[4].item, news[6].item]
