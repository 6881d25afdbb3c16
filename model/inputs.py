"""Examples as tensors: token ids and types, targets of each task, and how much each counts."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from model.examples import Example
from newstide.messages import SENTIMENTS
from newstide.scoring import pairs
from newstide.topics import TOPICS

Row = tuple[tuple[int, ...], tuple[int, ...]]
"""Token ids and token types of one text, equally long."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Encoded examples. Rows of `sentiment` and `topics` without a label have weight 0."""

    rows: list[Row]
    about_entity: Tensor
    sentiment: Tensor
    sentiment_weight: Tensor
    topics: Tensor
    topic_weight: Tensor

    def __len__(self) -> int:
        return len(self.rows)


def rows_of(tokenizer: Any, examples: Sequence[Example]) -> list[Row]:
    """Token ids and types of each example, in order: stories alone, entity examples with their name."""
    out: list[Row] = [((), ())] * len(examples)
    stories = [i for i, example in enumerate(examples) if example.entity is None]
    for i, encoding in zip(stories, tokenizer.encode_batch_fast([examples[i].text for i in stories]), strict=True):
        out[i] = (tuple(encoding.ids), (0,) * len(encoding.ids))
    named = [(i, example.entity) for i, example in enumerate(examples) if example.entity is not None]
    found = pairs.encode(tokenizer, [(examples[i].text, name) for i, name in named])
    for (i, _), row in zip(named, found, strict=True):
        out[i] = row
    return out


def encode(tokenizer: Any, examples: Sequence[Example], class_weight_power: float, topic_share: float) -> Inputs:
    """Inputs of the examples; rarer labels of a task and language weigh share**-power more.

    A topic counts `topic_share` of a sentiment.
    """
    sentiment = torch.tensor([example.sentiment or (0.0,) * len(SENTIMENTS) for example in examples])
    topics = torch.tensor([example.topics or (0.0,) * len(TOPICS) for example in examples])
    weight = torch.tensor([example.weight for example in examples])
    kinds = [(example.entity is not None, example.language) for example in examples]
    return Inputs(
        rows_of(tokenizer, examples),
        torch.tensor([example.entity is not None for example in examples]),
        sentiment,
        weight * _balance(sentiment, kinds, class_weight_power),
        topics,
        topic_share * weight * _balance(topics, kinds, class_weight_power),
    )


def _balance(targets: Tensor, kinds: Sequence[tuple[bool, str]], power: float) -> Tensor:
    """For each row the mean of its labels' share**-power within its kind, 1 on average; 0 where there is no label."""
    members: dict[tuple[bool, str], list[int]] = defaultdict(list)
    labelled = targets.sum(dim=1) > 0
    for i, kind in enumerate(kinds):
        if labelled[i]:
            members[kind].append(i)
    weights = torch.zeros(len(targets))
    for rows in members.values():
        mine = targets[rows]
        each = (mine * mine.mean(dim=0).clamp_min(1e-4).pow(-power)).sum(dim=1)
        weights[rows] = each / each.mean()
    return weights
