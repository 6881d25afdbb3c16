"""The model card, written from the manifest so that the two cannot differ. Pure."""

from typing import Any, Final

from newstide.artifact import Manifest, version_of

NAME: Final = "README.md"

_TITLES: Final = {
    "tfns": "TFNS (tweets, test)",
    "fpb_50": "FPB, agreement of 50 % and more",
    "fpb_66": "FPB, 66 % and more",
    "fpb_75": "FPB, 75 % and more",
    "fpb_100": "FPB, all agree",
    "gold_direction": "gold headlines, direction of the price",
    "stockemotions": "StockEmotions (posts, no neutral label)",
}

_LANGUAGES: Final = {"en": "English", "zh": "Chinese", "und": "texts of no language"}

_ABOUT: Final = """\
# {name}

Sentiment of an English financial headline: negative, neutral or positive, for somebody who holds the asset.
Version `{version}`, base `{base}` (all-MiniLM-L6-v2, Apache-2.0), licence {licence}, made {created}.

## Use

`newstide classify "Shares plunge 30% after the auditor resigns"`. The text goes through `newstide.text.model_input`
and the tokenizer in this folder (at most {max_tokens} tokens, the rest is not read). Logits are divided by the
temperature {temperature}, fitted on the validation split; a text whose largest probability is below {confidence} is
called `unsure`. The same text gets the same answer to the last bit, whatever else is in its batch.

It reads {languages}; a text in another language is called `unsure`, with three equal probabilities. It reads a text
as a whole: a headline that is good for one company and bad for another has no right answer here. It is no advice to
trade.

## Training data

| data | licence | use |
|---|---|---|
| SEntFiN 1.0 (headlines) | MIT | training, validation |
| TFNS, Twitter Financial News Sentiment | MIT by its card | training, validation, test |
| FPB, gold headlines | non-commercial | measuring only |
| StockEmotions | unclear | measuring only |

No non-commercial set was trained on. A headline listed with several companies of opposing labels was trained as one
text with a shared target. Test splits were not trained on, and the run was chosen by the validation split alone; the
test figures of a first run had been seen when further runs were planned.
"""


def render(manifest: Manifest) -> str:
    """The card of a manifest, in Markdown."""
    parts = [
        _ABOUT.format(
            name=manifest.name,
            version=version_of(manifest),
            base=manifest.base,
            licence=manifest.licence,
            languages=" and ".join(_LANGUAGES[language] for language in manifest.languages),
            created=manifest.created_at[:10],
            max_tokens=manifest.max_tokens,
            temperature=manifest.temperature,
            confidence=manifest.thresholds.confidence,
        )
    ]
    test = manifest.metrics.get("test")
    if test:
        parts.append(_test_section(test))
    parts.append(_export_section(manifest.metrics))
    return "\n".join(parts)


def _test_section(test: dict[str, Any]) -> str:
    lines = [
        "## Figures",
        "",
        "Of the int8 graph, reproduced by `newstide model evaluate`.",
        "",
        "| test set | texts | accuracy | macro-F1 | ECE |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, scores in test["sets"].items():
        lines.append(
            f"| {_TITLES.get(name, name)} | {scores['texts']:,} | {scores['accuracy']:.3f} "
            f"| {scores['macro_f1']:.3f} | {scores['ece']:.3f} |"
        )
    lines += ["", "| test set | label | precision | recall | F1 | texts |", "|---|---|---:|---:|---:|---:|"]
    for name, scores in test["sets"].items():
        for label, each in scores["labels"].items():
            lines.append(
                f"| {_TITLES.get(name, name)} | {label} | {each['precision']:.3f} | {each['recall']:.3f} "
                f"| {each['f1']:.3f} | {each['support']:,} |"
            )
    lines += ["", "Confusion (rows: true negative, neutral, positive; columns: called so):", ""]
    lines += [f"- {_TITLES.get(name, name)}: `{scores['confusion']}`" for name, scores in test["sets"].items()]
    return "\n".join(lines) + "\n"


def _export_section(metrics: dict[str, Any]) -> str:
    made, validation, test = metrics["export"], metrics["validation"], metrics.get("test", {})
    lines = [
        "## Export",
        "",
        f"- validation: accuracy {validation['accuracy']:.3f}, macro-F1 {validation['macro_f1']:.3f}, ECE "
        f"{validation['ece']:.3f}, unsure {validation['unsure_share']:.1%}",
        f"- torch and ONNX fp32 differ by {made['torch_onnx_max_difference']:.1e} at most on validation logits",
        f"- int8 and fp32 give the same label to {made['fp32_int8_agreement']:.2%} of the validation texts",
    ]
    if "fp32_int8_agreement" in test:
        lines.append(f"- and to {test['fp32_int8_agreement']:.2%} of the {test['fp32_int8_texts']:,} test texts")
    return "\n".join(lines) + "\n"
