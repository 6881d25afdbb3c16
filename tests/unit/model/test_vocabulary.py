"""The bilingual base: which tokens it gets, and that what was known is still known."""

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import AutoModel

from model import tokens, vocabulary
from newstide.errors import ModelInvalid
from tests import tiny_model

ENGLISH = ["acme wins"] * 10 + ["beta loses"] * 9
CHINESE = ["公司净利润增长", "净利润不及预期的消息"] * 30 + ["龘"]


@pytest.fixture(scope="module")
def chosen(source: Path) -> vocabulary.Vocabulary:
    return vocabulary.choose(tokens.read(source / tokens.FILE), ENGLISH, CHINESE)


def test_pieces_that_are_used_and_single_letters_are_kept(chosen: vocabulary.Vocabulary) -> None:
    assert chosen.pieces[:5] == vocabulary.SPECIAL
    assert {"acme", "wins", "q", "##q", "7", "##%"} <= set(chosen.pieces)
    assert not {"beta", "loses", "gamma"} & set(chosen.pieces)
    assert len(set(chosen.pieces)) == len(chosen.pieces)


def test_chinese_characters_of_daily_use_and_of_the_texts_are_kept(chosen: vocabulary.Vocabulary) -> None:
    assert {"净", "一", "座"} <= set(chosen.pieces)  # met, daily, daily
    assert "龘" not in chosen.pieces  # met once
    assert sum("\u4e00" <= piece <= "\u9fff" for piece in chosen.pieces) == 3_755


def test_words_are_frequent_merges_without_grammar(chosen: vocabulary.Vocabulary) -> None:
    assert any("净利润".startswith(word) or word in "净利润" for word in chosen.words)
    assert all(2 <= len(word) <= vocabulary.WORD_CHARS_MAX for word in chosen.words)
    assert not any("的" in word for word in chosen.words)
    assert not set(chosen.words) & set(chosen.pieces)


def test_the_choice_is_always_the_same(source: Path, chosen: vocabulary.Vocabulary) -> None:
    assert vocabulary.choose(tokens.read(source / tokens.FILE), ENGLISH, CHINESE) == chosen


def test_known_rows_stay_and_words_start_as_the_mean_of_their_characters(
    source: Path, chosen: vocabulary.Vocabulary, tmp_path: Path
) -> None:
    vocabulary.build(source, tmp_path, chosen)
    old, new = tokens.read(source / tokens.FILE), tokens.read(tmp_path / tokens.FILE)
    before, after = (
        AutoModel.from_pretrained(folder, local_files_only=True).get_input_embeddings().weight
        for folder in (source, tmp_path)
    )
    assert len(after) == new.get_vocab_size() == len(chosen.pieces) + len(chosen.words)
    for piece in ("acme", "[CLS]", "[MASK]", "##q"):
        assert torch.equal(before[old.token_to_id(piece)], after[new.token_to_id(piece)])
    word = chosen.words[0]
    characters = torch.stack([after[new.token_to_id(character)] for character in word])
    assert torch.allclose(after[new.token_to_id(word)], characters.mean(dim=0), atol=1e-6)
    assert json.loads((tmp_path / "config.json").read_text())["vocab_size"] == len(after)


def test_the_tokenizer_reads_both_languages_and_pairs(base: Path) -> None:
    tokenizer = tokens.read(base / tokens.FILE)
    words = json.loads(tokenizer.to_str())["added_tokens"]
    assert {"甲公司", "季报"} <= {token["content"] for token in words}
    pair = tokenizer.encode("Acme WINS 乙公司上涨 xyz", "acme")
    unknown = tokenizer.token_to_id("[UNK]")
    assert unknown not in pair.ids
    assert (pair.ids[0], pair.ids[-1]) == (tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]"))
    assert pair.ids[1] == tokenizer.token_to_id("acme") and tokenizer.token_to_id("乙公司") in pair.ids
    assert pair.type_ids[-2:] == [1, 1] and set(pair.type_ids[:-2]) == {0}
    assert len(tokenizer.encode("acme " * 500).ids) == vocabulary.MAX_TOKENS
    assert unknown not in tokenizer.encode("的一是").ids


def test_a_base_that_does_not_spell_in_word_pieces_is_refused(source: Path, tmp_path: Path) -> None:
    (tmp_path / tokens.FILE).write_text(Tokenizer(models.BPE()).to_str(), encoding="utf-8")
    with pytest.raises(ModelInvalid, match="cannot be extended"):
        vocabulary.build(tmp_path, tmp_path / "new", vocabulary.Vocabulary((), ()))
    with pytest.raises(ModelInvalid, match="tokenizer"):
        tokens.read(tmp_path / "absent.json")


def test_a_run_s_tokenizer_is_cut_unpadded_and_known_by_its_bytes(base: Path, tmp_path: Path) -> None:
    one, other = (tokens.write_tokenizer(base, tmp_path / f"{n}.json", n) for n in (8, 9))
    assert one == tokens.hash_of(tmp_path / "8.json") != other
    tokenizer = tokens.read(tmp_path / "8.json")
    assert len(tokenizer.encode("acme " * 50).ids) == 8 and tokenizer.padding is None
    assert tiny_model.EN_NAMES[0] in tokenizer.encode("acme " * 50, "beta").tokens
