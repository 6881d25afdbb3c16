"""The bilingual base: the English encoder with its vocabulary trimmed to finance text and extended by Chinese.

Three kinds of tokens: English word pieces that financial text uses, single Chinese characters, and Chinese words that
are frequent enough to have a meaning of their own (净利润, 不及预期). A word is matched before its characters, leftmost
and longest; all else is spelled out, so no text of known characters is unreadable.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoModel

from model import tokens
from newstide.errors import ModelInvalid

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# What occurs less often in the text is spelled with shorter pieces: it would cost size and hardly ever be met.
ENGLISH_COUNT_MIN = 10
CHINESE_COUNT_MIN = 2
CHINESE_WORDS = 5_000
WORD_CHARS_MAX = 4
MAX_TOKENS = 128
SEED = 7
# Grammar, not meaning: a merge that holds one of these is two words (提升了, 的资金).
_FUNCTION = frozenset("的了在是和与为其我他她它这那")
# Level 1 of GB 2312: the 3,755 characters of daily use, kept whether or not the text at hand has them.
_DAILY_ROWS, _DAILY_CELLS = range(0xB0, 0xD8), range(0xA1, 0xFF)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Tokens in the order of their ids: `pieces` (with the special ones first), then `words`."""

    pieces: tuple[str, ...]
    words: tuple[str, ...]


def choose(base: Tokenizer, english: Sequence[str], chinese: Sequence[str]) -> Vocabulary:
    """The vocabulary for these texts, as `newstide.text.model_input` returns them. Deterministic."""
    base.no_padding()
    base.no_truncation()
    used: Counter[int] = Counter()
    for encoding in base.encode_batch_fast(list(english), add_special_tokens=False):
        used.update(encoding.ids)
    known = sorted(base.get_vocab().items(), key=lambda item: item[1])
    latin = [
        piece
        for piece, i in known
        if piece not in SPECIAL
        and not any(map(_is_han, piece))
        and (used[i] >= ENGLISH_COUNT_MIN or (len(piece.removeprefix("##")) == 1 and piece.isascii()))
    ]
    counted = Counter(character for text in chinese for character in text if _is_han(character))
    seen = {character for character, count in counted.items() if count >= CHINESE_COUNT_MIN}
    return Vocabulary((*SPECIAL, *latin, *sorted(seen | _daily_characters())), tuple(_frequent_words(chinese)))


def build(base: Path, target: Path, vocabulary: Vocabulary) -> None:
    """Write the extended encoder to `target` as a Hugging Face folder: kept rows of the embedding, new ones drawn.

    A word starts as the mean of its characters. Raises ModelInvalid when the base has no word-piece tokenizer.
    """
    old = tokens.read(base / tokens.FILE)
    if not isinstance(old.model, models.WordPiece):
        raise ModelInvalid(
            f"the base {base.name} cannot be extended",
            why="its tokenizer is not a word-piece one",
            fix="train on it as it is, with `newstide model train --base`",
        )
    encoder = AutoModel.from_pretrained(base, local_files_only=True, dtype=torch.float32)
    before = encoder.get_input_embeddings().weight.detach()
    new = tokenizer_of(old, vocabulary)
    draw = torch.Generator().manual_seed(SEED)
    rows = before.mean(dim=0) + before.std(dim=0) * torch.randn(
        len(vocabulary.pieces) + len(vocabulary.words), before.shape[1], generator=draw
    )
    ids = {piece: i for i, piece in enumerate(vocabulary.pieces)}
    for piece, i in ids.items():
        if (found := old.token_to_id(piece)) is not None:
            rows[i] = before[found]
    for i, word in enumerate(vocabulary.words, len(ids)):
        rows[i] = torch.stack([rows[ids.get(character, ids["[UNK]"])] for character in word]).mean(dim=0)
    encoder.resize_token_embeddings(len(rows), mean_resizing=False)
    encoder.get_input_embeddings().weight.data.copy_(rows)
    encoder.config.pad_token_id = ids["[PAD]"]
    encoder.config.origin = base.parent.name if base.name == "model" else base.name
    target.mkdir(parents=True, exist_ok=True)
    encoder.save_pretrained(target)
    new.save(str(target / tokens.FILE), pretty=False)


def tokenizer_of(old: Tokenizer, vocabulary: Vocabulary) -> Tokenizer:
    """The tokenizer of the vocabulary: normalised and cut as the old one, words before pieces."""
    state = json.loads(old.to_str())
    ids = {piece: i for i, piece in enumerate(vocabulary.pieces)}
    state["model"]["vocab"] = ids
    state["padding"] = None
    state["truncation"] = None
    for token in state["added_tokens"]:
        token["id"] = ids[token["content"]]
    state["added_tokens"].sort(key=lambda token: token["id"])
    for token in state["post_processor"]["special_tokens"].values():
        token["ids"] = [ids[token["id"]]]
    new = Tokenizer.from_str(json.dumps(state, ensure_ascii=False))
    new.add_tokens([AddedToken(word, normalized=True) for word in vocabulary.words])
    new.enable_truncation(max_length=MAX_TOKENS, strategy="only_first")
    return new


def chinese_ids(tokenizer: Tokenizer) -> list[int]:
    """The ids of characters and words that the English base did not have."""
    known = tokenizer.get_vocab(with_added_tokens=True)
    return sorted(i for token, i in known.items() if any(map(_is_han, token)))


def _frequent_words(texts: Iterable[str]) -> list[str]:
    """Chinese words of two to four characters, most frequent merges first."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Sequence([])
    trainer = trainers.BpeTrainer(
        vocab_size=4 * CHINESE_WORDS, show_progress=False, max_token_length=WORD_CHARS_MAX, min_frequency=20
    )
    learner.train_from_iterator((run for text in texts for run in _han_runs(text)), trainer)
    merged = sorted(learner.get_vocab().items(), key=lambda item: item[1])
    return [word for word, _ in merged if len(word) > 1 and not _FUNCTION.intersection(word)][:CHINESE_WORDS]


def _han_runs(text: str) -> list[str]:
    return "".join(character if _is_han(character) else " " for character in text).split()


def _is_han(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff"


def _daily_characters() -> set[str]:
    cells = (bytes((row, cell)) for row in _DAILY_ROWS for cell in _DAILY_CELLS)
    return {c for cell in cells if (c := cell.decode("gb2312", "ignore"))}
