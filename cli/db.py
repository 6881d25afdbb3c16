"""`newstide db`: the tables."""

from __future__ import annotations

from dataclasses import asdict

import typer

from cli.context import Json, settings_of
from cli.output import emit_json, emit_pairs, say

app = typer.Typer(help="The database's tables.", no_args_is_help=True)


@app.command("upgrade")
def upgrade(context: typer.Context, as_json: Json = False) -> None:
    """Bring the tables to this version. Harmless when they are there already; two at once wait for each other."""
    from newstide.store import migrate
    from newstide.store.database import Database

    database = Database(settings_of(context).store_url)
    before = migrate.status(database)
    after = migrate.upgrade(database)
    if as_json:
        emit_json({**asdict(after), "before": before.current})
    elif before.up_to_date:
        say(f"{after.database} was up to date ({after.current})")
    else:
        say(f"{after.database} upgraded from {before.current or 'nothing'} to {after.current}")


@app.command("status")
def status(context: typer.Context, as_json: Json = False) -> None:
    """Which version the tables are of. Exits 3 when they are not of this one."""
    from newstide.store import migrate
    from newstide.store.database import Database

    found = migrate.status(Database(settings_of(context).store_url))
    shown = {**asdict(found), "up_to_date": found.up_to_date}
    if as_json:
        emit_json(shown)
    else:
        emit_pairs(shown)
    if not found.up_to_date:
        raise typer.Exit(3)
