"""Word pieces: an encoder's vocabulary, the tokenizer of this project over it, and an encoder with fewer of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import WordPiece

if TYPE_CHECKING:
    from transformers import BertModel

_UNKNOWN = "[UNK]"
_CHINESE_TAIL = re.compile(r"##[\u3400-\u9fff\uf900-\ufaff]")
"""The tokenizer splits Chinese into single characters, so a character inside a word never comes up."""


def tokenizer_of(vocabulary: Sequence[str]) -> Tokenizer:
    """A lower-casing WordPiece tokenizer that takes Chinese apart."""
    tokenizer = Tokenizer(
        WordPiece({token: at for at, token in enumerate(vocabulary)}, unk_token=_UNKNOWN, max_input_chars_per_word=60)
    )
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def read_vocabulary(folder: Path) -> list[str]:
    """The tokens of an encoder's folder, by their ids; some tokens are Unicode's own line breaks."""
    return (folder / "vocab.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")


def living_pieces(vocabulary: Sequence[str]) -> list[str]:
    """The pieces that can come up: a third of a Chinese vocabulary can't."""
    return [token for token in vocabulary if not _CHINESE_TAIL.fullmatch(token)]


def keep_pieces(encoder: BertModel, vocabulary: Sequence[str], tokenizer: Tokenizer) -> None:
    """Leaves an encoder only the vectors of the tokenizer's pieces, all of which its vocabulary has."""
    at = {token: place for place, token in enumerate(vocabulary)}
    kept = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    vectors = encoder.get_input_embeddings().weight.detach()[[at[token] for token, _ in kept]]
    encoder.resize_token_embeddings(len(kept), mean_resizing=False)
    encoder.get_input_embeddings().weight.data.copy_(vectors)


def used_pieces(folder: Path, texts: Iterable[str], *, at_least: int) -> list[str]:
    """The English encoder's pieces that come up at least so often in texts, and every single letter and its tail."""
    vocabulary = read_vocabulary(folder)
    tokenizer = tokenizer_of(vocabulary)
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(tokenizer.encode(text, add_special_tokens=False).tokens)
    letters = {f"{head}{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789" for head in ("", "##")}
    return [token for token in vocabulary if counts[token] >= at_least or token in letters]
