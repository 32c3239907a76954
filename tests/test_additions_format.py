"""A format whose runtime is a program: one exporter, one reader, one runtime, and nothing else."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from test_golden_examples import documents

import export
import lstm_edge.runtimes
import lstm_edge.structure
from export import formats
from lstm_edge import load_bundle
from lstm_edge.bundle.opening import open_bundle
from lstm_edge.cli import cli
from lstm_edge.errors import MissingProgramError
from lstm_edge.predict.classifier import Classifier
from lstm_edge.verify.verifying import verify

NAME = "toy-float32"

EXPORTER = """
import pickle
from export import formats
from lstm_edge.results.parity import Tolerance
from lstm_edge.stack import LstmStack

class Exporter(formats.Exporter):
    format, suffix, runtimes, runtime = "toy", ".toy", ("Toy",), "toy"
    precisions = (
        formats.Precision(
            "float32", Tolerance(1e-5, 0.0, 0.0, None, "float64"), formats.RELATIVE_FLOAT32, batch=1
        ),
    )

    def obstacles(self):
        return [] if isinstance(self.model, LstmStack) else ["a toy file holds a stack only"]

    def write_stack(self, stack, precision, path):
        path.write_bytes(pickle.dumps(stack))

    def write_graph(self, graph, precision, path):
        raise AssertionError(graph)

    def describe_lowering(self, precision):
        return "the equations as they are written"
"""

READER = """
from lstm_edge.structure.contents import Structure, TensorInfo

SUFFIXES = (".toy",)

def read(path):
    ids, answers = TensorInfo("ids", "int32", (1, -1)), TensorInfo("answers", "float32", (1, -1))
    return Structure("toy", path.stat().st_size, (ids,), (answers,), {"Equations": 1}, {}, ())
"""

RUNTIME = """
import json, subprocess, weakref
import numpy as np
from lstm_edge.runtimes.contract import Port, Runtime

class Toy(Runtime):
    runtime = "Toy"
    kinds = ("toy",)
    programs = ("toy-lstm",)

    def load(self):
        self.inputs = (Port("ids", "int32", (1, None)),)
        self.outputs = (Port("answers", "float32", (1, None)),)
        self._program = subprocess.Popen(
            ["toy-lstm", self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        weakref.finalize(self, self._program.communicate)

    def call(self, arrays):
        print(json.dumps(arrays["ids"].tolist()), file=self._program.stdin, flush=True)
        return {"answers": np.array(json.loads(self._program.stdout.readline()), np.float32)}
"""

# pads in front up to the model's length, and then the equations
PROGRAM = """#!{python}
import json, pickle, sys
sys.path.insert(0, {root!r})
import numpy as np
from lstm_edge import equations
stack = pickle.loads(open(sys.argv[1], "rb").read())
for line in sys.stdin:
    (row,) = json.loads(line)
    ids = [i for i in row if i]
    ids = np.array([[0] * (stack.max_length - len(ids)) + ids])
    print(json.dumps(equations.forward(stack, ids).tolist()), flush=True)
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The three modules beside the rooms' own, and the program on the path."""
    rooms = {
        export: ("to_toy", EXPORTER),
        lstm_edge.structure: ("of_toy", READER),
        lstm_edge.runtimes: ("by_toy", RUNTIME),
    }
    for package, (module, source) in rooms.items():
        folder = tmp_path / package.__name__
        folder.mkdir()
        (folder / f"{module}.py").write_text(source)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    program = tmp_path / "bin" / "toy-lstm"
    program.parent.mkdir()
    root = str(Path(__file__).parents[1])
    program.write_text(PROGRAM.format(python=sys.executable, root=root))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    yield
    for package, (module, _) in rooms.items():
        sys.modules.pop(f"{package.__name__}.{module}", None)
        vars(package).pop(module, None)


@pytest.mark.usefixtures("toy")
def test_it_is_exported_verified_and_run_like_every_other(small: Callable[..., Path]) -> None:
    folder = small(wanted_formats=["toy", "onnx"], precisions=["float32"])
    bundle = open_bundle(folder)
    assert set(bundle.variants) == {NAME, "onnx-float32"}
    (report,) = verify(bundle, variants=[NAME]).reports
    assert report.ok and report.max_abs < 1e-5
    toy, onnx = (load_bundle(folder, name) for name in (NAME, "onnx-float32"))
    assert isinstance(toy, Classifier) and isinstance(onnx, Classifier)
    for text in ("a good film", "never"):
        both = [c.predict([text])[0].probability for c in (toy, onnx)]
        assert both[0] == pytest.approx(both[1], abs=1e-6)
    problems = [
        error.message
        for validator, content in documents(folder)
        for error in validator.iter_errors(content)
    ]
    assert not problems


@pytest.mark.usefixtures("toy")
def test_the_command_line_knows_it(small: Callable[..., Path], tmp_path: Path) -> None:
    assert "toy" in formats.format_names()
    folder = small(wanted_formats=["toy"], precisions=["float32"])
    run = CliRunner()
    assert "toy" in run.invoke(cli, ["export", "--help"]).output
    assert NAME in run.invoke(cli, ["inspect", str(folder)]).output
    assert "Equations" in run.invoke(cli, ["inspect", str(folder / f"{NAME}.toy")]).output
    out = tmp_path / "report"
    done = run.invoke(cli, ["report", str(folder), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert NAME in (out / "report.md").read_text()
    answers = json.loads((out / "report.json").read_text())
    assert NAME in json.dumps(answers)


@pytest.mark.usefixtures("toy")
def test_without_its_program_it_says_so_and_another_is_taken(
    small: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small(wanted_formats=["toy", "onnx"], precisions=["float32"])
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingProgramError, match="needs the program toy-lstm, which is not"):
        load_bundle(folder, NAME)
    assert load_bundle(folder).variant == "onnx-float32"
