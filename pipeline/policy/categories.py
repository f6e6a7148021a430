"""The one home of the categories: what can be found in a call, in both languages, and what a person does about it.

Knows no law (clauses stand in the packs), no wording (that is the lexicon's) and no model; a model's label list is
checked against `categories()` when it is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from pipeline.policy.source import POLICY_DIR, BadPolicy, read, suggestion
from pipeline.records import Distress, FindingStatus, Role, Severity


class Kind(StrEnum):
    """What the presence of a category means."""

    VIOLATION = "violation"
    REQUIRED_STATEMENT = "required_statement"
    SIGNAL = "signal"
    POSITIVE = "positive"
    NEUTRAL = "neutral"

    @property
    def status(self) -> FindingStatus:
        """The status of a finding that merely says: this was said."""
        return {
            Kind.VIOLATION: FindingStatus.VIOLATION,
            Kind.SIGNAL: FindingStatus.SIGNAL,
            Kind.POSITIVE: FindingStatus.POSITIVE,
            Kind.REQUIRED_STATEMENT: FindingStatus.POSITIVE,
            Kind.NEUTRAL: FindingStatus.SIGNAL,
        }[self]


@dataclass(frozen=True, kw_only=True, slots=True)
class Category:
    """One kind of conduct or signal; `severity` is what a pack starts from, `role` is who does it."""

    key: str
    group: str
    kind: Kind
    role: Role
    severity: Severity
    name_zh: str
    name_en: str
    definition_zh: str
    definition_en: str
    not_zh: tuple[str, ...]
    not_en: tuple[str, ...]
    action_zh: str
    action_en: str


GROUPS: dict[str, tuple[str, str]] = {
    "threat": ("威胁恐吓", "Threats"),
    "abuse": ("辱骂侮辱", "Abuse"),
    "pressure": ("不当施压", "Improper pressure"),
    "contact": ("联系方式与时间", "Contact"),
    "disclosure": ("告知义务", "Disclosure"),
    "privacy": ("隐私", "Privacy"),
    "distress": ("客户状态与诉求", "Customer's state and requests"),
    "empathy": ("共情", "Empathy"),
    "solution": ("解决方案", "Solutions"),
    "deescalation": ("缓和冲突", "De-escalation"),
    "safety": ("安全", "Safety"),
    "respect": ("尊重", "Respect"),
    "courtesy": ("礼貌", "Courtesy"),
    "closing": ("收尾", "Closing"),
    "neutral": ("中性对照", "Neutral"),
}
"""Names of the groups, Chinese and English."""


REPORTED: Mapping[str, tuple[str, ...]] = {
    "threat": ("threat",),
    "abuse": ("abuse",),
    "pressure": ("pressure", "contact", "privacy"),
    "distress": ("distress",),
}
"""The four groups that are weighed and reported, each with the first parts of the categories that belong to it."""
_REPORTED_OF = {prefix: group for group, prefixes in REPORTED.items() for prefix in prefixes}


def reported_group(key: str) -> str | None:
    """The reported group of a category or of a group's name; None for what is in none of the four."""
    return _REPORTED_OF.get(key.partition(".")[0])


@dataclass(frozen=True, slots=True)
class Cue:
    """Something said that is no finding by itself but that rules look at in its context."""

    role: Role
    name_zh: str
    name_en: str


CUES: dict[str, Cue] = {
    "cue.demand": Cue(Role.AGENT, "催款", "asks for payment"),
    "cue.demand_full": Cue(Role.AGENT, "要求一次付清或付大额", "asks for the whole sum or a large one at once"),
    "cue.debt_mention": Cue(Role.AGENT, "说出欠款", "mentions the debt"),
    "cue.verification": Cue(Role.AGENT, "核实身份", "checks who is on the line"),
    "cue.call_again": Cue(Role.AGENT, "表示还会再打", "says that more calls will come"),
    "cue.dismissal": Cue(Role.AGENT, "置之不理", "brushes aside what was said"),
    "cue.identity_refused": Cue(Role.AGENT, "拒绝说明身份", "refuses to say who is calling"),
    "cue.demand_to_other": Cue(Role.AGENT, "请对方代为处理他人欠款", "asks the listener to deal with another's debt"),
    "cue.confirms_identity": Cue(Role.CUSTOMER, "确认是本人", "confirms being the person"),
    "cue.at_work": Cue(Role.CUSTOMER, "正在上班", "is at work"),
    "cue.talk_over": Cue(Role.AGENT, "抢话、打断", "talks over the other"),
    "cue.loud": Cue(Role.AGENT, "音量明显高于本人平时", "much louder than the speaker's own median"),
    "cue.fast": Cue(Role.AGENT, "语速明显快于本人平时", "much faster than the speaker's own median"),
    "cue.long_silence": Cue(Role.CUSTOMER, "长时间沉默之后才开口", "speaks only after a long silence"),
    "cue.voice_raised": Cue(Role.CUSTOMER, "声音明显高于本人平时", "a voice raised above the speaker's own median"),
    "cue.voice_trembling": Cue(Role.CUSTOMER, "声音颤抖", "a voice that trembles"),
    "cue.voice_crying": Cue(Role.CUSTOMER, "声音断续，像在抽泣", "a voice broken as if by sobs"),
}
"""Keys that a lexicon, or a measure of sound, may use beside the categories."""

CRITICAL_DISTRESS = frozenset({"distress.self_harm"})
PRESENT_DISTRESS = frozenset(
    {
        "distress.financial_hardship",
        "distress.job_loss",
        "distress.illness",
        "distress.bereavement",
        "distress.crying",
        "distress.agitation",
        "distress.fear",
        "distress.vulnerable_person",
        "distress.debt_spiral",
    }
)
"""The other `distress.*` are requests that bind the collector: shown, not counted."""


def distress_of(categories: Iterable[str]) -> Distress:
    """The distress of a call that holds these categories of the customer."""
    found = set(categories)
    if found & CRITICAL_DISTRESS:
        return Distress.CRITICAL
    return Distress.PRESENT if found & PRESENT_DISTRESS else Distress.NONE


_FIELDS = (
    *("group", "kind", "role", "severity", "name_zh", "name_en", "definition_zh", "definition_en"),
    *("not_zh", "not_en", "action_zh", "action_en"),
)


def read_categories(path: Path) -> dict[str, Category]:
    """The categories of a file by key; raises BadPolicy with the place of a mistake."""
    found: dict[str, Category] = {}
    for key, node in read(path).fields(["categories"])["categories"].mapping().items():
        f = node.fields(_FIELDS)
        if f["group"].text() not in GROUPS:
            f["group"].fail(f"unknown group '{f['group'].text()}'{suggestion(f['group'].text(), GROUPS)}")
        found[key] = Category(
            key=key,
            group=f["group"].text(),
            kind=f["kind"].one_of(Kind),
            role=f["role"].one_of(Role),
            severity=f["severity"].one_of(Severity),
            name_zh=f["name_zh"].text(),
            name_en=f["name_en"].text(),
            definition_zh=f["definition_zh"].text(),
            definition_en=f["definition_en"].text(),
            not_zh=f["not_zh"].texts(),
            not_en=f["not_en"].texts(),
            action_zh=f["action_zh"].text(),
            action_en=f["action_en"].text(),
        )
    return found


@cache
def categories() -> dict[str, Category]:
    """All categories by key, in the order of the file."""
    return read_categories(POLICY_DIR / "categories.yaml")


def category(key: str) -> Category:
    """The category of a key; raises BadPolicy for one that does not exist."""
    try:
        return categories()[key]
    except KeyError:
        raise BadPolicy(f"there is no category '{key}'{suggestion(key, categories())}") from None


def check_labels(labels: Iterable[str], *, owner: str) -> None:
    """Raises BadPolicy when a model or data set names a category that does not exist."""
    unknown = sorted(set(labels) - set(categories()))
    if unknown:
        hint = suggestion(unknown[0], categories())
        raise BadPolicy(f"{owner} names categories that do not exist: {', '.join(unknown)}{hint}")
