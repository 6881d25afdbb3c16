"""Continued masked-language pre-training: the encoder meets financial English and, first of all, Chinese.

One token in five is hidden; the encoder says which it was (Devlin et al. 2019, with a larger share as in Wettig et al.
2023). Resumable like `model.train`: `last.pt` holds all that is needed to go on with the batches that would have come.
"""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model import batches, blend, data, examples, learning, network, runs, tokens
from model.provenance import git_commit
from newstide.errors import ModelInvalid
from newstide.text import language_of, model_input

TEXTS: Final = ("text/zh_unlabelled.jsonl.gz", "text/en_unlabelled.jsonl.gz")
ENCODER: Final = "encoder"
CHECKPOINT_STEPS: Final = 250
HELD_TEXTS: Final = 400
_GRADIENT_NORM_MAX: Final = 1.0
_RATE_LEAST: Final = 0.02


class PretrainConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that decides what pre-training yields, apart from the texts.

    `keep`: how far the result is moved back to the base at the end (see `model.blend`).
    """

    base: str
    build: runs.Build = "default"
    seed: runs.Count = 7
    steps: runs.Positive = 1_600
    batch_texts: runs.Positive = 32
    max_tokens: runs.Tokens = 64
    english_share: runs.Share = 0.4
    mask_share: runs.Share = 0.2
    encoder_lr: runs.Rate = 1e-4
    embedding_lr: runs.Rate = 3e-4
    weight_decay: runs.Rate = 0.01
    warmup_share: runs.Share = 0.15
    keep: runs.Share = 0.5
    bf16: bool = True
    threads: runs.Positive = 2


class PretrainRecord(msgspec.Struct, frozen=True):
    """What pre-training was given and how it ended."""

    config: PretrainConfig
    texts: dict[str, int]
    fingerprint: str
    git_commit: str
    started_at: str
    finished_at: str | None = None
    held_loss: dict[str, float] = {}


class MaskedModel(nn.Module):
    """An encoder and the head that names hidden tokens; the output embedding is the input embedding."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        width = encoder.config.hidden_size
        self.encoder = encoder
        self.transform = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(encoder.config.vocab_size))

    def forward(self, ids: Tensor, mask: Tensor, hidden: Tensor) -> Tensor:
        """Logits over the vocabulary for the positions where `hidden` is true, in order."""
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        table = self.encoder.get_input_embeddings().weight
        return F.linear(self.transform(states[hidden]), table, self.bias)


def pretrain(
    config: PretrainConfig, texts: dict[str, list[str]], folder: Path, report: Callable[[learning.Progress], None]
) -> PretrainRecord:
    """Pre-train on `texts` (by language) and leave a Hugging Face folder `folder/encoder`, to be given as `--base`.

    An existing run in `folder` is continued; one with another configuration or other texts is refused (ModelInvalid).
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    tokenizer = tokens.read(Path(config.base) / tokens.FILE)
    tokenizer.enable_truncation(max_length=config.max_tokens)
    ids = {language: [e.ids for e in tokenizer.encode_batch_fast(rows)] for language, rows in texts.items()}
    held = {language: rows[:HELD_TEXTS] for language, rows in ids.items()}
    fit = {language: rows[HELD_TEXTS:] for language, rows in ids.items()}
    encoder = network.encoder_of(Path(config.base))
    mask_id = tokenizer.token_to_id("[MASK]")
    if mask_id is None or not all(fit.values()):
        raise ModelInvalid(
            f"nothing to pre-train {config.base!r} on",
            why=f"it needs a [MASK] token, and more than {HELD_TEXTS} texts of each language",
            fix="give another --base, or more texts",
        )
    record = _open_run(config, texts, folder)  # from here on there is something to go on with
    model = MaskedModel(encoder)
    optimizer, scheduler = _optimizer(model, config)
    step = _resume(folder, model, optimizer, scheduler)
    masker = _Masker(config, mask_id, encoder.config.vocab_size)
    with runs.Curves(folder, step) as curves:
        for chosen in _schedule(fit, config, step):
            loss = _learn(model, optimizer, scheduler, masker.of(chosen, config.seed * 1_000_003 + step), config)
            step += 1
            measured = None
            if step % CHECKPOINT_STEPS == 0 or step == config.steps:
                measured = {language: _loss(model, masker, rows, config) for language, rows in held.items()}
                curves.add(step, {"loss": loss, **{f"held_{k}": v for k, v in measured.items()}})
                _checkpoint(folder, model, optimizer, scheduler, step)
                record = msgspec.structs.replace(record, held_loss=measured)
                runs.write(folder, record)
            report(learning.Progress(step, config.steps, loss, measured))
    blend.move_back(encoder, network.encoder_of(Path(config.base)), config.keep)
    encoder.save_pretrained(folder / ENCODER)
    tokens.read(Path(config.base) / tokens.FILE).save(str(folder / ENCODER / tokens.FILE), pretty=False)
    done = msgspec.structs.replace(record, finished_at=datetime.now(UTC).isoformat())
    runs.write(folder, done)
    return done


def read_texts(root: Path, build: runs.Build) -> dict[str, list[str]]:
    """The distinct texts of a build by language, shuffled once and for all: unlabelled ones, or (`open`) its examples.

    Raises DataInvalid.
    """
    found: dict[str, list[str]] = {"zh": [], "en": []}
    if build == "open":
        raw = (example.text for example in examples.training(root, build))
    else:
        raw = (model_input(row["text"]) for name in TEXTS for row in data.rows(root, name))
    for text in dict.fromkeys(raw):
        if (language := language_of(text)) in found:
            found[language].append(text)
    for rows in found.values():
        random.Random(7).shuffle(rows)  # noqa: S311 - a shuffle, not a secret
    return found


class _Masker:
    """Hides tokens: of the chosen share 80 % become [MASK], 10 % another token, 10 % stay."""

    def __init__(self, config: PretrainConfig, mask_id: int, vocabulary: int) -> None:
        self._share, self._mask_id, self._vocabulary = config.mask_share, mask_id, vocabulary

    def of(self, rows: Sequence[list[int]], seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Padded ids with holes, mask, where the holes are, and what was there."""
        padded, present = (torch.tensor(each) for each in batches.pad(rows, 0))
        draw = torch.Generator().manual_seed(seed)
        chance = torch.rand(padded.shape, generator=draw)
        lengths = present.sum(dim=1, keepdim=True)
        places = torch.arange(padded.shape[1])
        inner = (places > 0) & (places < lengths - 1)
        hidden = inner & (chance < self._share)
        ids = padded.clone()
        ids[hidden & (chance < 0.8 * self._share)] = self._mask_id
        other = hidden & (chance >= 0.8 * self._share) & (chance < 0.9 * self._share)
        ids[other] = torch.randint(5, self._vocabulary, (int(other.sum()),), generator=draw)
        return ids, present, hidden, padded[hidden]


def _learn(
    model: MaskedModel, optimizer: Any, scheduler: Any, batch: tuple[Tensor, ...], config: PretrainConfig
) -> float:
    model.train()
    ids, mask, hidden, truth = batch
    with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
        logits = model(ids, mask, hidden)
    loss = F.cross_entropy(logits.float(), truth)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), _GRADIENT_NORM_MAX)
    optimizer.step()
    scheduler.step()
    return float(loss.detach())


@torch.no_grad()
def _loss(model: MaskedModel, masker: _Masker, rows: Sequence[list[int]], config: PretrainConfig) -> float:
    model.eval()
    total, count = 0.0, 0
    ordered = sorted(rows, key=len)
    for at in range(0, len(ordered), config.batch_texts):
        ids, mask, hidden, truth = masker.of(ordered[at : at + config.batch_texts], at)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
            logits = model(ids, mask, hidden)
        total += float(F.cross_entropy(logits.float(), truth, reduction="sum"))
        count += len(truth)
    return total / max(1, count)


def _schedule(fit: dict[str, list[list[int]]], config: PretrainConfig, done: int) -> Iterator[list[list[int]]]:
    """Batches of one language and similar length; English ones at their share, each text once before any twice."""
    draw = random.Random(config.seed)  # noqa: S311 - a shuffle, not a secret
    streams = {language: _endless(rows, config) for language, rows in fit.items()}
    for step in range(config.steps):
        batch = next(streams["en" if draw.random() < config.english_share else "zh"])
        if step >= done:
            yield batch


def _endless(rows: list[list[int]], config: PretrainConfig) -> Iterator[list[list[int]]]:
    lengths, epoch = [len(row) for row in rows], 0
    while True:
        for chosen in batches.plan(lengths, config.batch_texts, config.seed * 1_000 + epoch):
            yield [rows[i] for i in chosen]
        epoch += 1


def _optimizer(model: MaskedModel, config: PretrainConfig) -> tuple[Any, Any]:
    def rates(name: str, parameter: Tensor) -> tuple[Tensor, float, float]:
        words = "word" in name
        rate = config.encoder_lr if name.startswith("encoder.") and not words else config.embedding_lr
        return parameter, rate, config.weight_decay if parameter.dim() > 1 and not words else 0.0

    known = (rates(name, parameter) for name, parameter in model.named_parameters())
    return learning.optimizer(known, config.steps, config.warmup_share, _RATE_LEAST)


def _open_run(config: PretrainConfig, texts: dict[str, list[str]], folder: Path) -> PretrainRecord:
    record = PretrainRecord(
        config=config,
        texts={language: len(rows) for language, rows in texts.items()},
        fingerprint=data.fingerprint(row for rows in texts.values() for row in rows),
        git_commit=git_commit(),
        started_at=datetime.now(UTC).isoformat(),
    )
    return runs.begin(folder, record, lambda each: (each.config, each.fingerprint))


def _checkpoint(folder: Path, model: MaskedModel, optimizer: Any, scheduler: Any, step: int) -> None:
    kept = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}
    runs.save(folder / runs.LAST, {**kept, "step": step, "random": torch.get_rng_state()})


def _resume(folder: Path, model: MaskedModel, optimizer: Any, scheduler: Any) -> int:
    path = folder / runs.LAST
    if not path.is_file():
        return 0
    kept = runs.restore(path)
    model.load_state_dict(kept["model"])
    optimizer.load_state_dict(kept["optimizer"])
    scheduler.load_state_dict(kept["scheduler"])
    torch.set_rng_state(kept["random"])
    return int(kept["step"])
