"""What a threshold costs: violating calls in which nothing is found, against minutes of review, at a bank's numbers.

Takes turns whose truth is known with what was predicted of them. Turns of a test set hold far more violations than
calls do, so rates on turns are carried over to calls at the share of violating calls that the bank expects.

A threshold says from which probability something is found, not what flags: below 0.6 a finding is only possible, and
alone does not flag its call. So hours are those of reviewing every call in which something is found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt

from pipeline.errors import InvalidInput
from pipeline.evaluation.groups import ROLE_GROUPS, hold_group
from pipeline.evaluation.judged import JudgedTurn
from pipeline.policy.categories import CRITICAL_DISTRESS
from pipeline.records import Role

STEPS = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Thresholds that are looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """A bank's numbers: calls a week, an agent's turns in each, how many calls violate, violations in such a call.

    `minutes` is what a call takes to review, `missed_minutes` what finding one more violating call is worth. Raises
    InvalidInput for numbers that no bank can have.
    """

    calls: int = 5_000
    turns: int = 25
    violating: float = 0.03
    violations: int = 3
    minutes: float = 2.0
    missed_minutes: float = 120.0

    def __post_init__(self) -> None:
        if min(self.calls, self.turns, self.violations) < 1 or not 0 < self.violating < 1:
            raise InvalidInput("calls, turns and violations are at least 1, the violating share between 0 and 1")
        if self.violations > self.turns:
            raise InvalidInput(
                f"{self.violations} violations do not fit into {self.turns} of an agent's turns: give at least as many "
                "turns as violations"
            )
        if not all(isfinite(minutes) and minutes >= 0 for minutes in (self.minutes, self.missed_minutes)):
            raise InvalidInput("minutes of review and of a missed call are numbers from 0 on")


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One threshold: on turns its recall and alarm rate, in a week `hours` of review and violating calls `missed`.

    Reviewed is every call in which something is found: `false_share` of them hold no violation. Missed is one in which
    no violation is found.
    """

    threshold: float
    recall: float
    alarm_rate: float
    hours: float
    missed: float
    false_share: float

    def cost(self, work: Work) -> float:
        """Hours of review, and what the missed calls are worth in hours."""
        return self.hours + self.missed * work.missed_minutes / 60


def trade_off(judged: Sequence[JudgedTurn], work: Work) -> list[Point]:
    """A point for each step over an agent's turns; raises InvalidInput where no turn violates, or all do."""
    truth, sure = _conduct(judged)
    if not truth.any() or truth.all():
        raise InvalidInput("thresholds need turns of agents with violations and without", code="nothing_to_weigh")
    return [_point(threshold, truth, sure, work) for threshold in STEPS]


def recommended(points: Sequence[Point], work: Work, capacity_hours: float | None) -> Point:
    """The cheapest point whose hours are there; the one of fewest hours where none is within them."""
    within = [p for p in points if capacity_hours is None or p.hours <= capacity_hours]
    return min(within, key=lambda p: p.cost(work)) if within else min(points, key=lambda p: p.hours)


def by_group(judged: Sequence[JudgedTurn], work: Work) -> Mapping[str, float]:
    """The cheapest threshold of each group by itself, on turns weighted as they come in calls."""
    found = {}
    for role, groups in ROLE_GROUPS.items():
        rows = [each for each in judged if each.turn.role is role]
        for group in groups:
            truth = np.array([hold_group(each.labels, group) for each in rows], dtype=bool)
            sure = np.array([each.probability(group) for each in rows])
            if truth.any() and not truth.all():
                costs = [_turn_cost(truth, sure, threshold, work) for threshold in STEPS]
                found[group] = STEPS[int(np.argmin(costs))]
    return found


def self_harm(judged: Sequence[JudgedTurn], *, recall: float = 0.97) -> tuple[float, int, int, int] | None:
    """The highest threshold that still finds `recall` of self-harm: it, the found, the labelled, and wrong alarms."""
    rows = [each for each in judged if each.turn.role is Role.CUSTOMER]
    truth = np.array([not CRITICAL_DISTRESS.isdisjoint(each.labels) for each in rows], dtype=bool)
    sure = np.array([max(each.probability(key) for key in CRITICAL_DISTRESS) for each in rows])
    if not truth.any():
        return None
    for threshold in reversed(STEPS):
        found = int((truth & (sure >= threshold)).sum())
        if found >= recall * truth.sum():
            return threshold, found, int(truth.sum()), int((~truth & (sure >= threshold)).sum())
    least = STEPS[0]
    return least, int((truth & (sure >= least)).sum()), int(truth.sum()), int((~truth & (sure >= least)).sum())


def _conduct(judged: Sequence[JudgedTurn]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    rows = [each for each in judged if each.turn.role is Role.AGENT]
    truth = np.array([each.is_labelled_alarming for each in rows], dtype=bool)
    sure = np.array([max(each.probability(group) for group in ROLE_GROUPS[Role.AGENT]) for each in rows])
    return truth, sure


def _point(threshold: float, truth: npt.NDArray[np.bool_], sure: npt.NDArray[np.float64], work: Work) -> Point:
    recall, alarm = float((sure[truth] >= threshold).mean()), float((sure[~truth] >= threshold).mean())
    seen = 1 - (1 - recall) ** work.violations
    wrongly = 1 - (1 - alarm) ** work.turns
    violating, clean = work.calls * work.violating, work.calls * (1 - work.violating)
    found = violating * seen + clean * wrongly
    return Point(
        threshold=threshold,
        recall=recall,
        alarm_rate=alarm,
        hours=found * work.minutes / 60,
        missed=violating * (1 - seen),
        false_share=clean * wrongly / found if found else 0.0,
    )


def _turn_cost(truth: npt.NDArray[np.bool_], sure: npt.NDArray[np.float64], threshold: float, work: Work) -> float:
    """Of one turn as it comes in calls: a wrong alarm is a review, a miss its share of a missed call."""
    prior = work.violating * work.violations / work.turns
    missed, alarm = float((sure[truth] < threshold).mean()), float((sure[~truth] >= threshold).mean())
    return prior * missed * work.missed_minutes / work.violations + (1 - prior) * alarm * work.minutes
