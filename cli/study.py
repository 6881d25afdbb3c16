"""`newstide study`: an index beside your own prices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import time
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from cli.asking import AsOf, Entity, Languages, Model, Source, Tier, Topic, about, asked, figure
from cli.context import Json
from cli.given import read_text
from cli.output import emit_json, emit_table, out, say
from cli.query import reading
from newstide.errors import UsageError

if TYPE_CHECKING:
    from newstide.index.moments import Moments
    from newstide.index.prices import Prices

FILE_BYTES_MAX: Final = 64 << 20
"""Of a price file: `PRICES_MAX` lines of three hundred bytes."""

app = typer.Typer()


@app.command("study")
def study(  # noqa: PLR0913, PLR0917 - a command's parameters are its options
    context: typer.Context,
    prices: Annotated[Path, typer.Argument(help="CSV with a column of times and one of prices.")],
    entity: Entity = "",
    topic: Topic = None,
    language: Languages = None,
    source: Source = None,
    tier: Tier = None,
    clock: Annotated[
        Literal["stored", "published"], typer.Option(help="When a story counts as known; published: for archives.")
    ] = "stored",
    close: Annotated[str | None, typer.Option(help="When a day's price was known: 16:00.")] = None,
    zone: Annotated[
        str | None, typer.Option(help="Zone of times without an offset: America/New_York; default UTC.")
    ] = None,
    lags: Annotated[int, typer.Option(min=1, max=60, help="Intervals to look ahead and back.")] = 5,
    threshold: Annotated[float, typer.Option(min=0.5, max=10, help="z of the news that is an event.")] = 2.0,
    overlay: Annotated[
        Path | None, typer.Option(help="Write prices and index, interval by interval, to this file.")
    ] = None,
    as_of: AsOf = None,
    model: Model = "",
    as_json: Json = False,
) -> None:
    """Whether news moves before prices: lead and lag, an event study, and how often chance does as well.

    An interval is from price to price; a story is in the one in which it became known, and never in an earlier one.
    What is found is association: a common cause, or the price's own news, looks the same.
    """
    filters = asked(
        None,
        None,
        None,
        as_of,
        entity=entity,
        topics=topic,
        languages=language,
        sources=source,
        tiers=tier,
        model=model,
    )
    series = _prices(prices, zone, close)
    import numpy as np

    from newstide.index import study as method
    from newstide.index.formulas import estimate
    from newstide.index.prices import known_by
    from newstide.store import studying

    database = reading(context)
    held = known_by(studying.known(database, about(database, filters), clock), series.times)
    means = [found.mean if (found := estimate(moments)) else None for moments in held]
    signal = np.array([np.nan if mean is None else mean for mean in means])
    returns = method.returns_of(series.prices)
    if overlay is not None:
        _overlay(overlay, series, held, means, returns)
    result = {
        "intervals": len(series.times) - 1,
        "with_news": sum(mean is not None for mean in means),
        "stories": sum(moments.count for moments in held),
        "lead_lag": [asdict(each) for each in method.lead_lag(signal, returns, lags)],
        "events": [asdict(each) for each in method.event_study(signal, returns, threshold)],
    }
    if as_json:
        emit_json(result)
    else:
        _tell(result)


def _prices(path: Path, zone: str | None, close: str | None) -> Prices:
    from newstide.index.prices import read

    try:
        known = None if zone is None else ZoneInfo(zone)
        at = None if close is None else time.fromisoformat(close)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            "--zone or --close cannot be read", why=str(error), fix="--close 16:00 --zone Asia/Shanghai"
        ) from error
    text = read_text(path, FILE_BYTES_MAX)
    return read(StringIO(text, newline=""), known, at)


def _overlay(path: Path, series: Prices, held: list[Moments], means: list[float | None], returns: Any) -> None:
    from newstide.tables import Column, write

    columns = (
        Column("at", "time"), Column("price", "float"), Column("log_return", "float"), Column("count", "int"),
        Column("mean", "float"),
    )  # fmt: skip
    values = [None if value != value else float(value) for value in returns]  # noqa: PLR0124 - NaN is no data
    counts = [moments.count for moments in held]
    write(path, columns, zip(series.times, series.prices, values, counts, means, strict=True))
    say(f"{path}: {len(series.times):,} rows")


def _tell(found: dict[str, Any]) -> None:
    out.print(f"{found['intervals']:,} intervals, {found['with_news']:,} with news, {found['stories']:,} stories")
    if not found["stories"]:
        say("no story became known between these prices; for an archive that was loaded later: --clock published")
    bounds = ("n", "low", "high", "p", "p corrected")
    led = [(f"{r['lag']:+d}", figure(r["correlation"]), *_bounds(r, figure)) for r in found["lead_lag"]]
    emit_table(("lag", "correlation", *bounds), led, "Signal and return; a positive lag: the news came first")
    moved = [
        (r["kind"], f"{r['first']:+d}..{r['last']:+d}", _percent(r["mean"]), *_bounds(r, _percent))
        for r in found["events"]
    ]
    emit_table(("news", "intervals", "return %", *bounds), moved, "Abnormal return around surprising news")
    out.print("This is association: it shows no cause, and a past of this length repeats nothing by itself.")


def _bounds(row: dict[str, Any], told: Callable[[float | None], str | None]) -> tuple[Any, ...]:
    chance = (None if row[name] is None else f"{row[name]:.3f}" for name in ("p", "p_corrected"))
    return row["n"], told(row["low"]), told(row["high"]), *chance


def _percent(value: float | None) -> str | None:
    return None if value is None else f"{100 * value:+.2f}"
