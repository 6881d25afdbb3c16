"""What each scored story is told of its like, and which revision it replaces. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from newstide.messages import NewsItem, Novelty
from newstide.novelty.cluster import Held, Member, Neighbourhood, Telling
from newstide.novelty.signature import signatures
from newstide.novelty.text import canonical, undressed
from newstide.text import model_input
from processor.pipeline import Labelled

Said = tuple[Novelty, Member]


def tellings_of(items: Sequence[NewsItem]) -> list[Telling]:
    """The stories as they are compared, in order."""
    texts = [undressed(model_input(item.title, item.body)) for item in items]
    return [
        Telling(item.story_id, item.revision, text, bands, item.source, item.published_at, item.withdrawn)
        for item, text, bands in zip(items, texts, signatures([canonical(text) for text in texts]), strict=True)
    ]


def renumbered(scored: Iterable[Labelled], held: Mapping[str, list[Held]]) -> list[Labelled]:
    """The stories under revisions that are free for their text, in order.

    A source that forgot what it had published (a replay, or a feed after a month) numbers an edit from 1 again. A
    text that is stored is that revision, come again; one that is not is the next.
    """
    known = {story_id: {h.revision: h.content_hash for h in revisions} for story_id, revisions in held.items()}
    numbered: list[Labelled] = []
    for received, story in scored:
        item = story.item
        hashes = known.setdefault(item.story_id, {})
        if hashes.setdefault(item.revision, item.content_hash) != item.content_hash:
            same = [revision for revision, content_hash in hashes.items() if content_hash == item.content_hash]
            item = msgspec.structs.replace(item, revision=max(same, default=max(hashes) + 1))
            hashes[item.revision] = item.content_hash
        numbered.append(Labelled(received, msgspec.structs.replace(story, item=item)))
    return numbered


def judge(
    scored: Iterable[Labelled], tellings: Iterable[Telling], held: Mapping[str, list[Held]], known: Iterable[Member]
) -> tuple[list[Labelled], list[Said]]:
    """The stories with their novelty, in order, and what is to be kept of those that are new.

    A revision that is stored already keeps what was said of it then: another model, or a redelivery, changes nothing.
    """
    neighbourhood = Neighbourhood(known)
    said: dict[str, dict[int, Novelty | None]] = {
        story_id: {h.revision: h.novelty for h in revisions} for story_id, revisions in held.items()
    }
    judged: list[Labelled] = []
    kept: list[Said] = []
    for labelled, telling in zip(scored, tellings, strict=True):
        before = said.setdefault(telling.story_id, {})
        novelty = before.get(telling.revision)
        supersedes = max((r for r in before if r < telling.revision), default=None)
        if any(revision > telling.revision for revision in before):
            supersedes = None
        if novelty is None:
            earlier = next((n for n in before.values() if n is not None), None)
            novelty, member = neighbourhood.judge(telling, earlier.cluster_id if earlier else None)
            before[telling.revision] = novelty
            kept.append((novelty, member))
        story = msgspec.structs.replace(labelled.story, novelty=novelty, supersedes=supersedes)
        judged.append(Labelled(labelled.received, story))
    return judged, kept
