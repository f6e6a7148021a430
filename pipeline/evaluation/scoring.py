"""Decided categories beside true labels: rates with their intervals, by group and by category, and what was mistaken.

Sees labels and what is predicted; how it came about is `predictions`' business. Labels may name a group: then any
category of it is right, and which one it should have been is not asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from pipeline.evaluation.calibration import Calibration, calibration
from pipeline.evaluation.groups import GROUPS, hold_group, is_group
from pipeline.evaluation.judged import JudgedTurn, by_language
from pipeline.evaluation.predictions import Prediction
from pipeline.evaluation.turns import LabelledTurn
from pipeline.policy.categories import CRITICAL_DISTRESS

SAMPLES = 2_000
_Z = 1.959964
"""Of the 95% interval of a normal distribution."""

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """`found` of `of`."""

    found: int
    of: int

    @property
    def value(self) -> float | None:
        return self.found / self.of if self.of else None

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95% interval, which says something also where nothing was found; None of nothing."""
        if not self.of:
            return None
        p, n = self.found / self.of, self.of
        middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Turns that are labelled with something, those decided to hold it, and those that are both."""

    labelled: int
    decided: int
    right: int

    @property
    def precision(self) -> float | None:
        return self.right / self.decided if self.decided else None

    @property
    def recall(self) -> float | None:
        return self.right / self.labelled if self.labelled else None

    @property
    def f1(self) -> float | None:
        """None where it is neither labelled nor decided anywhere."""
        both = self.labelled + self.decided
        return 2 * self.right / both if both else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """`labelled` was decided to be `decided`, so often; None stands for nothing."""

    labelled: str | None
    decided: str | None
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnScore:
    """All turns of one language.

    `alarms`: turns with a violation or distress decided, of those that are labelled with none; `alarms_over_all` counts
    the same over all turns. `hard_negatives`: of the turns so marked, those with an alarming category that they are not
    labelled with, whatever else is. `exact`: labelled categories that were decided, hard negatives aside. `self_harm`:
    turns labelled with it, marked or not, in which it was decided: the one miss that may cost a life.
    """

    lang: str
    turns: int
    macro_f1: float | None
    macro_f1_interval: Interval | None
    groups: Mapping[str, Counts]
    alarms: Share
    alarms_over_all: Share
    hard_negatives: Share
    exact: Share
    self_harm: Share
    calibration: Calibration
    categories: Mapping[str, Counts]
    mistakes: tuple[Mistake, ...]


def score_turns(
    turns: Sequence[LabelledTurn], predictions: Sequence[Prediction], *, seed: int = 0
) -> tuple[TurnScore, ...]:
    """A score for each language in which there are turns with labels; traditional Chinese also by itself."""
    return tuple(_score(lang, judged, seed) for lang, judged in by_language(turns, predictions).items())


def macro_f1(groups: Mapping[str, Counts]) -> float | None:
    """The mean F1 of the groups that are labelled or decided at all."""
    known = [f1 for counts in groups.values() if (f1 := counts.f1) is not None]
    return sum(known) / len(known) if known else None


def macro_f1_interval(
    labelled: npt.NDArray[np.bool_], decided: npt.NDArray[np.bool_], *, seed: int = 0, samples: int = SAMPLES
) -> Interval | None:
    """95% bootstrap interval of the macro F1; both arrays are turns x groups, and turns are drawn with replacement."""
    both = np.concatenate([labelled, decided], axis=1)
    # Equal turns are one pattern: drawing how often each pattern comes is drawing turns, at a fraction of the work.
    patterns, counts = np.unique(both, axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(both), counts / len(both), size=samples)
    true, said = patterns[:, : labelled.shape[1]], patterns[:, labelled.shape[1] :]
    sizes = (drawn @ true.astype(np.int64)) + (drawn @ said.astype(np.int64))
    right = drawn @ (true & said).astype(np.int64)
    f1 = np.divide(2 * right, sizes, out=np.full(sizes.shape, np.nan), where=sizes > 0)
    f1 = f1[~np.isnan(f1).all(axis=1)]
    if not len(f1):
        return None
    low, high = np.quantile(np.nanmean(f1, axis=1), [0.025, 0.975])
    return float(low), float(high)


def f1_interval(counts: Counts, turns: int, *, seed: int = 0, samples: int = SAMPLES) -> Interval | None:
    """95% bootstrap interval of the F1 of one group or category in `turns` turns, which are drawn with replacement.

    For one F1 every turn is right, missed, invented or of no concern, so four numbers are drawn and not turns. Draws
    without any of it have no F1 and are left out; None where it is neither labelled nor decided anywhere.
    """
    kinds = np.array([counts.right, counts.labelled - counts.right, counts.decided - counts.right], dtype=np.float64)
    if not kinds.sum():
        return None
    shares = np.append(kinds, turns - kinds.sum()) / turns
    drawn = np.random.default_rng(seed).multinomial(turns, shares, size=samples)
    sizes = 2 * drawn[:, 0] + drawn[:, 1] + drawn[:, 2]
    low, high = np.quantile(2 * drawn[sizes > 0, 0] / sizes[sizes > 0], [0.025, 0.975])
    return float(low), float(high)


def _score(lang: str, rows: Sequence[JudgedTurn], seed: int) -> TurnScore:
    labelled = np.array([[hold_group(row.labels, group) for group in GROUPS] for row in rows])
    decided = np.array([[hold_group(row.decided, group) for group in GROUPS] for row in rows])
    groups = {
        group: Counts(
            labelled=int(labelled[:, place].sum()),
            decided=int(decided[:, place].sum()),
            right=int((labelled & decided)[:, place].sum()),
        )
        for place, group in enumerate(GROUPS)
    }
    quiet = [row for row in rows if not row.is_labelled_alarming]
    alarms = sum(row.is_alarm for row in quiet)
    marked = [row for row in rows if row.turn.hard_negative]
    at_risk = [row for row in rows if not CRITICAL_DISTRESS.isdisjoint(row.labels)]
    exact = [(label, row) for row in rows if not row.turn.hard_negative for label in row.labels if not is_group(label)]
    return TurnScore(
        lang=lang,
        turns=len(rows),
        macro_f1=macro_f1(groups),
        macro_f1_interval=macro_f1_interval(labelled, decided, seed=seed),
        groups=groups,
        alarms=Share(found=alarms, of=len(quiet)),
        alarms_over_all=Share(found=alarms, of=len(rows)),
        hard_negatives=Share(found=sum(row.is_wrongly_alarming for row in marked), of=len(marked)),
        exact=Share(found=sum(label in row.decided for label, row in exact), of=len(exact)),
        self_harm=Share(found=sum(not CRITICAL_DISTRESS.isdisjoint(row.decided) for row in at_risk), of=len(at_risk)),
        calibration=calibration(rows),
        categories=_by_category(rows),
        mistakes=_mistakes(rows),
    )


def _by_category(rows: Sequence[JudgedTurn]) -> dict[str, Counts]:
    """Of each category that is labelled or decided; a decision that only a group's label answers for counts nowhere."""
    labelled: Counter[str] = Counter()
    decided: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for row in rows:
        exact = {label for label in row.labels if not is_group(label)}
        labelled.update(exact)
        right.update(exact & row.decided)
        decided.update(key for key in row.decided if key in exact or key in row.extra)
    return {
        key: Counts(labelled=labelled[key], decided=decided[key], right=right[key])
        for key in sorted({*labelled, *decided})
    }


def _mistakes(rows: Sequence[JudgedTurn]) -> tuple[Mistake, ...]:
    """Every missed label with every category decided in its stead, most frequent first."""
    pairs: Counter[tuple[str | None, str | None]] = Counter()
    for row in rows:
        missed: list[str | None] = [*row.missed]
        extra: list[str | None] = [*row.extra]
        if missed or extra:
            pairs.update((a, b) for a in missed or [None] for b in extra or [None])
    ranked = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0][0] or "", pair[0][1] or ""))
    return tuple(Mistake(labelled=a, decided=b, count=count) for (a, b), count in ranked)
