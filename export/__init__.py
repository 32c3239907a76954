"""Keras model -> TFLite and ONNX files; the only package that needs the converters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["export_bundle"]

if TYPE_CHECKING:
    from export.bundling import export_bundle


def __getattr__(name: str) -> Any:  # looking at a format must not import everything
    if name == "export_bundle":
        from export.bundling import export_bundle

        return export_bundle
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
