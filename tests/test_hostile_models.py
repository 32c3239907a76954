"""Model files that mean harm, or that are damaged: one sentence, exit code 2, nothing written."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from lstm_edge.base.extras import require
from lstm_edge.cli import cli

h5py = require("h5py", "the tests")
Make = Callable[[Path, Path], Path]
MEMORY = 6 << 30  # bytes of addresses, of which TensorFlow alone takes 4 GiB


def told(path: Path, sentence: str, commands: str = "export") -> None:
    """Each command ends with this sentence, and nothing is written."""
    before = sorted(path.parent.iterdir())
    for command in commands.split():
        out = ["--out", str(path.parent / "bundle")] if command == "export" else []
        done = CliRunner().invoke(cli, [command, str(path), *out])
        assert (done.exit_code, done.exception.__class__) == (2, SystemExit), done.output
        assert sentence in done.output
        assert str(path) in done.output
        assert done.output.startswith("lstm-edge: ") and done.output.count("\n") == 1
    assert sorted(path.parent.iterdir()) == before


# HDF5


def h5(change: Callable[[Any], None], version: str = "") -> Make:
    """The small file, changed; ``version``: the Keras that it says wrote it."""

    def make(files: Path, folder: Path) -> Path:
        path = shutil.copy(files / "small.h5", folder / "m.h5")
        with h5py.File(path, "r+") as file:
            if version:
                file.attrs["keras_version"] = version
                file["model_weights"].attrs["keras_version"] = version
            change(file)
        return Path(path)

    return make


def inside_keras(change: Callable[[Any], None]) -> Make:
    """The same for the weights in an archive."""

    def make(files: Path, folder: Path) -> Path:
        weights = folder / "w"
        with zipfile.ZipFile(files / "small.keras") as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        weights.write_bytes(members["model.weights.h5"])
        with h5py.File(weights, "r+") as file:
            change(file)
        members["model.weights.h5"] = weights.read_bytes()
        weights.unlink()
        return packed(members, folder)

    return make


def packed(members: dict[str, bytes], folder: Path, how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(folder / "m.keras", "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return folder / "m.keras"


def first_array(file: Any) -> tuple[Any, str]:
    """The group of an array, and its name in it."""
    found: list[str] = []
    file.visititems(lambda n, item: found.append(n) if isinstance(item, h5py.Dataset) else None)
    group, _, name = found[0].rpartition("/")
    return file[group], name


def replaced(make: Callable[[Any, str], None]) -> Callable[[Any], None]:
    """Another thing in the place of an array."""

    def change(file: Any) -> None:
        group, name = first_array(file)
        del group[name]
        make(group, name)

    return change


def external_link(group: Any, name: str) -> None:
    group[name] = h5py.ExternalLink("/etc/other.h5", "/secret")


def external_storage(group: Any, name: str) -> None:
    group.create_dataset(name, (40, 8), "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def virtual(group: Any, name: str) -> None:
    layout = h5py.VirtualLayout((40, 8), "f4")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "secret", (40, 8))
    group.create_virtual_dataset(name, layout)


def declared(group: Any, name: str) -> None:
    group.create_dataset(name, (1 << 16, 1 << 16), "f4", chunks=(64, 64), compression="gzip")


def overflowing(group: Any, name: str) -> None:
    group.create_dataset(name, (1 << 40, 1 << 40), "f4", chunks=(64, 64))


def one_large_chunk(group: Any, name: str) -> None:
    group.create_dataset(name, (1, 1), "f4", maxshape=(None, None), chunks=(1 << 14, 1 << 15))


def many_links(file: Any) -> None:
    group, _ = first_array(file)
    group.create_dataset("large", (1 << 23,), "f4", chunks=(1024,))
    for i in range(20):
        file[f"again{i}"] = group["large"]


def dangling(group: Any, name: str) -> None:
    group[name] = h5py.SoftLink("/nowhere")


def itself(group: Any, name: str) -> None:
    group[name] = h5py.SoftLink(f"{group.name}/{name}")


def a_group(group: Any, name: str) -> None:
    group.create_group(name)


def texts(group: Any, name: str) -> None:
    group[name] = ["kernel"]


ELSEWHERE = {
    "a link to another file": (external_link, "is a link to another file (/etc/other.h5)"),
    "its data in another file": (external_storage, "is not stored in the file itself"),
    "a view of another file": (virtual, "is not stored in the file itself"),
    "16 GB that are not there": (declared, "and declares 17,1"),
    "more than a number holds": (overflowing, "and declares 4,8"),
    "a chunk of 2 GB": (one_large_chunk, "and declares 2,1"),
}


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize("kind", [h5, inside_keras], ids=["h5", "keras"])
def test_data_elsewhere_and_data_that_are_not_there(
    kind: Callable[[Any], Make], name: str, model_files: Path, tmp_path: Path
) -> None:
    make, sentence = ELSEWHERE[name]
    path = kind(replaced(make))(model_files, tmp_path)
    assert path.stat().st_size < 200_000
    told(path, sentence)


def set_(key: str, value: Any, group: str = "") -> Callable[[Any], None]:
    """An attribute of another kind."""

    def change(file: Any) -> None:
        holder = file[group] if group else file
        holder.attrs[key] = value

    return change


def of_layer(key: str, value: Any) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        group = file["model_weights"]
        names = [n.decode() if isinstance(n, bytes) else n for n in group.attrs["layer_names"]]
        group[names[-1]].attrs[key] = value

    return change


def config(change: Callable[[dict[str, Any]], Any]) -> Callable[[Any], None]:
    """The configuration, changed or replaced."""

    def edit(file: Any) -> None:
        value = json.loads(file.attrs["model_config"])
        file.attrs["model_config"] = json.dumps(change(value) or value)

    return edit


ATTRIBUTES: dict[str, tuple[Callable[[Any], None], str, str]] = {
    "model_config: number": (set_("model_config", 7), "", "its model_config is a value of type int"),
    "model_config: list": (set_("model_config", [1, 2]), "", "model_config is a value of type ndarray"),
    "model_config: bytes": (
        set_("model_config", np.bytes_(b"\xff\xfe{")), "", "its model_config is no UTF-8"
    ),
    "model_config: none": (set_("model_config", h5py.Empty("f")), "", "its model_config is a value"),
    "model_config: reference": (
        lambda file: file.attrs.__setitem__("model_config", file.ref), "", "its model_config is a value"
    ),
    "model_config: cut": (set_("model_config", '{"class_name"'), "", "model_config is not valid JSON"),
    "model_config: deep": (set_("model_config", "[" * 60_000), "", "more than 100 deep"),
    "model_config: large number": (
        set_("model_config", '{"class_name": ' + "9" * 5000 + "}"), "", "5,000 digits"
    ),
    "version: number": (set_("keras_version", 3), "", "its keras_version is a value of type int"),
    "version: digits": (set_("keras_version", "9" * 5000), "", "its version of Keras is '999"),
    "version: superscript": (set_("keras_version", "²"), "", "its version of Keras is '²'"),
    "version: words": (set_("keras_version", "newest"), "", "its version of Keras is 'newest'"),
    "backend: number": (set_("backend", 1.5), "", "its backend is a value of type float64"),
    "layer_names: number": (set_("layer_names", 7, "model_weights"), "2.15.0", "a value of type int64"),
    "layer_names: numbers": (
        set_("layer_names", [1, 2], "model_weights"), "2.15.0", "a value of type int64; expected names"
    ),
    "layer_names: bytes": (
        set_("layer_names", np.array([b"\xff"]), "model_weights"), "2.15.0", "layer_names is damaged"
    ),
    "layer_names: twice": (
        set_("layer_names", ["a", "a"], "model_weights"), "2.15.0", "layer_names holds a name twice"
    ),
    "layer_names: of nothing": (
        set_("layer_names", ["gone"], "model_weights"), "2.15.0", "is damaged"
    ),
    "weight_names: number": (of_layer("weight_names", 7), "2.15.0", "a value of type int64"),
    "weight_names: of nothing": (of_layer("weight_names", ["gone"]), "2.15.0", "is damaged"),
    "weight_names: a path out": (of_layer("weight_names", ["../../x"]), "2.15.0", "is damaged"),
    "soft link to nothing": (replaced(dangling), "2.15.0", "is damaged"),
    "soft link to itself": (replaced(itself), "2.15.0", "is damaged"),
    "group for an array": (replaced(a_group), "2.15.0", "is no array of numbers"),
    "texts for numbers": (replaced(texts), "2.15.0", "is no array of numbers"),
    "one array many times": (many_links, "", "and declares 7"),
    "weights: an array": (
        lambda file: (file.__delitem__("model_weights"), file.__setitem__("model_weights", 1)),
        "", "its model_weights is no group"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes_of_other_kinds(name: str, model_files: Path, tmp_path: Path) -> None:
    change, version, sentence = ATTRIBUTES[name]
    told(h5(change, version)(model_files, tmp_path), sentence)
