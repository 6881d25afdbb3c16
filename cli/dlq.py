"""`newstide dlq`: what could not go on."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import Json, settings_of
from cli.output import emit_json, emit_table

if TYPE_CHECKING:
    from newstide.store.health import DeadLetterRow

app = typer.Typer(help="Dead letters: items that could not go on, kept with their bytes.", no_args_is_help=True)
SHOWN_BYTES = 60


@app.command("list")
def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 20,
    as_json: Json = False,
) -> None:
    """The newest dead letters: where each came from, why it was set aside, and its bytes (in JSON: all, base64)."""
    settings = settings_of(context)
    from newstide.store import health
    from newstide.store.connect import connect

    rows = health.dead_letter_rows(connect(settings, read_only=True), limit)
    if as_json:
        emit_json([asdict(row) | {"raw": base64.b64encode(row.raw).decode()} for row in rows])
        return
    emit_table(
        ("id", "at (UTC)", "stage", "from", "reason", "detail", "bytes"),
        [
            (r.id, f"{r.at:%Y-%m-%d %H:%M:%S}", r.stage, _place(r), r.reason, r.detail, _start(r.raw))
            for r in rows
        ],
        empty="there are no dead letters",
    )  # fmt: skip


def _place(row: DeadLetterRow) -> str:
    return f"{row.origin} {row.position}" + (f" line {row.line}" if row.line >= 0 else "")


def _start(raw: bytes) -> str:
    text = raw[:SHOWN_BYTES].decode("utf-8", "replace")
    return text + ("…" if len(raw) > SHOWN_BYTES else "")
