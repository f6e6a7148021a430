"""One encoder made of two: whose word pieces it has, and that it comes to place English where an English one does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel

from models import bilingual

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ZH = [*SPECIAL, "还", "钱", "##钱", "pay", "you"]
EN = [*SPECIAL, "pay", "you", "money", "late"]


def encoder_folder(folder: Path, words: list[str], width: int) -> Path:
    torch.manual_seed(width)
    sizes = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 2 * width}
    config = BertConfig(vocab_size=len(words), hidden_size=width, max_position_embeddings=32, **sizes)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return encoder_folder(tmp_path / "zh", ZH, 16), encoder_folder(tmp_path / "en", EN, 8)


def test_it_has_the_living_pieces_of_one_and_those_asked_for_of_the_other(folders: tuple[Path, Path]) -> None:
    encoder, tokenizer = bilingual.joined(*folders, ["pay", "money", "late"])
    pieces = [tokenizer.id_to_token(at) for at in range(tokenizer.get_vocab_size())]
    assert pieces == [token for token in ZH if token != "##钱"] + ["money", "late"]
    old = BertModel.from_pretrained(folders[0], add_pooling_layer=False).get_input_embeddings().weight
    new = encoder.get_input_embeddings().weight
    assert torch.equal(new[pieces.index("还")], old[ZH.index("还")])
    assert encoder.config.hidden_dropout_prob == 0 == encoder.config.attention_probs_dropout_prob


def test_it_learns_where_the_english_one_places_sentences_and_forgets_no_chinese(folders: tuple[Path, Path]) -> None:
    english, chinese = ["pay money", "you late", "pay late you", "money money"], ["还钱", "钱还"]
    distances = []
    for epochs in (1, 60):
        encoder, tokenizer = bilingual.joined(*folders, ["money", "late"])
        before = bilingual._vectors(encoder.eval(), tokenizer, chinese, 8)
        distances.append(
            bilingual.align(
                encoder, tokenizer, folders[1], english * 4,
                chinese_texts=chinese * 8, epochs=epochs, batch=8, rate=2e-3,
            )
        )  # fmt: skip
    assert distances[1] < distances[0] / 2
    after = bilingual._vectors(encoder, tokenizer, chinese, 8)
    assert torch.nn.functional.cosine_similarity(before, after).min() > 0.95
