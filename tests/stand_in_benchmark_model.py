"""What stands in for LiteRT's benchmark_model: the same flags, the real interpreter of this machine, and
what it prints in the same words (benchmark_model.cc and benchmark_tflite_model.cc in LiteRT's
tflite/tools/benchmark, Stat::OutputToStream of TensorFlow). A flag that it does not know is an error, not
ignored.

The interpreter takes half a second to import, and a measurement is many processes: they are small ones
that hand their flags to one server.
"""

from __future__ import annotations

import os
import resource
import socketserver
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# Runs before its flags are sent: ``{before}`` may change sys.argv, wait or end it.
CLIENT = """#!{python} -SE
import os, socket, sys
{before}
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    server.sendall("\\0".join([os.getcwd(), *sys.argv[1:]]).encode())
    server.shutdown(socket.SHUT_WR)
    said = b""
    while piece := server.recv(65536):
        said += piece
os.write(2, said[:-1])
sys.exit(said[-1])
"""


def run(flags: dict[str, str], say: Callable[[str], None]) -> None:
    """One process of benchmark_model; its flags are used up."""
    from ai_edge_litert.interpreter import Interpreter

    say("STARTING!")
    began = time.perf_counter_ns()
    threads = int(flags.pop("num_threads"))
    interpreter = Interpreter(str(Path(flags.pop("graph"))), num_threads=threads)
    names = flags.pop("input_layer").split(",")
    shapes = [tuple(map(int, s.split(","))) for s in flags.pop("input_layer_shape").split(":")]
    files = dict(pair.split(":") for pair in flags.pop("input_layer_value_files").split(","))
    details = interpreter.get_input_details()
    for detail, shape in zip(details, shapes, strict=True):
        interpreter.resize_tensor_input(detail["index"], shape)
    interpreter.allocate_tensors()
    init = (time.perf_counter_ns() - began) // 1000
    say(f"Initialized session in {init / 1e3:g}ms.")
    inputs = {}
    for detail, name, shape in zip(details, names, shapes, strict=True):
        content = Path(files.pop(name)).read_bytes()
        size = int(np.prod(shape)) * np.dtype(detail["dtype"]).itemsize
        if len(content) != size:
            raise ValueError(f"The size of {name} is {len(content)} bytes, not {size}")
        inputs[detail["index"]] = np.frombuffer(content, detail["dtype"]).reshape(shape)
    if (flags.pop("warmup_min_secs"), flags.pop("min_secs")) != ("0", "0"):
        raise ValueError("it would run for some seconds")
    warm = several(interpreter, inputs, int(flags.pop("warmup_runs")), say)
    times = several(interpreter, inputs, int(flags.pop("num_runs")), say)
    averages = f"Warmup (avg): {np.mean(warm):g}, Inference (avg): {np.mean(times):g}"
    say(f"Inference timings in us: Init: {init}, First inference: {warm[0]}, {averages}")
    flags.pop("memory_footprint_check_interval_ms", None)
    if flags.pop("report_peak_memory_footprint", "false") == "true":
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        say(f"Overall peak memory footprint (MB) via periodic monitoring: {peak:g}")
    other_way_round = flags.pop("answers", "") == "other way round"  # of a device that is broken
    if out := flags.pop("output_filepath", None):
        found = [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
        found = [1 - array if other_way_round else array for array in found]
        Path(out).write_bytes(b"".join(array.tobytes() for array in found))
    if flags:
        raise ValueError(f"Unconsumed cmdline flags: {flags}")


def several(
    interpreter: Any, inputs: dict[int, Any], count: int, say: Callable[[str], None]
) -> list[int]:
    """That many runs, and their summary; microseconds."""
    least = f"at least {count} iterations and at least 0 seconds"
    say(f"Running benchmark for {least} but terminate if exceeding 150 seconds.")
    times = []
    for _ in range(count):
        for index, array in inputs.items():
            interpreter.set_tensor(index, array)
        began = time.perf_counter_ns()
        interpreter.invoke()
        times.append((time.perf_counter_ns() - began) // 1000)
    p5, median, p95 = (sorted(times)[count * q // 100] for q in (5, 50, 95))
    last = f"p5={p5} median={median} p95={p95}"
    if min(times) == max(times):
        same = "(all same)" if count > 1 else ""
        say(f"count={count} curr={times[-1]}{same} {last}\n")
    else:
        spread = f"min={min(times)} max={max(times)} avg={np.mean(times):g} std={np.std(times):g}"
        say(f"count={count} first={times[0]} curr={times[-1]} {spread} {last}\n")
    return times


class Handler(socketserver.StreamRequestHandler):
    """One small process: the folder that it is in and its flags come, what it prints and its code go."""

    def handle(self) -> None:
        folder, *arguments = self.rfile.read().decode().split("\0")
        os.chdir(folder)

        def say(text: str) -> None:
            self.wfile.write(f"INFO: {text}\n".encode())

        code = 0
        try:
            run(dict(a.removeprefix("--").split("=", 1) for a in arguments), say)
        except Exception as error:
            self.wfile.write(f"{traceback.format_exc()}\nERROR: {error}\n".encode())
            code = 1
        self.wfile.write(bytes([code]))


def main(arguments: Sequence[str]) -> None:
    with socketserver.UnixStreamServer(arguments[0], Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
