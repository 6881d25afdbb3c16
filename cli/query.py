"""`newstide query`: stories, indices, movers, breadth and clusters, of now or as they were known at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.asking import (
    AsOf,
    Entity,
    HalfLife,
    Languages,
    Model,
    Since,
    Source,
    Step,
    Tier,
    Topic,
    Until,
    Window,
    about,
    asked,
    figure,
    flat,
    hours,
    steps_of,
)
from cli.context import Json, settings_of
from cli.output import emit_json, emit_table, say

if TYPE_CHECKING:
    from newstide.store.database import Database
    from newstide.store.indexing import Cluster

app = typer.Typer(help="Ask the record; --as-of asks it as it was known at a time.", no_args_is_help=True)

Limit = Annotated[int, typer.Option(min=1, max=1_000, help="Rows at most.")]


def reading(context: typer.Context) -> Database:
    from newstide.store.connect import connect

    return connect(settings_of(context), read_only=True)


@app.command("stories")
def stories(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    context: typer.Context,
    since: Since = None,
    until: Until = None,
    entity: Entity = "",
    topic: Topic = None,
    language: Languages = None,
    source: Source = None,
    tier: Tier = None,
    label: Annotated[list[str] | None, typer.Option(help="negative, neutral, positive or unsure.")] = None,
    text: Annotated[str, typer.Option(help="Words that the title must have.")] = "",
    as_of: AsOf = None,
    model: Model = "",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """The newest by publication first, each with its latest revision and what the model in use said of it."""
    filters = asked(
        None, since, until, as_of, entity=entity, topics=topic, languages=language, sources=source, tiers=tier,
        labels=label, text=text, model=model,
    )  # fmt: skip
    from newstide.store import reads

    database = reading(context)
    rows = reads.list_stories(database, about(database, filters), limit)
    if as_json:
        emit_json([asdict(row) for row in rows])
        return
    columns = ("published (UTC)", "score", "label", "topic", "source", "title")
    shown = [(f"{r.published_at:%Y-%m-%d %H:%M}", figure(r.score), r.label, r.topic, r.source, r.title) for r in rows]
    emit_table(columns, shown, empty="no story is like that")


@app.command("index")
def index(  # noqa: PLR0913, PLR0917
    context: typer.Context,
    since: Since = None,
    until: Until = None,
    entity: Entity = "",
    topic: Topic = None,
    language: Languages = None,
    source: Source = None,
    tier: Tier = None,
    step: Step = "1d",
    window: Window = "1d",
    half_life: HalfLife = "1d",
    as_of: AsOf = None,
    model: Model = "",
    as_json: Json = False,
) -> None:
    """Sentiment of the whole stream, an entity or a topic over time, with volume and surprise; "-" is no data."""
    filters = asked(
        timedelta(days=30), since, until, as_of, entity=entity, topics=topic, languages=language, sources=source,
        tiers=tier, model=model,
    )  # fmt: skip
    steps = steps_of(filters, hours(step, "--step"), hours(window, "--window"), hours(half_life, "--half-life"))
    from newstide.store import indexing

    database = reading(context)
    points = [flat(point) for point in indexing.index(database, about(database, filters), steps)]
    if as_json:
        emit_json(points)
    else:
        emit_table(("at (UTC)", *_FIGURES), [(f"{p['at']:%Y-%m-%d %H:%M}", *_figures(p)) for p in points])


_FIGURES = ("stories", "copies", "mean", "±", "decayed", "usual", "volume z", "surprise", "z")


def _figures(p: Mapping[str, Any]) -> tuple[Any, ...]:
    half = None if p["low"] is None else (p["high"] - p["low"]) / 2
    usual = None if p["expected"] is None else f"{p['expected']:.1f}"
    return (
        p["count"], p["copies"], figure(p["mean"]), None if half is None else f"{half:.2f}", figure(p["decayed"]),
        usual,
        figure(p["volume_z"], 1), figure(p["surprise"]), figure(p["surprise_z"], 1),
    )  # fmt: skip


@app.command("movers")
def movers(  # noqa: PLR0913, PLR0917
    context: typer.Context,
    until: Until = None,
    topic: Topic = None,
    language: Languages = None,
    tier: Tier = None,
    window: Window = "1d",
    by: Annotated[Literal["volume", "sentiment"], typer.Option(help="What to rank by.")] = "volume",
    as_of: AsOf = None,
    model: Model = "",
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """The entities that are furthest from their own usual: in how much there is to read, or in its sentiment."""
    length = hours(window, "--window")
    filters = asked(
        timedelta(hours=length), None, until, as_of, topics=topic, languages=language, tiers=tier, model=model
    )
    from newstide.index.series import ranked
    from newstide.store import entities, indexing

    database = reading(context)
    filters = about(database, filters)
    found = ranked(indexing.moved(database, filters, steps_of(filters, length, length, 24)), by)[:limit]
    # A name is today's: an answer as of a time must not change with it.
    names = entities.names_of(database, [mover.entity_id for mover in found]) if filters.as_of is None else {}
    rows = [{"entity": m.entity_id, "name": names.get(m.entity_id)} | flat(m.point) for m in found]
    if as_json:
        emit_json(rows)
    else:
        emit_table(("entity", "name", *_FIGURES), [(row["entity"], row["name"], *_figures(row)) for row in rows])
        if not rows:
            say("nobody was in the news in this stretch")


@app.command("novelty")
def novelty(  # noqa: PLR0913, PLR0917
    context: typer.Context,
    since: Since = None,
    until: Until = None,
    entity: Entity = "",
    topic: Topic = None,
    language: Languages = None,
    as_of: AsOf = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """What was repeated most: stories that tell the same, and how many sources tell it.

    12h to 7d count the similar stories that were published in so long before the last one of a row.
    """
    filters = asked(timedelta(days=1), since, until, as_of, entity=entity, topics=topic, languages=language)
    from newstide.store import indexing

    database = reading(context)
    rows = indexing.clusters(database, about(database, filters), limit)
    if as_json:
        emit_json([asdict(row) for row in rows])
        return
    columns = ("stories", "sources", "first (UTC)", "last (UTC)", "12h", "24h", "3d", "5d", "7d", "title")
    shown = [
        (r.stories, r.sources, _minute(r.first_published), _minute(r.last_published), *_windows(r), r.title)
        for r in rows
    ]
    emit_table(columns, shown)
    if not rows:
        say("nothing was told twice")


@app.command("breadth")
def breadth(  # noqa: PLR0913, PLR0917
    context: typer.Context,
    since: Since = None,
    until: Until = None,
    topic: Topic = None,
    language: Languages = None,
    tier: Tier = None,
    as_of: AsOf = None,
    model: Model = "",
    as_json: Json = False,
) -> None:
    """By sector, the entities whose news is good less those whose news is bad, as a share of those with any."""
    filters = asked(
        timedelta(days=1), since, until, as_of, topics=topic, languages=language, tiers=tier, model=model
    )  # fmt: skip
    from newstide.store import indexing

    database = reading(context)
    found = indexing.breadth_of(database, about(database, filters))
    if as_json:
        emit_json([{"sector": sector, "breadth": value, "entities": n} for sector, (value, n) in found.items()])
    else:
        emit_table(("sector", "breadth", "entities"), [(s or None, figure(v), n) for s, (v, n) in found.items()])
        if not found:
            say("nobody was in the news in this stretch")


def _windows(cluster: Cluster) -> tuple[int, ...]:
    return (cluster.similar_12h, cluster.similar_24h, cluster.similar_3d, cluster.similar_5d, cluster.similar_7d)


def _minute(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
