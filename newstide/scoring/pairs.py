"""A story and a name as one model input. Used by training and serving alike, so that the two cannot drift.

`[CLS] story [SEP] name [SEP]`, token type 1 on the name and on each literal mention of it in the story, 0 elsewhere:
the model is told where to look instead of having to find the name letter by letter.
"""

from collections.abc import Sequence
from typing import Any, Final

NAME_CHARS_MAX: Final = 64
"""Of a name; it may not crowd out the story."""


def encode(tokenizer: Any, pairs: Sequence[tuple[str, str]]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Token ids and token types of (story, name) pairs, both as `text.model_input` gives them, in order."""
    short = [(story, name[:NAME_CHARS_MAX]) for story, name in pairs]
    try:
        encodings = tokenizer.encode_batch(short)
    except Exception:  # the library raises bare Exception: some name leaves no room for its story
        encodings = [_encoding(tokenizer, *pair) for pair in short]
    return [
        (tuple(encoding.ids), tuple(_types(encoding, *pair))) for pair, encoding in zip(short, encodings, strict=True)
    ]


def _encoding(tokenizer: Any, story: str, name: str) -> Any:
    """Of one pair; a name of more pieces than the model reads (Korean falls into three a letter) is halved."""
    while True:
        try:
            return tokenizer.encode(story, name)
        except Exception:
            if not name:
                raise
            name = name[: len(name) // 2]


def _types(encoding: Any, story: str, name: str) -> list[int]:
    spans = mentions(story, name)
    types = list(encoding.type_ids)
    for i, (sequence, (start, end)) in enumerate(zip(encoding.sequence_ids, encoding.offsets, strict=True)):
        if sequence == 0 and end > start and any(start < stop and begin < end for begin, stop in spans):
            types[i] = 1
    return types


def mentions(story: str, name: str) -> list[tuple[int, int]]:
    """Spans of the name in the story, in any case. Latin names only as whole words: Gap is not in Singapore."""
    # Not `casefold`: it can change the length of a text, and spans would point elsewhere.
    low, sought = story.lower(), name.lower()
    if not sought or len(low) != len(story):
        return []
    spans, at = [], low.find(sought)
    while at >= 0:
        end = at + len(sought)
        if _free(low, at - 1, sought[0]) and _free(low, end, sought[-1]):
            spans.append((at, end))
        at = low.find(sought, end)
    return spans


def _free(text: str, at: int, edge: str) -> bool:
    """Whether the character at `at` does not continue the word whose edge is `edge`."""
    if not 0 <= at < len(text) or not (edge.isascii() and edge.isalnum()):
        return True
    return not (text[at].isascii() and text[at].isalnum())
