"""The browser's runtimes, from their npm packages: fetched once, then served from a folder."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_edge.base import temporary
from lstm_edge.base.extras import require
from lstm_edge.base.files import PACKAGE, check_place, read_json, replacing_folder
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.errors import InputError

WEB = PACKAGE / "web"
"""The pages, ``js/``, and what the browser needs."""

PINS = "package.json"
FOLDER_VARIABLE = "LSTM_EDGE_WEB_RUNTIMES"
_COMMAND = "lstm-edge web-runtimes"


@dataclass(frozen=True)
class Package:
    """One npm package: its tarball's hash as npm writes it, and the files of it that are served."""

    name: str
    version: str
    integrity: str
    served: tuple[str, ...]


def packages() -> tuple[Package, ...]:
    """What ``lstm_edge/web/package.json`` pins."""
    pins = read_json(WEB / PINS, "pinned packages")
    return tuple(
        Package(name, version, pins["integrity"][name], (PINS, *pins["served"][name]))
        for name, version in pins["dependencies"].items()
    )


def default_folder() -> Path:
    """Where they are kept: ``$LSTM_EDGE_WEB_RUNTIMES``, else in the user's cache, for these versions.

    Raises:
        MissingExtraError: the extra ``web`` is not installed.
    """
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named)
    cache = require("platformdirs", "finding the cache folder").user_cache_path("lstm-edge")
    pinned = hashlib.sha256((WEB / PINS).read_bytes()).hexdigest()
    return Path(cache) / f"web-runtimes-{pinned[:12]}"


def is_whole(folder: Path) -> bool:
    """Whether all of these versions' files are there."""
    try:
        same = (folder / PINS).read_bytes() == (WEB / PINS).read_bytes()
    except OSError:
        return False
    return same and all((folder / p.name / file).is_file() for p in packages() for file in p.served)


def find(folder: Path | None = None) -> Path:
    """The folder with all of them.

    Raises:
        InputError: they are not there, or are others than this version needs.
    """
    folder = folder or default_folder()
    if not is_whole(folder):
        raise InputError(f"the browser's runtimes are not in {folder}: run {_COMMAND} once")
    return folder


def install(folder: Path | None = None, progress: Progress = SILENT) -> Path:
    """Fetch them with npm, as it is configured, into the folder; it appears when it is whole.

    Where they are already nothing is done.

    Raises:
        InputError: no npm, npm fails, a package is not the pinned one, or the folder holds other things.
    """
    folder = folder or default_folder()
    if is_whole(folder):
        return folder
    check_place(folder)
    _check_replaceable(folder)
    npm = shutil.which("npm")
    if npm is None:
        raise InputError(
            "npm is not installed, which fetches the browser's runtimes: install Node.js with npm, or "
            f"run {_COMMAND} elsewhere, copy its folder here and name it in {FOLDER_VARIABLE}"
        )
    wanted = packages()
    with (
        temporary.scratch() as scratch,
        replacing_folder(folder) as new,
        progress.task("Fetching the browser's runtimes", len(wanted)) as advance,
    ):
        for package in wanted:
            _extract(package, _fetch(npm, package, scratch), new / package.name)
            advance(1)
        shutil.copyfile(WEB / PINS, new / PINS)
    return folder


def _check_replaceable(folder: Path) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    pins: Any = None
    if (folder / PINS).is_file():
        pins = read_json(folder / PINS, "pinned packages")
    if not (isinstance(pins, dict) and "served" in pins):
        raise InputError(
            f"{folder} exists and does not hold the browser's runtimes; nothing was written: give "
            "another `folder`"
        )


def _fetch(npm: str, package: Package, scratch: Path) -> Path:
    """The package's tarball."""
    target = scratch / package.name.replace("/", "-")
    target.mkdir()
    what = f"{package.name}@{package.version}"
    done = subprocess.run(
        [npm, "pack", what, "--pack-destination", str(target), "--loglevel", "error"],
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
    )
    tarballs = [*target.glob("*.tgz")]
    if done.returncode or len(tarballs) != 1:
        said = [line for line in done.stderr.strip().splitlines() if line.strip()]
        raise InputError(f"npm cannot fetch {what}: {' '.join(said[:3])[:400] or 'no message'}")
    digest = base64.b64encode(hashlib.sha512(tarballs[0].read_bytes()).digest()).decode()
    if f"sha512-{digest}" != package.integrity:
        raise InputError(
            f"npm gives another {what} than the one that is pinned (its hash differs): nothing was "
            "written; look at what registry npm is set to"
        )
    return tarballs[0]


def _extract(package: Package, tarball: Path, target: Path) -> None:
    with tarfile.open(tarball) as archive:
        for name in package.served:
            source = archive.extractfile(f"package/{name}")
            if source is None:
                raise InputError(f"{package.name}@{package.version} has no file {name}")
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with source, path.open("wb") as file:
                shutil.copyfileobj(source, file)


def size(folder: Path) -> int:
    """Bytes of all of them."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
