"""More training texts from those at hand, labels unchanged. Pure: the same seed gives the same texts.

Names are swapped for others of their kind, words for words of the same meaning and sense, numbers for numbers that keep
their order (so that from 8 to 5 stays a fall). Back-translation would need weights that we do not have.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from model.examples import Example
from model.runs import Change
from newstide.scoring import pairs

# Within a line every word may stand for every other in any financial sentence, whatever surrounds it. So no "firm"
# (prices firm) and no 料 (材料).
_SYNONYMS: Final = tuple(
    tuple(line.split("|"))
    for line in """\
shares|stock
rises|climbs|gains|advances
rose|climbed|gained|advanced
falls|drops|declines|slips
fell|dropped|declined|slipped
jumps|surges|soars|leaps
jumped|surged|soared|leapt
plunges|tumbles|slumps|sinks
plunged|tumbled|slumped|sank
profit|earnings
revenue|sales|turnover
beats|tops|exceeds
misses|trails|falls short of
quarterly|three-month
announces|unveils
cuts|lowers|trims
raises|lifts|increases
上涨|上扬|走高
下跌|下挫|走低
大涨|飙升|暴涨
大跌|暴跌|重挫
净利润|净利|归母净利润
营业收入|营收
同比增长|同比增|同比上升
同比下降|同比降|同比下滑
公告|公告称
发布|公布
增长|上升|提升
下滑|下降|减少
显著|明显|大幅
预计|预期
亏损|净亏损
收购|并购
股价|股票价格""".splitlines()
)
_OTHERS: Final = {word: tuple(w for w in group if w != word) for group in _SYNONYMS for word in group}
_LATIN: Final = re.compile(
    r"\b(" + "|".join(sorted((w for w in _OTHERS if w.isascii()), key=len, reverse=True)) + r")\b"
)
_HAN: Final = re.compile("|".join(sorted((w for w in _OTHERS if not w.isascii()), key=len, reverse=True)))
# Amounts and shares; not years, quarters, codes or parts of words.
_NUMBER: Final = re.compile(r"(?<![\w.$/-])\d{1,3}(?:\.\d{1,2})?(?=\s?(?:%|pct|percent|mn|bn|million|billion|亿|万))")
_SWAP_SHARE: Final = 0.3


def augmented(examples: Sequence[Example], kinds: Sequence[Change], seed: int) -> Iterator[Example]:
    """A changed copy of each example that can be changed, in order."""
    draw = random.Random(seed)  # noqa: S311 - variety, not a secret
    names = {
        language: sorted({e.entity for e in examples if e.entity and e.language == language})
        for language in ("en", "zh")
    }
    for example in examples:
        changed = example
        if "names" in kinds and example.entity:
            changed = swap_name(changed, draw.choice(names.get(example.language) or [example.entity]))
        text = changed.text
        if "synonyms" in kinds:
            text = with_synonyms(text, draw)
        if "numbers" in kinds:
            text = with_numbers(text, draw)
        # A name may hold a word that others stand for; a copy without its name would ask about nobody.
        lost = changed.entity is not None and changed.entity in changed.text and changed.entity not in text
        if text != example.text and not lost:
            yield replace(changed, text=text)


def swap_name(example: Example, name: str) -> Example:
    """The example about another name; unchanged when its own is not in the text or the other one already is."""
    if example.entity is None or pairs.mentions(example.text, name):
        return example
    text = example.text
    for start, end in reversed(pairs.mentions(text, example.entity)):
        text = text[:start] + name + text[end:]
    return example if text == example.text else replace(example, text=text, entity=name)


def with_synonyms(text: str, draw: random.Random) -> str:
    """Some of the words that have others of the same sense replaced by one of them."""

    def other(found: re.Match[str]) -> str:
        word = found[0]
        return draw.choice(_OTHERS[word]) if draw.random() < _SWAP_SHARE else word

    return _HAN.sub(other, _LATIN.sub(other, text))


def with_numbers(text: str, draw: random.Random) -> str:
    """All amounts multiplied by one factor and rounded as they were: order and ratio stay, so the sense does."""
    factor = draw.uniform(0.7, 1.4)
    found = _NUMBER.findall(text)
    scaled = [_scaled(number, factor) for number in found]
    order = sorted(range(len(found)), key=lambda i: float(found[i]))
    kept = all(
        (float(found[a]) == float(found[b])) == (float(scaled[a]) == float(scaled[b]))
        for a, b in zip(order, order[1:], strict=False)
    )
    # Rounding may make two amounts equal, and then "from 8 to 9" would say nothing.
    if not kept or any(float(number) == 0 for number in scaled):
        return text
    numbers = iter(scaled)
    return _NUMBER.sub(lambda _: next(numbers), text)


def _scaled(number: str, factor: float) -> str:
    places = len(number.partition(".")[2])
    return f"{float(number) * factor:.{places}f}"
