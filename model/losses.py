"""What training pulls down: cross-entropy with the labels of each task, and the distance from a teacher."""

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from model.inputs import Inputs
from newstide.heads import COLUMNS, ENTITY, STORY, TOPIC

# Logits of a teacher are matched at this temperature (Hinton et al. 2015).
_TEMPERATURE: Final = 2.0


def of_labels(logits: Tensor, fit: Inputs, chosen: list[int], smoothing: float) -> Tensor:
    """Cross-entropy of the sentiment that each row is about, and of its topic; weighted, per text."""
    sentiment = torch.where(fit.about_entity[chosen].unsqueeze(1), logits[:, ENTITY], logits[:, STORY])
    first = F.cross_entropy(sentiment, fit.sentiment[chosen], reduction="none", label_smoothing=smoothing)
    topics = logits[:, TOPIC]
    second = F.cross_entropy(topics, fit.topics[chosen], reduction="none", label_smoothing=smoothing)
    return (first * fit.sentiment_weight[chosen] + second * fit.topic_weight[chosen]).mean()


def from_teacher(logits: Tensor, taught: Tensor) -> Tensor:
    """Kullback-Leibler divergence from the teacher's answers, summed over the heads, per text."""
    each = [
        F.kl_div(
            (logits[:, head] / _TEMPERATURE).log_softmax(1),
            (taught[:, head] / _TEMPERATURE).log_softmax(1),
            log_target=True,
            reduction="sum",
        )
        for head in COLUMNS.values()
    ]
    return torch.stack(each).sum() * _TEMPERATURE**2 / len(logits)
