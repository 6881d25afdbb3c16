"""Whom stories are about, through the handler: what is asked of the model, and what is said."""

from datetime import UTC, datetime

import msgspec

from newstide.clock import FakeClock
from newstide.codec import encode
from newstide.entities import starter
from newstide.messages import NewsItem, ScoredStory, content_hash_of, story_id_of
from newstide.scoring.stub import StubScorer
from newstide.service import Service
from newstide.settings import Settings
from newstide.telemetry import Metrics, logger
from processor.handler import ScoreStories
from processor.reading import Reader
from processor.subjects import ASKED_MAX, Question, links_of, questions
from tests.unit.processor.test_handler import UNOPENED, Remembering, record

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LINKER = starter.linker(starter.entities())


def item(title: str, body: str = "", number: int = 1) -> NewsItem:
    return NewsItem(
        story_id=story_id_of("wire", str(number)),
        revision=1,
        content_hash=content_hash_of(title, body),
        source="wire",
        title=title,
        body=body,
        published_at=NOON,
        received_at=NOON,
    )


def scored(*items: NewsItem) -> list[ScoredStory]:
    service = Service("test", "one", FakeClock(NOON), Metrics(), logger("test"))
    handler = ScoreStories(Settings(), lambda: Reader(StubScorer(), 1_024, LINKER), Remembering(), UNOPENED, service)
    return [story for _, story in handler.prepare([record(*items)]).scored]


def test_two_companies_with_opposite_fates_have_opposite_signs() -> None:
    (story,) = scored(item("Boeing plunges on fraud, Airbus wins record order"))
    score = {each.entity_id: each.score for each in story.entities}
    assert score["boeing"] is not None and score["boeing"] < 0
    assert score["airbus"] is not None and score["airbus"] > 0
    assert story.entities_version == LINKER.version
    for each in story.entities:
        assert story.item.title[each.start : each.end] == each.matched


def test_an_answer_does_not_depend_on_the_batch() -> None:
    some = [item(f"{name} profit falls, Nokia wins", number=n) for n, name in enumerate(("Boeing", "Tesla", "Nobody"))]
    together = scored(*some)
    assert [scored(each)[0].entities for each in some] == [each.entities for each in together]


def test_no_more_are_asked_about_than_the_limit_and_the_rest_says_nothing() -> None:
    (story,) = scored(item("Boeing, Tesla, Nokia, Toyota, Pfizer and Netflix fall"))
    assert len(story.entities) == 6
    asked = [each.entity_id for each in story.entities if each.score is not None]
    assert len(asked) == ASKED_MAX
    assert {each.label for each in story.entities[ASKED_MAX:]} == {"unsure"}


def test_of_a_body_its_sentence_is_asked_about() -> None:
    story = item("Markets wrap", "Indices were mixed. Tesla plunges after fraud. Nothing else happened.")
    assert questions(story, links_of(story, LINKER)) == [Question("Tesla plunges after fraud.", "Tesla")]


def test_a_story_of_the_schema_before_can_be_read() -> None:
    (story,) = scored(item("Boeing falls"))
    fields = msgspec.json.decode(encode(story))
    del fields["entities"], fields["entities_version"]
    fields["schema"] = 1
    from newstide.codec import decode_stories

    good, bad = decode_stories(msgspec.json.encode(fields))
    assert bad == [] and good[0].message.entities == ()


def test_a_withdrawn_story_is_about_nobody() -> None:
    assert links_of(msgspec.structs.replace(item("Boeing falls"), withdrawn=True), LINKER) == ()
