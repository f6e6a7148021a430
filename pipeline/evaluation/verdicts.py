"""What reviewers said of a call's findings as turns whose truth is known, so that reviewing a call makes it evaluable.

Review itself is a later feature: nothing in Forbear asks for verdicts yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.errors import InvalidInput
from pipeline.evaluation.reasons import named
from pipeline.evaluation.turns import LabelledTurn, SpokenLine, as_json_line, language_of
from pipeline.policy.categories import categories
from pipeline.records import Role, Transcript, Utterance

BEFORE = 6
"""So many utterances before a reviewed one go with it: what rules and models look back to."""
_SPEAKERS = (Role.AGENT, Role.CUSTOMER)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """A reviewer's word on one category in one utterance: `upheld`, or it was not there."""

    utterance: int
    category: str
    upheld: bool


def verdict_lines(call: str, transcript: Transcript, verdicts: Iterable[Verdict]) -> list[str]:
    """A JSON line, as `turns.read_turns` reads it, for each utterance that a reviewer spoke of, in the call's order.

    Its labels are what was upheld, none where nothing was: then it only looked like something. What nobody reviewed is
    in no line. Raises InvalidInput, without words of the call, for a verdict that contradicts another one or is about
    an utterance or category that is not there, or one whose speaker is not known.
    """
    upheld: dict[tuple[int, str], bool] = {}
    for verdict in verdicts:
        _check(verdict, transcript)
        place = (verdict.utterance, verdict.category)
        if upheld.setdefault(place, verdict.upheld) != verdict.upheld:
            raise _refused(verdict, f"{verdict.category} is upheld and not upheld")
    return [
        as_json_line(
            _turn(call, transcript.utterances, index, {key for (at, key), yes in upheld.items() if at == index and yes})
        )
        for index in sorted({at for at, _ in upheld})
    ]


def _check(verdict: Verdict, transcript: Transcript) -> None:
    if not 0 <= verdict.utterance < len(transcript.utterances):
        raise _refused(verdict, "the call has no such utterance")
    if verdict.category not in categories():
        raise _refused(verdict, f"there is no category {named(verdict.category)}")
    spoken = transcript.utterances[verdict.utterance]
    if spoken.role not in _SPEAKERS:
        raise _refused(verdict, "it is not known who speaks")
    if not spoken.text:
        raise _refused(verdict, "it holds no words")


def _turn(call: str, utterances: Sequence[Utterance], index: int, labels: Iterable[str]) -> LabelledTurn:
    spoken = utterances[index]
    before = utterances[max(0, index - BEFORE) : index]
    return LabelledTurn(
        id=f"{call}/{index}",
        language=language_of(spoken.lang),
        role=spoken.role,
        previous=tuple(SpokenLine(role=u.role, text=u.text) for u in before if u.role in _SPEAKERS and u.text),
        text=spoken.text,
        labels=frozenset(labels),
    )


def _refused(verdict: Verdict, reason: str) -> InvalidInput:
    return InvalidInput(f"The verdict on utterance {verdict.utterance}: {reason}.", code="bad_verdict")
