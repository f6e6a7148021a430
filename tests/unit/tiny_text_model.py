"""A text network small enough to train in a test, with a vocabulary of the words the tests use."""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path

from transformers import BertConfig, BertModel

from models.text_files import ANY, TOKENIZER, save_model
from models.text_network import NetworkConfig, TextNetwork
from models.word_pieces import tokenizer_of

LABELS = ("threat.arrest", "distress.job_loss")
GROUPS = ("threat", "distress")
ABOVE = {"threat.arrest": "threat", "distress.job_loss": "distress"}
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused1]", "[unused2]", "[unused3]"]


def vocabulary(words: Sequence[str] = ()) -> list[str]:
    letters = [f"{head}{letter}" for letter in string.ascii_lowercase for head in ("", "##")]
    chinese = list("坐牢失业了还钱你好明天再不就等着我没工作")
    return list(dict.fromkeys([*_SPECIAL, *letters, *chinese, *".,!?'", *words]))


def tiny_network(words: Sequence[str] = ()) -> TextNetwork:
    config = BertConfig(
        vocab_size=len(vocabulary(words)),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=256,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    kept = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    plain = {key: getattr(config, key) for key in (*kept, "max_position_embeddings")}
    made = NetworkConfig(labels=LABELS, groups=GROUPS, encoder=plain)
    return TextNetwork(made, BertModel(config, add_pooling_layer=False))


def tokenizer_in(folder: Path, words: Sequence[str] = ()) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / TOKENIZER
    tokenizer_of(vocabulary(words)).save(str(path))
    return path


def saved(folder: Path, network: TextNetwork, words: Sequence[str] = ()) -> Path:
    save_model(folder, "tiny", {ANY: (network, tokenizer_in(folder / "words", words))})
    return folder
