import pytest

from model import baselines, evaluate
from model.corpus.read import LANGUAGES
from model.evaluate import Question
from model.examples import Example, one_hot, topic_target
from newstide.messages import Language
from newstide.topics import TOPICS

SIGNS = {"en": ("falls", "meets", "rises"), "zh": ("下跌", "开会", "上涨")}
NAMES = {"en": ("Acme", "Beta", "Gamma"), "zh": ("甲公司", "乙公司", "丙公司")}


def learned() -> list[Example]:
    found = []
    for language in LANGUAGES:
        for label, word in enumerate(SIGNS[language]):
            for name in NAMES[language]:
                text = f"{name} {word}"
                topic = topic_target(("market_move", "management", "market_move")[label])
                found.append(Example(text, language, "own", None, one_hot(label), topic))
                found.append(Example(text, language, "own", name, one_hot(label)))
        # Half good, half bad, and heavy: the commonest label is positive, by its weight.
        found.append(Example("x y", language, "own", None, (0.25, 0.0, 0.75), weight=8.0))
    return found


def test_the_commonest_label_by_weight() -> None:
    (row,) = baselines.majority(learned()).ask([Question("anything", "en", None)]).sentiment
    assert row.argmax() == 2 and row == pytest.approx([(3 + 2) / 17, 3 / 17, (3 + 6) / 17])


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_learned_in_both_languages(language: Language) -> None:
    asked = baselines.tfidf(learned(), learned())
    assert asked.languages == ("en", "zh")
    name, (down, _, up) = NAMES[language][0], SIGNS[language]
    questions = [Question(f"{name} {word}", language, entity) for word in (down, up) for entity in (None, name)]
    opinions = asked.ask(questions)
    assert opinions.sentiment.argmax(axis=1).tolist() == [0, 0, 2, 2]
    assert opinions.sentiment.sum(axis=1) == pytest.approx([1.0] * 4)
    assert opinions.confidence.max() == 0
    assert opinions.topics[0].argmax() == TOPICS.index("market_move")


def test_a_baseline_is_measured_as_a_model_is() -> None:
    report = evaluate.measure(baselines.majority(learned()), None)
    assert report["sets"]["own_en"]["unsure_share"] == 0
    assert report["minimal_pairs"]["zh"]["both_right"] == 0
