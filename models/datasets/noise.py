"""Text as speech recognition writes it over the telephone: characters and words replaced by others that sound alike.

Seeded: the same text, seed and rate give the same noise. Chinese characters become others of the same syllable, or of
one that 8 kHz speech can't tell from it (zh/z, ch/c, sh/s, n/l, ng/n). English loses endings, apostrophes and
punctuation and has its homophones swapped. `disturbed` adds what else happens to a turn on its way: no punctuation,
fillers, a cut beginning or end, and words that recognition hears quite otherwise. The latter spares negations; by
`misheard` one may be lost or come in, as on a telephone (不 as 部, "know" as "no").
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from pypinyin import Style, lazy_pinyin

from models.datasets.dialogues import domain_files
from models.datasets.english_sounds import is_negation, sounds_like
from models.text_input import fold

RATE = 0.1
"""Share of the Chinese characters, or of the English words, that are written wrong."""
_SAME_SYLLABLE = 0.7
"""So often the wrong character has the very same syllable, tones aside; else one that sounds like it."""
_ALONE = frozenset(
    "的了是我你您他她它们們这這那不就都也还還很有在把给給跟和要会會能说說再让讓去来來没沒一个個吗嗎呢吧啊"
)
"""Words of one character. The other characters of running text belong to words of two for the most part."""
_IN_A_WORD = 3.0
"""How much rather one of those is replaced: a language model keeps the small words right and loses the others."""
_CHINESE = re.compile(r"[\u4e00-\u9fff]+")
_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*")
_PUNCTUATION = re.compile(r"[,.;:!?—–-]+(?=\s|$)")
_ENDINGS = (("ies", "y"), ("ing", "in"), ("ed", ""), ("es", "e"), ("s", ""))
_HOMOPHONES = (
    *(("your", "you're"), ("their", "there"), ("its", "it's"), ("to", "too"), ("for", "four"), ("know", "no")),
    *(("by", "buy"), ("hear", "here"), ("right", "write"), ("week", "weak"), ("wait", "weight"), ("court", "caught")),
    *(("due", "do"), ("owe", "oh"), ("card", "car"), ("loan", "lone"), ("past", "passed"), ("than", "then")),
    *(("son", "sun"), ("whole", "hole"), ("new", "knew"), ("would", "wood"), ("one", "won"), ("wage", "weight")),
    *(("bank", "banks"), ("sell", "cell"), ("fine", "find"), ("our", "are"), ("debt", "dead"), ("threw", "through")),
)
_SWAPPED = {a: b for pair in _HOMOPHONES for a, b in (pair, pair[::-1]) if a != "no"}


def misheard(text: str, lang: str, *, seed: int = 0, rate: float = RATE) -> str:
    """The text with noise; `lang` "zh" disturbs the Chinese characters, "en" the English words."""
    noise = random.Random(f"{seed}/{text}")
    if lang.startswith("zh"):
        return _misheard_chinese(text, noise, rate, _candidates)
    return _misheard_english(text, noise, rate)


_FILLERS = {
    "zh": ("嗯", "那个", "呃", "就是说", "这个", "啊", "哎", "对吧", "然后"),
    "en": ("uh", "um", "you know", "like", "I mean", "well", "so", "yeah"),
}
_MARKS = re.compile(r"[，。！？、；：…,.!?;:\"“”]+")


MISHEARD = 0.25
"""Share of the disturbed turns in which words are misheard, unless a recipe says otherwise."""


def disturbed(
    text: str, lang: str, noise: random.Random, *, misheard_share: float = MISHEARD, mistaken_share: float = 0.0
) -> str:
    """A turn as it may reach a model: each disturbance by itself seldom, so that about four in ten stay as they are.

    `misheard_share` of the turns have words that sound like others; of these `mistaken_share` are `mistaken` (Chinese:
    `mistaken_chinese`), the others `misheard`.
    """
    if noise.random() < misheard_share:
        text = _heard_wrong(text, lang, noise, mistaken_share)
    if noise.random() < 0.35:
        gap = "" if lang == "zh" and noise.random() < 0.5 else " "
        text = _MARKS.sub(gap, text).strip() or text
    if noise.random() < 0.1:
        filler = noise.choice(_FILLERS["zh" if lang == "zh" else "en"])
        places = [0, *(match.end() for match in _MARKS.finditer(text))]
        at = noise.choice(places)
        text = f"{text[:at]}{filler}，{text[at:]}" if lang == "zh" else f"{text[:at]} {filler}, {text[at:]}".strip()
    if noise.random() < 0.06 and len(text) > 24:
        # Recognition's windows cut turns: what is left still has to carry the meaning, so only a little goes.
        cut = max(1, len(text) // 12)
        text = text[cut:] if noise.random() < 0.5 else text[:-cut]
    return text


_RATES = (0.04, 0.08, 0.12, 0.2)


def _heard_wrong(text: str, lang: str, noise: random.Random, mistaken_share: float) -> str:
    if mistaken_share and noise.random() < mistaken_share:
        mistake = mistaken if lang == "en" else mistaken_chinese
        return mistake(text, noise, noise.choice(_RATES))
    return misheard(text, lang, seed=noise.randrange(1 << 30), rate=noise.choice(_RATES))


_LOST, _ADDED = 0.25, 0.12
"""Shares of the errors in English that lose a word or say one twice; the others write another word. As Whisper does on
the telephone (docs/lab-book.md)."""


def mistaken(text: str, noise: random.Random, rate: float) -> str:
    """English of which `rate` of the words are lost, said twice or written as others that sound alike."""

    def word(match: re.Match[str]) -> str:
        said = match[0]
        if noise.random() >= rate or is_negation(said.lower()):
            return said
        kind = noise.random()
        if kind < _LOST:
            return ""
        if kind < _LOST + _ADDED:
            return f"{said} {said}"
        others = sounds_like(said.lower())
        return noise.choice(others) if others else said

    return re.sub(r"  +", " ", _WORD.sub(word, text)).strip() or text


_NEGATIONS = frozenset("不没沒别別未無无莫勿甭")
_PAIRS = 0.6
"""Share of the errors that take the next character with them: recognition writes words, and rather common ones."""
_KNOWN_FROM = 12
"""Two characters that stand together so often in the dialogues are ones that recognition may write for others."""


def mistaken_chinese(text: str, noise: random.Random, rate: float) -> str:
    """Chinese of which `rate` of the characters are written as others, mostly two at once, as recognition does.

    A word becomes a common one of like sound (再借 zài jiè as 再见 zài jiàn); a single character loses the nasal at its
    end, or the breath after its consonant (对 duì as 退 tuì). No negation is lost or comes in.
    """
    written = list(_misheard_chinese(text, noise, rate * (1 - _PAIRS), _far_candidates, _NEGATIONS))
    for run in _CHINESE.finditer(text):
        places = iter(range(run.start(), run.end() - 1))
        for at in places:
            pair = text[at : at + 2]
            if noise.random() >= rate * _PAIRS or not _NEGATIONS.isdisjoint(pair):
                continue
            others = [other for other in _known_pairs().get(_sound_of_pair(pair), ()) if other != fold(pair)]
            if others:
                written[at : at + 2] = noise.choice(others)
                next(places, None)  # Half a word would be overwritten.
    return "".join(written)


@cache
def _known_pairs() -> Mapping[tuple[str, ...], Sequence[str]]:
    """Two characters as the dialogues have them often, by what is left of their sound."""
    counted = Counter(
        run[0][at : at + 2]
        for path in domain_files("zh")
        for run in _CHINESE.finditer(fold(path.read_text(encoding="utf-8")))
        for at in range(len(run[0]) - 1)
    )
    known: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for pair, count in counted.items():
        if count >= _KNOWN_FROM and _NEGATIONS.isdisjoint(pair):
            known[_sound_of_pair(pair)].append(pair)
    return known


@cache
def _sound_of_pair(pair: str) -> tuple[str, ...]:
    return tuple(_without_nasal(syllable) for syllable in lazy_pinyin(pair, style=Style.NORMAL))


def _misheard_chinese(
    text: str,
    noise: random.Random,
    rate: float,
    candidates: Callable[[str, random.Random], str],
    kept: frozenset[str] = frozenset(),
) -> str:
    written = list(text)
    weights: dict[int, float] = {}
    syllables: dict[int, str] = {}
    for run in _CHINESE.finditer(text):
        places = (at for at in range(*run.span()) if text[at] not in kept)
        weights.update((at, 1.0 if text[at] in _ALONE else _IN_A_WORD) for at in places)
        syllables.update(enumerate(lazy_pinyin(run[0], style=Style.NORMAL), run.start()))
    for place in _drawn(weights, noise, rate):
        others = [c for c in candidates(syllables[place], noise) if c != text[place] and c not in kept]
        if others:
            written[place] = noise.choice(others)
    return "".join(written)


def _drawn(weights: dict[int, float], noise: random.Random, rate: float) -> list[int]:
    """Places without repetition, `rate` of them on average."""
    wanted = len(weights) * rate
    count = int(wanted) + (noise.random() < wanted % 1)
    # The largest of u**(1/w) is a weighted draw without replacement (Efraimidis and Spirakis 2006).
    keys = {place: noise.random() ** (1 / weight) for place, weight in weights.items()}
    return sorted(keys, key=lambda place: -keys[place])[:count]


def _candidates(syllable: str, noise: random.Random) -> str:
    alternatives = _common(_blurred).get(_blurred(syllable), "")
    return _common(str).get(syllable, alternatives) if noise.random() < _SAME_SYLLABLE else alternatives


def _far_candidates(syllable: str, noise: random.Random) -> str:
    lost = noise.choice((_without_nasal, _without_breath))
    return _common(lost).get(lost(syllable), "")


@cache
def _common(left: Callable[[str], str]) -> dict[str, str]:
    """The characters of GB 2312's first level, the common ones, by what is `left` of their syllable."""
    codes = (bytes((row, column)) for row in range(0xB0, 0xD8) for column in range(0xA1, 0xFF))
    common: dict[str, str] = {}
    for character in filter(None, (code.decode("gb2312", "ignore") for code in codes)):
        syllable = left(lazy_pinyin(character, style=Style.NORMAL)[0])
        common[syllable] = common.get(syllable, "") + character
    return common


def _blurred(syllable: str) -> str:
    """Written apart from the matcher's own rule, so that the noise does not follow what is tested."""
    syllable = re.sub(r"^([zcs])h", r"\1", syllable)
    syllable = re.sub(r"^n(?=.)", "l", syllable)
    return re.sub(r"ng$", "n", syllable)


def _without_nasal(syllable: str) -> str:
    """As spelt without it: jian is close to jie, yuan to yue."""
    open_ended = re.sub(r"ian$", "ie", re.sub(r"(?<=^[jqxy])uan$", "ue", _blurred(syllable)))
    return re.sub(r"(?<=.)n$", "", re.sub(r"^yan$", "ye", open_ended))


def _without_breath(syllable: str) -> str:
    return _blurred(syllable).translate(_BREATHS)


_BREATHS = str.maketrans("ptkqc", "bdgjz")


def _misheard_english(text: str, noise: random.Random, rate: float) -> str:
    words = list(_WORD.finditer(text))
    heard = {match.start(): others for match in words if (others := _heard_as(match[0]))}
    count = round(len(words) * rate + noise.random() - 0.5)
    drawn = set(noise.sample(sorted(heard), min(count, len(heard))))

    def word(match: re.Match[str]) -> str:
        return noise.choice(heard[match.start()]) if match.start() in drawn else match[0]

    return _PUNCTUATION.sub(lambda mark: "" if noise.random() < rate else mark[0], _WORD.sub(word, text))


def _heard_as(word: str) -> list[str]:
    """What else the word may be heard as."""
    plain = word.replace("’", "'")
    lower = plain.lower()
    others: list[str] = []
    if lower in _SWAPPED:
        others.append(_SWAPPED[lower])
    if "'" in plain:
        # What negates is kept: with it gone, another meaning was said, not the same one misheard.
        others.append(plain.replace("'", "") if lower.endswith("n't") else plain.partition("'")[0])
    elif ending := next((e for e in _ENDINGS if lower.endswith(e[0]) and len(lower) > len(e[0]) + 2), None):
        others.append(plain[: -len(ending[0])] + ending[1])
    return others
