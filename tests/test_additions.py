"""What is added in the one file that CONTRIBUTING names, and seen everywhere by itself."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graph_models import chain, kinds
from test_golden_examples import documents

import export
from export import export_bundle, formats, to_onnx, to_tflite
from lstm_edge.bundle.opening import MANIFEST, open_bundle
from lstm_edge.errors import InputError, UnsupportedModelError
from lstm_edge.predict.classifier import Classifier
from lstm_edge.report import tables
from lstm_edge.verify.verifying import exported

HERE = Path(__file__).parent
FLOATS: dict[str, Any] = {"precisions": ["float32"]}

# --- a precision ----------------------------------------------------------------------------------

# what an author adds to export/to_onnx.py: float32 that says what it was calibrated with
PRECISION = """

class Exporter(Exporter):
    precisions = (
        *Exporter.precisions,
        Precision(
            "toy-static", formats.INT8_DYNAMIC, formats.RELATIVE_INT8_DYNAMIC, 1,
            calibrated=True, by_name_only=True, weights="float32",
        ),
    )

    def write_stack(self, stack, precision, path):
        super().write_stack(stack, self._base(precision), path)
        self._calibrate(precision, path)

    def write_graph(self, graph, precision, path):
        super().write_graph(graph, self._base(precision), path)
        self._calibrate(precision, path)

    def _base(self, precision):
        return self.precisions[0] if precision.calibrated else precision

    def _calibrate(self, precision, path):
        if precision.calibrated:
            onnx = require("onnx", "testing")
            model = onnx.load(path)
            greatest = max(float(a.max()) for arrays in self.examples for a in arrays.values())
            shapes = {name: str(a.shape) for name, a in self.examples[0].items()}
            seen = {"examples": str(len(self.examples)), "greatest": str(greatest), **shapes}
            onnx.helper.set_model_props(model, seen)
            onnx.save(model, path)
"""
TOY = "onnx-toy-static"


@pytest.fixture
def in_front(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], None]:
    """Puts a module in the place of one of ``export``'s, or beside them, until the test ends."""
    formats.exporters()
    for name in [n for n in sys.modules if n.startswith(("export.to_", "export.for_"))]:
        monkeypatch.delitem(sys.modules, name)
        monkeypatch.delattr(export, name.removeprefix("export."))
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.setattr(export, "__path__", [str(folder), *export.__path__])

    def put(name: str, source: str) -> None:
        (folder / f"{name}.py").write_text(source, "utf-8")

    return put


@pytest.fixture
def toy_precision(in_front: Callable[[str, str], None]) -> None:
    in_front("to_onnx", Path(to_onnx.__file__).read_text("utf-8") + PRECISION)


@pytest.mark.usefixtures("toy_precision")
def test_a_precision_is_known_by_its_name() -> None:
    assert "toy-static" in formats.precision_names()  # for the command line's help
    chosen = [e.name(p) for e, p in formats.choose()]
    assert chosen == [name for name in chosen if "toy" not in name]
    assert [e.name(p) for e, p in formats.choose(wanted_precisions=["toy-static"])] == [TOY]


@pytest.mark.usefixtures("toy_precision")
def test_a_precision_is_in_the_tables_of_tests() -> None:
    assert TOY in runpy.run_path(str(HERE / "models.py"))["VARIANTS"]
    assert TOY not in runpy.run_path(str(HERE / "models.py"))["DEFAULT"]


@pytest.mark.usefixtures("toy_precision")
def test_a_precision_is_in_the_table_of_conformance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "models")
    assert TOY in runpy.run_path(str(HERE / "test_conformance.py"))["MADE"]


def props(path: Path) -> dict[str, str]:
    import onnx

    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def checked(folder: Path) -> list[str]:
    """What the schemas say against the bundle."""
    return [
        f"{error.json_path}: {error.message}"
        for validator, content in documents(folder)
        for error in validator.iter_errors(content)
    ]


@pytest.mark.usefixtures("toy_precision")
def test_a_precision_that_is_calibrated_on_texts(small: Callable[..., Path]) -> None:
    bundle = open_bundle(small(precisions=["float32", "toy-static"], runtimes=["onnxruntime"]))
    assert list(bundle.variants) == ["onnx-float32", TOY]
    golden = bundle.golden()
    assert props(bundle.path / f"{TOY}.onnx") == {
        "examples": str(len(golden.ids)),
        "greatest": str(float(max(ids[-20:].max() for ids in golden.ids))),
        "ids": "(1, 20)",
    }
    assert props(bundle.path / "onnx-float32.onnx") == {}
    assert checked(bundle.path) == []
    assert bundle.variant(TOY).precision == "toy-static"
    assert bundle.variant(TOY).notes == (formats.CALIBRATED,)
    table = tables.summary_table(bundle, exported(bundle), None)
    assert [row[0] for row in table.rows] == ["onnx-float32", TOY]
    assert Classifier(bundle, TOY).predict(["a very good film"])[0].label


@pytest.mark.usefixtures("toy_precision")
def test_a_precision_that_is_calibrated_on_arrays(tmp_path: Path) -> None:
    model = chain(kinds().GRU(4), kinds().Dense(2, activation="softmax"))
    export_bundle(model, tmp_path / "b", precisions=["toy-static"], batch=4)
    bundle = open_bundle(tmp_path / "b")
    (given,) = model.inputs
    found = props(bundle.path / f"{TOY}.onnx")
    assert found["examples"] == str(-(-sum(map(len, bundle.golden())) // 4))
    assert (4, *given.shape[1:]) in [eval_shape(text) for text in found.values()]
    assert checked(bundle.path) == []


def eval_shape(text: str) -> Any:
    return tuple(json.loads(f"[{text[1:-1]}]")) if text.startswith("(") else None


@pytest.mark.usefixtures("toy_precision")
def test_a_calibrated_precision_without_examples(keras_model: Any, tmp_path: Path) -> None:
    _, stack = keras_model("length 2")
    exporter = formats.formats()["onnx"]
    with pytest.raises(
        InputError, match="onnx-toy-static is calibrated, and there are no examples"
    ):
        exporter(stack, tmp_path).write(exporter.precisions[-1], tmp_path / "a.onnx")


# --- a format -------------------------------------------------------------------------------------

FORMAT = """
from export import to_onnx


class Exporter(to_onnx.Exporter):
    format = "paper"
    runtime = "pen"
    by_name_only = True
"""


def test_a_format_that_is_only_written_where_it_is_named(
    in_front: Callable[[str, str], None],
) -> None:
    in_front("to_paper", FORMAT)
    assert formats.format_names() == ("onnx", "paper", "tflite")
    assert "pen" in formats.runtime_names()
    assert "paper" not in {e.format for e, _ in formats.choose()}
    assert "paper" not in {e.format for e, _ in formats.choose(wanted_precisions=["float32"])}
    for asked in ({"wanted_formats": ["paper"]}, {"wanted_runtimes": ["pen"]}):
        assert {e.format for e, _ in formats.choose(**asked)} == {"paper"}


# --- an obstacle of one exporter ------------------------------------------------------------------


@pytest.fixture
def no_tflite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(to_tflite.Exporter, "obstacles", lambda self: ["the moon is full"])


@pytest.mark.usefixtures("no_tflite")
def test_what_one_exporter_cannot_write_leaves_the_others_files(
    model_files: Path, tmp_path: Path
) -> None:
    result = export_bundle(model_files / "small.keras", tmp_path / "b", **FLOATS)
    assert result.left_out == {"tflite": ("the moon is full",)}
    assert not result.ok
    assert [report.ok for report in result.reports] == [True]
    manifest = json.loads((tmp_path / "b" / MANIFEST).read_text("utf-8"))
    assert [variant["name"] for variant in manifest["variants"]] == ["onnx-float32"]
    assert checked(tmp_path / "b") == []


@pytest.mark.usefixtures("no_tflite")
@pytest.mark.parametrize(
    "asked",
    [
        {"wanted_formats": ["onnx", "tflite"]},
        {"runtimes": ["onnxruntime", "litert"]},
        {"lowering": "fused"},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_what_was_asked_for_by_name_and_cannot_be_written_is_refused(
    asked: dict[str, Any], model_files: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedModelError, match="the moon is full"):
        export_bundle(model_files / "small.keras", tmp_path / "b", **asked, **FLOATS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_tflite")
def test_where_nothing_is_left_to_be_written_the_model_is_refused(
    model_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_onnx.Exporter, "obstacles", lambda self: ["so are the stars"])
    with pytest.raises(UnsupportedModelError) as raised:
        export_bundle(model_files / "small.keras", tmp_path / "b", **FLOATS)
    assert raised.value.obstacles == ("so are the stars", "the moon is full")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_tflite")
def test_the_command_line_says_so(model_files: Path, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from lstm_edge.cli import cli

    command = ["export", str(model_files / "small.keras"), "--out", str(tmp_path / "b")]
    done = CliRunner().invoke(cli, [*command, "--precision", "float32"])
    assert done.exit_code == 1
    assert "no tflite files: the moon is full\n" in done.stderr
    assert "tolerance" not in done.stderr
    assert (tmp_path / "b" / "onnx-float32.onnx").exists()
