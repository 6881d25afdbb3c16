"""What the page of alerts reads. See `dashboard.data`, whose ways these are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard import data
from newstide.alerting.firing import Kind
from newstide.alerting.subscription import Mute
from newstide.store import inbox, totals

ALERTS_A_PAGE: Final = 25


@dataclass(frozen=True, slots=True)
class AlertsPage:
    read_at: datetime
    newest: totals.Newest | None
    total: int
    rows: list[inbox.Entry]
    mutes: list[Mute]
    """What the owners of the rows asked to be spared."""


@st.cache_data(ttl=data.FRESH_S, max_entries=data.CHOICES_MAX, show_spinner=False)
def alerts(kinds: tuple[Kind, ...], turned: int) -> AlertsPage:
    """A page of everybody's inbox, from 1. Raises NewstideError when the database is away or not of this version."""
    data.require_schema()
    database, read_at = data.opened(), data.now()
    rows = inbox.entries(database, None, kinds, ALERTS_A_PAGE, (turned - 1) * ALERTS_A_PAGE)
    mutes = inbox.spared(database, sorted({row.owner for row in rows}), read_at)
    return AlertsPage(read_at, totals.newest(database), inbox.count(database, None, kinds), rows, mutes)


@st.cache_data(ttl=data.FRESH_S, max_entries=data.CHOICES_MAX, show_spinner=False)
def alert(firing_id: str) -> AlertsPage:
    """One alert, as it lies in each inbox. Raises NewstideError."""
    data.require_schema()
    database, read_at = data.opened(), data.now()
    rows = inbox.entry(database, None, firing_id)
    mutes = inbox.spared(database, sorted({row.owner for row in rows}), read_at)
    return AlertsPage(read_at, totals.newest(database), len(rows), rows, mutes)
