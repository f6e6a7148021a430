"""A judged transcript with its trace, on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from forbear.cli.output import SEVERITY_STYLE, clock, console, say

if TYPE_CHECKING:
    from pipeline.policy.evaluating import Answer
    from pipeline.policy.judging import RuleTrace
    from pipeline.records import Signal, Transcript
    from pipeline.stages.explain import Explanation

_WHY = {
    "role": "said by {0}",
    "unsure": "not sure enough ({0})",
    "excused": "excused: {0}",
    "lacks_feature": "lacks {0}",
    "outside_part": "outside of the {0}",
    "not_after": "nothing of '{0}' before it in reach",
    "not_before": "nothing of '{0}' after it in reach",
    "called_off": "called off by '{0}'",
    "too_late": "after '{0}'",
}


def print_traces(explanation: Explanation, *, everything: bool) -> None:
    """Rules that hit, then those that came near."""
    from rich.text import Text

    out = console()
    pack = explanation.pack
    flag = "flagged" if explanation.judgement.flagged else "not flagged"
    say(f"{pack.name} {pack.version}: {len(explanation.judgement.findings)} findings, {flag}")
    for outcome in explanation.judgement.outcomes:
        say(f"pattern ({outcome.polarity}): {outcome.name_en}")
    for trace in sorted(explanation.rules, key=_order):
        if not (trace.findings or _saw(trace) or everything):
            continue
        style = SEVERITY_STYLE[trace.rule.severity] if trace.findings else "dim"
        state = "hits" if trace.findings else "holds" if trace.holds else "does not hold"
        if not trace.applies:
            state = "is for another kind of collector"
        elif trace.excused_by:
            state = f"is lawful: {trace.excused_by}"
        out.print(Text.assemble((f"{trace.rule.id}", style), f"  {trace.rule.category}  {state}"))
        for name, given in trace.answers.items():
            out.print(
                Text.assemble(("   met     " if given.met else "   not met ", "green" if given.met else "dim"), name)
            )
            for line in _lines(given, explanation.transcript):
                out.print(f"           {line}", highlight=False, markup=False)


def _order(trace: RuleTrace) -> tuple[bool, bool, int]:
    return not trace.findings, not _saw(trace), -trace.rule.severity.rank


def _saw(trace: RuleTrace) -> bool:
    """Whether some condition had something to decide."""
    return any(given.hits or given.rejected for given in trace.answers.values())


def _lines(given: Answer, transcript: Transcript) -> Iterable[str]:
    for signal in given.hits:
        yield f"{_where(signal, transcript)}  {signal.category} {signal.probability:.2f}"
    for window in given.windows:
        yield f"not said from {clock(window.window_start_ms)} to {clock(window.window_end_ms)}"
    for name, value in given.facts:
        yield f"{name} = {value or 'not known'}"
    for one in given.rejected:
        yield f"{_where(one.signal, transcript)}  {one.signal.category}: {_WHY[one.why].format(one.detail)}"


def _where(signal: Signal, transcript: Transcript) -> str:
    utterance = transcript.utterances[signal.span.utterance]
    quote = utterance.quote(signal.span.word_start, signal.span.word_end)
    return f"{clock(utterance.start_ms)} “{quote}”"


def traces_as_json(explanation: Explanation) -> dict[str, Any]:
    """Everything but words: spans, probabilities and reasons."""
    return {
        "pack": explanation.pack.name,
        "version": explanation.pack.version,
        "flagged": explanation.judgement.flagged,
        "outcomes": [{"pattern": o.pattern, "polarity": o.polarity} for o in explanation.judgement.outcomes],
        "rules": [
            {
                "rule": trace.rule.id,
                "category": trace.rule.category,
                "applies": trace.applies,
                "holds": trace.holds,
                "excused_by": trace.excused_by or None,
                "findings": [{"status": f.status, "probability": f.probability} for f in trace.findings],
                "conditions": {name: _answer(given) for name, given in trace.answers.items()},
            }
            for trace in explanation.rules
        ],
    }


def _answer(given: Answer) -> dict[str, Any]:
    return {
        "met": given.met,
        "hits": [_signal(signal) for signal in given.hits],
        "windows": [[w.window_start_ms, w.window_end_ms] for w in given.windows],
        "facts": dict(given.facts),
        "rejected": [{**_signal(one.signal), "why": one.why, "detail": one.detail} for one in given.rejected],
    }


def _signal(signal: Signal) -> dict[str, Any]:
    span = signal.span
    return {
        "category": signal.category,
        "utterance": span.utterance,
        "words": [span.word_start, span.word_end],
        "probability": signal.probability,
        "features": signal.features,
    }
