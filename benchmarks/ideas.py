"""What was tried to make the files faster, kept or not, beside what is exported, in one interleaved run.

usage: python -m benchmarks.ideas --data ../shared/data/imdb [--limit 100] [--rounds 5]
           [--model RUN] [--json FILE]

An idea is the export with one thing changed: a layout, a function of the lowering, an option of the
runtime. Its answers are held against Keras with the rest, since some ideas pay in accuracy.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import onnxruntime

from benchmarks import script
from benchmarks.routes.base import RECORDED
from benchmarks.tables import basis
from export import to_onnx, to_tflite
from export.formats import Precision
from export.lowering import onnx_lstm, stacked_loop
from export.lowering.pad_state import pad_table
from export.lowering.stacked_loop import Layout
from export.stack import read_stack
from lstm_edge.base.arrays import Arrays
from lstm_edge.bench import timing as latency
from lstm_edge.cli.console import Bars, chatter_to
from lstm_edge.inputs import data
from lstm_edge.inputs.batches import Inputs
from lstm_edge.inputs.tokenizer import load_tokenizer
from lstm_edge.models import architecture, reference, run_folder
from lstm_edge.report.tables import Table, to_terminal
from lstm_edge.report.wording import difference, digits, size
from lstm_edge.results.latency import LatencyReport
from lstm_edge.results.parity import ParityReport
from lstm_edge.runtimes.by_litert import LiteRT
from lstm_edge.runtimes.by_onnxruntime import OnnxRuntime
from lstm_edge.runtimes.contract import Runtime
from lstm_edge.runtimes.runners import IdsRunner
from lstm_edge.stack import LstmStack
from lstm_edge.verify import comparing as parity

RESULT = Path(__file__).parent / "results" / "ideas.json"


@dataclass(frozen=True)
class Idea:
    """One thing changed against the export of that variant.

    Attributes:
        what: in words; "" is the export as it is.
        build: (exporter of the stack, precision, path) -> writes the file.
        runtime: runs it.
    """

    variant: str
    what: str
    build: Callable[[Any, Precision, Path], None]
    runtime: type[Runtime]

    @property
    def name(self) -> str:
        return f"{self.variant}: {self.what}" if self.what else self.variant


# --- TFLite ---------------------------------------------------------------------------------------


def as_exported(exporter: Any, precision: Precision, path: Path) -> None:
    exporter.write(precision, path)


def laid_out(**changes: Any) -> Callable[[Any, Precision, Path], None]:
    """The layout with these fields changed; rows of the table stay a multiple of the steps apart."""

    def build(exporter: Any, precision: Precision, path: Path) -> None:
        layout = dataclasses.replace(exporter.layout(exporter.model, precision), **changes)
        stride = -(-layout.stride // layout.steps) * layout.steps
        exporter.convert(
            exporter.model, precision, dataclasses.replace(layout, stride=stride), path
        )

    return build


def with_function(**functions: Any) -> Callable[[Any, Precision, Path], None]:
    """The lowering with these functions in place of its own."""

    def build(exporter: Any, precision: Precision, path: Path) -> None:
        with patch.multiple(stacked_loop, **functions):
            exporter.write(precision, path)

    return build


def four_activations(tf: Any, z: Any, c: Any) -> tuple[Any, Any]:
    """Each gate by itself, after a split into four."""
    i, f, g, o = tf.split(z, 4, 1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


def uneven_split(tf: Any, z: Any, c: Any) -> tuple[Any, Any]:
    """A split into unequal parts, which XNNPACK does not take: it cuts its part of the graph in two."""
    units = c.shape[1]
    i_f, g, o = tf.split(z, [2 * units, units, units], 1)
    i, f = tf.split(tf.sigmoid(i_f), 2, 1)
    c = f * c + i * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


def sigmoid_alone(exporter: Any, precision: Precision, path: Path) -> None:
    """tanh(x) = 2 sigmoid(2x) - 1, the 2 folded into the weights of that gate."""

    def cell(tf: Any, z: Any, c: Any) -> tuple[Any, Any]:
        i, f, g, o = tf.split(tf.sigmoid(z), 4, 1)
        c = f * c + i * (2.0 * g - 1.0)
        return o * tf.tanh(c), c

    def doubled(weights: Any) -> Any:
        i, f, g, o = np.split(weights, 4, -1)
        return np.concatenate([i, f, 2 * g, o], -1)

    layers = tuple(
        dataclasses.replace(
            layer,
            kernel=doubled(layer.kernel),
            recurrent=doubled(layer.recurrent),
            bias=doubled(layer.bias),
        )
        for layer in exporter.model.lstm
    )
    # the table is made from the weights as they were
    table = pad_table(exporter.model, exporter.layout(exporter.model, precision).stride)
    changed = type(exporter)(dataclasses.replace(exporter.model, lstm=layers), exporter.work)
    with (
        patch.object(stacked_loop, "_cell", cell),
        patch.object(to_tflite, "pad_table", lambda *_: table),
    ):
        changed.write(precision, path)


def product_each_step(
    tf: Any, layer: Any, x: Any, h: Any, c: Any, projected: bool
) -> tuple[Any, Any, Any]:
    """Blocks, but one product of input and state for each step."""
    assert not projected
    weights, every = tf.constant(np.concatenate([layer.kernel, layer.recurrent])), []
    for step in range(x.shape[0]):
        row = tf.slice(x, [step, 0], [1, x.shape[1]])
        z = tf.matmul(tf.concat([row, h], 1), weights) + tf.constant(layer.bias)
        h, c = stacked_loop._cell(tf, z, c)
        every.append(h)
    return tf.concat(every, 0), h, c


def one_scale(tf: Any, stack: LstmStack, plan: Layout) -> Any:
    """The embedding as the converter quantises it by itself."""
    del plan
    return lambda tokens: tf.gather(tf.constant(stack.embedding), tokens)


# --- ONNX -----------------------------------------------------------------------------------------


def per_channel(exporter: Any, precision: Precision, path: Path) -> None:
    floats = exporter.work / f"{path.stem}.float32.onnx"
    stride = to_onnx.STRIDE[precision.name]
    onnx_lstm.convert(exporter.model, pad_table(exporter.model, stride), floats)
    to_onnx.quantise(floats, path, per_channel=True)


def fine_table(exporter: Any, precision: Precision, path: Path) -> None:
    with patch.dict(to_onnx.STRIDE, {precision.name: 1}):
        exporter.write(precision, path)


def optimised(as_ort: bool) -> Callable[[Any, Precision, Path], None]:
    """The file as ONNX Runtime saves it after its own optimisation."""

    def build(exporter: Any, precision: Precision, path: Path) -> None:
        plain = exporter.work / f"{path.stem}.plain.onnx"
        exporter.write(precision, plain)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(path)
        if as_ort:
            options.add_session_config_entry("session.save_model_format", "ORT")
        onnxruntime.InferenceSession(plain, options, providers=["CPUExecutionProvider"])

    return build


class PlainRun(OnnxRuntime):
    """``session.run`` without bound outputs."""

    def call(self, arrays: Arrays) -> Arrays:
        return {self.outputs[0].name: self._session.run(None, arrays)[0]}


class MemoryPattern(OnnxRuntime):
    """ONNX Runtime's default: a memory plan for each new length."""

    def options(self, ort: Any) -> Any:
        options = super().options(ort)
        options.enable_mem_pattern = True
        return options


class NoArena(OnnxRuntime):
    """Memory from the system for each tensor."""

    def options(self, ort: Any) -> Any:
        options = super().options(ort)
        options.enable_cpu_mem_arena = False
        return options


class NoDenormals(OnnxRuntime):
    """Very small numbers as zero."""

    def options(self, ort: Any) -> Any:
        options = super().options(ort)
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        return options


TFLITE, TFLITE32 = "tflite-int8-dynamic", "tflite-float32"
ONNX, ONNX32 = "onnx-int8-dynamic", "onnx-float32"
IDEAS = (
    Idea(TFLITE, "", as_exported, LiteRT),
    *(
        Idea(TFLITE, f"blocks of {n}" if n > 1 else "no blocks", laid_out(steps=n), LiteRT)
        for n in (1, 2, 4, 10, 20)
    ),
    Idea(TFLITE, "blocks, a product each step", with_function(_block=product_each_step), LiteRT),
    Idea(TFLITE, "four activations", with_function(_cell=four_activations), LiteRT),
    Idea(TFLITE, "uneven split", with_function(_cell=uneven_split), LiteRT),
    Idea(TFLITE, "sigmoid alone", sigmoid_alone, LiteRT),
    Idea(TFLITE, "one scale for the embedding", with_function(_look_up=one_scale), LiteRT),
    Idea(TFLITE, "every 5th row of the table", laid_out(stride=5), LiteRT),
    Idea(TFLITE, "folded", laid_out(folded=True), LiteRT),
    Idea(TFLITE32, "", as_exported, LiteRT),
    Idea(TFLITE32, "blocks of 5", laid_out(steps=5), LiteRT),
    Idea(TFLITE32, "folded", laid_out(folded=True), LiteRT),
    Idea(ONNX, "", as_exported, OnnxRuntime),
    Idea(ONNX, "outputs not bound", as_exported, PlainRun),
    Idea(ONNX, "per channel", per_channel, OnnxRuntime),
    Idea(ONNX, "whole table", fine_table, OnnxRuntime),
    Idea(ONNX, "memory pattern", as_exported, MemoryPattern),
    Idea(ONNX, "no arena", as_exported, NoArena),
    Idea(ONNX, "no denormals", as_exported, NoDenormals),
    Idea(ONNX, "saved optimised", optimised(False), OnnxRuntime),
    Idea(ONNX, "saved in ORT format", optimised(True), OnnxRuntime),
    Idea(ONNX32, "", as_exported, OnnxRuntime),
    Idea(ONNX32, "saved optimised", optimised(False), OnnxRuntime),
    Idea(ONNX32, "saved in ORT format", optimised(True), OnnxRuntime),
)
EXPORTERS = {"tflite": to_tflite.Exporter, "onnx": to_onnx.Exporter}


def built(stack: LstmStack, work: Path) -> dict[str, IdsRunner]:
    """A runner for each idea, in the order of the table."""
    runners = {}
    for number, idea in enumerate(IDEAS):
        made = EXPORTERS[idea.variant.partition("-")[0]]
        precision = next(p for p in made.precisions if idea.variant.endswith(f"-{p.name}"))
        path = work / f"{number}{'.ort' if 'ORT' in idea.what else made.suffix}"
        idea.build(made(stack, work), precision, path)
        runners[idea.name] = IdsRunner(
            idea.runtime(path), len(stack.embedding), stack.max_length, 1
        )
    return runners


def measure(args: argparse.Namespace, work: Path) -> tuple[LatencyReport, list[ParityReport]]:
    bars = Bars()
    with chatter_to(work / "log.txt"):
        source = run_folder.find(args.model)
        if source.vocab is None or source.settings is None:
            raise SystemExit(f"{args.model} is not a run folder of lstm-edge train")
        model = architecture.load(source.model)
        keras = reference.of_ids(source.model, model, max_length=source.settings.max_length)
        stack = read_stack(model)
        if stack is None:
            raise SystemExit(f"{args.model} is no model of Embedding, LSTM and Dense layers")
        tokenizer = load_tokenizer(source.vocab, len(stack.embedding), source.settings)
        examples = data.load(args.data).evaluation().sample(args.limit)
        sequences = examples.encode(tokenizer, source.settings)
        expected = keras.run_sequences(sequences)
        runners = built(stack, work)
        lengths = [min(len(ids), stack.max_length) for ids in sequences]
        inputs = Inputs(sequences, source=args.data)
        found = latency.measure(runners, inputs, lengths, rounds=args.rounds, progress=bars)
        reports = [
            parity.compare(name, expected, runner.run_sequences(sequences), RECORDED)
            for name, runner in runners.items()
        ]
    return found, reports


def table(result: dict[str, Any]) -> Table:
    """Every idea beside the export that it changes, from the result file."""
    found = LatencyReport.from_json(result["latency"])
    times = {t.variant: t for t in found.timings}
    reports = {r["variant"]: ParityReport.from_json(r) for r in result["parity"]}
    rows = []
    for idea in IDEAS:
        if (timing := times.get(idea.name)) is None:
            continue
        load = "" if timing.start is None else digits(timing.start.load_ms)
        rows.append(
            (
                idea.variant,
                idea.what or "as exported",
                digits(timing.median()),
                f"{timing.median() / times[idea.variant].median():.2f}",
                load,
                size(timing.bytes),
                difference(reports[idea.name].mean_abs),
            )
        )
    columns = ("variant", "idea", "ms", "of exported", "load ms", "size", "mean |Δp|")
    return Table("Ideas", columns, tuple(rows), (basis(found),))


def result(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    found, reports = measure(args, work)
    return {"latency": found.to_json(), "parity": [r.to_json() for r in reports]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    script.run(parser, RESULT, result, lambda found: to_terminal(table(found)))


if __name__ == "__main__":
    from benchmarks import ideas  # by its name, under which new processes find the runners too

    ideas.main()
