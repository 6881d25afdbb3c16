"""News beside prices, honestly: does the one move before the other, and could chance have done it? Pure.

A signal and returns share their intervals: interval i is (t[i-1], t[i]], the signal is of what became known within it,
the return is from price to price. NaN is no data, and stays out of every sum. docs/indices.md tells what may be
concluded, and what may not: all of this is association.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import atanh, isnan, sqrt, tanh
from typing import Final

import numpy as np
from numpy.typing import NDArray

from newstide.index.formulas import student

Series = NDArray[np.float64]

PLACEBOS: Final = 1_000
"""Draws behind a p-value, which then reaches down to 0.001."""
PAIRS_MIN: Final = 20
"""Below this a correlation says nothing."""
EVENTS_MIN: Final = 5
USUAL: Final = (60, 20)
"""Intervals before, and how many of them must have data, to say what is usual."""
WINDOWS: Final = ((-5, -1), (0, 0), (1, 1), (1, 5))
"""Of intervals around an event. The first is a check: an effect before the news is a leak, or the price leads."""


@dataclass(frozen=True, slots=True)
class LeadLag:
    """Correlation of the signal with the return `lag` intervals later; a positive lag: the news came first."""

    lag: int
    n: int
    correlation: float | None
    low: float | None
    high: float | None
    p: float | None
    """Share of placebos (returns in another order, their rhythm kept) that do at least as well."""
    p_corrected: float | None
    """Of the best of all lags in each placebo: Westfall & Young's (1993) maximum, for so many lags were tried."""


@dataclass(frozen=True, slots=True)
class EventStudy:
    """Cumulative abnormal return after good (or bad) news, over intervals [first, last] around it."""

    kind: str
    first: int
    last: int
    n: int
    mean: float | None
    low: float | None
    high: float | None
    p: float | None
    """Share of placebo dates, as many as there are events, that are at least as far from their usual."""
    p_corrected: float | None
    """Holm (1979), over all windows and kinds."""


def returns_of(prices: Sequence[float]) -> Series:
    """Log returns; the first interval has none."""
    logs = np.log(np.asarray(prices, dtype=np.float64))
    return np.concatenate([[np.nan], np.diff(logs)])


def lead_lag(signal: Series, returns: Series, lag_max: int = 5, seed: int = 0) -> list[LeadLag]:
    """Lags from -lag_max to lag_max."""
    lags = range(-lag_max, lag_max + 1)
    placebos = surrogates(returns, PLACEBOS, seed)
    observed = [_correlations(signal, returns[None], lag)[0] for lag in lags]
    chance = np.array([np.abs(_correlations(signal, placebos, lag)) for lag in lags])
    tried = [row for row, r in enumerate(observed) if not isnan(r)]
    best = chance[tried].max(axis=0) if tried else np.array([])
    found = []
    for row, lag in enumerate(lags):
        x, y = _pair(signal, returns, lag)
        r = float(observed[row])
        if isnan(r):
            found.append(LeadLag(lag, len(x), None, None, None, None, None))
            continue
        low, high = _fisher(r, x, y)
        found.append(LeadLag(lag, len(x), r, low, high, _share(chance[row], abs(r)), _share(best, abs(r))))
    return found


def surrogates(returns: Series, count: int, seed: int) -> Series:
    """Returns that never were (rows): the same values in another order, with about the same rhythm.

    Amplitude-adjusted Fourier surrogates (Theiler et al. 1992): phases are drawn anew, spectrum and values stay.
    """
    random = np.random.default_rng(seed)
    present = ~np.isnan(returns)
    values = returns[present]
    n = len(values)
    out = np.full((count, len(returns)), np.nan)
    if n < 2:
        return out
    ranks = np.argsort(np.argsort(values, kind="stable"))
    spectrum = np.abs(np.fft.rfft(np.sort(random.normal(size=n))[ranks]))
    phases = random.uniform(0, 2 * np.pi, (count, len(spectrum)))
    moved = np.fft.irfft(spectrum * np.exp(1j * phases), n)
    out[:, present] = np.sort(values)[np.argsort(np.argsort(moved, axis=1), axis=1)]
    return out


def _overlap(n: int, lag: int) -> tuple[slice, slice]:
    """Of the signal, and of what comes `lag` later."""
    return slice(max(0, -lag), n - max(0, lag)), slice(max(0, lag), n - max(0, -lag))


def _pair(signal: Series, returns: Series, lag: int) -> tuple[Series, Series]:
    """Signal and the return `lag` later, where both have data."""
    here, later = _overlap(len(signal), lag)
    x, y = signal[here], returns[later]
    both = ~(np.isnan(x) | np.isnan(y))
    return x[both], y[both]


def _correlations(signal: Series, rows: Series, lag: int) -> Series:
    """Pearson's r of the signal with each row `lag` later; NaN below PAIRS_MIN pairs, or where one stands still.

    All rows have their gaps in the same places.
    """
    here, later = _overlap(len(signal), lag)
    x, y = signal[here], rows[:, later]
    both = ~(np.isnan(x) | np.isnan(y[0]))
    x, y = x[both], y[:, both]
    if len(x) < PAIRS_MIN or x.std() == 0 or (y.std(axis=1) == 0).any():
        return np.full(len(rows), np.nan)
    x, y = x - x.mean(), y - y.mean(axis=1, keepdims=True)
    r: Series = np.clip(y @ x / np.sqrt((x @ x) * (y * y).sum(axis=1)), -1.0, 1.0)
    return r


def _share(placebos: Series, observed: float) -> float | None:
    """(1 + those that reach it) / (1 + all): never 0. None without placebos."""
    if not len(placebos):
        return None
    return float((1 + np.sum(placebos >= observed - 1e-12)) / (1 + len(placebos)))


def _fisher(r: float, x: Series, y: Series) -> tuple[float | None, float | None]:
    """Fisher's interval with Bartlett's (1946) effective n, (1 - a b) / (1 + a b) of it by the lag-1 correlations."""
    own = [float(np.nan_to_num(_correlations(each, each[None], 1)[0])) for each in (x, y)]
    product = own[0] * own[1]
    n = min(float(len(x)), len(x) * (1 - product) / (1 + product))
    if n <= 4 or abs(r) >= 1:
        return None, None
    reach = student(1e9) / sqrt(n - 3)
    return tanh(atanh(r) - reach), tanh(atanh(r) + reach)


def rolling_z(signal: Series) -> Series:
    """Each value against those before it, and only those; NaN where too few have data (USUAL) or all are equal."""
    length, minimum = USUAL
    out = np.full(len(signal), np.nan)
    for i in range(len(signal)):
        before = signal[max(0, i - length) : i]
        before = before[~np.isnan(before)]
        if len(before) >= minimum and (deviation := float(before.std(ddof=1))) > 0:
            out[i] = (signal[i] - before.mean()) / deviation
    return out


def events_of(z: Series, threshold: float, sign: int) -> list[int]:
    """Intervals whose z lies beyond the threshold on one side; of those that follow each other closely the first."""
    gap, found = WINDOWS[-1][1], list[int]()
    for i in np.flatnonzero(sign * np.nan_to_num(z) >= threshold).tolist():
        if not found or i - found[-1] > gap:
            found.append(i)
    return found


def event_study(signal: Series, returns: Series, threshold: float = 2.0, seed: int = 0) -> list[EventStudy]:
    """Good and bad news by `rolling_z`, over WINDOWS."""
    z, abnormal = rolling_z(signal), _abnormal(returns)
    random = np.random.default_rng(seed)
    found = []
    for kind, sign in (("good", 1), ("bad", -1)):
        events = events_of(z, threshold, sign)
        others = np.setdiff1d(np.flatnonzero(~np.isnan(z)), events)
        for first, last in WINDOWS:
            found.append(_tested(kind, (first, last), events, _cumulative(abnormal, first, last), others, random))
    return _holm(found)


def _abnormal(returns: Series) -> Series:
    """Return less the mean of those before the event's surroundings: the constant mean model (MacKinlay 1997)."""
    length, minimum = USUAL
    lead = -WINDOWS[0][0]
    out = np.full(len(returns), np.nan)
    for i in range(len(returns)):
        before = returns[max(0, i - lead - length) : max(0, i - lead)]
        before = before[~np.isnan(before)]
        if len(before) >= minimum:
            out[i] = returns[i] - before.mean()
    return out


def _cumulative(abnormal: Series, first: int, last: int) -> Series:
    """Of each interval, the sum over [i + first, i + last]; NaN where a part of it is missing."""
    n = len(abnormal)
    out = np.full(n, np.nan)
    for i in range(max(0, -first), n - max(0, last)):
        out[i] = abnormal[i + first : i + last + 1].sum()
    return out


def _tested(  # noqa: PLR0917 - the last is the state of a draw
    kind: str,
    window: tuple[int, int],
    events: Sequence[int],
    cumulative: Series,
    others: NDArray[np.intp],
    random: np.random.Generator,
) -> EventStudy:
    first, last = window
    values = cumulative[list(events)] if events else np.array([])
    values = values[~np.isnan(values)]
    n = len(values)
    pool = cumulative[others]
    pool = pool[~np.isnan(pool)]
    if n < EVENTS_MIN:
        return EventStudy(kind, first, last, n, float(values.mean()) if n else None, None, None, None, None)
    mean = float(values.mean())
    reach = student(n - 1) * float(values.std(ddof=1)) / sqrt(n)
    p = None
    if len(pool) >= 2 * n:
        usual = float(pool.mean())
        draws = np.array([random.choice(pool, n, replace=False).mean() for _ in range(PLACEBOS)])
        p = _share(np.abs(draws - usual), abs(mean - usual))
    return EventStudy(kind, first, last, n, mean, mean - reach, mean + reach, p, None)


def _holm(some: Sequence[EventStudy]) -> list[EventStudy]:
    tested = sorted((each.p, place) for place, each in enumerate(some) if each.p is not None and not isnan(each.p))
    out, highest = list(some), 0.0
    for rank, (p, place) in enumerate(tested):
        highest = max(highest, min(1.0, p * (len(tested) - rank)))
        out[place] = replace(some[place], p_corrected=highest)
    return out
