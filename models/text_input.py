"""What a text model reads of a turn: its words in one script, who says them, and the two turns before it, as token ids.

Knows no label and no weights.
"""

from __future__ import annotations

import errno
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from models.line import Line
from models.script import Script, convert_words

TEXT_TOKENS = 96
"""Of a turn; a longer one is read in windows."""
OVERLAP_TOKENS = 24
CONTEXT_TOKENS = (40, 24)
"""Of the turn before and of the one before that; the ends are kept, since the answer begins where they stop."""
ROLES = {"agent": "[unused1]", "customer": "[unused2]", "unknown": "[unused3]"}
_SPECIAL = ("[PAD]", "[MASK]", "[CLS]", "[SEP]")


@dataclass(frozen=True, kw_only=True, slots=True)
class TextInput:
    """One turn; `role` is agent, customer or unknown, `context` oldest first, of which the last two are read."""

    role: str
    text: str
    context: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Tokens:
    """`segments` is 0 for the turn and 1 for what was said before."""

    ids: tuple[int, ...]
    segments: tuple[int, ...]


def fold(text: str) -> str:
    """Simplified Chinese and compatibility forms made plain. Characters may change in number."""
    return unicodedata.normalize("NFKC", convert_words([text], Script.SIMPLIFIED)[0])


class InputReader:
    """Turns into token ids with a tokenizer of the WordPiece family.

    Raises FileNotFoundError where its file is missing, ValueError where it is no tokenizer or lacks a token of ours.
    """

    def __init__(self, tokenizer_file: Path) -> None:
        self._tokenizer = _tokenizer(tokenizer_file)
        vocabulary = self._tokenizer.get_vocab()
        missing = [token for token in (*_SPECIAL, *ROLES.values()) if token not in vocabulary]
        if missing:
            raise ValueError(f"{tokenizer_file} has no {missing[0]}")
        self.pad, self.mask, self._first, self._mark = (vocabulary[token] for token in _SPECIAL)
        self._roles = {role: vocabulary[token] for role, token in ROLES.items()}

    def windows(self, turn: TextInput) -> list[Tokens]:
        """The turn in as many windows as it needs, at least one."""
        encoded = self._tokenizer.encode(fold(turn.text), add_special_tokens=False)
        after = self._context(turn.context)
        windows: list[Tokens] = []
        at = 0
        while True:
            ids = encoded.ids[at : at + TEXT_TOKENS]
            head = [self._first, self._roles[turn.role], *ids, self._mark]
            windows.append(
                Tokens(
                    ids=(*head, *after),
                    segments=(0,) * len(head) + (1,) * len(after),
                )
            )
            if at + TEXT_TOKENS >= len(encoded.ids):
                return windows
            at += TEXT_TOKENS - OVERLAP_TOKENS

    def _context(self, context: Sequence[Line]) -> list[int]:
        """The latest turn first, so that it stands nearest and is never the one that is cut off."""
        ids: list[int] = []
        for said, most in zip(reversed(context[-2:]), CONTEXT_TOKENS, strict=False):
            words = self._tokenizer.encode(fold(said.text), add_special_tokens=False).ids
            ids += [self._roles[said.role], *words[-most:]]
        return [*ids, self._mark] if ids else []


@cache
def _tokenizer(file: Path) -> Any:
    from tokenizers import Tokenizer

    if not file.is_file():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises nothing more particular
        raise ValueError(f"{file} is no tokenizer") from error
