"""The routes that a user would take without this project, from the same Keras model.

Every route is there twice: with the review padded to the model's length, which is how the model was
trained, and (its name with ``-true-length`` behind) with the review as it is.
"""

from __future__ import annotations

from benchmarks.routes import by_keras, by_onnx, by_openvino, by_pytorch, by_tflite
from benchmarks.routes.base import RECORDED, TRUE_LENGTH, Route

__all__ = ["ROUTES", "TRUE_LENGTH", "Route"]

_OPENVINO, _NNCF, _TORCH = ("openvino",), ("openvino", "nncf"), ("torch",)

ROUTES = {
    "keras-export-onnx": Route(".onnx", by_onnx.keras_export, by_onnx.OnnxRoute),
    "tf2onnx-loop": Route(".onnx", by_onnx.tf2onnx_loop, by_onnx.OnnxRoute),
    "keras-loop-tflite": Route(".tflite", by_tflite.keras_loop, by_tflite.LiteRTRoute),
    "fused-tflite-float32": Route(
        ".tflite", by_tflite.fused_float32, by_tflite.LiteRTRoute, RECORDED
    ),
    "fused-tflite-int8-dynamic": Route(
        ".tflite", by_tflite.fused_int8_dynamic, by_tflite.LiteRTRoute, RECORDED
    ),
    "keras-predict": Route(".keras", by_keras.save, by_keras.KerasPredict),
    "keras-tf-function": Route(".keras", by_keras.save, by_keras.KerasFunction),
    "openvino-float32": Route(
        ".xml", by_openvino.float32, by_openvino.OpenVinoFloat32, needs=_OPENVINO
    ),
    "openvino-default": Route(
        ".xml", by_openvino.float32, by_openvino.OpenVinoRoute, RECORDED, _OPENVINO
    ),
    "openvino-int8-weights": Route(
        ".xml", by_openvino.int8_weights, by_openvino.OpenVinoRoute, RECORDED, _NNCF
    ),
    "openvino-int8-full": Route(
        ".xml", by_openvino.int8_full, by_openvino.OpenVinoRoute, RECORDED, _NNCF
    ),
    "pytorch-float32": Route(".pt", by_pytorch.float32, by_pytorch.PyTorchRoute, needs=_TORCH),
    "pytorch-int8-dynamic": Route(
        ".pt", by_pytorch.int8_dynamic, by_pytorch.PyTorchRoute, RECORDED, _TORCH
    ),
}
