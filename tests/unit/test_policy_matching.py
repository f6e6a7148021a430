"""Patterns, lexicons, matching by sound and how a thing was said."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.policy.features import features_of
from pipeline.policy.lexicon import Lexicon, read_lexicon
from pipeline.policy.matching import Hit, Matcher
from pipeline.policy.phonetics import Ear, blur
from pipeline.policy.source import BadPolicy
from pipeline.stages.dialogue import words_of

ZH = """
lexicon:
  pressure.third_party_contact:
    boss:
      score: 0.8
      say: ["{call}…{boss}", "通知…{boss}"]
      unless: ["本人同意"]
  threat.arrest:
    jail: {score: 0.9, say: "要?去?坐牢", ignore: [question]}
"""
SLOTS_ZH = """
lang: zh
slots:
  call: 打给|打電話給
  boss: ["领导", "主管"]
sounds: [通讯录, 单位]
sounds_partly: [坐牢]
"""
EN = """
lexicon:
  pressure.third_party_contact:
    boss: {score: 0.8, say: "(call|ring) … (boss|manager)"}
"""


def lexicon(folder: Path, entries: str, slots: str) -> Lexicon:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "slots.yaml").write_text(slots, encoding="utf-8")
    (folder / "entries.yaml").write_text(entries, encoding="utf-8")
    return read_lexicon(folder)


@pytest.fixture
def matcher(tmp_path: Path) -> Matcher:
    return Matcher([lexicon(tmp_path / "zh", ZH, SLOTS_ZH), lexicon(tmp_path / "en", EN, "lang: en\n")])


def found(matcher: Matcher, text: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Entry to the words it was found in and its features."""
    words = words_of(text)

    def quote(hit: Hit) -> str:
        return "".join(w.text for w in words[hit.word_start : hit.word_end]).strip()

    return {hit.entry.id: (quote(hit), hit.features) for hit in matcher.find(words)}


BOSS = "zh.pressure.third_party_contact.boss"


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("我现在就打给你领导。", "打给你领导"),
        ("我現在就打電話給，嗯，妳的主管喔！", "打電話給，嗯，妳的主管"),
        ("I'll ring your, uh, line manager tomorrow.", "ring your, uh, line manager"),
        ("那我 call 你 boss 好了", None),
        ("我打给你。领导在吗", None),
        ("打给那个住得很远很远很远的领导", None),
        ("经本人同意，我打给你领导", None),
    ],
)
def test_slots_gaps_and_exclusions(matcher: Matcher, text: str, quote: str | None) -> None:
    assert [q for q, _ in found(matcher, text).values()] == ([quote] if quote else [])


def test_one_hit_an_entry_and_rather_the_one_said_outright(matcher: Matcher) -> None:
    quote, features = found(matcher, "我们不会打给你领导的。可是我要通知你主管。")[BOSS]
    assert quote == "通知你主管" and features == ()


def test_features_travel_with_the_hit(matcher: Matcher) -> None:
    assert found(matcher, "他说要打给我领导")[BOSS][1] == ("quoted",)
    assert "negated" in found(matcher, "我们不会打给你领导")[BOSS][1]
    assert found(matcher, "要去坐牢吗？")["zh.threat.arrest.jail"][1] == ()


def test_a_term_heard_wrong_is_found_and_says_so(tmp_path: Path) -> None:
    entries = "lexicon:\n  pressure.third_party_contact:\n    work: {score: 0.8, say: 打…单位}\n"
    by_sound = Matcher([lexicon(tmp_path / "a", entries, "lang: zh\nsounds: [单位]\n")])
    assert found(by_sound, "我打到你担位去")["zh.pressure.third_party_contact.work"] == ("打到你担位", ("mishearing",))
    assert found(by_sound, "我打到你单位去")["zh.pressure.third_party_contact.work"][1] == ()


def test_what_no_term_lists_is_a_guess_by_the_sound_of_the_pattern(tmp_path: Path) -> None:
    entries = "lexicon:\n  pressure.third_party_contact:\n    work: {score: 0.8, say: 打…单位}\n"
    matcher = Matcher([lexicon(tmp_path / "b", entries, "lang: zh\n")])
    guess = matcher.find(words_of("我打到你担位去"))[0]
    assert guess.guessed and guess.features == ("mishearing",)
    assert not matcher.find(words_of("我打到你单位去"))[0].guessed
    for other in ("我打到你旦为去", "我打到你但未去", "我打到你家去"):
        assert matcher.find(words_of(other)) == [], "nothing of the word is left as it should be"


@pytest.mark.parametrize(
    ("heard", "entry"),
    [
        ("we will sue you in caught", "en.threat.litigation_false.sue"),
        ("we will sue you in court", "en.threat.litigation_false.sue"),
        ("i paid it", None),
    ],
)
def test_english_is_found_by_key_and_tense_is_kept(tmp_path: Path, heard: str, entry: str | None) -> None:
    entries = (
        "lexicon:\n  threat.litigation_false:\n    sue: {score: 0.8, say: we will sue you in court}\n"
        "    pay: {score: 0.8, say: i pay it}\n"
    )
    hits = Matcher([lexicon(tmp_path / "en", entries, "lang: en\n")]).find(words_of(heard))
    assert [hit.entry.id for hit in hits] == ([entry] if entry else [])


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("与其七十三天", "逾期七十三天"),
        ("一次性结晶", "一次性结清"),
        ("做牢", "坐牢"),
        ("通询录", "通讯录"),
        ("我是做老师的", None),
        ("一次性结清", None),
        ("", None),
    ],
)
def test_repairs(heard: str, meant: str | None) -> None:
    repair = Ear(["逾期", "通讯录", "一次性结清"], ["坐牢"]).repair(heard)
    assert (repair.text if repair else None) == meant
    if repair:
        assert {i for i, (a, b) in enumerate(zip(heard, repair.text, strict=True)) if a != b} == repair.places


def test_telephone_sound_blurs_what_it_blurs() -> None:
    assert blur("zheng") == blur("zen") and blur("nü") == blur("lv") and blur("shi") == blur("si")
    assert blur("zhong") != blur("zen")


@pytest.mark.parametrize(
    ("text", "match", "expected"),
    [
        ("昨天有个网贷的人说要打断我的腿", "打断我的腿", "quoted"),
        ("我跟你说清楚打断你的腿", "打断你的腿", None),
        ("你们上次说要起诉我", "起诉我", "quoted"),
        ("我们银行绝不会派人上门", "派人上门", "negated"),
        ("能不能先去你家拿", "去你家", "question"),
        ("如果还不上会坐牢", "坐牢", "hypothetical"),
        ("哈哈开玩笑的弄死你", "弄死你", "joke"),
        ("不还我就上门找你", "上门找你", None),
    ],
)
def test_features_in_chinese(text: str, match: str, expected: str | None) -> None:
    start = text.index(match)
    assert features_of(text, start, start + len(match), "zh") == ((expected,) if expected else ())


@pytest.mark.parametrize(
    ("text", "match", "expected"),
    [
        ("the last guy said he would break my legs", "break my legs", "quoted"),
        ("nobody from this bank will ever hurt you", "hurt you", "negated"),
        ("we do not call your boss", "call your boss", "negated"),
        ("i said today. we will call your boss", "call your boss", None),
        ("do you want me to call your boss?", "call your boss", "question"),
        ("if you do not pay i will call your boss", "call your boss", "hypothetical"),
        ("just kidding i will call your boss", "call your boss", "joke"),
    ],
)
def test_features_in_english(text: str, match: str, expected: str | None) -> None:
    start = text.index(match)
    assert features_of(text, start, start + len(match), "en") == ((expected,) if expected else ())


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("lexicon:\n  threat.arest:\n    a: {score: 1, say: x}\n", r"entries.yaml:3: .*did you mean 'threat\.arrest'"),
        ("lexicon:\n  threat.arrest:\n    a: {score: 2, say: 坐牢}\n", "2 is outside"),
        ("lexicon:\n  threat.arrest:\n    a: {score: 1, say: '(坐牢'}\n", "entries.yaml:3: not an RE2 pattern"),
        ("lexicon:\n  threat.arrest:\n    a: {score: 1, say: '(?<=去)坐牢'}\n", "not an RE2 pattern"),
        ("lexicon:\n  threat.arrest:\n    a: {score: 1, say: '{jial}'}\n", "unknown slot 'jial'; did you mean 'jail'"),
        ("lexicon:\n  threat.arrest:\n    a: {score: 1, say: 坐牢啊}\n", "'啊' is left out of every text"),
        ("lexicon:\n  threat.arrest:\n    a: {score: 1, say: '坐牢，等着'}\n", "punctuation"),
        ("lexicon:\n  threat.arrest:\n    a: {score: 1, say: '(坐牢)?'}\n", "matches the empty text"),
        ("lexicon:\n  threat.arrest:\n    a: {score: 1, say: 坐牢, ignore: [shouted]}\n", "unknown feature 'shouted'"),
        ("lexicon:\n  threat.arrest:\n    a: {score: 1}\n", "an entry needs patterns"),
    ],
)
def test_a_bad_lexicon_is_refused_with_its_place(tmp_path: Path, entries: str, message: str) -> None:
    with pytest.raises(BadPolicy, match=message):
        lexicon(tmp_path / "zh", entries, "lang: zh\nslots: {jail: 坐牢}\n")


def test_an_unknown_language_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPolicy, match="'yue' is not one of zh, en"):
        lexicon(tmp_path / "yue", "lexicon: {}\n", "lang: yue\n")
