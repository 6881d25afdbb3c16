"""The release gate: what passes it, what must not, and that nothing unchecked is put in use."""

import hashlib
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from model import perturb, registry, robustness, robustness_cases
from model.corpus import read
from newstide import artifact
from newstide.artifact import Checks
from newstide.errors import ModelInvalid
from newstide.messages import SENTIMENTS, Language
from newstide.scoring import onnx
from newstide.scoring.port import LABELS, Encoded, Opinions, Scorer, no_opinions
from newstide.text import language_of, model_input
from tests import tiny_artifact

Graph = Callable[[tuple[int, ...]], int | None]
PROBES = [probe for group in robustness_cases.groups(robustness_cases.cases()) for probe in group.probes]
LETTERS = sorted({c for probe in PROBES for c in (probe.text + (probe.name or "")).lower()} | {"|"})
VOCABULARY = {letter: i for i, letter in enumerate(LETTERS)}


class FakeScorer:
    """Letters are tokens; `graph` tells the column of the label from the ids, or None for no opinion."""

    version = "fake-12345678"
    tokenizer_hash = hashlib.sha256(b"fake").hexdigest()
    labels = SENTIMENTS
    topics = ("earnings", "other")

    def __init__(
        self, graph: Graph, vocabulary: dict[str, int] = VOCABULARY, languages: tuple[Language, ...] = ("en", "zh")
    ) -> None:
        self.languages = languages
        self._graph, self._vocabulary = graph, vocabulary

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        return [Encoded(ids := self.ids(text), (0,) * len(ids), "story", language_of(text)) for text in texts]

    def encode_pairs(self, pairs: Sequence[tuple[str, str]]) -> list[Encoded]:
        return [
            Encoded(ids := self.ids(f"{text}|{name}"), (0,) * len(ids), "entity", language_of(text))
            for text, name in pairs
        ]

    def score(self, batch: Sequence[Encoded]) -> Opinions:
        out = no_opinions(len(batch), len(self.topics))
        for row, encoded in zip(out.sentiment, batch, strict=True):
            if (column := self._graph(encoded.token_ids)) is not None:
                row[:] = np.where(np.arange(3) == column, 0.9, 0.05)
        return out

    def words(self, text: str) -> list[tuple[int, int]]:
        return [found.span() for found in re.finditer(r"\S+", text)]

    def ids(self, text: str) -> tuple[int, ...]:
        return tuple(self._vocabulary[letter] for letter in self.fold(text) if letter in self._vocabulary)

    def fold(self, text: str) -> str:
        return text.lower()


class CasedScorer(FakeScorer):
    """Its tokenizer does not lower-case: what is no capital letter of the training text is lost."""

    def fold(self, text: str) -> str:
        return text.swapcase().lower() if text.isupper() else re.sub("[A-Z]{3,}", "", text).lower()


def known(shift: int = 0) -> Graph:
    """A graph that learned every answer, or with `shift` the wrong label for each; elsewhere it says anything."""
    reader = FakeScorer(lambda ids: None)
    answers = {}
    for probe in PROBES:
        text = model_input(probe.text) + (f"|{model_input(probe.name)}" if probe.name else "")
        answers[reader.ids(text)] = (LABELS.index(probe.label) + shift) % 3
    return lambda ids: answers.get(ids, sum(ids) % 3)


def rates(scorer: Scorer, unknown: float = 0.0) -> tuple[bool, dict[str, float], set[str]]:
    report = robustness.check(scorer, lambda texts: unknown)
    return report.passed, {row.kind: row.rate for row in report.rows}, {row.kind for row in report.rows if not row.ok}


def test_a_model_that_knows_passes_all() -> None:
    passed, found, failed = rates(FakeScorer(known()))
    assert passed
    assert not failed
    assert list(found) == list(robustness.LIMITS)
    assert {found[kind] for kind in robustness_cases.INVARIANT} == {0.0}
    assert {rate for kind, rate in found.items() if not robustness.LIMITS[kind].at_most} == {1.0}


def test_a_random_model_fails() -> None:
    passed, found, failed = rates(FakeScorer(lambda ids: hash(ids) % 3))
    assert not passed
    assert {"accuracy_en", "accuracy_zh", "name_swap", "typos", "direction", "negation", "trap", "names"} <= failed
    assert found["width"] == 0.0


@pytest.mark.parametrize("column", range(3))
def test_a_constant_model_fails(column: int) -> None:
    passed, found, failed = rates(FakeScorer(lambda ids: column))
    assert not passed
    assert {"accuracy_en", "accuracy_zh", "direction", "negation", "trap", "names"} <= failed
    assert found["typos"] == found["names_both"] == 0.0


@pytest.mark.parametrize("shift", [1, 2])
def test_a_model_with_its_labels_permuted_fails(shift: int) -> None:
    passed, found, _ = rates(FakeScorer(known(shift)))
    assert not passed
    assert found["accuracy_en"] == found["accuracy_zh"] == found["direction"] == 0.0


def test_a_model_without_opinions_fails() -> None:
    _, found, failed = rates(FakeScorer(lambda ids: None))
    assert {"accuracy_en", "accuracy_zh", "direction", "names"} <= failed
    assert found["accuracy_en"] == 0.0


def test_a_swapped_vocabulary_fails() -> None:
    """The same graph, the ids permuted: every token is known, and nothing is understood."""
    ids = list(range(len(LETTERS)))
    random.Random(3).shuffle(ids)  # noqa: S311 - a permutation, not a secret
    passed, found, failed = rates(FakeScorer(known(), dict(zip(LETTERS, ids, strict=True))))
    assert not passed
    assert {"accuracy_en", "accuracy_zh"} <= failed
    assert max(found["accuracy_en"], found["accuracy_zh"]) < 0.55


def test_a_vocabulary_of_other_text_fails() -> None:
    assert rates(FakeScorer(known()), unknown=0.011)[2] == {"unknown_tokens"}
    assert rates(FakeScorer(known()), unknown=0.01)[0]


def test_a_model_that_reads_capitals_as_other_letters_fails_by_case() -> None:
    assert "case" in rates(CasedScorer(known()))[2]


def test_a_model_that_is_blind_to_the_name_fails_by_names() -> None:
    graph, bar = known(), VOCABULARY["|"]
    blind = FakeScorer(lambda ids: 2 if bar in ids else graph(ids))
    passed, found, failed = rates(blind)
    assert not passed
    assert failed == {"names", "names_both"}
    assert found["names"] == 0.5


def test_only_the_languages_that_it_reads_are_asked_for() -> None:
    passed, found, _ = rates(FakeScorer(known(), languages=("en",)))
    assert passed
    assert "accuracy_zh" not in found
    assert "script" not in found
    with pytest.raises(ModelInvalid, match="cannot be checked"):
        rates(FakeScorer(known(), languages=("und",)))


def test_failures_are_told_ten_for_each_kind() -> None:
    report = robustness.check(FakeScorer(lambda ids: 1), lambda texts: 0.0)
    rows = {row.kind: row for row in report.rows}
    assert len(rows["direction"].failures) == robustness.SHOWN_MAX
    assert {failure.found for failure in rows["direction"].failures} == {"neutral"}
    assert rows["names"].failures[0].name
    assert not rows["typos"].failures
    assert report.checks("2026-11-23T22:00:00+00:00") == Checks(
        version="fake-12345678",
        passed=False,
        rates={row.kind: round(row.rate, 4) for row in report.rows},
        made_at="2026-11-23T22:00:00+00:00",
    )


def test_the_share_of_unknown_tokens(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "shares": 1, "rise": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    share = robustness.unknown_share(tmp_path / "tokenizer.json")
    assert share(["shares rise", "股价 rise"]) == 0.25
    assert share([]) == 0.0
    Tokenizer(models.BPE()).save(str(tmp_path / "bytes.json"))
    assert robustness.unknown_share(tmp_path / "bytes.json")(["shares"]) == 0.0


def test_the_cases_are_many_balanced_and_of_both_languages() -> None:
    cases = robustness_cases.cases()
    texts = [marked.text for case in cases for marked in case.texts]
    assert len(set(texts)) == len(texts) >= 240
    for language in ("en", "zh"):
        mine = [case for case in cases if case.language == language]
        assert sum(len(case.texts) for case in mine) >= 120
        plain = Counter(case.labels for case in mine if case.kind == robustness_cases.PLAIN)
        assert max(plain.values()) / plain.total() <= 0.45
        kinds = Counter(case.kind for case in mine)
        assert min(kinds.values()) >= 12
        assert set(kinds) == {robustness_cases.PLAIN, robustness_cases.NAMES, *robustness_cases.PAIRED}


def test_the_cases_are_as_their_kind_says() -> None:
    for case in robustness_cases.cases():
        marks = [len(marked.names) for marked in case.texts]
        assert all(model_input(marked.text) for marked in case.texts)
        if case.kind == robustness_cases.PLAIN:
            assert (len(case.labels), marks, bool(case.texts[0].sense)) == (1, [1], True)
        elif case.kind == robustness_cases.NAMES:
            assert {label for _, label in case.texts[0].names} == {"negative", "positive"}
            assert marks == [2]
        else:
            assert len(set(case.labels)) == 2
            assert marks == [0, 0]
        assert all(marked.text.count(name) == 1 for marked in case.texts for name, _ in marked.names)


def test_no_case_is_in_the_training_corpus_or_near_it() -> None:
    corpus = [_shingles(item.text) for item in read.items()]
    for case in robustness_cases.cases():
        for marked in case.texts:
            mine = _shingles(marked.text)
            assert max(len(mine & other) / len(mine | other) for other in corpus) < 0.4, marked.text


def test_the_checks_are_kept_with_the_artifact_that_was_checked(tmp_path: Path) -> None:
    before = artifact.load(tiny_artifact.write(tmp_path / "tiny"))
    checks = Checks(version=before.version, passed=True, rates={"typos": 0.02}, made_at="2026-11-23T22:00:00+00:00")
    robustness.record(before.folder, checks)
    after = artifact.load(before.folder)
    assert after.manifest == msgspec.structs.replace(before.manifest, checks=checks)
    assert after.version == before.version
    assert {path.name for path in before.folder.iterdir()} == {artifact.MANIFEST, *before.manifest.files}
    with pytest.raises(ModelInvalid, match="cannot be kept"):
        robustness.record(before.folder, msgspec.structs.replace(checks, version="tiny-00000000"))
    assert artifact.read_manifest(before.folder).checks == checks


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (None, "never checked"),
        ({"passed": False}, "did not pass"),
        ({"version": "tiny-00000000"}, "are of tiny-00000000"),
    ],
)
def test_what_did_not_pass_is_not_put_in_use(tmp_path: Path, changes: dict[str, Any] | None, why: str) -> None:
    found = artifact.load(tiny_artifact.write(tmp_path / "tiny"))
    good = Checks(version=found.version, passed=True, rates={}, made_at="2026-11-23T22:00:00+00:00")
    checks = None if changes is None else msgspec.structs.replace(good, **changes)
    manifest = msgspec.structs.replace(found.manifest, checks=checks)
    (found.folder / artifact.MANIFEST).write_bytes(msgspec.json.encode(manifest))
    with pytest.raises(ModelInvalid) as refused:
        registry.use(tmp_path, "tiny")
    assert why in refused.value.why
    assert refused.value.fix == "run `newstide model check tiny`"
    assert registry.active_name(tmp_path) is None
    robustness.record(found.folder, good)
    assert registry.use(tmp_path, "tiny").version == found.version
    assert registry.active_name(tmp_path) == "tiny"


def test_a_real_scorer_of_key_words_is_judged_and_refused(tmp_path: Path) -> None:
    folder = tiny_artifact.write(tmp_path / "tiny")
    report = robustness.check(onnx.load(folder, "cpu"), robustness.unknown_share(folder / "tokenizer.json"))
    rows = {row.kind: row for row in report.rows}
    assert not report.passed
    assert not rows["unknown_tokens"].ok
    assert all(rows[kind].rate == 0.0 for kind in perturb.FOLDED)
    assert report.version == artifact.load(folder).version


def _shingles(text: str) -> set[str]:
    plain = re.sub(r"\W", "", text.lower())
    return {plain[i : i + 4] for i in range(len(plain) - 3)}
