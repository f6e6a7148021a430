"""How a thing was said: quoted, negated, asked, supposed, joked. Looks at the folded text around a match.

These expressions are ours and short texts are searched, so Python's own engine, which is quicker to call, will do.

These are features of a signal, never a reason to drop it here: what they excuse is for the rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

QUOTED = "quoted"
NEGATED = "negated"
QUESTION = "question"
HYPOTHETICAL = "hypothetical"
JOKE = "joke"
MISHEARING = "mishearing"
"""The match rests on a term that was recognised by its sound, not by what recognition wrote; see `phonetics`."""
UNSURE = "unsure"
"""Detectors together are not sure enough: what rests on it is possible, and a person decides."""
DOUBTED = "doubted"
"""The packs' words are plainly there, and the detectors together hold it for improbable: a person decides."""
FEATURES = (QUOTED, NEGATED, QUESTION, HYPOTHETICAL, JOKE)
EVASIVE = frozenset({QUOTED, NEGATED, JOKE})
"""What excuses where a rule does not say otherwise: somebody else's words, a denial, a joke."""


@dataclass(frozen=True, slots=True)
class _Cues:
    """`reach` is how many characters before the match a cue may stand; `negation_reach` the same for negation."""

    quoted: re.Pattern[str]
    negated: re.Pattern[str]
    question: re.Pattern[str]
    hypothetical: re.Pattern[str]
    joke: re.Pattern[str]
    reach: int
    negation_reach: int


def _any(*alternatives: str, words: bool = False) -> re.Pattern[str]:
    joined = "|".join(alternatives)
    return re.compile(rf"\b(?:{joined})\b" if words else f"(?:{joined})")


_SPEAKERS_ZH = (
    r"他们?|对方|有人|别人|人家|骗子|网贷|那个人|那边|有一?个人?|上次|之前|上回|昨天|前天|刚才|刚刚|同事|朋友|网上|客户|"
    r"老板|邻居|催收的?|公司的?人|(?:^|[^跟对给和向帮劝])你们?"
)
_SPEAKERS_EN = (
    r"he|she|they|you|you guys|you people|someone|somebody|people|everyone|"
    r"(?:the|that|this|your|my|our|his|her|some|a|another|one) (?:\w+ ){0,3}\w+"
)
_SAID_ZH = r"说|讲|骂|威胁|恐吓|扬言|告诉|提到|问|自称|冒充|声称"
_SAID_EN = (
    r"said|says|saying|told|tells|threatened|threatens|promised|claimed|claims|mentioned|texted|wrote|called me|asked"
)
_ZH = _Cues(
    quoted=_any(
        rf"(?:{_SPEAKERS_ZH})[^.?我别]{{0,6}}(?:跟我|对我|给我|和我|又|还|就|老|总|都|是|要|也)?(?:{_SAID_ZH})"
    ),
    negated=_any(
        r"(?:^|[^会])不会(?:[^还主放罢客善停再答得被]|$)",
        r"(?:^|[^能])不能(?:[^再拖够还缴]|$)",
        r"(?:^|[^可])不可以",
        r"(?:^|[^是])不是(?:要|说|来|为|让|叫|在|因)",
        r"绝不|决不|从不|从来不|从没|不可能|不得(?:[^不]|$)|不允许|禁止|严禁|不准|没有?这?个?权|没权|无权",
        r"(?:还没有?|并没有?|没有|未)(?:立案|起诉|判决|走到|被|移交|提交|执行|冻结|查封|报警)",
        r"没有?(?:要|说|想|打算|人会|人要)|没人会|谁也不|不打算|不需要|不用(?:[^管跟和]|$)|不必",
        r"千万(?:不要|别)|请(?:不要|别|勿)",
        r"(?:不要|别|勿)(?:去|借|向|转|相信|信|告诉|把|给|透露|害怕|担心)",
        r"不应该?|不该|避免|拒绝|不赞成|不建议",
    ),
    question=_any(r"是不是|会不会|能不能|可不可以|有没有|要不要|难道|怎么会|为什么|凭什么|[吗么嘛]|\?"),
    hypothetical=_any(r"如果|要是|假如|假设|万一|倘若|若是|的话"),
    joke=_any(r"哈哈|呵呵|嘿嘿|开玩笑|开个玩笑|说笑|逗你|笑死"),
    reach=22,
    negation_reach=8,
)
_EN = _Cues(
    quoted=_any(rf"(?:{_SPEAKERS_EN}) (?:\w+ ){{0,2}}?(?:{_SAID_EN})", words=True),
    negated=_any(
        r"(?:we|i|they|it|that|this|he|she|bank|law|collectors?|agents?|staff|one|anyone) (?:\w+ ){0,3}?(?:not|never)",
        r"nobody|no one|none of us|never|no (?:need|intention|plans?|right|power|question)|without",
        r"(?:please|and|but|so) do not",
        r"do not (?:ever|have to|need to|worry|give|send|share|take|borrow|let|pay anyone)",
        r"should not|must not|not (?:allowed|able|permitted|going to|here to)",
        r"rather than|instead of|against the law",
        words=True,
    ),
    question=_any(r"\?", r"\b(?:are you|do you|did you|will you|am i|can you|is it true|what do you mean)\b"),
    hypothetical=_any(r"if|unless|suppose|in case|what if|might|could", words=True),
    joke=_any(r"just (?:kidding|joking)|i am (?:kidding|joking)|haha|ha ha|lol|as a joke", words=True),
    reach=70,
    negation_reach=44,
)
_CUES = {"zh": _ZH, "en": _EN}


def features_of(text: str, start: int, end: int, lang: str) -> tuple[str, ...]:
    """The features of the match [start, end) of a folded text."""
    cues = _CUES[lang]
    sentence = max(text.rfind(".", 0, start), text.rfind("?", 0, start)) + 1
    ends = [place for mark in ".?" if (place := text.find(mark, end)) >= 0]
    sentence_end = min(ends) + 1 if ends else len(text)
    found = []
    if cues.quoted.search(text[max(sentence, start - cues.reach) : start]):
        found.append(QUOTED)
    if cues.negated.search(text[max(sentence, start - cues.negation_reach) : end]):
        found.append(NEGATED)
    if cues.question.search(text[sentence:sentence_end]):
        found.append(QUESTION)
    if cues.hypothetical.search(text[sentence:end]):
        found.append(HYPOTHETICAL)
    if cues.joke.search(text):
        found.append(JOKE)
    return tuple(found)
