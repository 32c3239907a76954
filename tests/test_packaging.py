"""Every module has its place, and what leaves this folder is whole: the wheel, what a board is sent."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import grimp
import pytest
from environments import make_python

from lstm_edge.bundle.opening import open_bundle
from lstm_edge.devices import board, ssh
from lstm_edge.results.device import DeviceResult

ROOT = Path(__file__).parents[1]
PACKAGES = ("lstm_edge", "export")
# holds answers against Keras, on data: no board is asked to
NOT_ASKED_FOR = "lstm_edge.verify.reference"
SENT_AS_TEXT = "lstm_edge.devices.far_side"
LINT = (
    "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
)
IMPORT = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*(m.__file__ for n, m in sys.modules.items() if n.partition(".")[0] in ("lstm_edge", "export")))
"""


def output_of(folder: Path, *command: str | Path) -> str:
    """What a command prints that runs in a folder, with no environment variable of ours."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env={})
    assert done.returncode == 0, done.stderr
    return done.stdout


def copied(folder: Path) -> Path:
    """A new folder with all that a wheel is built of."""
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.mark.parametrize("name", ["attic.py", "attic/__init__.py"])
def test_a_module_or_room_without_a_place_is_refused(name: str, tmp_path: Path) -> None:
    source = copied(tmp_path / "source")
    path = source / "lstm_edge" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("", "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", LINT],
        capture_output=True,
        text=True,
        check=False,
        cwd=source,
        env={},
    )
    assert done.returncode == 1
    assert "lstm_edge.attic" in done.stdout
    path.unlink()
    output_of(source, sys.executable, "-c", LINT)


def test_the_wheel_holds_every_module_and_every_data_file(tmp_path: Path) -> None:
    """Built of a copy: a build folder left here would bring back what was removed."""
    source = copied(tmp_path / "source")
    files = {p.relative_to(source).as_posix() for p in source.rglob("*/*") if p.is_file()}
    build = "import setuptools.build_meta as build, sys; build.build_wheel(sys.argv[1])"
    output_of(source, sys.executable, "-c", build, tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {n for n in names if ".dist-info/" not in n} == files


PRINT_COMMAND = """
from lstm_edge.base.extras import install_command
print(install_command("onnx", "onnxruntime"), end="")
"""
REPOSITORY = {
    "url": "https://example.org/lstm-edge.git",
    "vcs_info": {"vcs": "git", "commit_id": "0abc", "requested_revision": "main"},
}


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (None, "pip install 'lstm-edge[onnx]'"),  # from an index
        ({"url": "file://SOURCE", "dir_info": {}}, "pip install 'SOURCE[onnx]'"),
        ({"url": "file:///not/there", "dir_info": {}}, "pip install onnxruntime"),
        (
            {"url": "https://example.org/lstm_edge.whl", "archive_info": {}},
            "pip install 'lstm-edge[onnx] @ https://example.org/lstm_edge.whl'",
        ),
        (
            REPOSITORY,
            "pip install 'lstm-edge[onnx] @ git+https://example.org/lstm-edge.git@0abc'",
        ),
    ],
)
def test_what_installs_an_extra_is_where_the_package_came_from(
    origin: dict[str, Any] | None, command: str, tmp_path: Path
) -> None:
    site, source = tmp_path / "site", tmp_path / "a source"
    source.mkdir()
    shutil.copytree(ROOT / "lstm_edge" / "base", site / "lstm_edge" / "base")
    for name in ("__init__.py", "errors.py"):
        shutil.copy(ROOT / "lstm_edge" / name, site / "lstm_edge")
    described = site / "lstm_edge-9.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: lstm-edge\nVersion: 9\n")
    if origin is not None:
        url = origin["url"].replace("SOURCE", source.as_posix().replace(" ", "%20"))
        (described / "direct_url.json").write_text(json.dumps({**origin, "url": url}))
    printed = output_of(site, sys.executable, "-c", PRINT_COMMAND)
    assert printed == command.replace("SOURCE", str(source))


@pytest.fixture
def board_folder(light_bundle: Path, tmp_path: Path) -> Path:
    """What a board has once everything was sent."""
    bundle = open_bundle(light_bundle)
    request = {"device": "board", "threads": 1, "rounds": 1, "limit": 2, "inputs": None}
    folder = tmp_path / "board"
    for name, content in ssh._files(bundle, list(bundle.variants.values()), request).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def board_modules() -> set[str]:
    """What the program on a board imports, now or later, with the packages that hold it."""
    graph = grimp.build_graph("lstm_edge", exclude_type_checking_imports=True, cache_dir=None)
    modules, todo = set[str](), {board.__name__, SENT_AS_TEXT}
    while todo:
        module = todo.pop()
        modules.add(module)
        above = {module.rpartition(".")[0]} - {""}
        todo |= (above | graph.find_modules_directly_imported_by(module)) - modules
        todo.discard(NOT_ASKED_FOR)
    return modules


def test_a_board_gets_every_module_that_its_program_imports(
    board_folder: Path, tmp_path: Path
) -> None:
    """NumPy is there and nothing else of ours: each module is imported from what was sent."""
    modules = board_modules()
    assert len(modules) > 20
    python = make_python(tmp_path / "python", "numpy")
    printed = output_of(board_folder, python, "-c", IMPORT, *sorted(modules))
    elsewhere = [p for p in printed.split() if not Path(p).is_relative_to(board_folder)]
    assert elsewhere == []


def test_a_board_answers_with_what_it_gets(board_folder: Path, tmp_path: Path) -> None:
    """In both runtimes, which are the only packages there besides NumPy."""
    python = make_python(tmp_path / "python", "numpy", "onnxruntime", "ai-edge-litert")
    printed = output_of(board_folder, python, "-m", board.__name__, "request.json")
    result = DeviceResult.from_json(json.loads(printed.splitlines()[-1])["result"])
    assert result.skipped == {}
    assert result.parity is not None
    assert {report.variant for report in result.parity.reports} == {
        "onnx-float32",
        "tflite-float32",
    }
