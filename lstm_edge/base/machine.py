"""What a measurement was made on: processor, system, versions. Unknown stays None."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def _first(path: str, key: str | None = None) -> str | None:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    if key is None:
        return text.strip()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return None


def _processor() -> str | None:
    """Its name; on ARM, where the kernel gives none, that of the board."""
    board = _first("/proc/device-tree/model")
    return (
        _first("/proc/cpuinfo", "model name")
        or (board and board.rstrip("\0"))
        or _first("/proc/cpuinfo", "Hardware")
        or platform.processor()
        or None
    )


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions of those packages that are installed."""
    installed = {}
    for name in packages:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed


def cores() -> int | None:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count()


def describe(packages: Iterable[str]) -> dict[str, Any]:
    """Processor, cores, memory (GiB), governor, system, Python and the versions of ``packages``."""
    memory = _first("/proc/meminfo", "MemTotal")
    return {
        "cpu": _processor(),
        "cores": cores(),
        "memory_gib": round(int(memory.split()[0]) / 2**20, 1) if memory else None,
        "governor": _first("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions(packages),
    }


# Packages whose version can change an answer or a time.
MEASURED = (
    "lstm-edge",
    "numpy",
    "onnxruntime",
    "ai-edge-litert",
    "mediapipe",
    "tensorflow",
    "keras",
    "tf2onnx",
    "onnx",
)
