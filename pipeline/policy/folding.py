"""The one spoken form that lexicon patterns are written against, with the way back to the words.

Simplified characters, lower case, no fillers, no stutters, English contractions written out, sentence ends kept as "."
and "?". Chinese runs have no spaces; Latin words and numbers have single spaces between them. Knows no pattern and no
category.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from pipeline.records import Word


@dataclass(frozen=True, slots=True)
class Folded:
    """`word_of[i]` is the index of the word that character i of `text` comes from."""

    text: str
    word_of: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Words [first, after last) that characters [start, end) come from."""
        return self.word_of[start], self.word_of[end - 1] + 1


FILLERS = frozenset("嗯啊呃诶欸哦喔噢唉哎呀啦咯喽嘞唔齁耶")
"""Characters that carry no meaning here and are left out; 吗 呢 吧 嘛 stay, they mark questions."""

_ENGLISH_FILLERS = frozenset({"uh", "um", "er", "erm", "hmm", "mm", "mhm", "ah", "oh", "eh"})
_STUTTERED_PRONOUNS = frozenset("我你他")
_SAME = str.maketrans({"您": "你", "妳": "你", "她": "他", "它": "他", "牠": "他", "帐": "账", "著": "着", "裡": "里"})
_PAUSES = re.compile(r"…+|\.{2,}")
_TOKEN = re.compile(r"[$£€]?\d+(?:[.,:]\d+)*%?|[a-z]+(?:'[a-z]+)*|[\u3400-\u9fff]|[.?!。;]")
_HAS_S = frozenset(
    {"it", "that", "he", "she", "there", "what", "who", "where", "here", "how", "this", "when", "why"}
    | {"everybody", "everyone", "nobody", "somebody", "someone"}
)
_WHOLE = {
    "won't": "will not",
    "can't": "can not",
    "cannot": "can not",
    "ain't": "is not",
    "shan't": "shall not",
    "let's": "let us",
    "gonna": "going to",
    "gotta": "got to",
    "wanna": "want to",
    "y'all": "you all",
    "ya": "you",
    "dont": "do not",
    "wont": "will not",
    "cant": "can not",
    "didnt": "did not",
    "doesnt": "does not",
    "outta": "out of",
    "kinda": "kind of",
}
_ENDINGS = (("n't", " not"), ("'re", " are"), ("'ll", " will"), ("'ve", " have"), ("'m", " am"), ("'d", " would"))


@cache
def simplified_table() -> dict[int, str]:
    """Traditional to simplified, one character for one, so that places in the text stay."""
    import opencc

    chars = [chr(code) for code in range(0x3400, 0xA000)]
    mapped = opencc.OpenCC("t2s").convert("\n".join(chars)).split("\n")
    return {ord(a): b for a, b in zip(chars, mapped, strict=True) if a != b and len(b) == 1}


def fold_characters(text: str) -> str:
    """NFKC, lower case, simplified, pronouns and variants made one; the length may change with NFKC only."""
    folded = unicodedata.normalize("NFKC", text).lower().replace("’", "'").translate(simplified_table())
    return _PAUSES.sub(" ", folded.translate(_SAME))


@lru_cache(maxsize=1 << 16)
def _tokens(text: str) -> tuple[str, ...]:
    """What a word is made of; calls use the same words again and again."""
    return tuple(_TOKEN.findall(fold_characters(text)))


@cache
def _written_out(word: str) -> str:
    """An English word without contraction and possessive."""
    if whole := _WHOLE.get(word):
        return whole
    for ending, full in _ENDINGS:
        if word.endswith(ending):
            return word.removesuffix(ending) + full
    if word.endswith("'s"):
        stem = word.removesuffix("'s")
        return f"{stem} is" if stem in _HAS_S else stem
    return word.replace("'", "")


def fold(words: Sequence[Word]) -> Folded:
    """The spoken form of an utterance's words."""
    out: list[str] = []
    owners: list[int] = []
    last_latin = ""
    for index, word in enumerate(words):
        for token in _tokens(word.text):
            first = token[0]
            if first >= "\u3400":
                if first in FILLERS or _stuttered(out, first):
                    continue
                out.append(first)
                owners.append(index)
                last_latin = ""
            elif first in ".?!。;":
                if out and out[-1] not in (".", "?"):
                    out.append("?" if first == "?" else ".")
                    owners.append(index)
                last_latin = ""
            else:
                latin = _written_out(token) if first.isalpha() else token.replace(",", "").replace(".", "点")
                if latin in _ENGLISH_FILLERS or latin == last_latin:
                    continue
                piece = f" {latin}" if out and out[-1] < "\u3000" else latin
                out.extend(piece)
                owners.extend([index] * len(piece))
                last_latin = latin
    return Folded("".join(out), tuple(owners))


def fold_text(text: str) -> str:
    """The spoken form of a sentence that has no words with times."""
    return fold([Word(text=text, start_ms=0, end_ms=1, confidence=1.0)]).text


def _stuttered(out: list[str], char: str) -> bool:
    """A pronoun said twice, or any character a third time."""
    if not out or out[-1] != char:
        return False
    return char in _STUTTERED_PRONOUNS or (len(out) > 1 and out[-2] == char)
