"""The trace of a judged transcript: rules that hit, those that came near and what kept them, and all others."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.policy.judging import RuleTrace
from pipeline.records import Judgement
from review_ui.policy_answers import Quotes
from review_ui.policy_rules_view import RuleView, rule_view
from review_ui.policy_sentences import Sentences


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleTraceView:
    """`state` is hit, merged, lawful, other or no; `state_text` says it."""

    rule: RuleView
    state: str
    state_text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceView:
    """`hit` whole, worst first, and `almost`, nearest first; of the rest only what they are."""

    hit: tuple[RuleTraceView, ...]
    almost: tuple[RuleTraceView, ...]
    rest: tuple[RuleTraceView, ...]


def trace_view(traces: tuple[RuleTrace, ...], judgement: Judgement, sentences: Sentences, quotes: Quotes) -> TraceView:
    """All rules of the pack, sorted by how near they came."""
    ordered = sorted(traces, key=lambda trace: -trace.rule.severity.rank)
    hit = [trace for trace in ordered if trace.findings]
    almost = sorted((t for t in ordered if not t.findings and saw(t)), key=lambda t: -_met(t))
    rest = [trace for trace in ordered if not trace.findings and not saw(trace)]
    return TraceView(
        hit=tuple(rule_trace_view(trace, judgement, sentences, quotes) for trace in hit),
        almost=tuple(rule_trace_view(trace, judgement, sentences, quotes) for trace in almost),
        rest=tuple(rule_trace_view(trace, judgement, sentences, quotes) for trace in rest),
    )


def rule_trace_view(trace: RuleTrace, judgement: Judgement, sentences: Sentences, quotes: Quotes) -> RuleTraceView:
    """One rule with what became of it."""
    state, text = _state(trace, judgement, sentences)
    return RuleTraceView(
        rule=rule_view(trace.rule, sentences, trace=trace, quotes=quotes), state=state, state_text=text
    )


def saw(trace: RuleTrace) -> bool:
    """Whether some condition had anything to decide."""
    return any(given.hits or given.rejected or given.windows for given in trace.answers.values())


def _met(trace: RuleTrace) -> float:
    """How much of a rule was met: what kept it back is then worth reading."""
    return sum(given.met for given in trace.answers.values()) / len(trace.answers)


def _state(trace: RuleTrace, judgement: Judgement, sentences: Sentences) -> tuple[str, str]:
    words, rule = sentences.words, trace.rule
    if trace.findings:
        if all(finding.rule != rule.id for finding in judgement.findings):
            return "merged", words("policy.state.merged")
        return "hit", words("policy.state.hit", n=len(trace.findings))
    if not trace.applies and rule.collector_type is not None:
        return "other", words(f"policy.only.{rule.collector_type}")
    if trace.holds and trace.excused_by:
        return "lawful", words("policy.state.lawful", fact=sentences.fact(trace.excused_by))
    return "no", words("policy.state.no")
