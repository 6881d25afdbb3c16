"""The bilingual base: a multilingual encoder with its vocabulary trimmed to the English and Chinese of finance.

Of the 250,002 pieces of a hundred languages those stay that financial text uses, and every Chinese character of daily
use or of the texts; characters that the encoder never met are added. Text is cut into the likeliest pieces
(Kudo 2018, "Subword Regularization": a unigram language model), after `newstide.text.model_input` and in lower case.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from model import tokens

SPECIAL: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""In the order of their ids. Capitals: text is read in lower case, so no text can spell one."""
_OF_BASE: Final = ("<pad>", "<unk>", "<s>", "</s>", "<mask>")
# What occurs less often is spelled with shorter pieces: it would cost size and hardly ever be met.
COUNT_MIN: Final = 16
HAN_COUNT_MIN: Final = 2
MAX_TOKENS: Final = 128
_SPACE: Final = "▁"
# Level 1 of GB 2312: the 3,755 characters of daily use, kept whether or not the text at hand has them.
_DAILY_ROWS, _DAILY_CELLS = range(0xB0, 0xD8), range(0xA1, 0xFF)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Pieces with their log-probabilities, in the order of their ids, special ones first.

    `rows`: of each piece its row in the base's word embeddings, or None for one that the base does not know.
    """

    pieces: tuple[tuple[str, float], ...]
    rows: tuple[int | None, ...]


def choose(known: Sequence[tuple[str, float]], texts: Iterable[str], special: Sequence[str] = _OF_BASE) -> Vocabulary:
    """What to keep of `known` for these texts, as `newstide.text.model_input` returns them. Deterministic.

    `special`: how `known` calls SPECIAL.
    """
    given = list(texts)
    place = {piece: row for row, (piece, _) in enumerate(known)}
    used: Counter[int] = Counter()
    for encoding in cutter(known, place[special[1]]).encode_batch_fast(given, add_special_tokens=False):
        used.update(encoding.ids)
    seen = Counter(character for text in given for character in text if _is_han(character))
    wanted = {character for character, count in seen.items() if count >= HAN_COUNT_MIN} | _daily_characters()
    kept = [
        row
        for row, (piece, _) in enumerate(known)
        if piece not in special
        and (used[row] >= COUNT_MIN or piece in wanted or piece == _SPACE or (len(piece) == 1 and piece.isascii()))
    ]
    new = sorted(wanted.difference(place))
    rarest = min(score for piece, score in known if piece not in special)
    return Vocabulary(
        (*((name, 0.0) for name in SPECIAL), *(known[row] for row in kept), *((each, rarest) for each in new)),
        (*(place[name] for name in special), *kept, *(None for _ in new)),
    )


def build(encoder: Any, vocabulary: Vocabulary, target: Path) -> None:
    """Write the encoder with these pieces alone to `target`, as a Hugging Face folder.

    A character that the base does not know starts as the mean of those that it knows.
    """
    before = encoder.get_input_embeddings().weight.detach()
    han = [
        row
        for (piece, _), row in zip(vocabulary.pieces, vocabulary.rows, strict=True)
        if row is not None and len(piece) == 1 and _is_han(piece)
    ]
    unknown = before[han].mean(dim=0)
    rows = torch.stack([unknown if row is None else before[row] for row in vocabulary.rows])
    encoder.resize_token_embeddings(len(rows), mean_resizing=False)
    encoder.get_input_embeddings().weight.data.copy_(rows)
    encoder.config.pad_token_id = SPECIAL.index("[PAD]")
    target.mkdir(parents=True, exist_ok=True)
    encoder.save_pretrained(target)
    tokenizer_of(vocabulary.pieces).save(str(target / tokens.FILE), pretty=False)


def pieces_of(tokenizer: Tokenizer) -> list[tuple[str, float]]:
    """Of one that `tokenizer_of` made: pieces and log-probabilities in the order of their ids."""
    return [(piece, float(score)) for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]]


def tokenizer_of(pieces: Sequence[tuple[str, float]]) -> Tokenizer:
    """`[CLS] text [SEP]`, or `[CLS] text [SEP] name [SEP]` with token type 1 from the name on."""
    made = cutter(pieces, SPECIAL.index("[UNK]"))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, SPECIAL.index(name)) for name in ("[CLS]", "[SEP]")],
    )
    made.enable_truncation(max_length=MAX_TOKENS, strategy="only_first")
    return made


def cutter(pieces: Sequence[tuple[str, float]], unknown: int) -> Tokenizer:
    """Cuts lower-case text into the likeliest of these pieces."""
    made = Tokenizer(models.Unigram(list(pieces), unk_id=unknown))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement=_SPACE, prepend_scheme="always")
    return made


def _is_han(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff"


def _daily_characters() -> set[str]:
    cells = (bytes((row, cell)) for row in _DAILY_ROWS for cell in _DAILY_CELLS)
    return {c for cell in cells if (c := cell.decode("gb2312", "ignore"))}
