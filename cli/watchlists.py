"""`newstide watchlists`: lists of companies that rules name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import Json
from cli.given import person
from cli.output import emit_json, emit_table, say
from cli.ruling import Who, connected, now, slug
from newstide.errors import UsageError

if TYPE_CHECKING:
    from newstide.alerting.naming import Names

app = typer.Typer(help="Lists of companies that rules name.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What the list is called.")]
Members = Annotated[list[str], typer.Argument(help="Companies, by id, symbol or name.")]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """All lists."""
    from newstide.store import alert_rules

    with connected(context, read_only=True).transaction() as connection:
        found = alert_rules.lists(connection)
    if as_json:
        emit_json([{"name": each.name, "owner": each.owner, "members": each.members} for each in found])
    else:
        rows = [(each.name, each.owner, len(each.members)) for each in found]
        empty = "there are no watchlists yet; newstide watchlists create NAME COMPANY... makes one"
        emit_table(("name", "owner", "members"), rows, empty=empty)


@app.command("show")
def show(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Who is on a list."""
    from newstide.store import alert_rules

    with connected(context, read_only=True).transaction() as connection:
        names = alert_rules.names(connection)
        found = next((each for each in alert_rules.lists(connection) if each.name == name), None)
    if found is None:
        raise UsageError(f"there is no watchlist {name!r}", fix="newstide watchlists list")
    rows = [(entity_id, names.shown(entity_id)) for entity_id in found.members]
    if as_json:
        emit_json([{"entity": entity_id, "name": shown} for entity_id, shown in rows])
    else:
        emit_table(("entity", "name"), rows)


@app.command("create")
def create(
    context: typer.Context,
    name: Name,
    members: Annotated[list[str] | None, typer.Argument(help="Companies, by id, symbol or name.")] = None,
    who: Who = None,
) -> None:
    """Make a list."""
    from newstide.store import alert_rules

    with connected(context).transaction() as transaction:
        names = alert_rules.names(transaction)
        if not alert_rules.create_list(transaction, slug(name), person(who), now()):
            raise UsageError(f"there is a watchlist {name!r} already", fix="newstide watchlists add")
        ids = _ids(names, members or [])
        alert_rules.change_list(transaction, name, ids, (), now())
    say(f"{name}: {len(ids)} members")


@app.command("add")
def add(context: typer.Context, name: Name, members: Members) -> None:
    """Put companies on a list."""
    _change(context, name, members, [])


@app.command("remove")
def remove(
    context: typer.Context,
    name: Name,
    members: Annotated[list[str] | None, typer.Argument(help="Companies; without any the list itself goes.")] = None,
) -> None:
    """Take companies off a list, or the list away."""
    if members:
        _change(context, name, [], members)
        return
    from newstide.store import alert_rules

    with connected(context).transaction() as transaction:
        alert_rules.drop_list(transaction, name)
    say(f"{name} is removed")


def _change(context: typer.Context, name: str, add_names: list[str], drop_names: list[str]) -> None:
    from newstide.store import alert_rules

    with connected(context).transaction() as transaction:
        names = alert_rules.names(transaction)
        added, dropped = alert_rules.change_list(
            transaction, name, _ids(names, add_names), _ids(names, drop_names), now()
        )
    say(f"{name}: {len(added)} added, {len(dropped)} taken off")


def _ids(names: Names, some: list[str]) -> list[str]:
    from newstide.alerting.rules import BadRule

    try:
        return [names.entity(each, "watchlist") for each in some]
    except BadRule as error:
        raise UsageError("this is nobody's name", why=error.why, fix="newstide entities list --search") from error
