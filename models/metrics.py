"""How good probabilities are: F1, calibration error, Brier score. Arrays in, numbers out; knows no category."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
BINS = 10
LEAST = 0.05
"""Probabilities under this say "no" and are right nearly always: counting them would make any model look calibrated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """Predictions of about the same probability: how sure they were on average, and how often they were right."""

    count: int
    probability: float
    share: float


def f1(truth: Bools, decided: Bools) -> float:
    """F1 of one label; 1.0 where it neither is nor is said anywhere."""
    both = int(truth.sum() + decided.sum())
    return 2 * int((truth & decided).sum()) / both if both else 1.0


def reliability(truth: Bools, probability: Floats, *, bins: int = BINS, least: float = LEAST) -> list[Bin]:
    """Bins of equal mass over the predictions of at least `least`, the least sure first."""
    kept = probability >= least
    order = np.argsort(probability[kept], kind="stable")
    sure, right = probability[kept][order], truth[kept][order]
    return [
        Bin(count=len(part), probability=float(sure[part].mean()), share=float(right[part].mean()))
        for part in np.array_split(np.arange(len(order)), bins)
        if len(part)
    ]


def expected_calibration_error(bins: list[Bin]) -> float:
    """The mean gap between probability and share, weighted by the size of the bins; 0.0 without predictions."""
    total = sum(b.count for b in bins)
    return sum(b.count * abs(b.probability - b.share) for b in bins) / total if total else 0.0


def brier(truth: Bools, probability: Floats) -> float:
    """The mean squared distance of probability and truth (Brier 1950)."""
    return float(np.mean((probability - truth) ** 2)) if truth.size else 0.0


def best_threshold(truth: Bools, probability: Floats) -> tuple[float, float]:
    """The probability from which deciding gives the highest F1, and that F1; both 1.0 without predictions."""
    if not truth.size:
        return 1.0, 1.0
    order = np.argsort(-probability, kind="stable")
    sure, following = probability[order], np.append(probability[order][1:], 0.0)
    right = np.cumsum(truth[order])
    scores = 2 * right / (np.arange(1, len(order) + 1) + truth.sum())
    # No threshold parts equal probabilities, so a run of them counts where it ends.
    ends = np.flatnonzero(np.append(sure[1:] != sure[:-1], True))
    place = ends[np.argmax(scores[ends])]
    return float((sure[place] + following[place]) / 2), float(scores[place])
