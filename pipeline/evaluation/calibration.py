"""Whether a probability means what it says: of what is called likely at 0.7, seven in ten should be true.

Counted over pairs of a turn and a group that its speaker can be guilty of or suffer from; knows no single category.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.metrics import LEAST, Bin, brier, expected_calibration_error, reliability
from pipeline.evaluation.groups import ROLE_GROUPS, hold_group
from pipeline.evaluation.judged import JudgedTurn


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """`pairs` turns and groups; `likely` of them at `LEAST` or more, which alone are in `bins`.

    `error` is the expected calibration error, None where nothing is likely. `brier_of_decisions` takes each decision as
    a probability of 0 or 1: `brier` has to be lower for the probabilities to tell more than the decisions do.
    """

    pairs: int
    likely: int
    error: float | None
    brier: float | None
    brier_of_decisions: float | None
    bins: tuple[Bin, ...]


def calibration(judged: Sequence[JudgedTurn]) -> Calibration:
    pairs = [(each, group) for each in judged for group in ROLE_GROUPS.get(each.turn.role, ())]
    truth = np.array([hold_group(each.labels, group) for each, group in pairs], dtype=bool)
    decided = np.array([hold_group(each.decided, group) for each, group in pairs], dtype=float)
    said = np.array([each.probability(group) for each, group in pairs], dtype=float)
    bins = reliability(truth, said)
    return Calibration(
        pairs=len(pairs),
        likely=int((said >= LEAST).sum()),
        error=expected_calibration_error(bins) if bins else None,
        brier=brier(truth, said) if pairs else None,
        brier_of_decisions=brier(truth, decided) if pairs else None,
        bins=tuple(bins),
    )
