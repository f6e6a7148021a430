"""A rule as a readable tree: what has to hold, its conditions as sentences, and with a trace what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.policy.categories import categories
from pipeline.policy.conditions import Combined, Expression, holds, names_in
from pipeline.policy.judging import RuleTrace
from pipeline.policy.rules import Rule
from pipeline.policy.timeline_rules import AnyTimelineRule
from review_ui.policy_answers import AnswerView, Quotes, answer_view
from review_ui.policy_sentences import ConditionView, Sentences, letters_of
from review_ui.policy_timeline_sentences import timeline_sentences


@dataclass(frozen=True, kw_only=True, slots=True)
class Branch:
    """A node of the tree: a condition, or `label` (all of, any of, none of, at least n of) over its parts.

    `met` is None without a trace.
    """

    label: str = ""
    parts: tuple[Branch, ...] = ()
    condition: ConditionView | None = None
    evidence: bool = False
    met: bool | None = None
    answer: AnswerView | None = None

    @property
    def several(self) -> bool:
        return len(self.parts) > 1

    def leaves(self) -> tuple[Branch, ...]:
        """Every condition below, this one included."""
        return (self,) if self.condition else tuple(leaf for part in self.parts for leaf in part.leaves())


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleView:
    """`tree` says what has to hold; `anchors` are conditions that only others refer to."""

    id: str
    category: str
    category_name: str
    category_href: str
    tone: str
    severity: str
    status: str
    status_name: str
    status_title: str
    reason: str
    tree: Branch
    anchors: tuple[Branch, ...]
    lawful: tuple[str, ...]
    collector: str
    worth: str
    origin: str
    changed: str = ""
    """Where this rule's severity is not that of its category: what the category has."""

    def conditions(self) -> tuple[Branch, ...]:
        """Every condition with its answer, those of the tree first."""
        return (*self.tree.leaves(), *self.anchors)


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineRuleView:
    """A rule over the calls of one account."""

    id: str
    severity: str
    tone: str
    status_name: str
    reason: str
    lead: str
    limits: tuple[str, ...]
    collector: str


def rule_view(
    rule: Rule, sentences: Sentences, *, trace: RuleTrace | None = None, quotes: Quotes | None = None
) -> RuleView:
    """The rule; with a trace, over words that `quotes` knows, also what became of its conditions."""
    words, letters = sentences.words, letters_of(rule.conditions)
    answers = trace.answers if trace is not None and quotes is not None else {}

    def leaf(name: str) -> Branch:
        condition = rule.conditions[name]
        given = answers.get(name)
        return Branch(
            condition=sentences.condition(name, condition, letters),
            evidence=name == rule.evidence and len(rule.conditions) > 1,
            met=given.met if given else None,
            answer=answer_view(condition, given, sentences, quotes, letters) if given and quotes else None,
        )

    def branch(expression: Expression) -> Branch:
        if not isinstance(expression, Combined):
            return leaf(expression.name)
        met = {name: given.met for name, given in answers.items()}
        return Branch(
            label=_label(expression, sentences),
            parts=tuple(branch(part) for part in expression.parts),
            met=holds(expression, met) if answers else None,
        )

    tree_names = set(names_in(rule.when))
    about = categories()[rule.category]
    return RuleView(
        id=rule.id,
        category=rule.category,
        category_name=words.category(rule.category),
        category_href=sentences.signals((rule.category,))[0].href,
        tone=_tone(rule),
        severity=words(f"severity.{rule.severity}"),
        status=rule.status.value,
        status_name=words(f"policy.gives.{rule.status}"),
        status_title=words(f"status.{rule.status}.title"),
        reason=words.pick(rule.reason_zh, rule.reason_en),
        tree=branch(rule.when),
        anchors=tuple(leaf(name) for name in rule.conditions if name not in tree_names),
        lawful=tuple(sentences.fact(name) for name in rule.truth.lawful_if) if rule.truth else (),
        collector=_collector(rule, sentences),
        worth=f"{rule.probability:.2f}" if rule.probability != 1.0 else "",
        origin=_origin(rule.id, sentences.pack.origin, sentences),
        changed=words(f"severity.{about.severity}") if about.severity is not rule.severity else "",
    )


def timeline_rule_view(rule: AnyTimelineRule, sentences: Sentences) -> TimelineRuleView:
    """A cross-call rule as its sentences."""
    words = sentences.words
    lead, *limits = timeline_sentences(rule, sentences)
    return TimelineRuleView(
        id=rule.id,
        severity=words(f"severity.{rule.severity}"),
        tone=rule.severity.value,
        status_name=words(f"policy.gives.{rule.status}"),
        reason=words.pick(rule.reason_zh, rule.reason_en),
        lead=lead,
        limits=tuple(limits),
        collector=words(f"policy.only.{rule.collector_type}") if rule.collector_type else "",
    )


def _label(expression: Combined, sentences: Sentences) -> str:
    words, of = sentences.words, len(expression.parts)
    if expression.count == 0:
        return words("policy.none_of")
    if expression.count == of:
        return words("policy.all_of")
    if expression.count == 1:
        return words("policy.any_of")
    return words("policy.at_least_of", n=expression.count, of=of)


def _collector(rule: Rule, sentences: Sentences) -> str:
    return sentences.words(f"policy.only.{rule.collector_type}") if rule.collector_type else ""


def _origin(rule_id: str, origin: Mapping[str, str], sentences: Sentences) -> str:
    """The pack below in which a rule stands, where it is not the pack itself."""
    name = origin.get(rule_id, sentences.pack.name)
    return "" if name == sentences.pack.name else sentences.words("policy.from_pack", pack=name)


def _tone(rule: Rule) -> str:
    """The class that colours it: severities are for what a collector did."""
    if rule.status.value == "positive":
        return "good"
    if rule.category.startswith("distress."):
        return "distress"
    return "low" if rule.status.value == "signal" else rule.severity.value
