"""The library names arguments in its messages, the command line names options: one text for both."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from lstm_edge.bundle.opening import open_bundle
from lstm_edge.cli import cli
from lstm_edge.cli.messages import with_options
from lstm_edge.devices import adb
from lstm_edge.devices.browser import chromium, demo
from lstm_edge.errors import InputError
from lstm_edge.models import judge
from lstm_edge.models.architecture import ModelConfig
from lstm_edge.training.train import TrainConfig, _no_run

ROOT = Path(__file__).parents[1]
BUNDLES = ROOT / "tests" / "bundles"
UNSAFE = judge.unsafe("code", "Lambda")
TRAIN = ("train", "--data", "no.csv", "--out", "out")


def _measure(**options: Any) -> object:
    return adb.measure(open_bundle(BUNDLES / "texts"), **{"benchmark_model": None, **options})


def _adb(*options: object) -> tuple[object, ...]:
    return ("bench", BUNDLES / "texts", "--on", "adb", *options)


# a fault through Python, what it is called there, the command line's way into it, and its name there
FAULTS: dict[str, tuple[Callable[[], object], str, Sequence[object], str]] = {
    "as it is": (lambda: TrainConfig(epochs=0), "`epochs` is 0", (*TRAIN, "--epochs", 0),
                 "--epochs is 0"),
    "with a hyphen": (lambda: TrainConfig(test_share=2.0), "`test_share` is 2.0",
                      (*TRAIN, "--test-share", 2), "--test-share is 2.0"),
    "called otherwise": (lambda: TrainConfig(model=ModelConfig(num_words=0)), "`num_words` is 0",
                         (*TRAIN, "--words", 0), "--words is 0"),
    "called as another's is": (lambda: TrainConfig(model=ModelConfig(max_length=0)),
                               "`max_length` is 0", (*TRAIN, "--length", 0), "--length is 0"),
    "not given": (_measure, "processor with `benchmark_model`", _adb(),
                  "processor with --benchmark-model"),
    "with its value": (lambda: _measure(benchmark_model=Path("no tool")),
                       "`benchmark_model=no tool` is not there", _adb("--benchmark-model", "no tool"),
                       "--benchmark-model no tool is not there"),
    "of a program": (lambda: chromium.find_chromium("no-browser"), "`program=no-browser` is not there",
                     ("bench", BUNDLES / "texts", "--on", "browser", "--headless", "--browser",
                      "no-browser"), "--browser no-browser is not there"),
    "of a number": (lambda: _measure(benchmark_model=Path(__file__), rounds=0), "`rounds` is 0",
                    _adb("--benchmark-model", __file__, "--rounds", 0), "--rounds is 0"),
    "of another command": (lambda: demo.check(open_bundle(BUNDLES / "ids")), "again with `vocab`",
                           ("web", BUNDLES / "ids"), "again with --vocab"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(FAULTS))
def test_a_fault_names_the_argument_in_python_and_the_option_at_the_command_line(name: str) -> None:
    fault, argument, args, option = FAULTS[name]
    with pytest.raises(InputError, match=re.escape(argument)):
        fault()
    done = CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert option in done.stderr
    assert "`" not in done.stderr


@pytest.mark.parametrize(
    ("command", "message", "shown"),
    [
        ("verify", "leave `source` out", "leave --data out"),
        ("predict", "leave `source` out", "leave --input out"),
        ("export", "give `streaming` or `streaming=True`", "give --streaming or --streaming"),
        ("predict", "export with `streaming=False`", "export with --no-streaming"),
        ("export", "give `chunk=K`", "give --chunk K"),
        ("export", "`wanted_formats` and `dataset`", "--format and --data"),
        ("train", "a new folder as `run`", "a new folder as --out"),
        ("web", "`bundle`, `feed` and `x y`", "`bundle`, `feed` and `x y`"),
        ("inspect", UNSAFE, UNSAFE.replace("`trust`", "--trust")),
        (None, "`epochs` is 0", "--epochs is 0"),
    ],
)  # fmt: skip
def test_what_is_an_option_is_shown_as_one(command: str | None, message: str, shown: str) -> None:
    context = click.Context(cli)
    context.invoked_subcommand = command
    assert with_options(message, context) == shown


def test_a_folder_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="a new folder as `run`, or `resume` to go on with it"):
        _no_run(tmp_path)


def _messages(path: Path) -> list[str]:
    """The string literals of a module, in one piece each, but for docstrings."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    documentation = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in nodes
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documentation
    ]


def test_the_library_names_no_option() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ("lstm_edge", "export")
        for path in (ROOT / room).rglob("*.py")
        if path.parent.name != "cli"
        and any(re.search(r"\s--[a-z]|^--[a-z-]+ ", text) for text in _messages(path))
    }
    assert not found
