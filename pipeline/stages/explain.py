"""Why a policy found what it found in a call, and why not more: every rule with its conditions, over words.

The trace itself knows no text; here it is put beside the words that it speaks of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.policy.judging import RuleTrace, trace
from pipeline.policy.pack import Pack
from pipeline.policy.registry import Registry
from pipeline.records import CallContext, Finding, Judgement, Role, Signal, Transcript
from pipeline.stages.detect import Detect, build_rule_detectors
from pipeline.stages.dialogue import transcript_of
from pipeline.stages.judge import judge_in, positions_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """A judged transcript with the trace of every rule of the pack, in the pack's order."""

    pack: Pack
    transcript: Transcript
    signals: tuple[Signal, ...]
    judgement: Judgement
    rules: tuple[RuleTrace, ...]

    def rule_of(self, finding: Finding) -> RuleTrace | None:
        """The trace of the rule that made a finding; None where that rule is no longer in the pack."""
        return next((t for t in self.rules if t.rule.id == finding.rule), None)


def explain(
    pack: Pack, *, transcript: Transcript, signals: Sequence[Signal], context: CallContext, duration_ms: int
) -> Explanation:
    """The call under this pack, whatever its jurisdiction."""
    return Explanation(
        pack=pack,
        transcript=transcript,
        signals=tuple(signals),
        judgement=judge_in(
            pack, transcript=transcript, signals=tuple(signals), context=context, duration_ms=duration_ms
        ),
        rules=trace(
            pack,
            positions=positions_of(transcript),
            signals=signals,
            context=context,
            duration_ms=duration_ms,
        ),
    )


class DialogueJudge:
    """Written dialogues under one pack, detected with the lexicons of a registry. Built once, used for many."""

    def __init__(self, pack: Pack, registry: Registry) -> None:
        self._pack = pack
        self._detect = Detect(build_rule_detectors(registry.with_packs([pack])))

    def explain(self, lines: Sequence[tuple[Role, str]], context: CallContext) -> Explanation:
        """What the pack makes of the lines, with its trace."""
        transcript = transcript_of(lines)
        return explain(
            self._pack,
            transcript=transcript,
            signals=self._detect(transcript),
            context=context,
            duration_ms=_length(transcript),
        )

    def judge(self, lines: Sequence[tuple[Role, str]], context: CallContext) -> Judgement:
        """The same without the trace."""
        transcript = transcript_of(lines)
        return judge_in(
            self._pack,
            transcript=transcript,
            signals=self._detect(transcript),
            context=context,
            duration_ms=_length(transcript),
        )


def _length(transcript: Transcript) -> int:
    return transcript.utterances[-1].end_ms if transcript.utterances else 0
