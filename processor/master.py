"""What people change while processors run: entities and the tiers of sources, taken up between two turns."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from newstide.entities import starter
from newstide.errors import StoreUnavailable
from newstide.service import Service
from newstide.store import entities, sources
from newstide.store.database import Database
from processor.reading import Reader

_NONE: Final = -1
LOOK_EVERY_S: Final = 60.0
"""Two small questions; a change is in use within a minute everywhere, and nobody waits for it."""


class Following:
    """The reader to use in a turn: called between turns only, so that one turn has one version of the master."""

    def __init__(self, reader: Reader, database: Database, service: Service) -> None:
        self._reader, self._database, self._service = reader, database, service
        self._looked_s, self._mark = service.clock.monotonic(), _NONE
        self._look()

    def __call__(self) -> Reader:
        """Looks at most once in LOOK_EVERY_S. While the store is away, goes on with what it has."""
        now_s = self._service.clock.monotonic()
        if now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now_s
            try:
                self._look()
            except StoreUnavailable as error:  # the turn will meet it as well, and waits as turns do
                self._service.log.warning("entities_not_looked_at", why=error.why)
        return self._reader

    def _look(self) -> None:
        """The mark is read before the entities: a change in between is taken at the next look, and never missed."""
        with self._database.transaction() as connection:
            tiers = sources.tiers(connection)
        if tiers != self._reader.tiers:
            self._reader = replace(self._reader, tiers=tiers)
        mark = entities.mark(self._database)
        if mark != self._mark:
            linker = starter.linker(entities.load(self._database))
            self._mark, self._reader = mark, replace(self._reader, linker=linker)
            self._service.log.info("entities_loaded", entities=len(linker.entities), version=linker.version)
