"""The noise of mishearing that training and the gold tests use."""

from __future__ import annotations

import random

from pypinyin import Style, lazy_pinyin

from models.datasets.english_sounds import is_negation, sounds_like
from models.datasets.noise import misheard, mistaken, mistaken_chinese

ZH = "您的信用卡已经逾期三个月，再不处理我们就联系您的单位领导，请您今天之内把欠款还清。" * 20
EN = (
    "Your payments were due last week, we've called you twice and nobody's answered; we don't know your bank's plans. "
    * 20
)
TELEPHONE = str.maketrans({"h": "", "g": ""})


def alike(a: str, b: str) -> bool:
    """Whether two characters sound alike over the telephone, said more loosely than the generator does."""
    one, other = (lazy_pinyin(c, style=Style.NORMAL)[0] for c in (a, b))
    return one.replace("n", "l").translate(TELEPHONE) == other.replace("n", "l").translate(TELEPHONE)


def test_the_same_seed_gives_the_same_noise() -> None:
    assert misheard(ZH, "zh", seed=3) == misheard(ZH, "zh", seed=3) != misheard(ZH, "zh", seed=4)
    assert misheard(EN, "en", seed=3) == misheard(EN, "en", seed=3) != misheard(EN, "en", seed=4)
    assert misheard(ZH, "zh", rate=0.0) == ZH and misheard(EN, "en", rate=0.0) == EN


def test_a_tenth_of_the_characters_become_others_that_sound_alike() -> None:
    heard = misheard(ZH, "zh")
    changed = [(a, b) for a, b in zip(ZH, heard, strict=True) if a != b]
    characters = sum("\u4e00" <= c <= "\u9fff" for c in ZH)
    assert 0.08 <= len(changed) / characters <= 0.12
    assert all("\u4e00" <= b <= "\u9fff" for _, b in changed)
    # A character with two readings is read in its phrase, which this simple check can't do.
    assert sum(alike(a, b) for a, b in changed) / len(changed) >= 0.9
    small = sum(a in "的您我就再不已" for a, _ in changed)
    assert small / len(changed) < sum(c in "的您我就再不已" for c in ZH) / characters


def test_chinese_words_become_common_ones_of_like_sound() -> None:
    assert mistaken_chinese(ZH, random.Random(1), 0.2) == mistaken_chinese(ZH, random.Random(1), 0.2) != ZH
    assert mistaken_chinese(ZH, random.Random(1), 0.0) == ZH
    changed = sum(a != b for a, b in zip(ZH, mistaken_chinese(ZH, random.Random(1), 0.1), strict=True))
    assert 0.05 <= changed / sum("\u4e00" <= c <= "\u9fff" for c in ZH) <= 0.15
    heard = [mistaken_chinese("再借", random.Random(seed), 0.5) for seed in range(300)]
    assert "再见" in heard and "再借" in heard


def test_a_character_loses_its_nasal_or_its_breath_and_negations_stay() -> None:
    heard = {mistaken_chinese(said, random.Random(seed), 0.9) for seed in range(300) for said in "借对"}
    read = {lazy_pinyin(character, style=Style.NORMAL)[0] for character in heard}
    assert {"jie", "jian", "jiang", "dui", "tui"} <= read <= {"jie", "jian", "jiang", "qie", "dui", "tui"}
    said = "我不想再借了，没有钱，铺子别卖"
    for heard_so in (mistaken_chinese(said, random.Random(seed), 0.5) for seed in range(300)):
        assert [(at, c) for at, c in enumerate(heard_so) if c in "不没别未"] == [(1, "不"), (7, "没"), (13, "别")]


def test_english_loses_endings_and_marks_but_no_negation() -> None:
    heard = misheard(EN, "en")
    words, other = EN.split(), heard.split()
    assert len(words) == len(other)
    assert 0.08 <= sum(a.strip(",.;") != b.strip(",.;") for a, b in zip(words, other, strict=True)) / len(words) <= 0.12
    assert heard.count(",") < EN.count(",")
    assert heard.count("don't") + heard.count("dont") == 20
    assert misheard("", "en") == misheard("", "zh") == ""


def test_english_words_are_lost_said_twice_or_others_of_like_sound() -> None:
    assert mistaken(EN, random.Random(1), 0.2) == mistaken(EN, random.Random(1), 0.2) != EN
    assert mistaken(EN, random.Random(1), 0.0) == EN.strip()
    said = EN.split(". ")[0]
    heard = [mistaken(said, random.Random(seed), 0.2) for seed in range(300)]
    # A quarter of the errors lose a word and an eighth say one twice.
    assert 0.95 <= sum(len(text.split()) for text in heard) / (300 * len(said.split())) <= 0.99
    assert any("week week" in text for text in heard) and any("work" in text for text in heard)
    assert all("nobody's" in text and "don't" in text for text in heard)


def test_words_that_sound_alike_are_common_ones_and_never_negations() -> None:
    assert "loan" in sounds_like("lien") and "call" in sounds_like("kill") and "dead" in sounds_like("debt")
    assert sounds_like("not") == sounds_like("don't") == sounds_like("won’t") == ()
    assert not any(is_negation(other) for word in ("knot", "naught", "note", "know") for other in sounds_like(word))
