"""Figures of models, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from models.metrics import best_threshold, f1


def best(*rows: tuple[float, bool]) -> tuple[float, float]:
    probability, truth = (np.array(column) for column in zip(*rows, strict=True))
    threshold, score = best_threshold(truth, probability)
    assert f1(truth, probability >= threshold) == pytest.approx(score), "a threshold gives the F1 that is told of it"
    return threshold, score


def test_the_best_threshold_lies_between_two_probabilities() -> None:
    assert best((0.9, True), (0.7, True), (0.3, False), (0.1, False)) == (0.5, 1.0)
    assert best((0.2, True), (0.8, False)) == pytest.approx((0.1, 2 / 3))


def test_no_threshold_parts_equal_probabilities() -> None:
    assert best((0.6, True), (0.6, False), (0.6, False), (0.2, False)) == pytest.approx((0.4, 0.5))
    assert best(*[(0.0, True)] * 3, (0.0, False)) == pytest.approx((0.0, 6 / 7))


def test_without_predictions_nothing_is_missed() -> None:
    assert best_threshold(np.array([], dtype=bool), np.array([])) == (1.0, 1.0)
