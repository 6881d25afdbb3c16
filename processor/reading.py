"""What is said of stories by those who are asked: the model, and the names that it is asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Final

import numpy as np
from msgspec.structs import replace

from newstide.entities.linking import Linker
from newstide.errors import ModelInvalid
from newstide.scoring.batching import score_encoded
from newstide.scoring.port import Scorer
from processor.pipeline import Labelled, Received, label, texts_of
from processor.subjects import links_of, opinions_of, questions

_NOBODY: Final = Linker(())


@dataclass(frozen=True, slots=True)
class Reader:
    """A model, how many tokens it reads at once, the entities that it is asked about, and what sources are worth."""

    scorer: Scorer
    token_budget: int
    linker: Linker = field(default=_NOBODY)
    tiers: Mapping[str, int] = field(default_factory=dict)
    """Of the sources that are not of the usual one; a story keeps the tier that it was stored with."""

    def read(self, received: Sequence[Received], now: datetime) -> list[Labelled]:
        """One run of the model over what is asked of these stories: of each as a whole, and for those it is about.

        Raises ModelInvalid when it answers with something that is no number.
        """
        links = [links_of(each.item, self.linker) for each in received]
        asked = [questions(each.item, found) for each, found in zip(received, links, strict=True)]
        passes = self.scorer.encode(texts_of(received))
        passes += self.scorer.encode_pairs([question for some in asked for question in some])
        said = score_encoded(self.scorer, passes, self.token_budget)
        if not np.isfinite(said.sentiment).all():
            raise ModelInvalid("the model answered with something that is no number", why="NaN or infinity")
        rows = accumulate(map(len, asked), initial=len(received))
        about = [opinions_of(found, said, row) for found, row in zip(links, rows, strict=False)]
        labelled = label(received, said, self.scorer, now, self.tiers)
        return [
            each._replace(story=replace(each.story, entities=entities, entities_version=self.linker.version))
            for each, entities in zip(labelled, about, strict=True)
        ]
