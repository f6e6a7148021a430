"""Which speaker is the collector: as the source system says, else by what each of them says, with a confidence.

Knows words only; the sound of a voice is never asked what somebody is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from pipeline.records import Channels, Role, RoleAssignment, Separation, Transcript
from pipeline.stages.role_cues import agent_evidence

_STRENGTH = 0.35
_LEAST_CONFIDENCE = 0.6
_SINGLE_CONFIDENCE_LIMIT = 0.6
_ONE_SPEAKER_EVIDENCE = 4.0


def assign_roles(
    transcript: Transcript, separation: Separation, channels: Channels | None, audio_channels: int
) -> RoleAssignment:
    """Roles of all speakers of the transcript.

    A channel map of the source system decides where each channel of the recording holds one speaker; else what is said.
    """
    speakers = _speakers(transcript, separation)
    if channels in (Channels.AGENT_LEFT, Channels.AGENT_RIGHT) and audio_channels == 2:
        mapped = _mapped(transcript, separation, agent_channel=0 if channels is Channels.AGENT_LEFT else 1)
        if mapped is not None:
            return RoleAssignment(roles=mapped, confidence=1.0, method="metadata")
    evidence = speaker_evidence(transcript)
    if len(speakers) == 1:
        return _one_speaker(speakers[0], evidence.get(speakers[0], 0.0))
    ranked = sorted(speakers, key=lambda speaker: -evidence.get(speaker, 0.0))
    roles = {speaker: Role.AGENT if speaker == ranked[0] else Role.CUSTOMER for speaker in speakers}
    difference = evidence.get(ranked[0], 0.0) - evidence.get(ranked[1], 0.0) if len(ranked) > 1 else 0.0
    confidence = 1 / (1 + math.exp(-_STRENGTH * difference))
    if separation.method == "voices":
        confidence *= separation.confidence
    elif separation.method == "single":
        confidence = min(confidence, _SINGLE_CONFIDENCE_LIMIT)
    if difference <= 0:
        roles = dict.fromkeys(speakers, Role.UNKNOWN)
        confidence = 0.0
    return RoleAssignment(roles=roles, confidence=round(confidence, 3), method="inferred")


def apply_roles(transcript: Transcript, assignment: RoleAssignment) -> Transcript:
    """The transcript with each utterance's role set."""
    return replace(
        transcript,
        utterances=tuple(
            replace(utterance, role=assignment.roles.get(utterance.speaker, Role.UNKNOWN))
            for utterance in transcript.utterances
        ),
    )


def swapped(assignment: RoleAssignment) -> RoleAssignment:
    """The roles exchanged, by a reviewer who heard it; a speaker without a role stays without one."""
    other = {Role.AGENT: Role.CUSTOMER, Role.CUSTOMER: Role.AGENT, Role.UNKNOWN: Role.UNKNOWN}
    roles = {speaker: other[role] for speaker, role in assignment.roles.items()}
    return RoleAssignment(roles=roles, confidence=1.0, method="reviewer")


def speaker_evidence(transcript: Transcript) -> Mapping[str, float]:
    """For each speaker, how much the talk sounds like a collector; a long call counts no more than a dozen turns."""
    found: dict[str, list[float]] = {}
    for utterance in transcript.utterances:
        found.setdefault(utterance.speaker, []).append(agent_evidence(utterance.text, utterance.lang))
    return {speaker: sum(scores) / max(1.0, len(scores) / 12) for speaker, scores in found.items()}


def _speakers(transcript: Transcript, separation: Separation) -> list[str]:
    spoken = {utterance.speaker for utterance in transcript.utterances}
    if separation.method == "channels":
        spoken |= {turn.speaker for turn in separation.turns} | {"ch0", "ch1"}
    return sorted(spoken) or ["v0"]


def _mapped(transcript: Transcript, separation: Separation, agent_channel: int) -> dict[str, Role] | None:
    """Roles by channel; None where one channel holds both speakers and the map can't be true."""
    if separation.method == "channels":
        return {f"ch{channel}": Role.AGENT if channel == agent_channel else Role.CUSTOMER for channel in (0, 1)}
    held = {(utterance.speaker, utterance.channel) for utterance in transcript.utterances}
    if len(held) != 1:
        return None
    ((speaker, channel),) = held
    return {speaker: Role.AGENT if channel == agent_channel else Role.CUSTOMER}


def _one_speaker(speaker: str, evidence: float) -> RoleAssignment:
    """A voicemail or a call in which one side is silent: named only where the talk is plain."""
    if abs(evidence) < _ONE_SPEAKER_EVIDENCE:
        return RoleAssignment(roles={speaker: Role.UNKNOWN}, confidence=0.0, method="inferred")
    role = Role.AGENT if evidence > 0 else Role.CUSTOMER
    return RoleAssignment(roles={speaker: role}, confidence=_LEAST_CONFIDENCE, method="inferred")
