"""`newstide rescore`: stored stories once more, by another model, beside the old scores."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.asking import Languages, Since, Source, Until, asked
from cli.context import Json, settings_of
from cli.output import emit_json, say
from cli.process import candidate


def rescore(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    context: typer.Context,
    artifact: Annotated[str, typer.Option("--artifact", help="Artifact folder, name or version.")],
    since: Since = None,
    until: Until = None,
    language: Languages = None,
    source: Source = None,
    as_json: Json = False,
) -> None:
    """Score stored stories with another model. What is shown stays; --model VERSION on a query shows the new scores.

    May be stopped and started again: what that version has scored is not scored twice.
    """
    settings = settings_of(context)
    filters = asked(None, since, until, None, languages=language, sources=source)
    from newstide.clock import SystemClock
    from newstide.entities import starter
    from newstide.scoring.connect import connect as connect_scorer
    from newstide.store import entities
    from newstide.store.connect import connect
    from processor import rescore as program
    from processor.reading import Reader

    model = settings.model.model_copy(update={"artifact": str(candidate(settings, artifact))})
    scorer = connect_scorer(settings.model_copy(update={"model": model}))
    database = connect(settings)

    def tell(stories: int, at: object) -> None:
        if stories % 10_000 < 256 and not as_json:
            say(f"{stories:,} stories, up to {at}")

    reader = Reader(scorer, settings.model.token_budget, starter.linker(entities.load(database)))
    done = program.rescore(database, reader, filters, SystemClock(), tell)
    if as_json:
        emit_json({"model": done.model, "stories": done.stories})
    else:
        say(f"{done.model}: {done.stories:,} stories scored; see them with --model {done.model}")
