"""OpenVINO, from Keras's ONNX file: its TensorFlow front end leaves a Loop, which is far slower.

One text at a time with the time dimension free, also where all inputs are of one length: with a fixed
shape the CPU plug-in takes the LSTM apart, which is far slower too. Nor does bfloat16 help where the
processor has none.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from benchmarks.routes.base import RouteRuntime
from benchmarks.routes.by_onnx import keras_export
from lstm_edge.base.arrays import Ids


def float32(model: Any, path: Path, inputs: Sequence[Ids]) -> None:
    del inputs
    _save(_converted(model), path)


def int8_weights(model: Any, path: Path, inputs: Sequence[Ids]) -> None:
    """NNCF's weight compression: the embedding and Dense, and float32 arithmetic."""
    import nncf

    del inputs
    mode = nncf.CompressWeightsMode.INT8_ASYM
    _save(nncf.compress_weights(_converted(model), mode=mode), path)


def int8_full(model: Any, path: Path, inputs: Sequence[Ids]) -> None:
    """NNCF's quantisation after training, calibrated with the inputs: int8 arithmetic in the LSTM.

    With the default preset, symmetric activations, it is slower and flips labels as well.
    """
    import nncf

    network = _converted(model)
    dtype = network.input(0).element_type.to_dtype()
    examples = nncf.Dataset([ids.astype(dtype) for ids in inputs])
    preset = nncf.QuantizationPreset.MIXED
    _save(nncf.quantize(network, examples, preset=preset, subset_size=len(inputs)), path)


def _converted(model: Any) -> Any:
    import openvino as ov

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        keras_export(model, file)
        network = ov.convert_model(file)
    network.reshape({0: ov.PartialShape([1, -1])})
    return network


def _save(network: Any, path: Path) -> None:
    import openvino as ov

    ov.save_model(network, path, compress_to_fp16=False)


class OpenVinoRoute(RouteRuntime):
    """OpenVINO on the CPU, with its hint for latency and its own choice of arithmetic.

    That is bfloat16 where the processor has it, and then the answers are not those of float32.
    """

    runtime = "OpenVINO"
    packages = ("openvino",)
    modules = ("openvino",)
    options: ClassVar[dict[str, str]] = {}

    def load(self) -> None:
        import openvino as ov

        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": self.threads,
            # it would bind our own thread, and so the routes that come after
            "ENABLE_CPU_PINNING": False,
            **self.options,
        }
        compiled = ov.Core().compile_model(self.path, "CPU", options)
        self._dtype = compiled.input(0).element_type.to_dtype()
        self._request = compiled.create_infer_request()

    def answer(self, ids: Ids) -> npt.NDArray[Any]:
        return np.array(self._request.infer({0: ids.astype(self._dtype, copy=False)})[0])


class OpenVinoFloat32(OpenVinoRoute):
    """The same, held to float32."""

    options: ClassVar[dict[str, str]] = {"INFERENCE_PRECISION_HINT": "f32"}
