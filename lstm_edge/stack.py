"""An Embedding → LSTM… → Dense… model as plain arrays: what the lowerings and the oracle work on."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_edge.base.arrays import Array


@dataclass(frozen=True)
class LstmLayer:
    """Weights of one LSTM layer in Keras's layout; gates in the order i, f, c, o.

    Attributes:
        name: the Keras layer's name.
        kernel: float32 [D, 4U], from the layer's input.
        recurrent: float32 [U, 4U], from its own hidden state.
        bias: float32 [4U].
    """

    name: str
    kernel: Array
    recurrent: Array
    bias: Array

    @property
    def units(self) -> int:
        return int(self.recurrent.shape[0])


@dataclass(frozen=True)
class DenseLayer:
    """Weights of one Dense layer: kernel float32 [D, U], bias float32 [U], Keras's activation name."""

    name: str
    kernel: Array
    bias: Array
    activation: str


@dataclass(frozen=True)
class LstmStack:
    """A whole model: ids [N, max_length] -> answers [N, K].

    ``embedding`` is float32 [V, D]; ids are 0 … V-1. The last LSTM gives its last output only. Rows that
    are shorter lack pads (``pad_id``) in front.

    Attributes:
        either_side: pads behind the last token are moved to the front: no longer Keras's function of
            these ids, where they have any there.
    """

    embedding: Array
    lstm: tuple[LstmLayer, ...]
    dense: tuple[DenseLayer, ...]
    max_length: int
    pad_id: int = 0
    either_side: bool = False

    @property
    def outputs(self) -> int:
        return int(self.dense[-1].kernel.shape[1])
