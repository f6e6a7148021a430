"""Answers the conditions of a rule for one call, and says for each signal that did not count why it did not.

Never sees text, clock or database. The same signals under the same conditions always give the same answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.policy.conditions import Anchor, Comparison, Condition, Hours, Missing, Said, Value
from pipeline.policy.features import EVASIVE
from pipeline.records import CallContext, OmissionEvidence, Role, Signal


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Where one utterance stands in the call: who, and when each of its words was said. No text."""

    role: Role
    words: tuple[tuple[int, int], ...]

    @property
    def start_ms(self) -> int:
        return self.words[0][0]

    @property
    def end_ms(self) -> int:
        return self.words[-1][1]


@dataclass(frozen=True, kw_only=True)
class Evidenced:
    """All that conditions may look at; `signals` in any order."""

    positions: Sequence[Position]
    signals: Sequence[Signal]
    context: CallContext
    duration_ms: int

    @cached_property
    def turns(self) -> list[int]:
        """For each utterance how many times the speaker had changed before it."""
        changes = (a.role is not b.role for a, b in pairwise(self.positions))
        return list(accumulate(changes, initial=0))[: len(self.positions)]

    @cached_property
    def _by_category(self) -> dict[str, list[Signal]]:
        found: dict[str, list[Signal]] = {}
        for signal in sorted(self.signals, key=_place):
            found.setdefault(signal.category, []).append(signal)
        return found

    def of(self, categories: Iterable[str]) -> list[Signal]:
        """The signals of these categories in the order of the call, whatever their probability."""
        kept = [signal for key in categories for signal in self._by_category.get(key, ())]
        return sorted(kept, key=_place)

    def role_of(self, signal: Signal) -> Role:
        return self.positions[signal.span.utterance].role

    def turn_of(self, signal: Signal) -> int:
        return self.turns[signal.span.utterance]

    def start_of(self, signal: Signal) -> int:
        return self.positions[signal.span.utterance].start_ms


def _place(signal: Signal) -> tuple[int, int, int]:
    return signal.span.utterance, signal.span.word_start, signal.span.word_end


class Why(StrEnum):
    """Why a signal did not count."""

    ROLE = "role"
    UNSURE = "unsure"
    EXCUSED = "excused"
    LACKS_FEATURE = "lacks_feature"
    OUTSIDE_PART = "outside_part"
    NOT_AFTER = "not_after"
    NOT_BEFORE = "not_before"
    CALLED_OFF = "called_off"
    TOO_LATE = "too_late"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A signal that did not count. `detail` names the feature, the limit or the condition that decided."""

    signal: Signal
    why: Why
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What became of one condition: its hits, or the window in which something was missing, or what metadata said."""

    met: bool
    hits: tuple[Signal, ...] = ()
    windows: tuple[OmissionEvidence, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    at_the_edge: bool = False
    """Only just met: a call that began in permitted hours and ran out of them."""
    rests_on: tuple[float, ...] = ()
    """For each hit or window the probability of what it has to follow; 1 where that is nothing."""
    rejected: tuple[Rejected, ...] = ()


UNMET = Answer(met=False)


def answer(conditions: Mapping[str, Condition], seen: Evidenced, *, traced: bool = False) -> dict[str, Answer]:
    """An answer to each condition; they must stand behind those they are anchored to.

    Signals that did not count are only collected when `traced`.
    """
    answers: dict[str, Answer] = {}
    for name, condition in conditions.items():
        match condition:
            case Said():
                answers[name] = _said(condition, seen, answers, traced=traced)
            case Missing():
                answers[name] = _missing(condition, seen, answers)
            case Hours():
                answers[name] = _hours(condition, seen)
            case Value():
                answers[name] = _value(condition, seen.context)
    return answers


# --- what was said ----------------------------------------------------------------------------------------------------


def _said(said: Said, seen: Evidenced, answers: Mapping[str, Answer], *, traced: bool) -> Answer:
    hits, rejected = [], []
    for signal in seen.of(said.signals):
        reason = _objection(said, signal, seen, answers)
        if reason is None:
            hits.append(signal)
        elif traced:
            rejected.append(reason)
    if len(hits) < said.at_least and not traced:
        return UNMET
    return Answer(
        met=len(hits) >= said.at_least,
        hits=tuple(hits),
        rests_on=tuple(_followed(said, hit, seen, answers) for hit in hits),
        rejected=tuple(rejected),
    )


def _followed(said: Said, signal: Signal, seen: Evidenced, answers: Mapping[str, Answer]) -> float:
    """How sure the surest is of what a hit has to stand behind."""
    after = said.scope.after
    if after is None:
        return 1.0
    return max(other.probability for other in _near(after, signal, seen, answers, after=True))


def _objection(said: Said, signal: Signal, seen: Evidenced, answers: Mapping[str, Answer]) -> Rejected | None:
    """The first reason why a signal does not count, or None when it does."""
    role = seen.role_of(signal)
    if role not in said.roles:
        return Rejected(signal, Why.ROLE, role)
    if signal.probability < (needed := said.needed(signal)):
        return Rejected(signal, Why.UNSURE, f"{signal.probability:.2f} < {needed:.2f}")
    if excuses := said.excuses.intersection(signal.features):
        return Rejected(signal, Why.EXCUSED, ", ".join(sorted(excuses)))
    if lacking := said.requires.difference(signal.features):
        return Rejected(signal, Why.LACKS_FEATURE, ", ".join(sorted(lacking)))
    scope = said.scope
    if outside := _outside_part(said, signal, seen):
        return Rejected(signal, Why.OUTSIDE_PART, outside)
    for name in scope.not_after:
        first = min((seen.turn_of(s) for s in answers[name].hits), default=None)
        if first is not None and seen.turn_of(signal) >= first:
            return Rejected(signal, Why.TOO_LATE, name)
    if scope.after is not None and (why := _unanchored(scope.after, signal, seen, answers, after=True)):
        return Rejected(signal, *why)
    if scope.before is not None and (why := _unanchored(scope.before, signal, seen, answers, after=False)):
        return Rejected(signal, *why)
    return None


def _outside_part(said: Said, signal: Signal, seen: Evidenced) -> str:
    """Which bound of the part that counts the signal lies outside of, or nothing."""
    scope, start = said.scope, seen.start_of(signal)
    turn, last = seen.turn_of(signal), seen.turns[-1]
    if scope.first_ms is not None and start > scope.first_ms:
        return f"first {scope.first_ms / 1000:g} s"
    if scope.last_ms is not None and start < seen.duration_ms - scope.last_ms:
        return f"last {scope.last_ms / 1000:g} s"
    if scope.first_turns is not None and turn >= scope.first_turns:
        return f"first {scope.first_turns} turns"
    if scope.last_turns is not None and turn <= last - scope.last_turns:
        return f"last {scope.last_turns} turns"
    return ""


def _unanchored(
    anchor: Anchor, signal: Signal, seen: Evidenced, answers: Mapping[str, Answer], *, after: bool
) -> tuple[Why, str] | None:
    """Why no hit of the anchor's condition stands in the relation that is asked for; None when one does."""
    turn = seen.turn_of(signal)
    near = [seen.turn_of(other) for other in _near(anchor, signal, seen, answers, after=after)]
    if not near:
        return (Why.NOT_AFTER if after else Why.NOT_BEFORE), anchor.of
    nearest = max(near) if after else min(near)
    low, high = (nearest, turn) if after else (turn, nearest)
    for name in anchor.unless:
        between = (seen.turn_of(hit) for hit in answers[name].hits)
        # What calls it off may stand in the same turn as what it excuses, but not in that of the anchor.
        if any(low < t <= high if after else low <= t < high for t in between):
            return Why.CALLED_OFF, name
    return None


def _near(
    anchor: Anchor, signal: Signal, seen: Evidenced, answers: Mapping[str, Answer], *, after: bool
) -> list[Signal]:
    """The hits of the anchor's condition that stand in the relation that is asked for."""
    turn, start = seen.turn_of(signal), seen.start_of(signal)
    near = []
    for other in _anchored(anchor, answers):
        away = turn - seen.turn_of(other) if after else seen.turn_of(other) - turn
        away_ms = abs(start - seen.start_of(other))
        if (
            away > 0
            and (anchor.within_turns is None or (away + 1) // 2 <= anchor.within_turns)
            and (anchor.within_ms is None or away_ms <= anchor.within_ms)
        ):
            near.append(other)
    return near


def _anchored(anchor: Anchor, answers: Mapping[str, Answer]) -> Sequence[Signal]:
    hits = answers[anchor.of].hits
    if anchor.hit is None:
        return hits
    place = anchor.hit - 1 if anchor.hit > 0 else anchor.hit
    return hits[place : place + 1 or None] if -len(hits) <= place < len(hits) else ()


# --- what was not said ------------------------------------------------------------------------------------------------


def _missing(missing: Missing, seen: Evidenced, answers: Mapping[str, Answer]) -> Answer:
    spoken = sum(p.end_ms - p.start_ms for p in seen.positions if p.role in missing.roles)
    if spoken < missing.at_least_ms:
        return UNMET
    said = [
        signal
        for signal in seen.of(missing.signals)
        if signal.probability >= missing.threshold
        and EVASIVE.isdisjoint(signal.features)
        and seen.role_of(signal) in missing.roles
    ]
    never = [signal for name in missing.never for signal in answers[name].hits]
    find = _missing_in_turns if missing.within_turns is not None else _missing_in_time
    # The first window is enough: one omission is one matter, however often it was called for.
    found = tuple(find(missing, seen, answers, said, never))[:1]
    return Answer(
        met=bool(found),
        windows=tuple(window for window, _ in found),
        rests_on=tuple(probability for _, probability in found),
    )


_Window = tuple[OmissionEvidence, float]
"""A window, and how sure it is that there is one: the probability of what opened it."""


def _missing_in_turns(
    missing: Missing, seen: Evidenced, answers: Mapping[str, Answer], said: Sequence[Signal], never: Sequence[Signal]
) -> Iterator[_Window]:
    for start, start_ms, probability in _window_starts(missing, seen, answers):
        last = start + 2 * (missing.within_turns or 0)
        inside = [
            p
            for turn, p in zip(seen.turns, seen.positions, strict=True)
            if p.role in missing.roles and start < turn <= last
        ]
        answered = any(start < seen.turn_of(s) <= last for s in (*said, *never))
        if len(inside) >= 2 and not answered:
            yield OmissionEvidence(window_start_ms=start_ms, window_end_ms=inside[-1].end_ms), probability


def _missing_in_time(
    missing: Missing, seen: Evidenced, answers: Mapping[str, Answer], said: Sequence[Signal], never: Sequence[Signal]
) -> Iterator[_Window]:
    starts: Iterable[tuple[int, float]] = ((0, 1.0),)
    if missing.after is not None:
        starts = ((seen.start_of(s), s.probability) for s in _anchored(missing.after, answers))
    for start_ms, probability in starts:
        end_ms = min(start_ms + (missing.within_ms or 0), seen.duration_ms)
        if not any(seen.start_of(s) < end_ms for s in (*said, *never)):
            yield OmissionEvidence(window_start_ms=start_ms, window_end_ms=end_ms), probability


def _window_starts(
    missing: Missing, seen: Evidenced, answers: Mapping[str, Answer]
) -> Iterator[tuple[int, int, float]]:
    """The turn behind which a window begins, its first millisecond, and the probability of what opens it."""
    if missing.after is None:
        yield -1, 0, 1.0
        return
    for signal in _anchored(missing.after, answers):
        yield seen.turn_of(signal), seen.positions[signal.span.utterance].end_ms, signal.probability


# --- what the source system said --------------------------------------------------------------------------------------


def _hours(hours: Hours, seen: Evidenced) -> Answer:
    """Nothing is found while the time, its offset or the debtor's zone is not known."""
    context = seen.context
    local = local_time(context.started_at, context.customer_tz)
    if local is None or any(context.facts.get(name) is True for name in hours.consent):
        return UNMET
    ended = (local + timedelta(milliseconds=seen.duration_ms)).astimezone(local.tzinfo)
    inside = hours.earliest <= local.time() < hours.latest
    if inside and not (ended.time() > hours.latest and local.date() == ended.date()):
        return UNMET
    facts = (
        ("local_time", local.strftime("%Y-%m-%d %H:%M")),
        ("customer_tz", context.customer_tz or ""),
        ("allowed", f"{hours.earliest:%H:%M}-{hours.latest:%H:%M}"),
    )
    return Answer(met=True, facts=facts, at_the_edge=inside)


def local_time(moment: datetime | None, zone: str | None) -> datetime | None:
    """The moment on the clocks of a zone; None when either is not known or the zone does not exist."""
    if moment is None or moment.utcoffset() is None or not zone:
        return None
    try:
        return moment.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _value(value: Value, context: CallContext) -> Answer:
    if value.name.startswith("facts."):
        known = context.facts.get(value.name.removeprefix("facts."))
    else:
        known = getattr(context, value.name)
    return Answer(met=_passes(known, value), facts=((value.name, _shown(known)),))


def _passes(known: object, value: Value) -> bool:
    if value.test is Comparison.KNOWN:
        return (known is not None) == (value.wanted[0] == "true")
    if known is None:
        return False
    if value.test in (Comparison.OVER, Comparison.UNDER):
        try:
            number = float(str(known))
        except ValueError:
            return False
        limit = float(value.wanted[0])
        return number > limit if value.test is Comparison.OVER else number < limit
    return _shown(known).casefold() in {wanted.casefold() for wanted in value.wanted}


def _shown(known: object) -> str:
    return str(known).lower() if isinstance(known, bool) else "" if known is None else str(known)
