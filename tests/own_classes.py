"""Classes and functions as users write them beside their model: given with ``--custom``."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("own")
class Attend(layers.Layer):  # type: ignore[misc]
    """Weights of its own."""

    def build(self, shape: Any) -> None:
        self.w = self.add_weight(shape=(shape[-1], 1), name="w")
        self.b = self.add_weight(shape=(shape[1], 1), name="b")

    def call(self, x: Any) -> Any:
        weights = ops.softmax(ops.tanh(ops.matmul(x, self.w) + self.b), axis=1)
        return ops.sum(x * weights, axis=1)


class Attention(layers.Layer):  # type: ignore[misc]
    """Not registered, called as one of Keras's own, with layers inside, one of them recurrent."""

    def __init__(self, units: int = 3, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.memory = layers.LSTM(units)
        self.ends = [layers.Dense(3, activation=bent), layers.Dense(2)]

    def call(self, x: Any) -> Any:
        x = self.memory(x)
        for layer in self.ends:
            x = layer(x)
        return x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def bent(x: Any) -> Any:
    return 0.9 * ops.tanh(x)


class Net(keras.Model):  # type: ignore[misc]
    """A whole model in code."""

    def __init__(self, units: int = 4, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.memory = layers.LSTM(units, return_sequences=True)
        self.drop = layers.Dropout(0.5)
        self.attend = Attend()
        self.end = layers.Dense(2, activation="softmax")

    def call(self, x: Any, training: bool = False) -> Any:
        return self.end(self.attend(self.drop(self.memory(x), training=training)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
