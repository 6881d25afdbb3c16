"""Linking: how much of what is named is found, how much of what is found is right, and how fast.

    python -m benchmarks.bench_linking [daily|precision|finer|chinese|ambiguity|rate]... [--listings] [--json]

`--listings` measures with the exchanges' lists imported into the starter list, as `newstide entities import` does.
`precision` compares links with our own judgements (benchmarks/linking_judgements.tsv: hash of the headline, place,
entity, verdict); `--unjudged` prints those that nobody has read yet, for a person to add.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from benchmarks import linking_sets
from benchmarks.linking_sets import Named
from model.data import data_root
from newstide.entities import listings, merging, starter, symbols
from newstide.entities.context import LINKED
from newstide.entities.folding import fold_name
from newstide.entities.linking import Linker
from newstide.entities.vocabulary import Entity, Kind

LISTS: Final = (
    "sp500_constituents", "NASDAQ", "NYSE", "AMEX", "SSE", "SZSE", "BSE", "HKEX", "sentfin_entity_variants",
    "zh_company2industry_efsa",
)  # fmt: skip
JUDGEMENTS: Final = Path(__file__).with_name("linking_judgements.tsv")
AMBIGUITY: Final = Path(__file__).parents[1] / "tests/data/ambiguity.tsv"
JUDGED: Final = {"en": 300, "zh": 200}
ZH_SHARES: Final = {"notices": 0.25, "flash": 0.35, "texts": 0.4}
"""Of the Chinese sample, by set: notices begin with their company and are the easy ones."""
RATE_HEADLINES: Final = 50_000
PEER_HEADLINES: Final = 300
"""The peer is some hundred times slower."""


def master(root: Path, with_listings: bool) -> tuple[Entity, ...]:
    found = {entity.entity_id: entity for entity in starter.entities()}
    common = frozenset(starter.words("common_words"))
    for name in LISTS if with_listings else ():
        text = (root / "listings" / f"{name}.csv").read_text("utf-8-sig")
        kind = listings.format_of(text)
        assert kind is not None
        outcome = merging.add_to(found.values(), listings.read(text, kind, common))
        found |= {entity_id: change.after for entity_id, change in outcome.changes.items()}
    return tuple(found.values())


def daily(root: Path, linker: Linker) -> dict[str, Any]:
    """Of headlines that hold the name or ticker of the company they are tagged with: is it linked?"""
    named = known = found = 0
    for tagged in filter(linking_sets.is_named, linking_sets.daily(root)):
        named += 1
        wanted = set(linker.listed("US", tagged.ticker, tagged.day))
        if not wanted:
            continue
        known += 1
        found += bool(wanted & {link.entity_id for link in linker.link(tagged.title, on=tagged.day)})
    return {
        "headlines": named,
        "of_known": known,
        "recall_known": share(found, known),
        "recall_all": share(found, named),
    }


def drawn(root: Path, language: str) -> Iterator[tuple[str, date | None, str]]:
    """Different headlines of a language with their day and their set, one in 256 of English and one in 16 of Chinese.

    Those of hash 00 (English) and of hashes that do not begin with 1 (Chinese) were read while rules were written.
    """
    if language == "en":
        titles = {tagged.title: tagged.day for tagged in linking_sets.daily(root)}
        found: Iterator[tuple[str, date | None, str]] = ((title, day, "") for title, day in titles.items())
    else:
        found = ((each.title, each.day, each.source) for each in linking_sets.chinese(root))
    for title, day, source in found:
        if _digest(title).startswith("01" if language == "en" else "1"):
            yield title, day, source


def _digest(title: str) -> str:
    return hashlib.sha256(title.encode()).hexdigest()[:16]


def sample(root: Path, linker: Linker, language: str) -> list[tuple[str, str]]:
    """The JUDGED links with the smallest hashes, as (key, line to read)."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for title, day, source in drawn(root, language):
        for link in linker.link(title, on=day):
            key = f"{_digest(title)}\t{link.mention.start}\t{link.mention.end}\t{link.entity_id}"
            order = hashlib.sha256(key.encode()).hexdigest()
            found.setdefault(source, []).append((order, key, f"{link.entity_id} | {link.mention.text} | {title}"))
    wanted = {source: round(JUDGED[language] * ZH_SHARES.get(source, 1)) for source in found}
    return [(key, line) for source, links in found.items() for _, key, line in sorted(links)[: wanted[source]]]


def judgements() -> dict[str, str]:
    lines = JUDGEMENTS.read_text("utf-8").splitlines() if JUDGEMENTS.exists() else []
    return dict(line.rsplit("\t", 1) for line in lines if line and not line.startswith("#"))


def precision(root: Path, linker: Linker) -> dict[str, Any]:
    """The share of right ones among the links of the sample, by language."""
    verdicts = judgements()
    report = {}
    for language in JUDGED:
        judged = [verdicts[key] for key, _ in sample(root, linker, language) if key in verdicts]
        right = judged.count("right")
        links = JUDGED[language]
        report[language] = {
            "links": links,
            "judged": len(judged),
            "right": right,
            "precision": share(right, len(judged)),
        }
    return report


def notices(root: Path, linker: Linker) -> dict[str, Any]:
    """Of Chinese notices whose code the master knows and that hold a name of its company: is it linked?"""
    known = found = 0
    for each in linking_sets.chinese(root):
        market = symbols.exchange_of_code(each.code)
        wanted = set(linker.listed(market, each.code, each.day)) if market else set()
        names = {name.text for entity_id in wanted for name in linker.entities[entity_id].names}
        if any(name in each.title for name in names):
            known += 1
            found += bool(wanted & {link.entity_id for link in linker.link(each.title, on=each.day)})
    return {"of_known": known, "recall_known": share(found, known)}


def mentions(rows: Iterable[Named], linker: Linker, kinds: frozenset[Kind]) -> dict[str, Any]:
    """Of the names that annotators marked: are they linked? Known are those that the master calls so.

    `agree` is the share of links of companies that lie on a marked name: a floor of precision, for annotators leave out
    what their task does not ask for.
    """
    names: dict[str, set[str]] = {}
    for entity in linker.entities.values():
        for each_name in entity.names:
            names.setdefault(fold_name(each_name.text), set()).add(entity.entity_id)
    marked = known = found = touched = links = agree = 0
    for text, wanted in rows:
        linked = [each for each in linker.candidates(text[:1_000], text[1_000:]) if each.score >= LINKED]
        texts, entities = {each.text for each in linked}, {each.entity_id for each in linked}
        for name in wanted:
            if name not in text:
                continue
            marked += 1
            touched += any(each in name or name in each for each in texts)
            if meant := names.get(fold_name(name)):
                known += 1
                found += bool(meant & entities)
        for each in linked:
            if linker.entities[each.entity_id].kind in kinds:
                links += 1
                agree += any(each.text in name or name in each.text for name in wanted)
    return {
        "marked": marked,
        "known": known,
        "recall_known": share(found, known),
        "recall_all": share(touched, marked),
        "links": links,
        "agree": share(agree, links),
    }


def ambiguity(linker: Linker) -> dict[str, Any]:
    """Our own set: each line a text and all that it is about, or nothing."""
    right = wrong = missed = texts = 0
    failures = []
    for line in AMBIGUITY.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        text, _, meant = line.partition("\t")
        wanted = set(meant.split()) - {"-"}
        got = {link.entity_id for link in linker.link(text)}
        texts, right = texts + 1, right + len(wanted & got)
        wrong, missed = wrong + len(got - wanted), missed + len(wanted - got)
        if got != wanted:
            failures.append({"text": text, "wanted": sorted(wanted), "got": sorted(got)})
    return {
        "texts": texts,
        "precision": share(right, right + wrong),
        "recall": share(right, right + missed),
        "failures": failures,
    }


def rate(root: Path, linker: Linker) -> dict[str, Any]:
    """Headlines a second on one core, against one `re` alternation over the same names, boundaries and all."""
    titles = sorted(
        {tagged.title for tagged in linking_sets.daily(root)}, key=lambda t: hashlib.sha256(t.encode()).digest()
    )
    forms = {name.text for entity in linker.entities.values() for name in entity.names}
    pattern = re.compile(
        r"(?<!\w)(?:" + "|".join(map(re.escape, sorted(forms, key=len, reverse=True))) + r")(?!\w)", re.IGNORECASE
    )
    ours = per_second(linker.link, titles[:RATE_HEADLINES])
    peer = per_second(lambda title: list(pattern.finditer(title)), titles[:PEER_HEADLINES])
    none = [title for title in titles if not linker.candidates(title)][:RATE_HEADLINES]
    return {
        "names": len(forms),
        "headlines_per_s": round(ours),
        "headlines_without_a_name_per_s": round(per_second(linker.link, none)),
        "re_headlines_per_s": round(peer),
        "ratio": round(ours / peer, 1),
    }


def per_second(do: Callable[[str], object], titles: Sequence[str]) -> float:
    """The best of three, in processor time: another process on the core must not count."""
    best = float("inf")
    for _ in range(3):
        began_s = time.process_time()
        for title in titles:
            do(title)
        best = min(best, time.process_time() - began_s)
    return len(titles) / best


def share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def measures(root: Path, linker: Linker) -> dict[str, Callable[[], Any]]:
    companies = frozenset({Kind.COMPANY})
    return {
        "daily": lambda: daily(root, linker),
        "precision": lambda: precision(root, linker),
        "finer": lambda: mentions(linking_sets.finer(root), linker, companies),
        "chinese": lambda: {
            "notices": notices(root, linker),
            "finnsp": mentions(linking_sets.finnsp(root), linker, companies),
            "cfbenchmark": mentions(linking_sets.cfbenchmark(root), linker, companies),
        },
        "ambiguity": lambda: ambiguity(linker),
        "rate": lambda: rate(root, linker),
    }


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measure", nargs="*", help="default: all")
    parser.add_argument("--listings", action="store_true")
    parser.add_argument("--unjudged", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    root = data_root()
    linker = starter.linker(master(root, given.listings))
    if given.unjudged:
        known = judgements()
        for language in JUDGED:
            unread = (each for each in sample(root, linker, language) if each[0] not in known)
            sys.stdout.writelines(f"{key} | {line}\n" for key, line in unread)
        return {}
    offered = measures(root, linker)
    report: dict[str, Any] = {"entities": len(linker.entities), "version": linker.version}
    for name in given.measure or offered:
        report[name] = offered[name]()
        if not given.json:
            shown = {key: value for key, value in report[name].items() if key != "failures"}
            sys.stdout.write(f"{name}: {json.dumps(shown)}\n")
    if given.json:
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
    return report


if __name__ == "__main__":
    main()
