"""`newstide model shadow`: a candidate beside the model in use."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import Json, settings_of
from cli.model.common import app
from cli.output import emit_json, emit_pairs, emit_table, say

if TYPE_CHECKING:
    from newstide.store.shadow import ShadowReport


@app.command("shadow")
def shadow(
    context: typer.Context,
    version: Annotated[str | None, typer.Argument(help="Of a candidate; default the one that scored last.")] = None,
    as_json: Json = False,
) -> None:
    """How a candidate (`newstide process --shadow`) compares with the model in use, where both have scored."""
    settings = settings_of(context)
    from newstide.store.connect import connect
    from newstide.store.shadow import report

    found = report(connect(settings, read_only=True), version)
    if as_json:
        emit_json({"stories": 0} if found is None else asdict(found))
    elif found is None:
        say("no story was scored by both; newstide process --shadow ARTIFACT")
    else:
        _print(found)


def _print(found: ShadowReport) -> None:
    difference = found.mean_absolute_difference
    emit_pairs(
        {
            "in use": found.active,
            "shadow": found.shadow,
            "stories": found.stories,
            "equal labels": f"{found.agreement:.2%}",
            "mean difference": None if difference is None else f"{difference:.4f}",
        }
    )
    seen = sorted({label for row in found.confusion.values() for label in row})
    rows = [(label, *(row.get(each, 0) for each in seen)) for label, row in found.confusion.items()]
    emit_table(("in use \\ shadow", *seen), rows)
    largest = [
        (d.story_id, f"{d.active_score:+.2f} {d.active_label}", f"{d.shadow_score:+.2f} {d.shadow_label}", d.title)
        for d in found.largest
    ]
    emit_table(("story", "in use", "shadow", "title"), largest)
