"""Who says what in a mono call whose voices sound alike: by pauses, because people take turns, and by what is said.

A change of speaker is the likelier the longer the pause is beside this call's usual one; sentences sound like a
collector or a customer; the likeliest sequence of speakers wins. It is a guess and its confidence stays low. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from pipeline.records import Transcript, Utterance, Word
from pipeline.stages.role_cues import agent_evidence

_LEAST_PIECES = 4
_SPLIT_PAUSE_MS = 240
_JOIN_PAUSE_MS = 700
_LONGEST_MS = 20_000
_USUAL_TO_CHANGE = 1.5
_SHORTEST_CHANGE_MS = 450
_LONGEST_CHANGE_MS = 1200
_LEAST_CHANGE, _MOST_CHANGE = 0.03, 0.92
_LEAST_EVIDENCE = 1.0


@dataclass(frozen=True, slots=True)
class _Piece:
    """Words between two pauses, and what the utterance around them was."""

    origin: Utterance
    words: tuple[Word, ...]

    @property
    def start_ms(self) -> int:
        return self.words[0].start_ms

    @property
    def end_ms(self) -> int:
        return self.words[-1].end_ms

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words).strip()


def tell_apart(transcript: Transcript) -> Transcript:
    """The same words as speakers "v0" (who speaks first) and "v1", or unchanged where nothing says there are two."""
    pieces = [piece for utterance in transcript.utterances for piece in _split(utterance)]
    if len(pieces) < _LEAST_PIECES:
        return transcript
    evidence = [agent_evidence(piece.text, piece.origin.lang) for piece in pieces]
    if max(evidence) < _LEAST_EVIDENCE or min(evidence) > -_LEAST_EVIDENCE:
        return transcript
    agent = _likeliest(evidence, _change_odds(pieces))
    speakers = ["v0" if is_agent == agent[0] else "v1" for is_agent in agent]
    return replace(transcript, utterances=tuple(_joined(pieces, speakers)))


def _split(utterance: Utterance) -> Iterable[_Piece]:
    held: list[Word] = []
    for word in utterance.words:
        if held and word.start_ms - held[-1].end_ms >= _SPLIT_PAUSE_MS:
            yield _Piece(utterance, tuple(held))
            held = []
        held.append(word)
    yield _Piece(utterance, tuple(held))


def _change_odds(pieces: Sequence[_Piece]) -> list[float]:
    """For each piece but the first, the probability that somebody else speaks than before."""
    pauses = [max(0, after.start_ms - before.end_ms) for before, after in pairwise(pieces)]
    change_ms = min(max(_USUAL_TO_CHANGE * median(pauses), _SHORTEST_CHANGE_MS), _LONGEST_CHANGE_MS)
    width_ms = change_ms / 6
    return [
        _LEAST_CHANGE
        + (_MOST_CHANGE - _LEAST_CHANGE) / (1 + math.exp(-max(-30.0, min(30.0, (pause - change_ms) / width_ms))))
        for pause in pauses
    ]


def _likeliest(evidence: Sequence[float], change: Sequence[float]) -> list[bool]:
    """Viterbi over who speaks: for each piece, whether it is the collector."""
    scores = (-evidence[0] / 2, evidence[0] / 2)
    came_from: list[tuple[int, int]] = []
    for value, probability in zip(evidence[1:], change, strict=True):
        stay, move = math.log1p(-probability), math.log(probability)
        options = [
            max((scores[before] + (stay if before == after else move), before) for before in (0, 1)) for after in (0, 1)
        ]
        came_from.append((options[0][1], options[1][1]))
        scores = (options[0][0] - value / 2, options[1][0] + value / 2)
    state = int(scores[1] > scores[0])
    states = [state]
    for step in reversed(came_from):
        state = step[state]
        states.append(state)
    return [bool(state) for state in reversed(states)]


def _joined(pieces: Sequence[_Piece], speakers: Sequence[str]) -> list[Utterance]:
    """One utterance a breath again, now that the speakers are known."""
    joined: list[Utterance] = []
    for piece, speaker in zip(pieces, speakers, strict=True):
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.speaker == speaker
            and before.lang == piece.origin.lang
            and piece.start_ms - before.end_ms < _JOIN_PAUSE_MS
            and piece.end_ms - before.start_ms <= _LONGEST_MS
        ):
            joined[-1] = replace(before, words=before.words + piece.words)
        else:
            joined.append(replace(piece.origin, index=len(joined), speaker=speaker, words=piece.words))
    return joined
