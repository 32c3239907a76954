"""lstm-edge: from a Keras LSTM to TFLite and ONNX files that answer as Keras does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Classifier", "Predictor", "__version__", "load_bundle"]

if TYPE_CHECKING:
    from lstm_edge.predict.classifier import Classifier
    from lstm_edge.predict.predictor import Predictor, load_bundle


def __getattr__(name: str) -> Any:  # importing the package must not import NumPy yet
    if name in __all__:
        from lstm_edge.predict import predictor

        return getattr(predictor, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
