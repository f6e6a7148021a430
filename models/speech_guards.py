"""Tells recognised words from a recogniser that loops or hears things. Strings and numbers in, verdicts out."""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Sequence

from models.script import Script, convert_words

_LONGEST_UNIT = 8
_MOST_REPEATS = 5
_LEAST_DOUBLED = 6
_COMPRESSION_LIMIT = 2.4
_FASTEST_UNITS_PER_S = 14.0
_NO_SPEECH_LIMIT = 0.6
_LOG_PROBABILITY_LIMIT = -1.0
_PHANTOM_CONFIDENCE = 0.6

_PHANTOMS = (
    "字幕由",
    "字幕志愿者",
    "请不吝点赞",
    "订阅转发",
    "明镜与点点",
    "谢谢观看",
    "感谢观看",
    "thanks for watching",
    "thank you for watching",
    "please subscribe",
    "subtitles by",
    "amara.org",
)
"""What Whisper says over silence: closing lines of the videos it was trained on. Nobody says them on a call.

Whisper writes Chinese in either script; they are compared in simplified characters."""


def loops(text: str) -> bool:
    """Whether the text repeats itself as a stuck decoder does.

    It compresses too well, or one unit follows itself many times, or all of it is said twice.
    """
    raw = text.encode()
    if len(raw) >= 60 and len(raw) / len(zlib.compress(raw)) > _COMPRESSION_LIMIT:
        return True
    units = _units(text)
    half = len(units) // 2
    if half >= _LEAST_DOUBLED and units[:half] == units[half : 2 * half] and len(units) - 2 * half <= 1:
        return True
    return len(without_loops(units)) < len(units)


def too_fast(text: str, duration_ms: int) -> bool:
    """Whether more was recognised than anybody can say in the time."""
    return len(_units(text)) > _FASTEST_UNITS_PER_S * max(duration_ms, 1000) / 1000


def nothing_said(no_speech: float, mean_log_probability: float) -> bool:
    """Whisper's own rule: it thinks that nobody speaks, and does not trust its words."""
    return no_speech > _NO_SPEECH_LIMIT and mean_log_probability < _LOG_PROBABILITY_LIMIT


def is_phantom(text: str, confidence: float) -> bool:
    """Whether the text is one of the lines heard in silence, said without conviction or beside nothing else."""
    plain = convert_words([unicodedata.normalize("NFKC", text).casefold()], Script.SIMPLIFIED)[0]
    if not any(phantom in plain for phantom in _PHANTOMS):
        return False
    return confidence < _PHANTOM_CONFIDENCE or len(_units(text)) <= 12


def without_loops(units: Sequence[str]) -> list[int]:
    """Indices of the units to keep: of a run that repeats more than five times the first two rounds stay."""
    keep: list[int] = []
    at = 0
    while at < len(units):
        size, rounds = _longest_run(units, at)
        if rounds > _MOST_REPEATS:
            keep.extend(range(at, at + 2 * size))
            at += size * rounds
        else:
            keep.append(at)
            at += 1
    return keep


def _longest_run(units: Sequence[str], at: int) -> tuple[int, int]:
    """(size, rounds) of the unit that repeats most often from `at` on."""
    best = (1, 1)
    for size in range(1, min(_LONGEST_UNIT, (len(units) - at) // 2) + 1):
        unit = units[at : at + size]
        rounds = 1
        while units[at + rounds * size : at + (rounds + 1) * size] == unit:
            rounds += 1
        if rounds > best[1]:
            best = (size, rounds)
    return best


def _units(text: str) -> list[str]:
    """Words of a language with spaces, characters of one without; punctuation left out."""
    units: list[str] = []
    word = ""
    for character in text.casefold() + " ":
        if character.isascii() and character.isalnum():
            word += character
            continue
        if word:
            units.append(word)
            word = ""
        if character.isalnum():
            units.append(character)
    return units
