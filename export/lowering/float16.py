"""What float16 can hold: weights beyond it stay float32, in every format."""

from __future__ import annotations

import numpy as np

from lstm_edge.base.arrays import Array

# float16 rounds to 2^-11 of a number, but below 6e-5 to 6e-8, and above 65504 to infinity.
_ROUNDING = 2.0**-10


def holds(weights: Array) -> bool:
    """Whether float16 keeps 10 bits of the greatest weight of each column (of the last axis)."""
    columns = weights.reshape(-1, weights.shape[-1] if weights.ndim > 1 else weights.size or 1)
    with np.errstate(over="ignore", invalid="ignore"):
        off = np.abs(columns.astype(np.float16).astype(np.float32) - columns).max(0, initial=0.0)
    return bool((off <= _ROUNDING * np.abs(columns).max(0, initial=0.0)).all())
