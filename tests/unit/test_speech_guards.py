"""A looping or hallucinating recogniser is noticed; people who repeat themselves are not."""

from __future__ import annotations

import pytest

from models.speech_guards import is_phantom, loops, nothing_said, too_fast, without_loops


@pytest.mark.parametrize(
    "text",
    [
        "A.E.L.R." + "C." * 40,
        "你好" * 30,
        "I will pay you. " * 12,
        "no no no no no no no",
        "Please call me back on Friday. Please call me back on Friday.",
    ],
)
def test_loops_are_noticed(text: str) -> None:
    assert loops(text)


@pytest.mark.parametrize(
    "text",
    [
        "好好好好,我知道了。",
        "No, no, no. I told you on Monday that I can't pay before the fifteenth.",
        "您好,请问是王先生吗?我这边是银行信用卡中心的,您的账单已经逾期三天了,方便今天处理吗?",
        "",
    ],
)
def test_people_who_repeat_themselves_do_not_loop(text: str) -> None:
    assert not loops(text)


def test_a_long_run_keeps_two_rounds() -> None:
    units = ["pay", "now"] * 8 + ["please"]
    assert [units[index] for index in without_loops(units)] == ["pay", "now", "pay", "now", "please"]


def test_a_short_run_is_kept() -> None:
    units = ["no", "no", "no", "stop"]
    assert without_loops(units) == [0, 1, 2, 3]


def test_more_than_anybody_can_say_is_too_fast() -> None:
    assert too_fast("字" * 60, 1500)
    assert not too_fast("字" * 20, 4000)


def test_silence_needs_both_signs() -> None:
    assert nothing_said(0.9, -1.4)
    assert not nothing_said(0.9, -0.3)
    assert not nothing_said(0.1, -1.4)


def test_closing_lines_of_videos_are_phantoms() -> None:
    assert is_phantom("请不吝点赞 订阅 转发", 0.9)
    assert is_phantom("請不吝點贊 訂閱 轉發", 0.9) and is_phantom("謝謝觀看", 0.9)
    assert not is_phantom("謝謝，我明天再還", 0.2)
    assert is_phantom(" Thanks for watching!", 0.8)
    assert not is_phantom(" Thank you for your payment.", 0.2)
