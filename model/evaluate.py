"""An artifact on the sets of `model.sets`: how often it is right, how well it knows. Nothing may be tuned to this."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from model import calibrate, data, metrics, sets
from model.examples import Example
from model.sets import SETS, EvaluationSet
from newstide.errors import UsageError
from newstide.messages import SENTIMENTS, Language
from newstide.scoring.batching import score_encoded
from newstide.scoring.port import Opinions, Scorer
from newstide.topics import TOPICS

TOKEN_BUDGET: Final = 1_024
_NEUTRAL, _POSITIVE = SENTIMENTS.index("neutral"), SENTIMENTS.index("positive")


class Question(NamedTuple):
    """What is asked: the sentiment and topic of a story, or the sentiment towards a company in it."""

    text: str
    language: Language
    entity: str | None


@dataclass(frozen=True, slots=True)
class Respondent:
    """Whoever answers: a model, or a baseline. One row of opinions for each question, in order."""

    languages: Collection[Language]
    topics: tuple[str, ...]
    ask: Callable[[Sequence[Question]], Opinions]


class Answers:
    """The opinions on every question of some examples, each asked once."""

    def __init__(self, respondent: Respondent, examples: Collection[Example]) -> None:
        questions = list(dict.fromkeys(map(_question, examples)))
        self._place = {question: i for i, question in enumerate(questions)}
        self._opinions = respondent.ask(questions)

    def of(self, examples: Sequence[Example]) -> Opinions:
        places = [self._place[_question(example)] for example in examples]
        return Opinions(*(column[places] for column in self._opinions))


class Marked(NamedTuple):
    """Answers of one task: (n, labels) probabilities, the index of the right label, and what confidence is enough."""

    probabilities: metrics.Floats
    truth: metrics.Ints
    confidence: metrics.Floats


def evaluate(
    scorer: Scorer, root: Path | None, names: Collection[str] | None = None, reference: Scorer | None = None
) -> dict[str, Any]:
    """Figures of a model on every set of `SETS`, or on those named; plain values, ready for JSON.

    Without a data folder only the sets of our own corpus are measured. With a reference, which is the same model in
    another form, each set also has the share of equal labels and what macro-F1 is lost against it. The order of rows
    changes no figure. Raises DataInvalid when a file is missing, UsageError for a name that is none.
    """
    return measure(respondent(scorer), root, names, None if reference is None else respondent(reference))


def respondent(scorer: Scorer) -> Respondent:
    return Respondent(scorer.languages, scorer.topics, lambda questions: _opinions(scorer, questions))


def measure(
    asked: Respondent, root: Path | None, names: Collection[str] | None = None, reference: Respondent | None = None
) -> dict[str, Any]:
    """As `evaluate`, of anybody who answers."""
    left_out = _left_out(asked, root, names)
    chosen = {n: each for n, each in SETS.items() if (names is None or n in names) and n not in left_out}
    held = {name: sets.examples_of(each, root) for name, each in chosen.items()}
    left_out |= {name: "no examples" for name, (examples, _) in held.items() if not examples}
    cases = sets.hard_cases() if names is None else {}
    pairs = sets.minimal_pairs() if names is None else []
    questions = [
        *chain.from_iterable(examples for examples, _ in held.values()),
        *chain.from_iterable(cases.values()),
        *(example for pair in pairs for example in pair.asked),
    ]
    questions = [example for example in questions if example.language in asked.languages]
    answers = Answers(asked, questions)
    other = None if reference is None else Answers(reference, questions)
    report: dict[str, Any] = {"sets": {}, "left_out": left_out}
    pools: dict[str, list[tuple[str, Marked]]] = {}
    for name, (examples, dropped) in held.items():
        if name in left_out:
            continue
        kind = chosen[name]
        marked = _marked(kind, examples, answers, asked.topics)
        report["sets"][name] = {**_about(kind, examples, dropped), **_figures(marked, _labels(kind, asked.topics))}
        if other is not None:
            compared = _marked(kind, examples, other, asked.topics)
            report["sets"][name]["reference"] = _compare(marked, compared, _labels(kind, asked.topics))
        if kind.pooled:
            pools.setdefault(kind.language, []).append((name, marked))
    report["pooled"] = {language: _pool(members) for language, members in pools.items()}
    report["cases"] = _cases(cases, answers, asked.languages)
    report["minimal_pairs"] = _pairs(pairs, answers, asked.languages)
    rounded: dict[str, Any] = metrics.rounded(report)
    return rounded


def _left_out(asked: Respondent, root: Path | None, names: Collection[str] | None) -> dict[str, str]:
    """Sets that cannot be measured here, and why."""
    if unknown := set(names or ()) - set(SETS):
        raise UsageError(f"no test set is called {sorted(unknown)[0]!r}", fix=f"use {', '.join(SETS)}")
    why = {}
    for name, each in SETS.items():
        if names is not None and name not in names:
            continue
        if each.language not in asked.languages:
            why[name] = "a language that it does not read"
        elif each.task == "topic" and not set(TOPICS) <= set(asked.topics):
            why[name] = "topics that it does not know"
        elif root is None and each.source != sets.OWN:
            why[name] = "no data folder"
    return why


def _question(example: Example) -> Question:
    return Question(example.text, example.language, example.entity)


def _opinions(scorer: Scorer, questions: Sequence[Question]) -> Opinions:
    stories = iter(scorer.encode([each.text for each in questions if each.entity is None]))
    pairs = iter(scorer.encode_pairs([(each.text, each.entity) for each in questions if each.entity is not None]))
    encoded = [next(stories if each.entity is None else pairs) for each in questions]
    return score_encoded(scorer, encoded, TOKEN_BUDGET)


def _labels(kind: EvaluationSet, topics: tuple[str, ...]) -> tuple[str, ...]:
    return topics if kind.task == "topic" else SENTIMENTS


def _marked(kind: EvaluationSet, examples: Sequence[Example], answers: Answers, topics: tuple[str, ...]) -> Marked:
    opinions = answers.of(examples)
    if kind.task == "topic":
        truth = [topics.index(TOPICS[(example.topics or ()).index(1)]) for example in examples]
        return Marked(opinions.topics, np.array(truth, dtype=np.int64), opinions.topic_confidence)
    truth = [example.label for example in examples]
    probabilities = _two_way(opinions.sentiment) if kind.two_way else opinions.sentiment
    return Marked(probabilities, np.array(truth, dtype=np.int64), opinions.confidence)


def _two_way(probabilities: metrics.Floats) -> metrics.Floats:
    """Where positive was said, neutral counts as said, with the same confidence."""
    out = probabilities.copy()
    said = out.argmax(axis=1) == _POSITIVE
    out[said, _NEUTRAL], out[said, _POSITIVE] = probabilities[said, _POSITIVE], probabilities[said, _NEUTRAL]
    return out


def _about(kind: EvaluationSet, examples: Sequence[Example], dropped: int) -> dict[str, Any]:
    parts = [f"{each.text}\0{each.entity or ''}\0{sets.target_of(each, kind.task)}" for each in examples]
    return {
        "title": kind.title,
        "task": kind.task,
        "language": kind.language,
        "two_way": kind.two_way,
        "fingerprint": data.fingerprint(sorted(parts))[:16],
        "dropped": dropped,
    }


def _figures(marked: Marked, labels: tuple[str, ...]) -> dict[str, Any]:
    scores = asdict(metrics.measure(marked.probabilities, marked.truth, labels))
    return {**scores, **_refused(marked)}


def _refused(marked: Marked) -> dict[str, Any]:
    """The share that is refused, and how often the rest is right (None when there is no rest)."""
    answered = marked.probabilities.max(axis=1) >= marked.confidence
    right = _right(marked)[answered]
    return {
        "unsure_share": float(1 - answered.mean()),
        "answered_accuracy": float(right.mean()) if len(right) else None,
    }


def _right(marked: Marked) -> Any:
    return marked.probabilities.argmax(axis=1) == marked.truth


def _compare(one: Marked, other: Marked, labels: tuple[str, ...]) -> dict[str, float]:
    same = one.probabilities.argmax(axis=1) == other.probabilities.argmax(axis=1)
    first, second = (metrics.measure(each.probabilities, each.truth, labels).macro_f1 for each in (one, other))
    return {
        "agreement": float(same.mean()),
        "macro_f1_loss": second - first,
        "probability_difference": float(np.abs(one.probabilities - other.probabilities).max()),
    }


def _pool(members: Sequence[tuple[str, Marked]]) -> dict[str, Any]:
    together = Marked(*(np.concatenate(columns) for columns in zip(*(each for _, each in members), strict=True)))
    shown = together.probabilities, together.truth
    return {
        "sets": [name for name, _ in members],
        "texts": len(together.truth),
        "accuracy": float(_right(together).mean()),
        "ece": metrics.expected_calibration_error(*shown),
        **_refused(together),
        "reliability": [asdict(each) for each in calibrate.reliability(*shown)],
        "risk_coverage": calibrate.risk_coverage(*shown),
    }


def _cases(
    cases: dict[tuple[str, Language], list[Example]], answers: Answers, languages: Collection[Language]
) -> dict[str, dict[str, Any]]:
    """Accuracy on the stories of each hard case, by language: too few texts for more figures."""
    report: dict[str, dict[str, Any]] = {}
    for (case, language), examples in cases.items():
        if language in languages:
            right = answers.of(examples).sentiment.argmax(axis=1) == [example.label for example in examples]
            report.setdefault(case, {})[language] = {"texts": len(examples), "accuracy": float(right.mean())}
    return report


def _pairs(pairs: Sequence[sets.Pair], answers: Answers, languages: Collection[Language]) -> dict[str, Any]:
    """The share of minimal pairs with every answer right: who does not see the difference has none."""
    right: dict[str, list[bool]] = {}
    for pair in pairs:
        if pair.language in languages:
            called = answers.of(pair.asked).sentiment.argmax(axis=1)
            right.setdefault(pair.language, []).append(bool((called == [e.label for e in pair.asked]).all()))
    return {language: {"pairs": len(each), "both_right": float(np.mean(each))} for language, each in right.items()}
