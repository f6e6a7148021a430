"""Turns what detectors say into one probability that means what it says.

A logistic curve over the text model's log-odds and the lexicon's certainty (Platt 1999), one a language and group,
fitted on turns that neither was made on. Numbers in, numbers out; knows no category's meaning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import exp, log
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.errors import WeightsCorrupt, WeightsMissing

TEXT, RULES_AND_TEXT = "text", "rules+text"
"""Which detectors a calibration is for: a curve that counts on a lexicon would be wrong without one."""
_MODEL = "model"
"""The key that names the text model, beside those of the detectors."""
_FLOOR = 0.002
"""Probabilities nearer to 0 or 1 than this say no more: log-odds would otherwise be dominated by rounding."""
Floats = npt.NDArray[np.float64]


def log_odds(probability: float) -> float:
    """Of a probability that is kept away from 0 and 1."""
    kept = min(max(probability, _FLOOR), 1 - _FLOOR)
    return log(kept / (1 - kept))


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """probability = sigmoid(intercept + text * log-odds of the text model + lexicon * certainty of the lexicon).

    `voice` is what a customer's voice adds. It is set, not fitted: no recordings of real distress may be learnt from.
    """

    intercept: float
    text: float = 1.0
    lexicon: float = 0.0
    voice: float = 0.0

    def __call__(self, text: float, lexicon: float, voice: float = 0.0) -> float:
        z = self.intercept + self.text * log_odds(text) + self.lexicon * lexicon + self.voice * voice
        return 1 / (1 + exp(-z))


@dataclass(frozen=True, slots=True)
class Calibration:
    """A curve for each language and group, by "LANG/GROUP".

    `model` is the version of the text model that the curves were fitted to, empty where that was not kept.
    """

    curves: Mapping[str, Curve]
    model: str = ""

    @property
    def languages(self) -> frozenset[str]:
        return frozenset(key.partition("/")[0] for key in self.curves)

    def __call__(self, lang: str, group: str, *, text: float, lexicon: float, voice: float = 0.0) -> float:
        """The probability that a turn holds the group; raises KeyError for a group that was not calibrated."""
        return self.curves[f"{lang}/{group}"](text, lexicon, voice)


def fit(text: Sequence[float], lexicon: Sequence[float], truth: Sequence[bool], *, use_lexicon: bool = True) -> Curve:
    """The curve of the highest likelihood, held back a little from extremes; the slopes are never negative."""
    from torch import double, nn, optim, tensor, zeros

    x = tensor([[log_odds(t), k if use_lexicon else 0.0] for t, k in zip(text, lexicon, strict=True)], dtype=double)
    y = tensor([float(t) for t in truth], dtype=double)
    free = zeros(3, dtype=double).requires_grad_(True)
    optimiser = optim.LBFGS([free], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> object:
        optimiser.zero_grad()
        slope, lift = free[0].exp(), nn.functional.softplus(free[1])
        z = free[2] + slope * x[:, 0] + lift * x[:, 1]
        # A prior: slope near 1, no lift. It decides only where there are few turns to learn from.
        value = nn.functional.binary_cross_entropy_with_logits(z, y, reduction="sum")
        value = value + 0.5 * free[0] ** 2 + 0.05 * lift**2
        value.backward()
        return value

    optimiser.step(loss)
    fitted = free.detach()
    slope, lift = float(fitted[0].exp()), float(nn.functional.softplus(fitted[1]))
    return Curve(intercept=float(fitted[2]), text=slope, lexicon=lift if use_lexicon else 0.0)


def save(calibrations: Mapping[str, Calibration], path: Path, *, model: str = "") -> None:
    """By the detectors that they are for, as JSON that a person can read; `model` as in Calibration."""
    rounded = {
        name: {
            key: {part: round(value, 4) for part, value in asdict(curve).items()}
            for key, curve in sorted(calibration.curves.items())
        }
        for name, calibration in calibrations.items()
    }
    named = {_MODEL: model} if model else {}
    path.write_text(json.dumps({**named, **rounded}, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> dict[str, Calibration]:
    """By the detectors that they are for; raises WeightsMissing and WeightsCorrupt."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        model = str(raw.pop(_MODEL, ""))
        return {
            name: Calibration({key: Curve(**curve) for key, curve in curves.items()}, model)
            for name, curves in raw.items()
        }
    except FileNotFoundError:
        raise WeightsMissing(f"{path} is missing. Train the text model again with `make train`.") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise WeightsCorrupt(f"{path} does not hold calibrations.") from error
