"""What a classifier's outputs mean: one sigmoid unit, or one softmax unit for each class."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_edge.base.arrays import Probabilities

THRESHOLD = 0.5


def classes_of(outputs: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Class numbers int64 [N] of outputs [N, K]: above 0.5 for K = 1 (as Keras), else the largest."""
    if outputs.shape[1] == 1:
        return np.asarray(outputs[:, 0] > THRESHOLD, np.int64)
    return np.asarray(outputs.argmax(1), np.int64)


def probabilities_of(outputs: npt.NDArray[Any]) -> Probabilities:
    """One probability for each class: [N, 1] becomes [1-p, p]."""
    if outputs.shape[1] == 1:
        outputs = np.concatenate([1 - outputs, outputs], 1)
    return outputs.astype(np.float32)


def margins(outputs: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """How far each answer [N, K] is from changing its class: a probability, float64 [N].

    For one unit the distance from 0.5; for a softmax half the lead of the largest.
    """
    exact = outputs.astype(np.float64)
    if exact.shape[1] == 1:
        return np.abs(exact[:, 0] - THRESHOLD)
    ordered = np.sort(exact, 1)
    return np.asarray((ordered[:, -1] - ordered[:, -2]) / 2)


def cross_entropy(outputs: npt.NDArray[Any], classes: npt.NDArray[np.int64]) -> float:
    """Mean of -ln p(right class); p is clipped at 1e-7 as Keras does."""
    right = probabilities_of(outputs)[np.arange(len(classes)), classes]
    return float(-np.log(np.clip(right.astype(np.float64), 1e-7, 1.0)).mean())


def counted(
    expected: npt.NDArray[Any], answers: npt.NDArray[Any], classes: int
) -> npt.NDArray[np.int64]:
    """How often each class was answered as each: int64 [K, K], rows the right class; they add up.

    Args:
        expected, answers: class numbers, as many.
    """
    both = np.asarray(expected, np.int64).ravel() * classes + np.asarray(answers, np.int64).ravel()
    return np.bincount(both, minlength=classes * classes).reshape(classes, classes)
