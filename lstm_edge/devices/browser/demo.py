"""The web demo: a page that runs a bundle in the browser, served or written as a folder."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from lstm_edge.base.extras import require
from lstm_edge.base.files import check_place, read_json, replacing_folder, write_json
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.bundle.manifest import SIGNATURE, VariantInfo, own_files
from lstm_edge.bundle.opening import Bundle, TextBundle
from lstm_edge.devices.browser import runtimes as web_runtimes
from lstm_edge.devices.browser import server as web_server
from lstm_edge.devices.browser.runtimes import WEB
from lstm_edge.errors import InputError

STYLE = WEB / "demo.css"
# by what a bundle takes: its page, and the modules that it needs beside those of both
_PAGES = {"texts": WEB / "demo.html", "arrays": WEB / "arrays.html"}
_MODULES = {
    "texts": ("demo",),
    "arrays": ("arrays", "arrays-demo", "charts", "npz"),
}
_SHARED = ("bundle", "drawing", "golden", "reading", "runtimes", "tokenizer", "variants")
# What a file needs of the runtimes' packages, by kind, else by format. The page itself knows more
# closely what takes which file (runtimes.js).
_PACKAGES = {
    "onnx": ("onnxruntime-web",),
    "tflite": ("@litertjs/core", "@litertjs/wasm-utils"),
    "tflite-mediapipe": ("@mediapipe/tasks-text",),
}
# What a written folder has, that the next one may replace it: its name, and everything in it.
MARK = "lstm-edge-web.json"


def check(bundle: Bundle) -> Bundle:
    """The bundle, if it takes arrays, or texts can be typed for it.

    Raises:
        InputError: it takes ids only.
    """
    if isinstance(bundle, TextBundle) and not bundle.has_vocabulary:
        raise InputError(
            f"bundle {bundle.path} has no vocabulary, so the web demo cannot read texts for it: export "
            "the model again with `vocab`"
        )
    return bundle


@contextlib.contextmanager
def serving(
    bundle: Bundle, host: str = web_server.LOOPBACK, port: int = 0
) -> Iterator[web_server.Site]:
    """Serve the demo while the block runs; see :func:`lstm_edge.devices.browser.server.serving`.

    Raises:
        InputError: the runtimes are not there, or the host or port cannot be used.
        MissingExtraError: the extra ``web`` is not installed.
    """
    runtimes = web_runtimes.find()
    routing = require("starlette.routing", "serving a page")
    responses = require("starlette.responses", "serving a page")

    async def style(request: object) -> object:
        del request
        return responses.FileResponse(STYLE, media_type="text/css")

    with web_server.serving(
        _PAGES[bundle.takes],
        bundle=bundle.path,
        runtimes=runtimes,
        host=host,
        port=port,
        routes=[routing.Route(f"/{STYLE.name}", style)],
    ) as site:
        yield site


def write(bundle: Bundle, out: Path, progress: Progress = SILENT) -> None:
    """Write page, bundle and runtimes as a folder that any web server can serve; all or nothing.

    Only the runtimes that the bundle's files can use are written.

    Raises:
        InputError: the runtimes are not there, the folder holds something else, or it cannot be
            written.
    """
    check_place(out)
    runtimes = web_runtimes.find()
    _check_replaceable(out)
    if bundle.path.resolve().is_relative_to(out.resolve()):
        raise InputError(f"{out} holds the bundle {bundle.path}: give another folder as `out`")
    copies = _copies(bundle, runtimes)
    check_place(out, sum(source.stat().st_size for source, _ in copies))
    with replacing_folder(out) as new:
        with progress.task("Writing the page", len(copies)) as advance:
            for source, name in copies:
                target = new / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
                advance(1)
        write_json(new / MARK, {"files": sorted(name for _, name in copies)})


def _copies(bundle: Bundle, runtimes: Path) -> list[tuple[Path, str]]:
    """Every file, and its name in the folder."""
    needed = {name for info in bundle.variants.values() for name in _packages(info)}
    names = own_files(bundle.manifest)
    signature = bundle.path / SIGNATURE
    # nobody has looked at it: a link may show any other file
    if not signature.is_file() or signature.is_symlink():
        names.discard(SIGNATURE)
    return [
        (_PAGES[bundle.takes], "index.html"),
        (STYLE, STYLE.name),
        *(
            (WEB / "js" / f"{name}.js", f"js/{name}.js")
            for name in (*_SHARED, *_MODULES[bundle.takes])
        ),
        *((bundle.path / name, f"bundle/{name}") for name in sorted(names)),
        *(
            (runtimes / package.name / file, f"vendor/{package.name}/{file}")
            for package in web_runtimes.packages()
            if package.name in needed
            for file in package.served
        ),
    ]


def _packages(info: VariantInfo) -> tuple[str, ...]:
    return _PACKAGES.get(info.kind) or _PACKAGES.get(info.format, ())


def _check_replaceable(out: Path) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    ours: set[str] | None = None
    with contextlib.suppress(InputError, KeyError, TypeError, AttributeError):
        ours = {MARK, *read_json(out / MARK, "list of files")["files"]}
    if ours is None:
        raise InputError(
            f"{out} exists and was not written by lstm-edge web; nothing was written: give another "
            "folder as `out`"
        )
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir()}
    if foreign := sorted(files - ours):
        raise InputError(
            f"{out} holds files that lstm-edge web did not write: {', '.join(foreign[:5])}; move them "
            "or give another folder as `out`"
        )
