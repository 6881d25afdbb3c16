"""What a model must beat: the commonest label, and TF-IDF with logistic regression, from the same training examples.

Both are measured on the sets of `model.sets` as a model is. TF-IDF counts words and pairs of words in English, one to
three characters in Chinese; a question about a company is the text with its name after it. How strongly it is held back
is chosen on the validation examples, as a model's steps are. Needs scikit-learn, which comes with the extra `train`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from model import evaluate, examples, judging, sets
from model.corpus.read import LANGUAGES
from model.evaluate import Question, Respondent
from model.examples import Example
from model.metrics import Floats
from model.runs import Build
from newstide.artifact import TASKS, Task
from newstide.messages import SENTIMENTS, Language
from newstide.scoring.port import Opinions, no_opinions
from newstide.topics import TOPICS

SEPARATOR: Final = " [SEP] "
STRENGTHS: Final = (1.0, 4.0, 16.0)
"""Of scikit-learn's `C`: the inverse of how strongly weights are held back."""
FEATURES_MAX: Final = 100_000
"""The commonest. Bounds the minutes: logistic regression looks at all of them in every step."""
_ITERATIONS_MAX: Final = 1_000
_ANALYSERS: Final[dict[Language, dict[str, Any]]] = {
    "en": {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b"},
    "zh": {"analyzer": "char", "ngram_range": (1, 3)},
}

Kind = tuple[Task, Language]
Row = tuple[str, int, float]
"""A text, one of its labels and how much that counts."""
Answer = Callable[[Sequence[str]], Floats]
"""Probabilities (n, labels) of n texts."""


def baselines(root: Path, build: Build) -> dict[str, Any]:
    """Reports like those of `evaluate.evaluate`, of the baselines `majority` and `tfidf` of a build.

    Raises DataInvalid when a file of the data folder is missing.
    """
    learned, held = examples.training(root, build), examples.validation(root, build)
    made = {"majority": majority(learned), "tfidf": tfidf(learned, held)}
    return {"build": build, **{name: evaluate.measure(each, root) for name, each in made.items()}}


def majority(learned: Iterable[Example]) -> Respondent:
    """Says the share of each label in training, whatever the text."""
    return _respondent({kind: _constant(rows, _labels(kind[0])) for kind, rows in _by_kind(learned).items()})


def tfidf(learned: Iterable[Example], held: Sequence[Example]) -> Respondent:
    """A logistic regression for each task and language, the best of `STRENGTHS` on the held examples."""
    judged = judging.clear(held)
    answers = {}
    for kind, rows in _by_kind(learned).items():
        mine = judged.get(kind)
        texts = [_text(held[place]) for place in mine.places] if mine else []
        answers[kind] = _best(kind, rows, texts, np.array(mine.truth if mine else [], dtype=np.int64))
    return _respondent(answers)


def _by_kind(learned: Iterable[Example]) -> dict[Kind, list[Row]]:
    """The rows of each task and language; a shared target is several rows that share the weight."""
    found: dict[Kind, list[Row]] = defaultdict(list)
    for example in learned:
        about: Task = "story" if example.entity is None else "entity"
        for task in (about, "topic"):
            for label, share in enumerate(sets.target_of(example, task) or ()):
                if share:
                    found[task, example.language].append((_text(example), label, example.weight * share))
    return found


def _text(asked: Example | Question) -> str:
    return asked.text if asked.entity is None else asked.text + SEPARATOR + asked.entity


def _labels(task: Task) -> int:
    return len(TOPICS) if task == "topic" else len(SENTIMENTS)


def _constant(rows: Sequence[Row], count: int) -> Answer:
    _, labels, weights = zip(*rows, strict=True)
    shares = np.bincount(labels, weights, minlength=count) / np.sum(weights)
    return lambda texts: np.tile(shares.astype(np.float32), (len(texts), 1))


def _best(kind: Kind, rows: Sequence[Row], held: Sequence[str], truth: judging.Ints) -> Answer:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    task, language = kind
    texts, labels, weights = zip(*rows, strict=True)
    count = TfidfVectorizer(
        max_features=FEATURES_MAX, sublinear_tf=True, dtype=np.float32, lowercase=True, **_ANALYSERS[language]
    )
    features = count.fit_transform(texts)
    aside = count.transform(held) if held else None
    found: list[tuple[float, Any]] = []
    for strength in STRENGTHS if held else STRENGTHS[:1]:
        regression = LogisticRegression(C=strength, max_iter=_ITERATIONS_MAX)
        regression.fit(features, labels, sample_weight=weights)
        found.append((judging.macro_f1(regression.predict(aside), truth) if held else 0.0, regression))
    best = max(found, key=lambda each: each[0])[1]

    def answer(asked: Sequence[str]) -> Floats:
        out = np.zeros((len(asked), _labels(task)), dtype=np.float32)
        out[:, best.classes_] = best.predict_proba(count.transform(asked))
        return out

    return answer


def _respondent(answers: dict[Kind, Answer]) -> Respondent:
    """Answers whatever it is asked: nothing is `unsure`, for a baseline has no threshold."""
    languages = tuple(each for each in LANGUAGES if all((task, each) in answers for task in TASKS))

    def ask(questions: Sequence[Question]) -> Opinions:
        out = no_opinions(len(questions), len(TOPICS))
        out.confidence[:] = out.topic_confidence[:] = 0
        groups: dict[Kind, list[int]] = defaultdict(list)
        for i, question in enumerate(questions):
            groups["story" if question.entity is None else "entity", question.language].append(i)
        for (task, language), places in groups.items():
            texts = [_text(questions[i]) for i in places]
            out.sentiment[places] = answers[task, language](texts)
            if task == "story":
                out.topics[places] = answers["topic", language](texts)
        return out

    return Respondent(languages, TOPICS, ask)
