"""How lexicon patterns are written, and the RE2 expressions they become.

A pattern is RE2 over folded text (see `folding`) with two additions, because people speak in concepts, with words
between them:

- `{slot}` is any of the alternatives of that slot of the lexicon, or one of the entities that every lexicon has:
  `{amount_of_money}`, `{date}`, `{phone_number}`, `{id_number}`;
- `sue~` is any form of an English word: sue, sues, sued, suing;
- `…` is a short gap, `…12` one of at most 12: characters in Chinese, words in English; never across a sentence's end.

English patterns match whole words. Chinese may be written in either script and with either 您 or 你.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import re2

from pipeline.policy.folding import FILLERS, fold_characters
from pipeline.policy.inflection import forms_of
from pipeline.policy.source import Node, suggestion

GAP = {"zh": 6, "en": 4}
"""Default length of a gap."""

_NUMBER_ZH = "[0-9零一二三四五六七八九十百千万两幺点几半]"
_NUMBER_EN = (
    r"(?:[0-9]+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
    r"seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|oh|zero)"
)
_DAYS_ZH = r"(?:这|下|上)?(?:个)?(?:周|礼拜|星期)[一二三四五六日天]"
_DAYS_EN = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTHS_EN = "january|february|march|april|may|june|july|august|september|october|november|december"
ENTITIES = {
    "zh": {
        "amount_of_money": rf"(?:[$¥]?{_NUMBER_ZH}+(?:块钱?|元|圆|万|千|百|美金|台币))",
        "date": rf"(?:{_NUMBER_ZH}+(?:年|月|号|日)(?:{_NUMBER_ZH}+(?:月|号|日))?|{_DAYS_ZH})",
        "phone_number": r"(?:[0-9零一二三四五六七八九幺两]{7,13})",
        "id_number": r"(?:[0-9零一二三四五六七八九幺两]{15,18}x?|[a-z][0-9]{9})",
    },
    "en": {
        "amount_of_money": (
            rf"(?:[$£€][0-9][0-9点]*|(?:{_NUMBER_EN}(?: and)? )+(?:dollars?|bucks|pounds?|quid|grand|cents?))"
        ),
        "date": rf"(?:{_DAYS_EN}|(?:{_MONTHS_EN})(?: [0-9]{{1,2}}(?:st|nd|rd|th)?)?|the [0-9]{{1,2}}(?:st|nd|rd|th))",
        "phone_number": rf"(?:[0-9]{{7,13}}|(?:{_NUMBER_EN} ){{6,12}}{_NUMBER_EN})",
        "id_number": r"(?:[0-9]{3} ?[0-9]{2} ?[0-9]{4}|[a-z]{2}[0-9]{6}[a-z]?)",
    },
}
"""Entities in the folded form. What is personal is redacted elsewhere; here it only says that one was said."""
_ANY_FORM = re.compile(r"\b([a-z]{2,})~")
_SLOT = re.compile(r"\{([a-z_]+)\}")
_GAP = re.compile(r"\s*…(\d*)\s*")
_OPTIONS = re2.Options()
_OPTIONS.never_capture = True
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 32 << 20


@dataclass(frozen=True, slots=True)
class Slots:
    """The concepts of one lexicon: slot name to RE2 alternation."""

    lang: str
    expressions: Mapping[str, str]

    def expand(self, node: Node, text: str) -> str:
        """The RE2 expression of a pattern, slots and gaps filled in, not yet bounded."""
        text = _written(node, text)

        def slot(match: re.Match[str]) -> str:
            name = match[1]
            known = {**ENTITIES[self.lang], **self.expressions}
            if name not in known:
                node.fail(f"unknown slot '{name}'{suggestion(name, known)}")
            return known[name]

        text = _ANY_FORM.sub(lambda m: f"(?:{'|'.join(forms_of(m[1]))})", text)
        return _GAP.sub(lambda m: _gap(self.lang, int(m[1]) if m[1] else GAP[self.lang]), _SLOT.sub(slot, text))

    def compile(self, node: Node, text: str) -> re2._Regexp:
        """The compiled pattern; fails with file and line when RE2 refuses it or when it matches nothing at all."""
        return compiled(node, bounded(self.lang, self.expand(node, text)))


def read_slots(node: Node | None, lang: str) -> Slots:
    """Slots in the order of the file; one may use those before it."""
    expressions: dict[str, str] = {}
    for name, value in (node.mapping() if node else {}).items():
        slots = Slots(lang, expressions)
        alternatives = "|".join(slots.expand(value, text) for text in value.texts())
        expressions[name] = f"(?:{alternatives})"
        compiled(value, expressions[name])
    return Slots(lang, expressions)


def bounded(lang: str, expression: str) -> str:
    return rf"\b(?:{expression})\b" if lang == "en" else f"(?:{expression})"


def compiled(node: Node, expression: str) -> re2._Regexp:
    try:
        pattern = re2.compile(expression, _OPTIONS)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        node.fail(f"not an RE2 pattern: {reason}.")
    if pattern.search(""):
        node.fail("this pattern matches the empty text, so it would match everything.")
    return pattern


def _gap(lang: str, most: int) -> str:
    return rf"[^.?]{{0,{most}}}?" if lang == "zh" else rf"(?: |\b)(?:[^ .?]+ ){{0,{most}}}?"


def _written(node: Node, text: str) -> str:
    """The pattern in folded characters; refuses what folding takes out of every text, as it could never match."""
    for char in text:
        if char in "，。、；：？！“”‘’\"'":
            node.fail(f"punctuation such as {char} is left out before matching; write words, contractions in full.")
    kept = text.replace("…", "\0")
    folded = fold_characters(kept).replace("\0", "…") if not re.search(r"\\[A-Z]", kept) else text
    for char in folded:
        if char in FILLERS:
            node.fail(f"'{char}' is left out of every text before matching, so '{text}' can never match.")
    return folded
