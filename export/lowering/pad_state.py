"""The pad-state table: the states after 0, k, 2k … pads, in place of running the pads.

Without a mask, what the layers do before the first real token depends only on how many pads there
are. A row of the table and at most k more pad steps give exactly the state that all pads would.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstm_edge import equations as reference
from lstm_edge.base.arrays import Array
from lstm_edge.stack import LstmStack


@dataclass(frozen=True)
class PadTable:
    """States of every LSTM layer after ``row * stride`` pads.

    Attributes:
        stride: pads between two rows.
        last_row: the last row that is used, so that at least one step is always run.
        hidden, cell: float32 [rows, U] for each layer.
    """

    stride: int
    last_row: int
    hidden: tuple[Array, ...]
    cell: tuple[Array, ...]

    def joined(self) -> tuple[Array, list[int]]:
        """All states in one table [rows, …], so that one look-up finds them, and their widths.

        In the order h, c of the first layer, h, c of the second, ….
        """
        parts = [a for pair in zip(self.hidden, self.cell, strict=True) for a in pair]
        return np.concatenate(parts, 1), [part.shape[1] for part in parts]


def pad_table(stack: LstmStack, stride: int) -> PadTable:
    """Compute the table in float64 with the textbook's equations; stored in float32."""
    pads = stack.max_length
    inputs = np.repeat(stack.embedding[stack.pad_id][None, None].astype(np.float64), pads, 1)
    hidden, cell = [], []
    for layer in stack.lstm:
        state_h = state_c = np.zeros((1, layer.units))
        hs, cs = [state_h], [state_c]
        for t in range(pads):
            step = reference.step(layer, inputs[:, t], state_h, state_c)
            state_h, state_c = step.hidden, step.cell
            hs.append(state_h)
            cs.append(state_c)
        hidden.append(np.concatenate(hs)[:pads:stride].astype(np.float32))
        cell.append(np.concatenate(cs)[:pads:stride].astype(np.float32))
        inputs = np.stack(hs[1:], 1)
    return PadTable(stride, len(hidden[0]) - 1, tuple(hidden), tuple(cell))
