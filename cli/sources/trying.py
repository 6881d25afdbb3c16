"""`newstide sources test`: what a source would give, without sending any of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import Json, settings_of
from cli.output import emit_json, emit_pairs, emit_table, say
from cli.sources.common import KindOption, Options, app, database_of, source_of
from newstide.errors import SourceUnavailable, UsageError

if TYPE_CHECKING:
    from ingest.polled import Polled
    from newstide.messages import NewsItem
    from newstide.sources import Source


@app.command("test")
def test(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="An address, or the name of a source.", metavar="URL|NAME")],
    kind: KindOption = "feed",
    options: Options = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Stories to show.")] = 10,
    as_json: Json = False,
) -> None:
    """Ask a source once and show what would be sent. Nothing is sent, and no cursor moves."""
    settings = settings_of(context)
    from ingest.asking import ask
    from ingest.fetch import Fetcher
    from ingest.polled import normalised
    from newstide.outbound.guard import Guard
    from newstide.sources import SourceState

    chosen = (
        source_of({"name": "test", "url": source, "kind": kind}, options)
        if "://" in source
        else _known(context, source)
    )
    guard = Guard.of(allow_private_addresses=settings.ingest.allow_private_addresses)
    state = SourceState(source=chosen.name, kind=chosen.kind)
    polled = ask(chosen, state, Fetcher(settings.ingest.user_agent, guard), datetime.now(UTC))
    if polled.error:
        raise SourceUnavailable(f"{source} gives no news", why=polled.error, fix="docs/sources.md")
    items, rejects = normalised(polled)
    if as_json:
        told = _told(polled) | {"rejected": [f"{each.reason.value}: {each.detail}" for each in rejects]}
        emit_json(told | {"stories": [_shown(item) for item in items[:limit]]})
        return
    emit_pairs(_told(polled) | {"stories": len(items), "rejected": len(rejects)})
    names = ("published (UTC)", "language", "id", "flags", "title")
    emit_table(names, [list(_shown(item).values())[:-2] for item in items[:limit]])
    for each in rejects[:limit]:
        say(f"rejected: {each.reason.value}: {each.detail}")


def _known(context: typer.Context, name: str) -> Source:
    from newstide.store import registry

    found = registry.load(database_of(context), name)
    if found is None:
        raise UsageError(f"there is no source {name}", why="and it is no address", fix="newstide sources list")
    return found.source


def _told(polled: Polled) -> dict[str, Any]:
    return {
        "kind": polled.source.kind,
        "problems": "; ".join(f"{each.kind}: {each.detail}" for each in polled.parsed.problems) or "none",
        "asks to wait": _wait(polled),
    }


def _wait(polled: Polled) -> str:
    hints = {"ttl": polled.parsed.ttl_s, "max-age": None if polled.answer is None else polled.answer.max_age_s}
    return ", ".join(f"{name} {seconds:g} s" for name, seconds in hints.items() if seconds) or "nothing said"


def _shown(item: NewsItem) -> dict[str, Any]:
    return {
        "published": f"{item.published_at:%Y-%m-%d %H:%M}",
        "language": item.language,
        "id": item.story_id[:12],
        "flags": " ".join(item.flags),
        "title": item.title,
        "url": item.url,
        "symbols": list(item.symbols),
    }
