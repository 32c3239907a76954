"""Model files with classes of the user's own, with the answers of the Keras that wrote them.

``python own_files.py FOLDER LIBRARY`` with keras or tf_keras: ``NAME.h5``, ``NAME.keras`` and, of
tf_keras, the SavedModel ``NAME``; ``NAME.npz`` with the input x and the answer y. Run as a program: the
classes must not be known to the process that reads the files.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

STEPS, WIDTH = 6, 4
# of own_classes.py or, under tf_keras, the same once more
CUSTOM = "a registered layer", "a layer with layers", "an activation"
# the whole graph is in the file
GRAPHS = (
    "own train step",
    "own train step, more arguments",
    "own train step, nested",
    "own Sequential",
    "own Sequential, built later",
    "own Sequential, nested",
)
LAMBDAS = "the last step", "TensorFlow's names", "with arguments"
# Keras 3 only: of Keras 2 no file holds them
MODELS = "a whole model in code", "a model in code, nested"


def make(k: Any, own: Any, name: str) -> Any:
    """The model of this name."""
    L = k.layers

    class Trained(k.Model):  # type: ignore[misc, name-defined]
        def train_step(self, data: Any) -> Any:
            return super().train_step(data)

    class Weighted(Trained):
        def __init__(self, *args: Any, weight: float = 1.0, **options: Any) -> None:
            super().__init__(*args, **options)
            self.weight = weight

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "weight": self.weight}

    class Chain(k.Sequential):  # type: ignore[misc, name-defined]
        pass

    def start() -> Any:
        return k.Input((STEPS, WIDTH))

    def functional(cls: Any, *layers: Any) -> Any:
        x = begin = start()
        for layer in layers:
            x = layer(x)
        return cls(begin, x)

    lstm = L.LSTM(3, return_sequences=True)
    if name == CUSTOM[0]:
        return k.Sequential([start(), lstm, own.Attend(), L.Dense(2)])
    if name == CUSTOM[1]:
        return functional(k.Model, L.Dense(5), own.Attention(4))
    if name == CUSTOM[2]:
        return k.Sequential([start(), L.GRU(3, activation=own.bent), L.Dense(2, own.bent)])
    if name == GRAPHS[0]:
        return functional(Trained, lstm, L.GRU(2))
    if name == GRAPHS[1]:
        return functional(Weighted, lstm, L.GRU(2))
    if name == GRAPHS[2]:
        return functional(k.Model, functional(Trained, L.LSTM(WIDTH, return_sequences=True)), lstm)
    if name == GRAPHS[3]:
        return Chain([start(), lstm, L.Dense(2)])
    if name == GRAPHS[4]:
        chain = Chain([lstm, L.Dense(2)])
        chain.build((None, STEPS, WIDTH))
        return chain
    if name == GRAPHS[5]:
        return functional(k.Model, Chain([start(), lstm, L.Dense(2)]), L.GRU(2))
    if name == LAMBDAS[0]:
        return k.Sequential([start(), lstm, L.Lambda(lambda x: x[:, -1]), L.Dense(2)])
    if name == LAMBDAS[1]:
        mean = L.Lambda(lambda x: tf.reduce_mean(x, axis=1))  # type: ignore[name-defined]  # noqa: F821
        return k.Sequential([start(), lstm, mean, L.Dense(2)])
    if name == LAMBDAS[2]:
        step = L.Lambda(lambda x, n: x[:, n], arguments={"n": 2})
        return functional(k.Model, lstm, step)
    net = own.Net()
    net(np.zeros((1, STEPS, WIDTH), "float32"))
    return net if name == MODELS[0] else functional(k.Model, net)


def write(folder: Path, library: str) -> None:
    """Write all models."""
    import tensorflow

    k = importlib.import_module(library)
    if library == "tf_keras":  # the same classes over this library
        sys.modules |= {"keras": k, "keras.layers": k.layers, "keras.ops": _ops(tensorflow)}
        k.ops = sys.modules["keras.ops"]
    own = importlib.import_module("own_classes")
    globals()["tf"] = tensorflow
    k.utils.set_random_seed(5)
    x = np.random.default_rng(5).normal(size=(2, STEPS, WIDTH)).astype("float32")
    suffixes = [".h5", ".keras", ""] if library == "tf_keras" else [".h5", ".keras"]
    for name in (*CUSTOM, *GRAPHS, *LAMBDAS, *(MODELS if library == "keras" else ())):
        made = make(k, own, name)
        np.savez(folder / f"{name}.npz", x=x, y=np.asarray(made(x)))
        for suffix in [".keras"] if name in MODELS else suffixes:
            made.save(folder / f"{name}{suffix}")


def _ops(tf: Any) -> Any:
    """What own_classes.py takes of ``keras.ops``, for Keras 2."""
    import types

    taken = types.ModuleType("keras.ops")
    taken.softmax, taken.tanh = tf.nn.softmax, tf.tanh  # type: ignore[attr-defined]
    taken.matmul, taken.sum = tf.matmul, tf.reduce_sum  # type: ignore[attr-defined]
    return taken


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2])
