"""`newstide alerts backtest|why|judge`: what rules would have said, why, and whether it was right."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from cli.asking import figure, moment
from cli.context import Json, settings_of
from cli.given import person, read_text
from cli.output import emit_json, emit_pairs, emit_table, say
from cli.ruling import Who, connected, now, point, rule_of
from newstide.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from newstide.alerting.explaining import Why
    from newstide.alerting.firing import Firing, Trace
    from newstide.alerting.rules import StoredRule
    from newstide.store.alerting import Verdict
    from newstide.store.database import Database

FILE_BYTES_MAX: Final = 16 << 20
"""Of rules and watchlists: far above what people write, far below what hurts."""
SPAN_MAX: Final = timedelta(days=3 * 366)
"""Of one rehearsal: what does not fit in a coffee break is asked for in parts."""
DRAFT: Final = "draft"

Since = Annotated[str, typer.Option(help="Published from then on: 2026-03-01; UTC.")]
Until = Annotated[str | None, typer.Option(help="Published before; default now.")]


def backtest(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    context: typer.Context,
    text: Annotated[str | None, typer.Argument(metavar="RULE", help="A draft, as it would be written.")] = None,
    since: Since = "",
    until: Until = None,
    file: Annotated[Path | None, typer.Option(help="Rules of a file, as `apply` takes it.")] = None,
    name: Annotated[str | None, typer.Option("--id", help="A rule that is kept.")] = None,
    as_json: Json = False,
) -> None:
    """Run rules over stored history with the engine that runs live: every alert that would have been sent."""
    if sum(given is not None for given in (text, file, name)) != 1:
        raise UsageError("what is to be rehearsed?", fix="one of RULE, --file FILE and --id NAME")
    if not since:
        raise UsageError("from when on?", why="--since is not given", fix="--since 2026-03-01")
    begin, end = moment(since, "--since"), moment(until, "--until") if until else now()
    if not timedelta(0) < end - begin <= SPAN_MAX:
        raise UsageError("--since is not before --until, or too long before", why=f"at most {SPAN_MAX.days:,} days")
    settings = settings_of(context)
    from newstide.store.rehearsing import rehearse

    database = connected(context)
    found = rehearse(database, _rules(database, text, file, name), begin, end, settings.alerts.lateness_s)
    precision = {"right": found.precision.right, "wrong": found.precision.wrong, "unsure": found.precision.unsure}
    if as_json:
        import msgspec

        firings = [msgspec.to_builtins(firing) for firing in found.firings]
        weeks = [{"week": week, "alerts": count} for week, count in found.weeks]
        emit_json({
            "since": begin, "until": end, "stories": found.stories, "firings": firings, "weeks": weeks,
            "precision": {**precision, "value": found.precision.value},
        })  # fmt: skip
        return
    emit_table(("at (UTC)", "kind", "rule", "subject", "because", "story"), [_row(f) for f in found.firings])
    emit_table(("week of", "alerts"), [(f"{week:%Y-%m-%d}", count) for week, count in found.weeks])
    emit_pairs({"stories": found.stories, "precision": figure(found.precision.value)} | precision)


def _row(firing: Firing) -> tuple[Any, ...]:
    title = firing.evidence[0].title if firing.evidence else None
    subject = firing.subject_name or firing.subject or "everything"
    return f"{firing.at:%Y-%m-%d %H:%M}", firing.kind.value, firing.rule_id, subject, _because(firing.traces), title


def _because(traces: tuple[Trace, ...]) -> str:
    return "; ".join(f"{t.clause} ({figure(t.value) or '-'})" for t in traces if t.threshold is not None)


def _rules(database: Database, text: str | None, file: Path | None, name: str | None) -> list[StoredRule]:
    from newstide.alerting import files
    from newstide.alerting.rules import Rule, StoredRule
    from newstide.alerting.writing import text_of
    from newstide.store import alert_rules

    def draft(rule_id: str, rule: Rule) -> StoredRule:
        return StoredRule(rule_id=rule_id, version=1, owner=DRAFT, rule=rule, text=text_of(rule))

    with database.transaction() as connection:
        if name is not None:
            return [alert_rules.require(connection, name).stored]
        names = alert_rules.names(connection)
        if text is not None:
            return [draft(DRAFT, rule_of(text, names))]
        assert file is not None  # noqa: S101 - one of the three is given
        try:
            lists, rules = files.read(read_text(file, FILE_BYTES_MAX), names)
        except files.BadFile as error:
            if error.pointed:
                point(error.pointed)
            raise DataInvalid(f"{file}, line {error.line}", why=error.why) from error
        known = {each.name: set(each.members) for each in alert_rules.lists(connection)}
    strange = [each.name for each in lists if known.get(each.name) != set(each.members)]
    if strange:
        raise UsageError(
            f"the watchlist {strange[0]} is not kept as it is in {file}", fix="newstide alerts apply first"
        )
    return [draft(each.rule_id, each.rule) for each in rules if each.enabled]


def why(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="RULE", help="The name of a rule, or a rule.")],
    at: Annotated[str, typer.Option(help="The moment: 2026-03-01T09:30Z.")] = "",
    as_json: Json = False,
) -> None:
    """How a rule stood at a moment: which clause held and which failed, with the numbers."""
    when = moment(at, "--at") if at else now()
    settings = settings_of(context)
    from newstide.store import rehearsing

    database = connected(context)
    stored = _rules(
        database, name if ":" in name or "：" in name else None, None, None if ":" in name or "：" in name else name
    )
    found = rehearsing.why(database, stored[0], when, settings.alerts.lateness_s)
    if as_json:
        import msgspec

        emit_json([msgspec.to_builtins(each) for each in found])
        return
    for each in found:
        _explain(each)
    if not found:
        say("nothing was measured: no story on its subjects within a day before")


def _explain(each: Why) -> None:
    head = each.name or "everything"
    if each.story is not None:
        head += f": {each.story.published_at:%Y-%m-%d %H:%M} {each.story.title}"
    stands = {"alert stands since": each.standing_since, "holds, and waits until": each.waits_until}
    notes = [f"{what} {at:%Y-%m-%d %H:%M:%S}" for what, at in {**stands, "rests until": each.rests_until}.items() if at]
    say("; ".join([head, *notes]))
    rows = [
        ("holds" if t.holds else "fails", t.clause, figure(t.value, 2), figure(t.threshold, 2), t.stories)
        for t in each.traces
    ]
    emit_table(("", "clause", "value", "bound", "stories"), rows)


def judge(
    context: typer.Context,
    firing: Annotated[str, typer.Argument(help="The id of an alert.")],
    verdict: Annotated[str, typer.Argument(help="right, wrong or unsure.")],
    note: Annotated[str, typer.Option(help="Why.")] = "",
    who: Who = None,
) -> None:
    """Say whether an alert was worth it. Rehearsals count such verdicts."""
    from newstide.store import alerting

    with connected(context).transaction() as transaction:
        alerting.judge(transaction, alerting.Judged(firing, cast("Verdict", verdict), person(who), note, now()))
    say(f"noted: {verdict}")
