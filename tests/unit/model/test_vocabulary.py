"""The bilingual base: which pieces stay, and that what was known is still known."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from model import tokens, vocabulary
from newstide.errors import ModelInvalid
from tests import tiny_model

KNOWN = tiny_model.pieces()
OFTEN = vocabulary.COUNT_MIN
TEXTS = ["acme wins"] * OFTEN + ["beta loses"] * (OFTEN - 1) + ["甲公司上涨", "净"] * OFTEN + ["珙"] * 2 + ["龘"]


@pytest.fixture(scope="module")
def chosen() -> vocabulary.Vocabulary:
    return vocabulary.choose(KNOWN, TEXTS)


def names(chosen: vocabulary.Vocabulary) -> list[str]:
    return [piece for piece, _ in chosen.pieces]


def test_pieces_that_are_used_and_single_letters_are_kept(chosen: vocabulary.Vocabulary) -> None:
    assert tuple(names(chosen)[:5]) == vocabulary.SPECIAL
    assert {"▁acme", "▁wins", "甲公司", "上涨", "▁", "q", "7", "%"} <= set(names(chosen))
    assert not {"▁beta", "▁loses", "▁gamma", "乙公司", "<s>"} & set(names(chosen))
    assert len(set(names(chosen))) == len(chosen.pieces) == len(chosen.rows)


def test_what_is_kept_keeps_its_probability_and_its_row(chosen: vocabulary.Vocabulary) -> None:
    for (piece, score), row in zip(chosen.pieces[5:], chosen.rows[5:], strict=True):
        if row is not None:
            assert KNOWN[row] == (piece, score)
    assert [KNOWN[row or 0][0] for row in chosen.rows[:5]] == ["<pad>", "<unk>", "<s>", "</s>", "<mask>"]


def test_chinese_characters_of_daily_use_and_of_the_texts_are_added(chosen: vocabulary.Vocabulary) -> None:
    added = {piece for (piece, _), row in zip(chosen.pieces, chosen.rows, strict=True) if row is None}
    assert {"净", "一", "座", "珙"} <= added  # met, daily, daily, met twice
    assert "龘" not in names(chosen)  # met once
    assert "公" not in added and "公" in names(chosen)  # known before
    assert all(score == min(score for _, score in KNOWN) for piece, score in chosen.pieces if piece in added)


def test_the_choice_is_always_the_same(chosen: vocabulary.Vocabulary) -> None:
    assert vocabulary.choose(KNOWN, TEXTS) == chosen


def test_known_rows_stay_and_a_new_character_starts_as_the_mean_of_the_known(
    chosen: vocabulary.Vocabulary, tmp_path: Path
) -> None:
    source = tiny_model.make_source()
    before = source.get_input_embeddings().weight.detach().clone()
    vocabulary.build(source, chosen, tmp_path)
    after = AutoModel.from_pretrained(tmp_path, local_files_only=True).get_input_embeddings().weight
    new = tokens.read(tmp_path / tokens.FILE)
    assert len(after) == new.get_vocab_size() == len(chosen.pieces)
    for piece, row in (("▁acme", KNOWN.index(("▁acme", -4.0))), ("[CLS]", 0), ("[MASK]", len(KNOWN) - 1)):
        assert torch.equal(before[row], after[new.token_to_id(piece)])
    han = [row for (piece, _), row in zip(chosen.pieces, chosen.rows, strict=True) if row and "一" <= piece <= "龥"]
    single = [row for row in han if len(KNOWN[row][0]) == 1]
    assert torch.allclose(after[new.token_to_id("珙")], before[single].mean(dim=0), atol=1e-6)
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["vocab_size"], config["pad_token_id"]) == (len(after), 0)


def test_the_tokenizer_reads_both_languages_and_pairs(base: Path) -> None:
    tokenizer = tokens.read(base / tokens.FILE)
    pair = tokenizer.encode("Acme WINS 乙公司上涨 xyz", "acme")
    unknown = tokenizer.token_to_id("[UNK]")
    assert unknown not in pair.ids
    assert (pair.ids[0], pair.ids[-1]) == (tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]"))
    assert pair.ids[1] == tokenizer.token_to_id("▁acme") and tokenizer.token_to_id("乙公司") in pair.ids
    assert pair.type_ids[-2:] == [1, 1] and set(pair.type_ids[:-2]) == {0}
    assert len(tokenizer.encode("acme " * 500).ids) == vocabulary.MAX_TOKENS
    assert unknown not in tokenizer.encode("的一是").ids


@pytest.mark.parametrize("text", [*vocabulary.SPECIAL, "<s>", "[cls]"])
def test_no_text_spells_a_special_piece(base: Path, text: str) -> None:
    inner = tokens.read(base / tokens.FILE).encode(text).ids[1:-1]
    assert inner and not set(inner) & {0, 2, 3, 4}


def test_a_tokenizer_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="tokenizer"):
        tokens.read(tmp_path / "absent.json")


def test_a_run_s_tokenizer_is_cut_and_unpadded(base: Path, tmp_path: Path) -> None:
    one, other = (tokens.cut_at(base, n) for n in (8, 9))
    assert one == tokens.cut_at(base, 8) != other
    (tmp_path / "8.json").write_bytes(one)
    tokenizer = tokens.read(tmp_path / "8.json")
    assert len(tokenizer.encode("acme " * 50).ids) == 8 and tokenizer.padding is None
    assert "▁acme" in tokenizer.encode("acme " * 50, "beta").tokens
