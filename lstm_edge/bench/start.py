"""What a new process pays for a file: ``python -m lstm_edge.bench.start REQUEST`` prints it as JSON.

It imports the runtime, loads the file, answers once, then a few times more; the numbers are the
milliseconds of the first three, and the peak of its memory in MiB, None where the system does not tell.
"""

import time

began = time.perf_counter()  # before anything else is imported

import importlib  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from lstm_edge.base.extras import require  # noqa: E402

AGAIN = 5


def described(array: Any) -> tuple[str, list[int], Any]:
    """An array that is one value all over, as JSON holds it."""
    value = array.reshape(-1)[0]
    return array.dtype.name, list(array.shape), value if array.dtype == object else value.item()


def main(request: dict[str, Any]) -> list[float | None]:
    """Do it; see the module."""
    runtime_class = getattr(importlib.import_module(request["module"]), request["class"])
    for module in request["imports"]:
        require(module, "measuring")
    imported = time.perf_counter()
    runtime = runtime_class(Path(request["path"]), request["threads"])
    loaded = time.perf_counter()
    inputs = {
        name: np.full(shape, value, dtype)
        for name, (dtype, shape, value) in request["inputs"].items()
    }
    runtime.call(inputs)
    first = time.perf_counter()
    for _ in range(AGAIN):
        runtime.call(inputs)
    return [*(1000 * t for t in (imported - began, loaded - imported, first - loaded)), peak()]


def peak() -> float | None:
    """Peak resident memory, MiB: not ``ru_maxrss``, which a new process inherits on Linux."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        return None


if __name__ == "__main__":
    print("\n" + json.dumps(main(json.loads(sys.argv[1]))))
