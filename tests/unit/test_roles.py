"""Who is the collector: by channel map, else by what is said."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pipeline.records import Channels, ModelStamp, Role, Separation, Transcript, Turn, Utterance, Word
from pipeline.stages.role_cues import agent_evidence
from pipeline.stages.roles import apply_roles, assign_roles, swapped
from pipeline.stages.talk import tell_apart

STAMP = ModelStamp(name="test", version="1")


def utterance(index: int, speaker: str, text: str, start_ms: int = 0, lang: str = "zh") -> Utterance:
    units = list(text) if lang == "zh" else [f" {part}" for part in text.split()]
    words = tuple(
        Word(text=unit, start_ms=start_ms + 100 * place, end_ms=start_ms + 100 * place + 100, confidence=0.9)
        for place, unit in enumerate(units)
    )
    return Utterance(
        index=index,
        speaker=speaker,
        channel=int(speaker == "ch1"),
        role=Role.UNKNOWN,
        lang=lang,
        words=words,
    )


def transcript(lines: Sequence[tuple[str, str]], lang: str = "zh") -> Transcript:
    return Transcript(
        utterances=tuple(
            utterance(index, speaker, text, index * 5000, lang) for index, (speaker, text) in enumerate(lines)
        ),
        model=STAMP,
    )


def separation(method: str, spoken: Transcript, confidence: float = 1.0) -> Separation:
    return Separation(
        method=method,  # type: ignore[arg-type]
        turns=tuple(
            Turn(speaker=each.speaker, channel=each.channel, start_ms=each.start_ms, end_ms=each.end_ms)
            for each in spoken.utterances
        ),
        confidence=confidence,
        model=STAMP,
    )


CHINESE = (
    ("ch1", "喂,哪位?"),
    ("ch0", "您好,请问是李先生吗?我是华南银行信用卡中心的,工号三零五。"),
    ("ch1", "嗯,是我,什么事?"),
    ("ch0", "您的账单逾期两周了,请问您这边什么时候方便处理?"),
    ("ch1", "我现在没钱,我老婆刚住院,能不能晚点还?"),
    ("ch0", "我帮您登记一下,感谢您的配合。"),
)
TRADITIONAL = (
    ("ch1", "你誰啊?"),
    ("ch0", "您好,這裡是遠東資產管理公司,通話會錄音。請問是陳小姐嗎?"),
    ("ch1", "我沒有錢,我先生剛失業。"),
    ("ch0", "您的卡費已經逾期,幫您申請分期可以嗎?"),
)
ENGLISH = (
    ("ch1", "Hello?"),
    ("ch0", "Hi, this is Karen calling from Lakeside Bank on a recorded line. May I speak with Mr. Hill?"),
    ("ch1", "Who is this? I lost my job and I can't pay."),
    ("ch0", "Your account has an outstanding balance. Are you able to make a payment today?"),
    ("ch1", "My wife is sick. Please stop calling me."),
)


@pytest.mark.parametrize(("lines", "lang"), [(CHINESE, "zh"), (TRADITIONAL, "zh"), (ENGLISH, "en")])
@pytest.mark.parametrize("agent_on_right", [False, True])
def test_the_collector_is_known_by_his_words(
    lines: Sequence[tuple[str, str]], lang: str, *, agent_on_right: bool
) -> None:
    if agent_on_right:
        lines = [("ch1" if speaker == "ch0" else "ch0", text) for speaker, text in lines]
    spoken = transcript(lines, lang)
    found = assign_roles(spoken, separation("channels", spoken), None, 2)
    agent = "ch1" if agent_on_right else "ch0"
    assert {speaker for speaker, role in found.roles.items() if role is Role.AGENT} == {agent}
    assert found.method == "inferred"
    assert found.confidence > 0.8


def test_misheard_words_do_not_turn_the_roles() -> None:
    lines = [
        ("v0", "您好,请问是孙小燕女是吗"),
        ("v1", "我是,你谁啊"),
        ("v0", "我是姓横子产服务公司的公号幺零八,通话会录影"),
        ("v1", "你们是不是也要来找我家门"),
    ]
    spoken = transcript(lines)
    found = assign_roles(spoken, separation("voices", spoken, 0.9), None, 1)
    assert found.roles == {"v0": Role.AGENT, "v1": Role.CUSTOMER}
    assert found.confidence <= 0.9


def test_the_channel_map_wins_over_words() -> None:
    spoken = transcript(CHINESE)
    found = assign_roles(spoken, separation("channels", spoken), Channels.AGENT_RIGHT, 2)
    assert found.roles == {"ch0": Role.CUSTOMER, "ch1": Role.AGENT}
    assert (found.method, found.confidence) == ("metadata", 1.0)


def test_a_channel_map_says_nothing_about_a_mono_recording() -> None:
    spoken = transcript([("v0", CHINESE[1][1]), ("v1", CHINESE[4][1])])
    assert assign_roles(spoken, separation("voices", spoken, 0.8), Channels.AGENT_LEFT, 1).method == "inferred"


def test_a_channel_map_is_not_believed_where_one_channel_holds_both() -> None:
    spoken = transcript([("v0", CHINESE[4][1]), ("v1", CHINESE[1][1])])
    found = assign_roles(spoken, separation("voices", spoken, 0.8), Channels.AGENT_LEFT, 2)
    assert found.roles == {"v0": Role.CUSTOMER, "v1": Role.AGENT}
    assert found.method == "inferred"


def test_a_channel_map_names_the_only_speaker() -> None:
    spoken = transcript([("v0", "喂,听得到吗")])
    found = assign_roles(spoken, separation("single", spoken, 0.0), Channels.AGENT_LEFT, 2)
    assert (found.roles, found.method) == ({"v0": Role.AGENT}, "metadata")


def test_a_silent_channel_has_a_role_too() -> None:
    spoken = transcript([line for line in CHINESE if line[0] == "ch0"])
    found = assign_roles(spoken, separation("channels", spoken), None, 2)
    assert found.roles == {"ch0": Role.AGENT, "ch1": Role.CUSTOMER}


def test_talk_that_says_nothing_leaves_roles_unknown() -> None:
    spoken = transcript([("ch0", "今天下雨"), ("ch1", "明天晴天")])
    found = assign_roles(spoken, separation("channels", spoken), None, 2)
    assert set(found.roles.values()) == {Role.UNKNOWN}
    assert found.confidence == 0.0


def test_one_plain_voice_is_named_and_an_unclear_one_is_not() -> None:
    plain = transcript([("v0", CHINESE[1][1]), ("v0", CHINESE[3][1])])
    assert assign_roles(plain, separation("single", plain, 0.0), None, 1).roles == {"v0": Role.AGENT}
    unclear = transcript([("v0", "喂,喂,听得到吗")])
    assert assign_roles(unclear, separation("single", unclear, 0.0), None, 1).roles == {"v0": Role.UNKNOWN}


def test_nothing_said_gives_no_error() -> None:
    empty = Transcript(utterances=(), model=STAMP)
    found = assign_roles(empty, separation("single", empty, 0.0), None, 1)
    assert (set(found.roles.values()), found.confidence) == ({Role.UNKNOWN}, 0.0)


def test_roles_are_put_on_utterances_and_can_be_swapped() -> None:
    spoken = transcript(CHINESE)
    found = assign_roles(spoken, separation("channels", spoken), None, 2)
    assert [each.role for each in apply_roles(spoken, found).utterances][:2] == [Role.CUSTOMER, Role.AGENT]
    other = swapped(found)
    assert [each.role for each in apply_roles(spoken, other).utterances][:2] == [Role.AGENT, Role.CUSTOMER]
    assert (other.method, other.confidence) == ("reviewer", 1.0)


def test_evidence_is_bounded_and_signed() -> None:
    assert agent_evidence(CHINESE[1][1], "zh") == 4.0
    assert agent_evidence("我没有钱,我失业了,我老婆住院,求求你别打了", "zh") == -4.0
    assert agent_evidence("今天下雨", "zh") == 0.0


# --- one sound, two people ------------------------------------------------------------------------------------------


def one_voice(lines: Sequence[tuple[str, int]]) -> Transcript:
    """Lines of speaker v0 with the pause in milliseconds before each."""
    made: list[Utterance] = []
    at = 0
    for index, (text, pause_ms) in enumerate(lines):
        at += pause_ms
        made.append(utterance(index, "v0", text, at))
        at = made[-1].end_ms
    return Transcript(utterances=tuple(made), model=STAMP)


def test_pauses_and_words_tell_two_people_apart() -> None:
    spoken = one_voice(
        [
            ("您好,", 0),
            ("请问是王先生吗", 300),
            ("是我,", 1100),
            ("什么事", 320),
            ("我是华南银行的,工号二零一", 1200),
            ("您的账单逾期了", 310),
            ("我没钱,", 1300),
            ("我失业了", 340),
            ("那我帮您申请分期", 1150),
        ]
    )
    told = tell_apart(spoken)
    assert [(each.speaker, each.text) for each in told.utterances] == [
        ("v0", "您好,请问是王先生吗"),
        ("v1", "是我,什么事"),
        ("v0", "我是华南银行的,工号二零一您的账单逾期了"),
        ("v1", "我没钱,我失业了"),
        ("v0", "那我帮您申请分期"),
    ]
    assert [each.index for each in told.utterances] == [0, 1, 2, 3, 4]
    roles = assign_roles(told, separation("single", spoken, 0.0), None, 1)
    assert roles.roles["v0"] is Role.AGENT
    assert roles.confidence <= 0.6


def test_a_monologue_is_not_made_into_a_dialogue() -> None:
    spoken = one_voice(
        [
            ("您好,我是华南银行的,工号二零一", 0),
            ("您的账单逾期了", 900),
            ("请尽快处理", 400),
            ("谢谢您", 1200),
            ("再见", 300),
        ]
    )
    assert {each.speaker for each in tell_apart(spoken).utterances} == {"v0"}


def test_no_word_is_lost_or_moved() -> None:
    spoken = one_voice(
        [
            ("您好,请问是王先生吗", 0),
            ("我没钱", 1100),
            ("您的账单逾期了", 1200),
            ("我失业了", 900),
            ("我帮您登记一下", 1000),
        ]
    )
    before = [word for each in spoken.utterances for word in each.words]
    assert [word for each in tell_apart(spoken).utterances for word in each.words] == before
