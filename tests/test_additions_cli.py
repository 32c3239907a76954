"""A command is one new file: ``--help`` lists it, it runs, and its errors are those of every command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import export
from lstm_edge import cli

TOY = '''
from pathlib import Path

import click

from lstm_edge.cli import shared
from lstm_edge.errors import InputError

@click.command("count-files", short_help="How many files a folder holds.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--at-most", type=int)
def command(folder, at_most):
    """Count the files of FOLDER."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder")
    number = len(list(folder.iterdir()))
    click.echo(f"{number} files")
    return shared.DONE if at_most is None or number <= at_most else shared.OUTSIDE
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the package's path, with one command."""
    (tmp_path / "count_files.py").write_text(TOY)
    monkeypatch.setattr(cli, "__path__", [*cli.__path__, str(tmp_path)])
    yield tmp_path
    sys.modules.pop("lstm_edge.cli.count_files", None)
    vars(cli).pop("count_files", None)


def call(*args: object) -> Result:
    return CliRunner().invoke(cli.cli, [str(arg) for arg in args], catch_exceptions=False)


def test_a_new_command_is_listed_in_its_place(folder: Path) -> None:
    lines = call("--help").stdout.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    names = [line.split()[0] for line in lines if line[2] != " "]
    assert "count-files" in names
    assert names == sorted(names)
    assert len(names) > 10, "beside the package's own"
    shown = call("count-files", "--help")
    assert (shown.exit_code, "Count the files of FOLDER." in shown.stdout) == (0, True)


def test_a_new_command_runs(folder: Path) -> None:
    (folder / "empty").mkdir()
    done = call("count-files", folder / "empty")
    assert (done.exit_code, done.output) == (0, "0 files\n")
    assert call("count-files", folder, "--at-most", 0).exit_code == 1


@pytest.mark.parametrize(
    ("args", "part"),
    [(("no",), "no is no folder"), ((), "Missing argument"), ((".", "--at-most", "x"), "'x'")],
)
def test_the_errors_of_a_new_command_are_one_line(
    folder: Path, args: tuple[str, ...], part: str
) -> None:
    done = call("count-files", *args)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("lstm-edge: ")
    assert part in done.stderr


def test_it_is_gone_with_its_file() -> None:
    assert "count-files" not in call("--help").stdout
    assert call("count-files", ".").exit_code == 2


FOLDED = "float32-folded, float16-folded, int8-dynamic-folded"
LISTS = {
    "--format": "onnx, tflite [default: all].",
    "--precision": f"float32, float16, int8-dynamic, {FOLDED} [default: all but {FOLDED}].",
    "--runtime": "Only files for this: onnxruntime, litert; or made for it: litert-js, mediapipe, "
    "onnxruntime-mobile. May be repeated [default: onnxruntime, litert].",
    "--lowering": "How to express recurrent layers: fused (tflite) [default: loops, which are faster].",
}
TOY_EXPORTER = """
from dataclasses import replace
from export import to_onnx

class Exporter(to_onnx.Exporter):
    format, runtime, by_name_only, lowerings = "toy", "toy-runtime", True, ("unrolled",)
    precisions = (replace(to_onnx.Exporter.precisions[0], name="int4", by_name_only=True),)
"""
ADDED = {
    "--format": "onnx, tflite, toy [default: all but toy].",
    "--precision": f"float32, float16, int8-dynamic, int4, {FOLDED} [default: all but int4, {FOLDED}].",
    "--runtime": "Only files for this: onnxruntime, litert, toy-runtime; or made for it: litert-js, "
    "mediapipe, onnxruntime-mobile. May be repeated [default: onnxruntime, litert].",
    "--lowering": "How to express recurrent layers: fused (tflite), unrolled (toy) [default: loops, "
    "which are faster].",
}


def helps() -> dict[str, str]:
    """The help of export's options that list what is found, as it is shown."""
    command = cli.cli.get_command(click.Context(cli.cli), "export")
    assert command is not None
    records = [p.get_help_record(click.Context(command)) for p in command.params]
    shown = {record[0].split()[0]: record[1] for record in records if record is not None}
    return {option: shown[option] for option in LISTS}


def test_export_s_help_lists_what_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert helps() == LISTS
    (tmp_path / "to_toy.py").write_text(TOY_EXPORTER)
    monkeypatch.setattr(export, "__path__", [*export.__path__, str(tmp_path)])
    try:
        assert helps() == ADDED
    finally:
        sys.modules.pop("export.to_toy", None)
        vars(export).pop("to_toy", None)


def test_the_list_of_commands_looks_for_no_exporter() -> None:
    code = "import sys; from lstm_edge.cli import cli; cli(['--help'], standalone_mode=False)"
    code = f"import atexit, sys; atexit.register(lambda: print(*sys.modules)); {code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Commands:" in done.stdout
    assert not {"export", "numpy", "rich"} & set(done.stdout.splitlines()[-1].split())
