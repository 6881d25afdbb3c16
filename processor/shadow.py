"""A candidate model beside the active one: it reads the same stories; nothing it does is shown or stops anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from newstide.errors import ModelInvalid, StoreRefused
from newstide.messages import ScoredStory
from newstide.scoring.batching import score_all
from newstide.scoring.port import Scorer
from newstide.service import Service
from newstide.store import shadow
from newstide.store.database import Transaction
from processor.pipeline import Labelled, label, texts_of


class Shadow:
    """Called by the handler; what it costs is its time. A batch on which it fails is left out, with a warning."""

    def __init__(self, scorer: Scorer, token_budget: int, service: Service) -> None:
        self._scorer, self._token_budget, self._service = scorer, token_budget, service

    def score(self, scored: Sequence[Labelled]) -> list[ScoredStory]:
        """The same stories under the candidate's version; none when it fails, in whatever way."""
        received = [labelled.received for labelled in scored]
        if not received:
            return []
        try:
            opinions = score_all(self._scorer, texts_of(received), self._token_budget)
            if not np.isfinite(opinions.sentiment).all():
                raise ModelInvalid("the model answered with something that is no number", why="NaN or infinity")
            labelled = label(received, opinions, self._scorer, self._service.clock.now(), {})
        except Exception as error:  # a candidate is on trial: no way of failing may reach the active path
            self._failed(len(received), error)
            return []
        return [story for _, story in labelled]

    def write(
        self, transaction: Transaction, said: Sequence[ScoredStory], stored: Sequence[ScoredStory], now: datetime
    ) -> None:
        """Keep what it `said` of texts that the active path has `stored`, in the same transaction.

        A database that refuses it keeps the rest; one that is away raises StoreUnavailable, as for all the turn writes.
        """
        texts = {_text_of(story) for story in stored}
        kept = [story for story in said if _text_of(story) in texts]
        try:
            new = shadow.add(transaction, kept, now)
        except StoreRefused as error:
            self._failed(len(kept), error)
        else:
            self._service.metrics.count("processor_shadow_stories", new, outcome="stored")

    def _failed(self, stories: int, error: Exception) -> None:
        self._service.metrics.count("processor_shadow_stories", stories, outcome="failed")
        why = getattr(error, "why", "") or f"{type(error).__name__}: {error}"
        self._service.log.warning("shadow_failed", model=self._scorer.version, stories=stories, why=why)


def _text_of(story: ScoredStory) -> tuple[str, int, str]:
    return story.item.story_id, story.item.revision, story.item.content_hash
