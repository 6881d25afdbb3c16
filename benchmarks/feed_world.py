"""Two hundred publishers who change their minds: what they show, when they showed it, and what should come of it.

No network and no clock: time comes in. A publisher changes its list only after somebody asked with the ETag of the last
one. A worker has that ETag only once the bus has every story of the list, so nothing that was ever shown may be missing
from the bus, whoever was killed in between; and where it is, a story was lost.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final, Literal
from xml.sax.saxutils import escape

from ingest.links import identity_of
from newstide.messages import content_hash_of, story_id_of

ITEMS_MAX: Final = 150
"""Of one list: none falls off its end in ten minutes, which would be a loss that nobody can prevent."""
WORDS: Final = (
    "Halvern Veldane Skarholm Penwick Dunmarrow raises cuts outlook margin dividend plant order probe".split()
)
WORDS_ZH: Final = "赫文 维登 斯卡 上调 下调 业绩 指引 股息 工厂 订单 调查 公司 季度 利润".split()
WRONG_CLOCKS: Final = ("Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "yesterday", "")

Form = Literal["rss", "atom", "json"]
Key = tuple[str, str]
"""Story id and content hash: one text of one story."""


@dataclass(slots=True)
class Item:
    guid: str
    title: str
    body: str
    link: str
    published: str
    wrong_clock: bool = False


@dataclass(slots=True)
class Publisher:
    """`etags`: whether it sends one. Who does not only adds to its list: nobody can tell what of it was taken."""

    name: str
    host: str
    form: Form
    encoding: str
    etags: bool
    items: list[Item] = field(default_factory=list)
    version: int = 0
    confirmed: int = -1
    """The last version that somebody asked with."""
    served: int = 0
    """Whole lists sent since the last change."""
    due_at: datetime | None = None

    @property
    def taken_in(self) -> bool:
        """Whether a worker certainly has all: it came back with the ETag, or, without any, a second and third time."""
        return self.confirmed == self.version if self.etags else self.served >= 3

    @property
    def etag(self) -> str:
        return f'"{self.name}-{self.version}"' if self.etags else ""


@dataclass
class World:
    """`shown`: each text of each story, and when it could first be seen. `suspect`: stories with a wrong clock."""

    seed: int
    publishers: dict[str, Publisher] = field(default_factory=dict)
    shown: dict[Key, datetime] = field(default_factory=dict)
    source_of: dict[str, str] = field(default_factory=dict)
    suspect: set[str] = field(default_factory=set)
    edits: int = 0
    moves: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - a run is to be repeatable

    def found(self, count: int, a_host: int, now: datetime) -> None:
        """`count` publishers, `a_host` of them at each address of loopback."""
        for number in range(count):
            host = number // a_host
            chinese = number % 4 == 3
            publisher = Publisher(
                name=f"wire-{number:03}",
                host=f"127.1.{host // 250}.{host % 250 + 1}",
                form=("rss", "atom", "json")[number % 3],
                encoding="gbk" if chinese and number % 3 == 0 else "utf-8",
                etags=number % 10 != 9,
            )
            self.publishers[publisher.name] = publisher
            for _ in range(3):
                self._add(publisher, now)

    def change(self, publisher: Publisher, now: datetime, mean_s: float) -> None:
        """One step of a publisher, if it is due and what it showed last was taken in."""
        if publisher.due_at is None:
            publisher.due_at = now + timedelta(seconds=self._random.expovariate(1 / mean_s))
        if now < publisher.due_at or (publisher.etags and not publisher.taken_in):
            return
        publisher.due_at = now + timedelta(seconds=self._random.expovariate(1 / mean_s))
        draw = self._random.random()
        if draw < 0.5 or not publisher.etags:
            for _ in range(self._random.randint(1, 3)):
                self._add(publisher, now)
        elif draw < 0.8:
            self._edit(self._random.choice(publisher.items), publisher, now)
        else:
            self._move(publisher)
        publisher.version += 1
        publisher.served = 0

    def _add(self, publisher: Publisher, now: datetime) -> None:
        if len(publisher.items) >= ITEMS_MAX:
            return
        number = len(self.source_of)
        guid = f"urn:{publisher.name}:{number}"
        wrong = self._random.random() < 0.1
        item = Item(
            guid,
            self._text(publisher, number),
            self._text(publisher, number),
            f"http://{publisher.host}/a/{number}",
            self._random.choice(WRONG_CLOCKS) if wrong else format_datetime(now, usegmt=True),
            wrong,
        )
        publisher.items.insert(0, item)
        story_id = story_id_of(publisher.name, identity_of(guid))
        self.source_of[story_id] = publisher.name
        if wrong:
            self.suspect.add(story_id)
        self._show(publisher, item, now)

    def _edit(self, item: Item, publisher: Publisher, now: datetime) -> None:
        self.edits += 1
        item.title = self._text(publisher, len(self.shown))
        self._show(publisher, item, now)

    def _move(self, publisher: Publisher) -> None:
        """Another place in the list and another address: the same story, in the same words."""
        self.moves += 1
        item = publisher.items.pop(self._random.randrange(len(publisher.items)))
        item.link += "/moved"
        publisher.items.insert(self._random.randrange(len(publisher.items) + 1), item)

    def _show(self, publisher: Publisher, item: Item, now: datetime) -> None:
        key = story_id_of(publisher.name, identity_of(item.guid)), content_hash_of(item.title, item.body)
        self.shown.setdefault(key, now)

    def _text(self, publisher: Publisher, number: int) -> str:
        words = WORDS_ZH if publisher.encoding == "gbk" else WORDS
        return f"{' '.join(self._random.choices(words, k=6))} {number}"


def render(publisher: Publisher) -> tuple[bytes, str]:
    """The list as it is sent, and its type."""
    if publisher.form == "json":
        items = [
            {"id": i.guid, "url": i.link, "title": i.title, "content_text": i.body, "date_published": i.published}
            for i in publisher.items
        ]
        document = {"version": "https://jsonfeed.org/version/1.1", "title": publisher.name, "items": items}
        return json.dumps(document, ensure_ascii=False).encode(), "application/feed+json"
    make = _rss if publisher.form == "rss" else _atom
    text = f"<?xml version='1.0' encoding='{publisher.encoding}'?>{make(publisher)}"
    return text.encode(publisher.encoding), f"application/{publisher.form}+xml"


def _rss(publisher: Publisher) -> str:
    items = "".join(
        f"<item><guid isPermaLink='false'>{i.guid}</guid><title>{escape(i.title)}</title><link>{i.link}</link>"
        f"<pubDate>{i.published}</pubDate><description>{escape(f'<p>{i.body}</p>')}</description></item>"
        for i in publisher.items
    )
    return f"<rss version='2.0'><channel><title>{publisher.name}</title>{items}</channel></rss>"


def _atom(publisher: Publisher) -> str:
    items = "".join(
        f"<entry><id>{i.guid}</id><title>{escape(i.title)}</title><link href='{i.link}'/>"
        f"<published>{i.published}</published><summary>{escape(i.body)}</summary></entry>"
        for i in publisher.items
    )
    return f"<feed xmlns='http://www.w3.org/2005/Atom'><title>{publisher.name}</title>{items}</feed>"


def now_utc() -> datetime:
    return datetime.now(UTC)
