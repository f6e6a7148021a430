"""English words and their forms: all forms of a word for patterns, one stem of all of them for comparing sentences.

Regular forms by rule and the irregular verbs that collection calls are full of; a form too many does no harm in a
pattern. For nothing but matching: these are not always words.
"""

from __future__ import annotations

from functools import cache

_IRREGULAR: dict[str, tuple[str, ...]] = {
    "break": ("broke", "broken"),
    "bring": ("brought",),
    "buy": ("bought",),
    "catch": ("caught",),
    "come": ("came",),
    "do": ("did", "done", "does"),
    "feel": ("felt",),
    "find": ("found",),
    "get": ("got", "gotten"),
    "give": ("gave", "given"),
    "go": ("went", "gone", "goes"),
    "have": ("had", "has"),
    "hear": ("heard",),
    "hold": ("held",),
    "keep": ("kept",),
    "know": ("knew", "known"),
    "leave": ("left",),
    "lie": ("lied", "lying"),
    "lose": ("lost",),
    "make": ("made",),
    "pay": ("paid",),
    "ring": ("rang", "rung"),
    "run": ("ran",),
    "say": ("said",),
    "see": ("saw", "seen"),
    "sell": ("sold",),
    "send": ("sent",),
    "show": ("showed", "shown"),
    "sleep": ("slept",),
    "speak": ("spoke", "spoken"),
    "steal": ("stole", "stolen"),
    "swear": ("swore", "sworn"),
    "take": ("took", "taken"),
    "tell": ("told",),
    "think": ("thought",),
    "throw": ("threw", "thrown"),
    "understand": ("understood",),
    "write": ("wrote", "written"),
}
_BASE_OF = {form: base for base, forms in _IRREGULAR.items() for form in forms}
_VOWELS = "aeiou"


@cache
def forms_of(word: str) -> tuple[str, ...]:
    """The word, its plural or third person, its past and its -ing form: sue → sue, sues, sued, suing."""
    if len(word) > 2 and word.endswith("y") and word[-2] not in _VOWELS:
        regular = [word[:-1] + "ies", word[:-1] + "ied", word + "ing"]
    elif word.endswith("ie"):
        regular = [word + "s", word + "d", word[:-2] + "ying"]
    elif word.endswith("e"):
        regular = [word + "s", word + "d", word[:-1] + "ing"]
    else:
        plural = word + ("es" if word.endswith(("s", "x", "z", "ch", "sh")) else "s")
        regular = [plural, word + "ed", word + "ing"]
        if _doubles(word):
            regular += [word + word[-1] + "ed", word + word[-1] + "ing"]
    return tuple(dict.fromkeys([word, *regular, *_IRREGULAR.get(word, ())]))


def _doubles(word: str) -> bool:
    """Whether the last consonant may be written twice before an ending: stop, stopped."""
    return len(word) > 2 and word[-1] not in _VOWELS + "wxy" and word[-2] in _VOWELS and word[-3] not in _VOWELS


@cache
def stem(word: str, *, irregular: bool = True) -> str:
    """What the forms of a word have in common, for comparing and never for showing.

    Without `irregular` only endings are taken off: paid stays another word than pay.
    """
    word = _BASE_OF.get(word, word) if irregular else word
    for ending in ("ies", "ied", "ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 2:
            word = word[: -len(ending)] + ("y" if ending in ("ies", "ied") else "")
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in _VOWELS + "ls":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 2 else word
