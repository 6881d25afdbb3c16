"""`newstide alerts`: rules, tried on the past and held against the news as it comes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import alerts_past, telling
from cli.context import Json, settings_of
from cli.given import person, read_text
from cli.output import emit_json, emit_pairs, emit_table, say
from cli.ruling import Who, connected, now, point, rule_of, slug
from newstide.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from newstide.alerting.files import FileList, FileRule
    from newstide.alerting.rules import StoredRule
    from newstide.store.database import Transaction

app = typer.Typer(
    help="Alerts: rules, their rehearsal, why they fired or did not, and who is told.", no_args_is_help=True
)
app.command("backtest")(alerts_past.backtest)
app.command("why")(alerts_past.why)
app.command("judge")(alerts_past.judge)
app.add_typer(telling.app)

Text = Annotated[
    str, typer.Argument(metavar="RULE", help="For example: AAPL: surprise < -2.5 over 1h, at least 4 stories")
]
RuleId = Annotated[str, typer.Argument(metavar="NAME", help="What the rule is called.")]
Owner = Annotated[str | None, typer.Option(help="Who is told; default whoever makes the change.")]


@app.command("list")
def list_(
    context: typer.Context,
    owner: Annotated[str, typer.Option(help="Only this person's.")] = "",
    as_json: Json = False,
) -> None:
    """The rules, by name."""
    from newstide.store import alert_rules

    with connected(context, read_only=True).transaction() as connection:
        found = [row for row in alert_rules.current(connection) if owner in ("", row.stored.owner)]
    if as_json:
        emit_json([_shown(row.stored) | {"created_at": row.created_at, "created_by": row.created_by} for row in found])
        return
    rows = [(r.stored.rule_id, r.stored.version, r.stored.owner, _state(r.stored), r.stored.text) for r in found]
    empty = "there are no rules yet; newstide alerts apply --defaults takes in those that ship"
    emit_table(("name", "version", "owner", "", "rule"), rows, empty=empty)


@app.command("test")
def test(context: typer.Context, text: Text, as_json: Json = False) -> None:
    """Read a rule without keeping it: what it means, and about whom."""
    import msgspec

    from newstide.alerting.rules import StoredRule
    from newstide.alerting.writing import text_of
    from newstide.store import alert_rules

    with connected(context).transaction() as connection:
        rule = rule_of(text, alert_rules.names(connection))
        stored = StoredRule(rule_id="test", version=1, owner="test", rule=rule, text=text_of(rule))
        book = alert_rules.book(connection, [stored])
    keys = sorted((book.at_once | book.ordered).keys()) or [""]
    subjects = [book.shown(key) or rule.subject.kind.value for key in keys]
    if as_json:
        emit_json(
            {"text": stored.text, "rule": msgspec.to_builtins(rule), "subjects": subjects, "at_once": rule.at_once}
        )
        return
    how = "at once, story by story" if rule.at_once else "in the order of publication"
    emit_pairs({"rule": stored.text, "about": ", ".join(subjects[:20]), "looked at": how})


@app.command("add")
def add(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    context: typer.Context,
    name: RuleId,
    text: Text,
    owner: Owner = None,
    off: Annotated[bool, typer.Option("--off", help="Keep it, but let it fire nothing.")] = False,
    who: Who = None,
    as_json: Json = False,
) -> None:
    """Keep a new rule."""
    from newstide.alerting.rules import StoredRule
    from newstide.store import alert_rules

    with connected(context).transaction() as transaction:
        if any(row.stored.rule_id == name for row in alert_rules.current(transaction)):
            raise UsageError(f"there is a rule {name!r} already", fix="newstide alerts edit")
        rule = rule_of(text, alert_rules.names(transaction))
        wanted = StoredRule(
            rule_id=slug(name), version=1, owner=person(owner or who), rule=rule, text="", enabled=not off
        )
        stored, _ = alert_rules.save(transaction, wanted, person(who), now())
    _tell(stored, as_json)


@app.command("edit")
def edit(  # noqa: PLR0913, PLR0917
    context: typer.Context,
    name: RuleId,
    text: Annotated[
        str | None, typer.Argument(metavar="RULE", help="As it shall be; without it the text stays.")
    ] = None,
    owner: Owner = None,
    on: Annotated[bool | None, typer.Option("--on/--off", help="Whether it may fire.")] = None,
    who: Who = None,
    as_json: Json = False,
) -> None:
    """Change a rule: a new version. What the one before had fired is ended."""
    import msgspec

    from newstide.store import alert_rules

    with connected(context).transaction() as transaction:
        wanted = alert_rules.require(transaction, name).stored
        changed: dict[str, Any] = {}
        if text is not None:
            changed["rule"] = rule_of(text, alert_rules.names(transaction))
        if owner is not None:
            changed["owner"] = person(owner)
        if on is not None:
            changed["enabled"] = on
        stored, new = alert_rules.save(transaction, msgspec.structs.replace(wanted, **changed), person(who), now())
    _tell(stored, as_json)
    if not new:
        say("nothing has changed")


@app.command("remove")
def remove(context: typer.Context, name: RuleId, who: Who = None) -> None:
    """Take a rule out of force. Its versions and what it fired stay in the record."""
    from newstide.store import alert_rules

    with connected(context).transaction() as transaction:
        alert_rules.remove(transaction, name, person(who), now())
    say(f"{name} is removed")


@app.command("apply")
def apply(  # noqa: PLR0913, PLR0917
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Rules and watchlists, one a line; docs/alerts.md.")] = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="The rules that ship, instead of a file.")] = False,
    owner: Owner = None,
    who: Who = None,
    as_json: Json = False,
) -> None:
    """Take in rules and watchlists; a second time changes nothing. All or none: one wrong line, and nothing is kept."""
    from newstide.alerting import files
    from newstide.store import alert_rules

    if (file is None) == (not defaults):
        raise UsageError("name a file, or say --defaults")
    text = files.defaults() if file is None else read_text(file, alerts_past.FILE_BYTES_MAX)
    with connected(context).transaction() as transaction:
        try:
            lists, rules = files.read(text, alert_rules.names(transaction))
        except files.BadFile as error:
            point(error.pointed) if error.pointed else None
            raise DataInvalid(f"{file or 'the defaults'}, line {error.line}", why=error.why) from error
        counts = take_in(transaction, lists, rules, person(owner or who), person(who))
    if as_json:
        emit_json(counts)
    else:
        emit_pairs(counts)


def take_in(
    transaction: Transaction, lists: list[FileList], rules: list[FileRule], owner: str, who: str
) -> dict[str, int]:
    """Keep what is new of a file, in the order of its lines; returns how much that was."""
    from newstide.alerting.rules import StoredRule
    from newstide.store import alert_rules

    before = {row.stored.rule_id: row.stored for row in alert_rules.current(transaction)}
    known = {each.name: set(each.members) for each in alert_rules.lists(transaction)}
    counts = {"watchlists changed": 0, "rules added": 0, "rules changed": 0, "rules unchanged": 0}
    for each in lists:
        made = alert_rules.create_list(transaction, each.name, owner, now())
        gone = known.get(each.name, set()) - set(each.members)
        added, dropped = alert_rules.change_list(transaction, each.name, each.members, gone, now())
        counts["watchlists changed"] += bool(made or added or dropped)
    for rule in rules:
        kept = before.get(rule.rule_id)
        wanted = StoredRule(
            rule_id=rule.rule_id, version=1, owner=kept.owner if kept else owner, rule=rule.rule, text="",
            enabled=rule.enabled,
        )  # fmt: skip
        _, new = alert_rules.save(transaction, wanted, who, now())
        counts["rules unchanged" if not new else "rules changed" if kept else "rules added"] += 1
    return counts


@app.command("run")
def run(
    context: typer.Context,
    drain: Annotated[bool, typer.Option("--drain", help="End when everything on the bus has been read.")] = False,
    instance: Annotated[str | None, typer.Option(help="Name in the group; keep it over a restart.")] = None,
) -> None:
    """Hold scored stories against the rules until stopped. Of several, one evaluates and the others stand by."""
    settings = settings_of(context, {"service.instance": instance})
    from alerts.run import run_alerts
    from newstide.service import running

    with running("alerts", settings.service) as service:
        run_alerts(settings, service, drain=drain)


def _state(stored: StoredRule) -> str:
    return "" if stored.enabled else "off"


def _shown(stored: StoredRule) -> dict[str, Any]:
    import msgspec

    shown: dict[str, Any] = msgspec.to_builtins(stored)
    return shown


def _tell(stored: StoredRule, as_json: bool) -> None:
    if as_json:
        emit_json(_shown(stored))
    else:
        emit_pairs({"name": stored.rule_id, "version": stored.version, "owner": stored.owner, "rule": stored.text})
