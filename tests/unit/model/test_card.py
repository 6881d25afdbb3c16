from typing import Any

import msgspec
import pytest

from model import card, evaluate
from newstide.artifact import TASKS, Calibration, Checks, FileEntry, Manifest, version_of
from newstide.messages import SENTIMENTS
from newstide.scoring.stub import StubScorer
from newstide.topics import TOPICS

HASH = "0" * 64


@pytest.fixture(scope="module")
def test_report() -> dict[str, Any]:
    return evaluate.evaluate(StubScorer(), None, reference=StubScorer())


def manifest(metrics: dict[str, Any], checks: Checks | None = None, build: str = "default") -> Manifest:
    return Manifest(
        schema=3,
        name="tide",
        labels=SENTIMENTS,
        topics=TOPICS,
        languages=("en", "zh"),
        max_tokens=128,
        calibration={task: {"en": Calibration(1.25, 0.5), "zh": Calibration(0.875, 0.56)} for task in TASKS},
        near={"story": 0.16, "entity": 0.16, "topic": 0.24},
        checks=checks,
        graphs={"int8": "model-int8.onnx"},
        tokenizer="tokenizer.json",
        tokenizer_hash=HASH,
        files={name: FileEntry(HASH, 1) for name in ("model-int8.onnx", "tokenizer.json")},
        metrics=metrics,
        data={"build": build},
        git_commit="0",
        created_at="2026-11-23T00:00:00+00:00",
        licence="Apache-2.0",
        base="base",
    )


def test_a_card_without_figures_says_how_to_use_it_and_what_it_was_made_of() -> None:
    made = manifest({})
    text = card.render(made)
    assert version_of(made) in text and "English and Chinese" in text
    for said in ("--entity", "--explain", "state no licence", "FinFE", "CC0", "## Limits", "Not checked yet"):
        assert said in text
    assert "## Figures" not in text and "## Export" not in text
    assert "| the story | English | 1.250 | 1.000 | 0.50 | - | - | - | - |" in text


def test_a_card_with_all_figures(test_report: dict[str, Any]) -> None:
    checks = Checks("tide-1", True, {"name_swap": 0.0625}, "2026-11-24T00:00:00+00:00")
    validation = {"story_en": {"texts": 9, "macro_f1": 0.8, "ece_before": 0.1, "ece": 0.02, "unsure_share": 0.04}}
    metrics = {
        "validation": validation,
        "test": test_report,
        "baselines": {"build": "default", "tfidf": test_report, "majority": {"sets": {}}},
        "export": {"fp32_int8_agreement": 0.9964, "speed": {"int8": 812.5}},
    }
    # As it is read back from the file.
    text = card.render(manifest(msgspec.json.decode(msgspec.json.encode(metrics)), checks))
    assert "| set | texts | accuracy | macro-F1 | macro-F1 TF-IDF | macro-F1 commonest label | ECE |" in text
    assert "| the story | English | 1.250 | 1.000 | 0.50 | 0.800 | 0.100 | 0.020 | 0.040 |" in text
    assert "passed for `tide-1` on 2026-11-24" in text and "| name swap | 0.062 |" in text
    assert "| own corpus, English | 1.000 | 0.000 |" in text
    assert "- fp32 int8 agreement: 0.9964" in text and "- speed: int8 812.5" in text
    for title in ("own corpus, opposite fates, Chinese", "minimal pairs, both right", "narrow loss", "**Chinese**"):
        assert title in text
    widths = [(line.count(" | "), line) for line in text.splitlines() if line.startswith("|")]
    assert all(columns > 0 for columns, _ in widths)


def test_the_open_build_says_what_it_did_not_use() -> None:
    shown = card.render(manifest({}, build="open"))
    assert "`open` build" in shown and "| FinFE (forum posts) | none stated | not used |" in shown
    assert "| FinFE (forum posts) | none stated | training, validation |" in card.render(manifest({}))
