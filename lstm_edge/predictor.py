"""Kept for scripts that import from here; :func:`lstm_edge.load_bundle` is the way."""

from lstm_edge.predict.predictor import load_bundle

__all__ = ["load_bundle"]
