"""Chinese in one script, simplified or traditional, without moving a character: spans and word times stay true."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from typing import Any


class Script(StrEnum):
    SIMPLIFIED = "simplified"
    TRADITIONAL = "traditional"


_CONFIGURATION = {Script.SIMPLIFIED: "t2s", Script.TRADITIONAL: "s2t"}


@cache
def _converter(script: Script) -> Any:
    from opencc import OpenCC

    return OpenCC(_CONFIGURATION[script])


def convert_words(words: Sequence[str], script: Script) -> list[str]:
    """The words in the script.

    They are read together, since a phrase decides which of two characters is meant (头发 → 頭髮), and one by one where
    the conversion would change the number of characters.
    """
    convert = _converter(script).convert
    text = "".join(words)
    converted = convert(text)
    if len(converted) != len(text):
        return [convert(word) for word in words]
    parts: list[str] = []
    at = 0
    for word in words:
        parts.append(converted[at : at + len(word)])
        at += len(word)
    return parts
