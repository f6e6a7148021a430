"""What the signals of a call mean under the policy of its jurisdiction. Looks at no text."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.policy.evaluating import Position
from pipeline.policy.judging import judge as judge_under
from pipeline.policy.registry import Pack, Registry
from pipeline.records import CallContext, Judgement, Signal, Transcript


def positions_of(transcript: Transcript) -> tuple[Position, ...]:
    """The utterances without their text: who spoke and when each word was said."""
    return tuple(
        Position(role=u.role, words=tuple((w.start_ms, w.end_ms) for w in u.words)) for u in transcript.utterances
    )


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges a call under the pack of its jurisdiction."""

    registry: Registry

    def version(self, context: CallContext) -> str:
        """Changes when the policy that would judge this call changes."""
        pack = self.registry.pack_for(context)
        return f"{pack.name}@{pack.version}"

    def __call__(
        self, *, transcript: Transcript, signals: tuple[Signal, ...], context: CallContext, duration_ms: int
    ) -> Judgement:
        return judge_in(
            self.registry.pack_for(context),
            transcript=transcript,
            signals=signals,
            context=context,
            duration_ms=duration_ms,
        )


def judge_in(
    pack: Pack, *, transcript: Transcript, signals: tuple[Signal, ...], context: CallContext, duration_ms: int
) -> Judgement:
    """The call under this pack, whatever its jurisdiction."""
    return judge_under(
        pack, positions=positions_of(transcript), signals=signals, context=context, duration_ms=duration_ms
    )
