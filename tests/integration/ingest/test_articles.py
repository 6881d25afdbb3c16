"""The text of articles, from the pages of a publisher on loopback."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingest import articles, extract
from ingest.articles import PAGES_MAX, with_bodies, without_body
from ingest.feeds import run_feeds
from ingest.novelty import judge
from ingest.worker import article_in_worker
from newstide.errors import UsageError
from newstide.messages import NewsItem, content_hash_of
from newstide.service import Service
from newstide.settings import Settings
from tests.integration.ingest.conftest import Answer, Publisher, enter

HTML = {"Content-Type": "text/html; charset=utf-8"}
SENTENCE = "Halvern said on Monday that it would open a plant in the north and hire 400 people there."
PAGE = (
    "<html><head><title>t</title><script>x()</script></head><body><nav><a href='/'>Home</a></nav><article>"
    + f"<h1>Halvern opens a plant</h1><p>{SENTENCE}</p>" * 3
    + "</article><footer>Terms and cookies</footer></body></html>"
).encode()


def feed(publisher: Publisher, *names: str) -> Answer:
    items = "".join(
        f"<item><guid isPermaLink='false'>{name}</guid><title>Halvern: {name}</title>"
        f"<link>{publisher.url('/' + name)}</link></item>"
        for name in names
    )
    return Answer(f"<rss version='2.0'><channel><title>t</title>{items}</channel></rss>".encode())


@pytest.fixture
def reading(settings: Settings, publisher: Publisher) -> Settings:
    """One source, whose pages are to be read."""
    enter(settings, wire=publisher.url("/wire"))
    ingest = settings.ingest.model_copy(update={"extract": ("wire",)})
    return settings.model_copy(update={"ingest": ingest})


def test_a_headline_gets_its_text_once(
    publisher: Publisher, reading: Settings, service: Service, published: Callable[[], list[NewsItem]]
) -> None:
    publisher.answers |= {"/wire": feed(publisher, "plant"), "/plant": Answer(PAGE, headers=HTML)}
    run_feeds(reading, service, once=True)
    (item,) = published()
    assert SENTENCE in item.body and "cookies" not in item.body and "x()" not in item.body
    assert "body_extracted" in item.flags
    assert item.content_hash == content_hash_of("Halvern: plant", "")

    publisher.answers["/plant"] = Answer(PAGE.replace(b"400", b"500"), headers=HTML)
    assert run_feeds(reading, service, once=True).unchanged == 1
    assert [path for path, _ in publisher.asked].count("/plant") == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=404),
        Answer(PAGE, headers={"Content-Type": "application/pdf"}),
        Answer(b"<html><p>Accept cookies</p></html>", headers=HTML),
        Answer(b"x" * (2 << 20), headers=HTML),
        Answer(b"<div>" * 50_000, headers=HTML),
        Answer(b"", headers=HTML),
    ],
    ids=["gone", "pdf", "a notice", "large", "deep", "empty"],
)
def test_a_failure_leaves_the_story_as_it_was(
    publisher: Publisher,
    reading: Settings,
    service: Service,
    published: Callable[[], list[NewsItem]],
    answer: Answer,
) -> None:
    publisher.answers |= {"/wire": feed(publisher, "plant"), "/plant": answer}
    assert run_feeds(reading, service, once=True).published == 1
    (item,) = published()
    assert (item.title, item.body) == ("Halvern: plant", "") and "extract_failed" in item.flags


def test_it_is_off_for_a_source_that_is_not_named(
    publisher: Publisher, settings: Settings, service: Service, published: Callable[[], list[NewsItem]]
) -> None:
    publisher.answers |= {"/wire": feed(publisher, "plant"), "/plant": Answer(PAGE, headers=HTML)}
    enter(settings, wire=publisher.url("/wire"))
    run_feeds(settings, service, once=True)
    assert published()[0].body == "" and [path for path, _ in publisher.asked] == ["/wire"]


def test_so_many_pages_of_one_poll(
    publisher: Publisher, reading: Settings, service: Service, published: Callable[[], list[NewsItem]]
) -> None:
    names = [f"story-{number}" for number in range(PAGES_MAX + 3)]
    publisher.answers["/wire"] = feed(publisher, *names)
    run_feeds(reading, service, once=True)
    assert len(published()) == len(names)
    assert len(publisher.asked) == 1 + PAGES_MAX


def test_a_chinese_page_in_its_own_encoding() -> None:
    text = "赫文系统周一宣布上调全年业绩指引，预计收入增长百分之五，净利润同比增长百分之十。" * 4
    page = f"<html><body><article><p>{text}</p><p>{text}</p></article></body></html>".encode("gbk")
    assert text[:40] in article_in_worker(page, "text/html")


def test_without_the_extra_it_says_what_to_install(
    reading: Settings, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(articles, "installed", lambda: False)
    with pytest.raises(UsageError, match="articles cannot be read"):
        run_feeds(reading, service, once=True)


def test_any_page_gives_a_text_or_nothing() -> None:
    for page in (
        b"",
        b"\x00",
        b"<",
        b"<html",
        b"\xff\xfe",
        b"<svg><script>" * 99,
        b"<!DOCTYPE x [<!ENTITY a 'b'>]>&a;",
    ):
        assert isinstance(extract.article_text(page), str)
    assert extract.article_text(b"<p>x</p>" * extract.TAGS_MAX) == ""
    assert without_body([], {}) == [] and with_bodies(judge([], {}), {}) == judge([], {})
