"""Why a rule found what it found in a call, under the policy in force: its conditions over the redacted words."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from pipeline.policy.judging import RuleTrace
from pipeline.policy.timeline_rules import AnyTimelineRule
from pipeline.records import Finding
from pipeline.services.views import CallDetail
from pipeline.stages.explain import Explanation
from review_ui.findings_view import ClauseView, clause_view, short_pack
from review_ui.language import Words
from review_ui.policy_answers import Quotes
from review_ui.policy_rules_view import TimelineRuleView, timeline_rule_view
from review_ui.policy_sentences import Sentences
from review_ui.policy_trace_view import RuleTraceView, rule_trace_view
from review_ui.reader import clock


@dataclass(frozen=True, kw_only=True, slots=True)
class WhyView:
    """`note` says where the policy in force is another one than that which made the finding; `gone` where the rule is.

    One of `trace` and `timeline` tells the rule; a rule over many calls has no trace within one.
    """

    call: str
    call_href: str
    rule: str
    category: str
    made_by: str
    made_by_whole: str
    in_force: str
    in_force_whole: str
    note: str
    gone: str
    trace: RuleTraceView | None
    timeline: TimelineRuleView | None
    clauses: tuple[ClauseView, ...]
    rule_href: str
    try_href: str


def why_view(detail: CallDetail, explanation: Explanation, rule: str, words: Words) -> WhyView:
    """The trace of a rule by the id under which a finding names it."""
    pack, id = explanation.pack, detail.summary.id
    made_by = next((f for f in detail.findings if f.rule == rule), None)
    trace = _trace_of(rule, explanation)
    timeline = _timeline_of(rule, explanation) if trace is None else None
    sentences = Sentences(words, pack)
    traced = timeline is None and trace is not None
    found = (trace.rule.category if trace else None) or (timeline.category if timeline else None)
    category = found or (made_by.category if made_by else "")
    if made_by is not None:
        clauses = made_by.clauses
    else:
        clauses = trace.rule.clauses if trace else timeline.clauses if timeline else ()
    return WhyView(
        call=id,
        call_href=f"/calls/{id}",
        rule=rule,
        category=words.category(category) if category else rule,
        made_by=short_pack(made_by.pack, made_by.pack_version) if made_by else "",
        made_by_whole=f"{made_by.pack} {made_by.pack_version}" if made_by else "",
        in_force=short_pack(pack.name, pack.version),
        in_force_whole=f"{pack.name} {pack.version}",
        note=_note(made_by, explanation, words),
        gone="" if traced or timeline else words("policy.why.gone"),
        trace=rule_trace_view(trace, explanation.judgement, sentences, _quotes(detail, explanation, words))
        if trace
        else None,
        timeline=timeline_rule_view(timeline, sentences) if timeline else None,
        clauses=tuple(clause_view(clause, words) for clause in clauses),
        rule_href="/policy?" + urlencode({"pack": pack.name, "category": category}) if category else "/policy",
        try_href="/policy/try?" + urlencode({"pack": pack.name, "call": id}),
    )


def _quotes(detail: CallDetail, explanation: Explanation, words: Words) -> Quotes:
    """Words come from the redacted transcript alone, whatever the trace was made over."""
    shown = detail.transcript
    assert shown is not None and not detail.original

    def place(utterance: int, ms: int) -> tuple[str, str]:
        return clock(ms, tenths=True), f"/calls/{detail.summary.id}?t={ms / 1000:g}#u{utterance}"

    return Quotes(explanation.transcript, shown, words, place)


def _note(made_by: Finding | None, explanation: Explanation, words: Words) -> str:
    """What to know where the finding and the trace are not from the same policy."""
    pack = explanation.pack
    if made_by is None or (made_by.pack, made_by.pack_version) == (pack.name, pack.version):
        return ""
    return words(
        "policy.why.other_version",
        made=short_pack(made_by.pack, made_by.pack_version),
        now=short_pack(pack.name, pack.version),
    )


def _trace_of(rule: str, explanation: Explanation) -> RuleTrace | None:
    """By its id, else by its name below the pack's: a pack over another has the same rules under its own name."""
    by_id = {trace.rule.id: trace for trace in explanation.rules}
    return by_id.get(rule) or by_id.get(f"{explanation.pack.name}.{rule.partition('.')[2]}")


def _timeline_of(rule: str, explanation: Explanation) -> AnyTimelineRule | None:
    by_id = {one.id: one for one in explanation.pack.timeline}
    return by_id.get(rule) or by_id.get(f"{explanation.pack.name}.{rule.partition('.')[2]}")
