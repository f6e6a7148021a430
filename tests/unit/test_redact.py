"""Personal numbers go, amounts and dates stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import ModelStamp, Role, Transcript, Utterance, Word
from pipeline.stages.dialogue import words_of
from pipeline.stages.redact import redact, redacted_text, redacted_words
from pipeline.stages.redact_numbers import is_card, is_china_id, is_taiwan_id

ENGLISH = ("oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def transcript(*texts: str) -> Transcript:
    return Transcript(
        utterances=tuple(
            Utterance(
                index=i,
                speaker="ch0",
                channel=0,
                role=Role.AGENT,
                lang="zh",
                words=words_of(text, i * 1000, i * 1000 + 900),
            )
            for i, text in enumerate(texts)
        ),
        model=ModelStamp(name="script", version="1"),
    )


def shown(*texts: str) -> list[str]:
    spoken = transcript(*texts)
    redactions = redact(spoken)
    return [redacted_text(u, redactions) for u in spoken.utterances]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("我的手机是13812345678，打给我", "我的手机是[phone]，打给我"),
        ("號碼是 0912-345-678 喔", "號碼是 [phone] 喔"),
        ("幺三八幺二三四五六七八", "[phone]"),
        ("一三八 一二三四 五六七八", "[phone]"),
        ("call me at 415-555-2671 ok", "call me at [phone] ok"),
        ("it's four one five, five five five, two six seven one.", "it's [phone]"),
        ("nine one two, thirty-four fifty-six, double oh one", "[phone]"),
        ("身份证号是11010519491231002X。", "身份证号是[id]。"),
        ("身份證後四位是七七零三", "身份證後四位是[id]"),
        ("字號A123456789", "字號[id]"),
        ("my social is 123-45-6789", "my social is [id]"),
        ("last four are double five oh three", "last four are [id]"),
        ("我的卡号是4111111111111111谢谢", "我的卡号是[card]谢谢"),
        ("卡号四一一一一一一一一一一一一一一一", "卡号[card]"),
        ("账号是6222 0212 3456 7890 123", "账号是[account]"),
        ("验证码是 482913", "验证码是 [otp]"),
        ("the code is four eight two nine", "the code is [otp]"),
        ("write to bob.smith+x@mail.example.com please", "write to [email] please"),
        ("it's bob dot smith at gmail dot com", "it's [email]"),
        ("my zip code is one one two one five", "my zip code is [id]"),
        ("on the card ending 2041", "on the card ending [card]"),
    ],
)
def test_personal_numbers_go(said: str, expected: str) -> None:
    assert shown(said) == [expected]


@pytest.mark.parametrize(
    "said",
    [
        "逾期62天，应还4500元",
        "逾期七十三天，应还一万六千八百元",
        "二零二四年三月十五号到期",
        "分十二期，每期八百块",
        "下午3:30到5:00，2024-03-15",
        "三千二百八十六块五毛，利率百分之十八点二五",
        "You owe $1,250.75 by March 15, 2024, that is 62 days late",
        "the total is 4500 today",
        "twenty-five hundred dollars, one two three, go",
        "I paid 200. 4000 is left",
        "打12378投诉，有危险打一一零，心理热线一二三五六",
        "or call 988, or the bank at 95588",
        "in 2019 or so",
    ],
)
def test_amounts_dates_and_public_lines_stay(said: str) -> None:
    assert shown(said) == [said]


def test_the_question_tells_what_the_digits_answer() -> None:
    assert shown("请报一下身份证后四位", "六六零一") == ["请报一下身份证后四位", "[id]"]
    assert shown("每个月能还多少", "1500") == ["每个月能还多少", "1500"]
    assert shown("麻烦核对一下", "7703") == ["麻烦核对一下", "[digits]"]


def test_a_redacted_stretch_is_one_word_with_its_times() -> None:
    spoken = transcript("and it's 415 555 2671 okay")
    (redaction,) = redact(spoken)
    words = redacted_words(spoken.utterances[0], (redaction,))
    assert [w.text for w in words] == ["and", " it's", " [phone]", " okay"]
    assert (words[2].start_ms, words[2].end_ms) == (redaction.start_ms, redaction.end_ms) == (300, 750)


def test_only_the_utterances_own_redactions_are_rendered() -> None:
    spoken = transcript("13812345678", "好的")
    redactions = redact(spoken)
    assert redacted_text(spoken.utterances[1], redactions) == "好的"
    assert redacted_text(spoken.utterances[0], ()) == "13812345678"


def test_checksums() -> None:
    assert is_china_id("11010519491231002X") and not is_china_id("110105194912310021")
    assert is_card("4111111111111111") and not is_card("4111111111111112")
    assert is_taiwan_id("A123456789") and not is_taiwan_id("A123456788")


@given(st.lists(st.text(max_size=6).filter(str.strip), min_size=1, max_size=10))
def test_any_words_are_redacted_without_overlap(texts: list[str]) -> None:
    words = tuple(Word(text=t, start_ms=i, end_ms=i + 1, confidence=1.0) for i, t in enumerate(texts))
    spoken = Transcript(
        utterances=(Utterance(index=0, speaker="a", channel=0, role=Role.AGENT, lang="zh", words=words),),
        model=ModelStamp(name="x", version="1"),
    )
    place = 0
    for redaction in redact(spoken):
        assert place <= redaction.span.word_start < redaction.span.word_end <= len(words)
        place = redaction.span.word_end


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_no_mobile_number_is_left_however_it_is_said(number: str) -> None:
    spoken = "".join("零幺二三四五六七八九"[int(d)] for d in number)
    english = " ".join(ENGLISH[int(d)] for d in number)
    for said in (number, f"{number[:3]} {number[3:7]} {number[7:]}", spoken, english):
        assert shown(said) == ["[phone]"]
