"""Character and word error rates, counted the same way for whoever recognised: text in, edits and units out. Pure.

Chinese is counted in characters, English in words. Text is folded first: NFKC, simplified characters, digits written
out, no punctuation, lower case.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from models.script import Script, convert_words

_DIGITS_ZH = "零一二三四五六七八九"
_PLACES_ZH = ("", "十", "百", "千")
_SMALL_EN = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS_EN = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_LONGEST_NUMBER_ZH = 4
_LONGEST_NUMBER_EN = 6
_UNIT = re.compile(r"[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """How many of `units` reference units of one call had to be edited."""

    call: str
    lang: str
    edits: int
    units: int


def tally(call: str, lang: str, reference: str, recognised: str) -> Tally:
    expected = units_of(reference, lang)
    return Tally(call=call, lang=lang, edits=edit_distance(expected, units_of(recognised, lang)), units=len(expected))


def error_rate(tallies: Sequence[Tally]) -> float:
    """Edits per reference unit over all calls together; 0.0 where there is nothing to recognise."""
    units = sum(each.units for each in tallies)
    return sum(each.edits for each in tallies) / units if units else 0.0


def paired_interval(
    ours: Sequence[Tally], theirs: Sequence[Tally], *, seed: int = 0, samples: int = 2000
) -> tuple[float, float]:
    """95% bootstrap interval of our error rate less theirs; whole calls are drawn, the same ones for both."""
    pairs = list(zip(ours, theirs, strict=True))
    if any(a.call != b.call for a, b in pairs):
        raise ValueError("both sides must list the same calls in the same order")
    draw = random.Random(seed)  # noqa: S311
    differences = sorted(_difference([draw.choice(pairs) for _ in pairs]) for _ in range(samples))
    return differences[int(0.025 * samples)], differences[min(samples - 1, int(0.975 * samples))]


def units_of(text: str, lang: str) -> list[str]:
    """The folded units of a text: characters where it is Chinese, words where it is not."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    folded = re.sub(r"(?<=\d),(?=\d{3})", "", folded)
    if lang == "zh":
        folded = convert_words([folded], Script.SIMPLIFIED)[0]
        folded = re.sub(r"(\d+)%", lambda match: "百分之" + match[1], folded)
        folded = re.sub(r"\d+", lambda match: chinese_number(match[0]), folded)
    else:
        folded = re.sub(r"\$(\d+)", r"\1 dollars", folded).replace("%", " percent ")
        folded = re.sub(r"\d+", lambda match: f" {english_number(match[0])} ", folded)
        folded = folded.replace("'", "")
    return _UNIT.findall(folded)


def chinese_number(digits: str) -> str:
    """ "8200" → 八千二百; longer runs and those that begin with 0 are read digit by digit."""
    if len(digits) > _LONGEST_NUMBER_ZH or digits.startswith("0"):
        return "".join(_DIGITS_ZH[int(digit)] for digit in digits)
    spoken = ""
    skipped = False
    for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        if digit == "0":
            skipped = True
            continue
        spoken += ("零" if skipped else "") + _DIGITS_ZH[int(digit)] + _PLACES_ZH[place]
        skipped = False
    return spoken.removeprefix("一") if spoken.startswith("一十") else spoken


def english_number(digits: str) -> str:
    """ "1400" → one thousand four hundred; long runs and those that begin with 0 are read digit by digit."""
    if len(digits) > _LONGEST_NUMBER_EN or (digits.startswith("0") and len(digits) > 1):
        return " ".join(_SMALL_EN[int(digit)] for digit in digits)
    return _spell(int(digits))


def _spell(number: int) -> str:
    if number < 20:
        return _SMALL_EN[number]
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = number % size
            return f"{_spell(number // size)} {name}" + (f" {_spell(rest)}" if rest else "")
    rest = number % 10
    return _TENS_EN[number // 10 - 2] + (f" {_SMALL_EN[rest]}" if rest else "")


def edit_distance(reference: Sequence[str], recognised: Sequence[str]) -> int:
    """Levenshtein: insertions, deletions and substitutions, each counted once."""
    row = list(range(len(recognised) + 1))
    for index, expected in enumerate(reference, 1):
        diagonal, row[0] = row[0], index
        for column, found in enumerate(recognised, 1):
            diagonal, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, diagonal + (expected != found)),
            )
    return row[-1]


def _difference(pairs: Sequence[tuple[Tally, Tally]]) -> float:
    return error_rate([ours for ours, _ in pairs]) - error_rate([theirs for _, theirs in pairs])
