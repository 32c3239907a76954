"""PyTorch's ``nn.LSTM`` with the same weights, as TorchScript: a little faster than eager mode."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.routes.base import RouteRuntime
from export.stack import read_stack
from lstm_edge.base.arrays import Ids
from lstm_edge.errors import InputError


def float32(model: Any, path: Path, inputs: Sequence[Ids]) -> None:
    _save(_network(model), path, inputs)


def int8_dynamic(model: Any, path: Path, inputs: Sequence[Ids]) -> None:
    """``quantize_dynamic``, the only quantisation of an LSTM that PyTorch has."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, without a successor for the LSTM
        kinds = {torch.nn.LSTM, torch.nn.Linear}
        network = torch.ao.quantization.quantize_dynamic(_network(model), kinds, torch.qint8)
    _save(network, path, inputs)


def _network(model: Any) -> Any:
    """The model's layers as PyTorch's."""
    import torch
    from torch import nn

    stack = read_stack(model, model.inputs[0].shape[1] or 1)
    if stack is None:
        raise InputError("this route takes models of Embedding, LSTM and Dense layers")
    activations: dict[str, Callable[[], Any]] = {
        "sigmoid": nn.Sigmoid,
        "softmax": lambda: nn.Softmax(-1),
        "relu": nn.ReLU,
        "tanh": nn.Tanh,
        "linear": nn.Identity,
    }

    def tensor(array: npt.NDArray[Any]) -> Any:
        return nn.Parameter(torch.from_numpy(np.array(array.T)), requires_grad=False)

    class Stack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding.from_pretrained(torch.from_numpy(stack.embedding))
            self.lstm = nn.ModuleList()
            for layer in stack.lstm:
                lstm = nn.LSTM(len(layer.kernel), layer.units, batch_first=True)
                # the gates stand in Keras's order; PyTorch adds two biases
                lstm.weight_ih_l0, lstm.weight_hh_l0 = tensor(layer.kernel), tensor(layer.recurrent)
                lstm.bias_ih_l0, lstm.bias_hh_l0 = tensor(layer.bias), tensor(0 * layer.bias)
                self.lstm.append(lstm)
            self.dense = nn.Sequential()
            for dense in stack.dense:
                linear = nn.Linear(*dense.kernel.shape)
                linear.weight, linear.bias = tensor(dense.kernel), tensor(dense.bias)
                self.dense.append(linear).append(activations[dense.activation]())

        def forward(self, ids: Any) -> Any:
            every = self.embedding(ids)
            for lstm in self.lstm:
                every, _ = lstm(every)
            return self.dense(every[:, -1])

    return Stack().eval()


def _save(network: Any, path: Path, inputs: Sequence[Ids]) -> None:
    import torch

    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # about TorchScript's age and nn.LSTM's own checks
        torch.jit.save(torch.jit.trace(network, torch.from_numpy(inputs[0])), path)


class PyTorchRoute(RouteRuntime):
    """PyTorch on the CPU, which takes oneDNN's LSTM in float32."""

    runtime = "PyTorch"
    packages = ("torch",)
    modules = ("torch",)

    def load(self) -> None:
        import torch

        torch.set_num_threads(self.threads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self._network = torch.jit.freeze(torch.jit.load(self.path))
        self._torch = torch

    def answer(self, ids: Ids) -> npt.NDArray[Any]:
        with self._torch.inference_mode():
            return np.asarray(self._network(self._torch.from_numpy(ids)))
