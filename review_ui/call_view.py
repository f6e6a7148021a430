"""The call page as values: header, waves, transcript, findings and measures. Knows no HTML and asks no service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from pipeline.policy.safety import ShownLine
from pipeline.records import CallStatus, Distress, FindingStatus, Measures, Role, RoleAssignment, Transcript
from pipeline.services.views import Actor, CallDetail, CallSummary, Permission
from pipeline.stages.decode_peaks import Peaks
from review_ui.failure_view import FailureView, failure_view
from review_ui.findings_view import (
    FindingGroup,
    FindingView,
    Group,
    finding_groups,
    finding_views,
    short_pack,
    worst_second,
)
from review_ui.language import Words
from review_ui.outcomes_view import OutcomeView, outcome_views
from review_ui.queue_view import Asked, masked, state_text
from review_ui.reader import Reader, clock, exact
from review_ui.transcript_view import Line, lines, speaker_name
from review_ui.wave import BARS, Lane, lane_of, lanes, picture

_SURE = 0.75
"""Roles assigned with less confidence than this ask the reviewer to look."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """A part of the line below the title; `href` leads to the calls that share it."""

    text: str
    title: str = ""
    href: str = ""
    warning: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """A finding on a wave. In the picture before the player is ready it lies from `x` on, `width` wide."""

    number: int
    tone: str
    label: str
    lane: int
    start_s: float
    end_s: float
    x: str
    width: str
    window: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneView:
    name: str
    role: str
    path: str
    regions: tuple[Region, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    text: str
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SafetyView:
    """What is said when the customer may be in danger; `lines` are the numbers to give, `note` why there is none."""

    text: str
    lines: tuple[str, ...]
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CallPageView:
    """`opens_at` is the second under the cursor when the page opens; `ready` is false until the call is done."""

    id: str
    title: str
    ready: bool
    file: str
    tone: str
    verdict: str
    facts: tuple[Fact, ...]
    state: str
    state_text: str
    progress: int | None
    failure: FailureView | None
    safety: SafetyView | None
    damage: str
    roles_warning: str
    original: bool
    may_show_original: bool
    may_swap: bool
    may_retry: bool
    audio_href: str
    lanes_href: str
    duration: str
    duration_s: float
    bars: int
    lanes: tuple[LaneView, ...]
    regions: tuple[Region, ...]
    lines: tuple[Line, ...]
    outcomes: tuple[OutcomeView, ...]
    groups: tuple[FindingGroup, ...]
    findings: int
    measures: tuple[Measure, ...]
    opens_at: float
    opens_finding: int
    opens_line: int


def call_page(
    detail: CallDetail, peaks: Peaks | None, reader: Reader, actor: Actor, *, at_ms: int | None = None
) -> CallPageView:
    """The page of one call. `at_ms` is where the address asks to open, else it opens at the worst second."""
    call, words = detail.summary, reader.words
    views = finding_views(
        detail.findings,
        detail.transcript,
        words,
        call=call.id,
        original=detail.original,
        signal_of=detail.signal_of,
    )
    heard = lanes(peaks, detail.transcript) if peaks else ()
    duration_ms = detail.audio.duration_ms if detail.audio else (call.duration_ms or 0)
    regions = tuple(_regions(views, heard, detail.transcript, duration_ms))
    failure = failure_view(call.failure, words) if call.status is CallStatus.FAILED and call.failure else None
    worst = worst_second(views) if at_ms is None else None
    opens_ms = at_ms if at_ms is not None else (worst.start_ms or 0) if worst else 0
    return CallPageView(
        id=call.id,
        title=_title(call, words),
        ready=detail.transcript is not None and detail.audio is not None,
        file=call.file,
        tone=_tone(call),
        verdict=_verdict(call, views, words),
        facts=tuple(_facts(detail, reader)),
        state=call.status.value,
        state_text=state_text(call, words),
        progress=round(call.progress * 100) if call.progress is not None else None,
        failure=failure,
        safety=_safety(detail.safety, words) if detail.safety else None,
        damage=_damage(detail, words),
        roles_warning=_roles_warning(detail.roles, words),
        original=detail.original,
        may_show_original=Permission.CALLS_ORIGINAL in actor.permissions and bool(detail.redactions),
        may_swap=Permission.CALLS_WRITE in actor.permissions and _two_sided(detail.roles),
        may_retry=Permission.CALLS_WRITE in actor.permissions and failure is not None and not failure.refused,
        audio_href=f"/api/v1/calls/{call.id}/audio" + ("?original=true" if detail.original else ""),
        lanes_href=f"/calls/{call.id}/lanes",
        duration=clock(duration_ms, tenths=True),
        duration_s=duration_ms / 1000,
        bars=BARS,
        lanes=tuple(
            LaneView(
                name=_lane_name(lane, words),
                role=lane.role.value,
                path=picture(lane),
                regions=tuple(r for r in regions if r.lane == index),
            )
            for index, lane in enumerate(heard)
        ),
        regions=regions,
        lines=lines(detail.transcript, views, reader, duration_ms=duration_ms) if detail.transcript else (),
        outcomes=outcome_views(detail.outcomes, detail.transcript, words, _place_in(call.id)),
        groups=finding_groups(views, words),
        findings=len(views),
        measures=tuple(_measures(detail.measures, detail.transcript, reader)) if detail.measures else (),
        opens_at=opens_ms / 1000,
        opens_finding=worst.number if worst else 0,
        opens_line=_line_at(detail.transcript, opens_ms),
    )


def _title(call: CallSummary, words: Words) -> str:
    context = call.context
    parts = [words("call.account", account=masked(context.account_ref))] if context.account_ref else [call.file]
    owed = words.named("product", context.product) if context.product else ""
    if context.days_past_due is not None:
        parts.append(words("call.past_due", product=owed, n=context.days_past_due).strip())
    elif owed:
        parts.append(owed)
    return " · ".join(parts)


def _tone(call: CallSummary) -> str:
    if call.flagged and call.severity:
        return call.severity.value
    return "distress" if call.distress is Distress.CRITICAL else ""


def _verdict(call: CallSummary, views: Sequence[FindingView], words: Words) -> str:
    if call.status is not CallStatus.DONE:
        return ""
    if not call.flagged or call.severity is None:
        # A statement of self-harm is no fault of the collector and flags nothing, but it is no quiet call either.
        return words("distress.critical" if call.distress is Distress.CRITICAL else "call.not_flagged")
    wanting = (FindingStatus.VIOLATION.value, FindingStatus.POSSIBLE.value)
    count = sum(v.group is Group.COLLECTOR and v.status in wanting and not v.unlikely for v in views)
    return words("call.flagged", severity=words(f"severity.{call.severity}"), n=count)


def _facts(detail: CallDetail, reader: Reader) -> list[Fact]:
    call, context, words = detail.summary, detail.summary.context, reader.words
    began = context.started_at or call.received_at.astimezone(reader.zone)
    facts = [
        Fact(
            text=exact(began),
            title=reader.moment(began).text if context.started_at else words("call.received_at"),
        )
    ]
    there = _customer_time(context.started_at, context.customer_tz)
    if there:
        facts.append(Fact(text=words("call.customer_time", clock=there), title=context.customer_tz or ""))
    if detail.audio:
        facts.append(Fact(text=clock(detail.audio.duration_ms), title=words("call.length")))
    if context.agent_id:
        team = f" · {context.team}" if context.team else ""
        href = Asked(everything=True, agent=context.agent_id).href()
        facts.append(
            Fact(text=words("call.agent", agent=context.agent_id) + team, href=href, title=words("call.agent.all"))
        )
    if context.account_ref:
        href = Asked(everything=True, account=context.account_ref).href()
        facts.append(
            Fact(text=words("call.account", account=context.account_ref), href=href, title=words("call.account.all"))
        )
    law = [words(f"collector_type.{context.collector_type}")] if context.collector_type else []
    if context.jurisdiction:
        law.append(words(f"jurisdiction.{context.jurisdiction}"))
    if detail.pack:
        law.append(short_pack(detail.pack, detail.pack_version or ""))
    if law:
        policy = f"{words('call.policy')} {detail.pack or ''} {detail.pack_version or ''}"
        facts.append(Fact(text=" · ".join(law), title=policy.strip()))
    if detail.roles:
        facts.append(Fact(text=_roles(detail.roles, words), warning=_unsure(detail.roles)))
    if context.account_ref:
        facts.append(Fact(text=call.file, title=words("call.file")))
    return facts


def _customer_time(began: datetime | None, zone: str | None) -> str:
    """The customer's clock, where it read otherwise than the recorded time."""
    if began is None or not zone:
        return ""
    try:
        there = began.astimezone(ZoneInfo(zone))
    except (ValueError, OSError, KeyError):
        return ""
    return "" if there.utcoffset() == began.utcoffset() else f"{there:%H:%M}"


def _roles(roles: RoleAssignment, words: Words) -> str:
    if roles.method == "inferred":
        return words("roles.inferred", confidence=f"{roles.confidence:.2f}")
    return words(f"roles.{roles.method}")


def _unsure(roles: RoleAssignment) -> bool:
    return roles.method == "inferred" and roles.confidence < _SURE


def _roles_warning(roles: RoleAssignment | None, words: Words) -> str:
    if roles is None or not _unsure(roles):
        return ""
    return words("roles.unsure", confidence=f"{roles.confidence:.2f}")


def _two_sided(roles: RoleAssignment | None) -> bool:
    return roles is not None and len(roles.roles) > 1


def _safety(shown: ShownLine, words: Words) -> SafetyView:
    lines = [words("call.safety.crisis", line=shown.crisis)] if shown.crisis else []
    if shown.emergency:
        lines.append(words("call.safety.emergency", line=shown.emergency))
    return SafetyView(
        text=words("call.safety"), lines=tuple(lines), note="" if shown.crisis else words("call.safety.none")
    )


def _damage(detail: CallDetail, words: Words) -> str:
    damage = detail.audio.damage if detail.audio else detail.summary.damage
    if damage is None:
        return ""
    decoded = f"{damage.decoded_ms / 1000:.1f}"
    if damage.expected_ms is None:
        return words("call.damage_unknown", decoded=decoded)
    return words("call.damage", decoded=decoded, expected=f"{damage.expected_ms / 1000:.1f}")


def _regions(
    views: Sequence[FindingView], heard: Sequence[Lane], transcript: Transcript | None, duration_ms: int
) -> list[Region]:
    if not heard or not duration_ms:
        return []
    spoken = {u.index: u for u in transcript.utterances} if transcript else {}
    found: list[Region] = []
    for view in views:
        if view.start_ms is None or view.end_ms is None or view.unlikely:
            continue
        utterance = spoken.get(view.span[0]) if view.span else None
        start, end = view.start_ms, view.end_ms
        if utterance is not None and view.span is not None and view.span[1] < len(utterance.words):
            start = utterance.words[view.span[1]].start_ms
            end = utterance.words[min(view.span[2], len(utterance.words)) - 1].end_ms
        end = min(max(end, start + 1), duration_ms)
        x = BARS * start / duration_ms
        found.append(
            Region(
                number=view.number,
                tone=view.tone,
                label=view.category,
                lane=lane_of(heard, utterance, view.role),
                start_s=start / 1000,
                end_s=end / 1000,
                x=f"{x:.2f}",
                width=f"{max(BARS * (end - start) / duration_ms, 1):.2f}",
                window=view.span is None,
            )
        )
    return found


def _lane_name(lane: Lane, words: Words) -> str:
    if lane.role is not Role.UNKNOWN or not lane.speakers:
        return words(f"role.{lane.role}")
    return speaker_name(lane.role, min(lane.speakers), words)


def _measures(measures: Measures, transcript: Transcript | None, reader: Reader) -> list[Measure]:
    words = reader.words
    made = [
        Measure(
            text=words("measure.talk_over", n=measures.talk_over_count),
            title=_talk_over_title(measures, reader),
        ),
        Measure(
            text=words("measure.silence", length=reader.seconds(measures.silence_ms)),
            title=_silence_title(measures, reader),
        ),
    ]
    spoken = transcript.utterances if transcript else ()
    unit = "zh" if sum(u.lang == "zh" for u in spoken) * 2 >= len(spoken) else "en"
    for role, rate, speech_ms in (
        (Role.AGENT, measures.agent_rate, measures.agent_speech_ms),
        (Role.CUSTOMER, measures.customer_rate, measures.customer_speech_ms),
    ):
        if rate is not None:
            made.append(
                Measure(
                    text=words(f"measure.rate.{unit}", who=words(f"role.{role}"), rate=f"{rate:.1f}"),
                    title=words("measure.rate.title", length=reader.seconds(speech_ms)),
                )
            )
    return made


def _talk_over_title(measures: Measures, reader: Reader) -> str:
    words = reader.words
    title = words("measure.talk_over.title", length=reader.seconds(measures.talk_over_ms))
    if measures.agent_interruptions is None:
        return title
    counts = {"agent": measures.agent_interruptions, "customer": measures.customer_interruptions or 0}
    return words("measure.interruptions", title=title, **counts)


def _silence_title(measures: Measures, reader: Reader) -> str:
    words = reader.words
    title = words("measure.silence.title", length=reader.seconds(measures.longest_silence_ms))
    if measures.silence_share is None:
        return title
    percent, long = round(100 * measures.silence_share), measures.long_silence_count or 0
    return words("measure.silence.share", title=title, percent=percent, long=long)


def _place_in(call: str) -> Callable[[int, int], tuple[str, str]]:
    return lambda utterance, ms: (clock(ms), f"/calls/{call}?t={ms / 1000:g}#u{utterance}")


def _line_at(transcript: Transcript | None, at_ms: int) -> int:
    """The turn that is spoken at a time, or the last one before it; -1 without a transcript."""
    if transcript is None:
        return -1
    begun = [u.index for u in transcript.utterances if u.start_ms <= at_ms]
    return begun[-1] if begun else -1
