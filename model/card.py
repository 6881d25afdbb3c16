"""The model card, written from the manifest so that the two cannot differ. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from newstide.artifact import Manifest, version_of

NAME: Final = "README.md"

_LANGUAGES: Final = {"en": "English", "zh": "Chinese", "und": "texts of no language"}
_TASKS: Final = {"story": "the story", "entity": "a company in it", "topic": "the topic"}
_BESIDE: Final = {"majority": "commonest label", "tfidf": "TF-IDF"}

_ABOUT: Final = """\
# {name}

What an {languages} financial headline or flash item says: how good or bad it is (negative, neutral, positive) for
somebody who holds the asset, how good or bad for one company named in it, and which of {topics} topics it is about.
Version `{version}`, base `{base}`, licence {licence}, made {created}. The base of the weights that ship is
multilingual-e5-small (MIT), its vocabulary trimmed to financial English and Chinese, pre-trained further on financial
text.

## Use

- `newstide classify "Shares plunge 30% after the auditor resigns"`: sentiment and topic of a story;
- `newstide classify --entity Beta "Acme wins the contract that Beta lost"`: sentiment towards a company. As NDJSON on
  standard input: `{{"text": "Acme wins the contract that Beta lost", "entity": "Beta"}}`;
- `newstide classify --explain "..."`: the words that carried the score.

The text goes through `newstide.text.model_input` (width, traditional characters, look-alikes and invisible characters
are folded) and the tokenizer in this folder: at most {max_tokens} tokens, the rest is not read. Sentiment is `unsure`
where the largest probability is below the threshold of its task and language (see Calibration); a topic below its
threshold is not named. The same text gets the same answer to the last bit, whatever else is in its batch.

It reads {languages}. A text in another script is called `unsure`, with three equal probabilities; another language in
Latin letters is taken for English, and its answer means little.
"""

# Title, licence, use in the default build, use in the open build.
_OPEN: Final = "not used"
_DATA: Final = (
    ("our own corpus (`model/corpus`)", "CC0", "training, validation, test", None),
    ("SEntFiN 1.0 (headlines, each company)", "MIT", "training, validation", None),
    ("TFNS, Twitter Financial News Sentiment", "MIT by its card", "training, validation, test", None),
    ("our annotations of texts of others", "CC0 (labels only)", "training, validation, test", "test"),
    ("FinFE (forum posts)", "none stated", "training, validation", _OPEN),
    ("FinNE (media passages)", "none stated", "training, validation, test", "test"),
    ("FinNSP (company hit or not)", "none stated", "training, test", "test"),
    ("wwxmu (headlines)", "none stated", "training, validation", _OPEN),
    ("finnl (flash items, topics)", "none stated", "training", _OPEN),
    ("finese (risk events, topics)", "none stated", "training", _OPEN),
    ("unlabelled headlines, posts, flash items", "texts of others", "pre-training", _OPEN),
    ("FPB, gold headlines", "non-commercial", "measuring only", None),
    ("StockEmotions", "unclear", "measuring only", None),
)
_LICENCES: Final = """
FinFE, FinNE, wwxmu, FinNSP, finnl and finese are research releases whose authors state no licence. Who needs weights
from permissive sets alone makes them with `--data open` of `newstide model base`, `pretrain` and `train`. No set that
is expressly non-commercial was trained on. A text that is good for one company and bad for another was trained as a
story with a shared target.

No test split was trained on. The unlabelled texts of the default build hold most FinNE and FinNSP test texts, without
their labels. Runs were chosen by validation alone; the test figures of an earlier, English model had been seen when
this one was planned.
"""
_SETS: Final = """
Reproduced by `newstide model evaluate`. Texts on whose label annotators differ, or that are good for one company and
bad for another, are left out of stories. Macro-F1 is over the labels that a set has.
"""
_BASELINES: Final = """
The baselines (`newstide model baselines`) learned from the same training examples.
"""
_FITTED: Final = """\
## Calibration

Fitted on the validation split, from which the four figures to the right are. The threshold is where errors and refusals
cost least: a refusal costs half an error. Sentiment below one half is always refused; beyond that, a tenth at most.
A label's share falls with the distance of its logit from the best one, as exp(-(distance / temperature) ** power).

"""
_POOLED: Final = """\
## Does it know when it knows?

News stories with three labels, the test sets of a language together. Not among them: parts of a set that is there
whole, the direction of one price, posts without a neutral label. ECE is over 15 bins, the tables have 10. The area is
the mean error over all shares answered, the surest first: 0 is perfect.
"""
_UNCHECKED: Final = """\
## Robustness

Not checked yet: `newstide model use` refuses it until `newstide model check` has passed.
"""
_CHECKED: Final = """\
## Robustness

`newstide model check` {verdict} for `{version}` on {made}. Of changed spelling, typos and swapped names: the share of
labels that flipped. Of the others: the share that is right.

"""
_LIMITS: Final = """\
## Limits

- It reads one headline or passage, not an article, a table or what was known before; irony and jargon mislead it.
- Towards a company it needs the name as it stands in the text; it does not know that two names are one company.
- English was learned from Indian headlines and tweets about US shares, Chinese from forum posts and media passages:
  expect less elsewhere. Its probabilities were calibrated on such texts.
- Sentiment is no forecast of a price, and none of this is advice to trade.
"""


def render(manifest: Manifest) -> str:
    """The card of a manifest, in Markdown. A part whose figures the manifest lacks is left out."""
    figures = manifest.metrics
    test = figures.get("test") or {}
    parts = [
        _about(manifest),
        _data(manifest.data.get("build", "default")),
        _sets(test, figures.get("baselines") or {}),
        _hard(test),
        _labels(test),
        _calibration(manifest, figures.get("validation") or {}),
        _confidence(test.get("pooled") or {}),
        _robustness(manifest),
        _export(figures.get("export") or {}, test.get("sets") or {}),
        _LIMITS,
    ]
    return "\n".join(part for part in parts if part)


def _about(manifest: Manifest) -> str:
    return _ABOUT.format(
        name=manifest.name,
        version=version_of(manifest),
        base=manifest.base,
        licence=manifest.licence,
        languages=" and ".join(_LANGUAGES[language] for language in manifest.languages),
        topics=len(manifest.topics),
        created=manifest.created_at[:10],
        max_tokens=manifest.max_tokens,
    )


def _data(build: str) -> str:
    rows = [
        (title, licence, open_use if build == "open" and open_use else use) for title, licence, use, open_use in _DATA
    ]
    head = f"## Training data\n\nThis is the `{build}` build.\n"
    return f"{head}\n{_table(('data', 'licence', 'use'), rows, numbers=0)}{_LICENCES}"


def _sets(test: dict[str, Any], baselines: dict[str, Any]) -> str:
    found = test.get("sets") or {}
    if not found:
        return ""
    others = {name: each["sets"] for name, each in baselines.items() if isinstance(each, dict) and "sets" in each}
    rows = [
        (
            each["title"],
            f"{each['texts']:,}",
            *(_share(each.get(key)) for key in ("accuracy", "macro_f1")),
            *(_share(other.get(name, {}).get("macro_f1")) for other in others.values()),
            *(_share(each.get(key)) for key in ("ece", "unsure_share", "answered_accuracy")),
        )
        for name, each in found.items()
    ]
    beside = (f"macro-F1 {_BESIDE.get(name, name)}" for name in others)
    columns = ("accuracy", "macro-F1", *beside, "ECE", "unsure", "accuracy of the rest")
    notes = _SETS + (_BASELINES if others else "")
    if two_way := ", ".join(each["title"] for each in found.values() if each.get("two_way")):
        notes += f"\n{two_way}: it knows negative and neutral alone; an answer of positive counts as neutral.\n"
    return "## Figures\n\n" + _table(("set", "texts", *columns), rows) + notes


def _hard(test: dict[str, Any]) -> str:
    """Hard cases and minimal pairs of our own corpus, languages side by side."""
    cases, pairs = test.get("cases") or {}, test.get("minimal_pairs") or {}
    languages = [each for each in _LANGUAGES if each in pairs or any(each in case for case in cases.values())]
    if not languages:
        return ""
    rows = [
        (case.replace("_", " "), *(_of_many(found.get(each), "accuracy", "texts") for each in languages))
        for case, found in cases.items()
    ]
    rows.append(
        ("minimal pairs, both right", *(_of_many(pairs.get(each), "both_right", "pairs") for each in languages))
    )
    head = "## Hard cases\n\nStories of our own test split, accuracy (texts):\n\n"
    return head + _table(("case", *(_LANGUAGES[each] for each in languages)), rows)


def _labels(test: dict[str, Any]) -> str:
    found = test.get("sets") or {}
    if not found:
        return ""
    rows = [
        (
            each["title"],
            label.replace("_", " "),
            *(_share(score[key]) for key in ("precision", "recall", "f1")),
            f"{score['support']:,}",
        )
        for each in found.values()
        for label, score in each["labels"].items()
        if score["support"]
    ]
    lines = [
        f"- {each['title']}: `{each['confusion']}`" for each in found.values() if each.get("task", "story") != "topic"
    ]
    return (
        "## Each label\n\n"
        + _table(("set", "label", "precision", "recall", "F1", "texts"), rows, numbers=4)
        + "\nConfusion (rows: true negative, neutral, positive; columns: called so):\n\n"
        + "\n".join(lines)
        + "\n"
    )


def _calibration(manifest: Manifest, validation: dict[str, Any]) -> str:
    rows = []
    for task, languages in manifest.calibration.items():
        for language, fit in languages.items():
            seen = validation.get(f"{task}_{language}") or {}
            rows.append(
                (
                    _TASKS[task],
                    _LANGUAGES[language],
                    f"{fit.temperature:.3f}",
                    f"{fit.power:.3f}",
                    f"{fit.confidence:.2f}",
                    *(_share(seen.get(key)) for key in ("macro_f1", "ece_before", "ece", "unsure_share")),
                )
            )
    columns = ("about", "language", "temperature", "power", "threshold", "macro-F1", "ECE before", "ECE", "unsure")
    return _FITTED + _table(columns, rows, numbers=7)


def _confidence(pooled: dict[str, Any]) -> str:
    if not pooled:
        return ""
    lines = [_POOLED]
    for language, each in pooled.items():
        lines.append(
            f"**{_LANGUAGES[language]}**: {each['texts']:,} texts ({', '.join(each['sets'])}), "
            f"ECE {_share(each['ece'])}, unsure {_share(each['unsure_share'])}, "
            f"area {_share(each['risk_coverage']['area'])}.\n"
        )
        bins = [
            (f"{b['low']:.1f}", f"{b['count']:,}", _share(b["confidence"]), _share(b["accuracy"]))
            for b in each["reliability"]
        ]
        lines.append(_table(("confidence from", "texts", "confidence", "accuracy"), bins))
        at = each["risk_coverage"]["accuracy"]
        lines.append(_table(("share answered", *at), [("accuracy", *map(_share, at.values()))]))
    return "\n".join(lines)


def _robustness(manifest: Manifest) -> str:
    checks = manifest.checks
    if checks is None:
        return _UNCHECKED
    said = _CHECKED.format(
        verdict="passed" if checks.passed else "FAILED", version=checks.version, made=checks.made_at[:10]
    )
    return said + _table(("check", "rate"), [(name.replace("_", " "), _share(r)) for name, r in checks.rates.items()])


def _export(made: dict[str, Any], sets: dict[str, Any]) -> str:
    """Whatever the export recorded, one line each (it knows best what there is to say), and how int8 kept to fp32."""
    lines = [f"- {name.replace('_', ' ')}: {_plain(value)}\n" for name, value in made.items()]
    compared = {each["title"]: each["reference"] for each in sets.values() if each.get("reference")}
    rows = [(title, _share(each["agreement"]), _share(each["macro_f1_loss"])) for title, each in compared.items()]
    if rows:
        lines += ["\nAgainst fp32, on each test set:\n\n", _table(("set", "same label", "macro-F1 lost"), rows)]
    return "## Export\n\n" + "".join(lines) if lines else ""


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_plain(each)}" for name, each in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _of_many(found: dict[str, Any] | None, share: str, count: str) -> str:
    return f"{_share(found[share])} ({found[count]})" if found else "-"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: int | None = None) -> str:
    """A Markdown table whose last `numbers` columns stand to the right; all but the first when not said."""
    right = len(columns) - 1 if numbers is None else numbers
    rule = ["---"] * (len(columns) - right) + ["---:"] * right
    return "".join(f"| {' | '.join(row)} |\n" for row in (columns, rule, *rows))
