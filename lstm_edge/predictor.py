"""Kept for scripts that import ``load_bundle`` from here, and not from ``lstm_edge``."""

from lstm_edge.predict.predictor import load_bundle

__all__ = ["load_bundle"]
