"""The demo page of a bundle: served here, or as a folder for any web server."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lstm_edge.bundle import TensorBundle, TextBundle
from lstm_edge.errors import InputError
from lstm_edge.extras import require
from lstm_edge.files import replacing_folder, write_text
from lstm_edge.web_runtimes import WEB, find
from lstm_edge.web_server import LOOPBACK, Site, serving

PAGE, STYLE = "demo.html", "demo.css"
MODULES = ("bundle.js", "demo.js", "golden.js", "reading.js", "runtimes.js", "tokenizer.js")
# what tells a folder that was written here from any other
_MARK = "lstm-edge-web.txt"


def check(bundle: TextBundle | TensorBundle) -> TextBundle:
    """The bundle, where the page can show it.

    Raises:
        InputError: it takes arrays, or has no vocabulary.
    """
    if isinstance(bundle, TensorBundle):
        raise InputError(
            f"bundle {bundle.path} takes arrays, and the demo page takes texts: give one of a classifier "
            "of texts; lstm-edge bench --on browser measures this one"
        )
    if not bundle.has_vocabulary:
        raise InputError(
            f"bundle {bundle.path} has no vocabulary, so it cannot take texts: export the model again "
            "with --vocab"
        )
    return bundle


@contextlib.contextmanager
def demo(
    bundle: TextBundle | TensorBundle, *, host: str = LOOPBACK, port: int = 0
) -> Iterator[Site]:
    """Serve the page while the block runs; see :func:`lstm_edge.web_server.serving`.

    Raises:
        InputError: see :func:`check` and :func:`lstm_edge.web_runtimes.find`; a port in use.
        MissingExtraError: the extra ``web`` is not installed.
    """
    path, runtimes = check(bundle).path, find()
    routing = require("starlette.routing", "serving a page")
    responses = require("starlette.responses", "serving a page")

    async def style(request: Any) -> Any:
        del request
        return responses.FileResponse(WEB / STYLE)

    routes = [routing.Route(f"/{STYLE}", style)]
    with serving(
        WEB / PAGE, bundle=path, runtimes=runtimes, host=host, port=port, routes=routes
    ) as site:
        yield site


def write_site(bundle: TextBundle | TensorBundle, out: Path) -> None:
    """Write the page, the bundle and the runtimes to a folder that any web server can serve.

    It appears when it is whole; one that was written before is replaced.

    Raises:
        InputError: see :func:`check` and :func:`lstm_edge.web_runtimes.find`; the folder holds other
            things.
    """
    source, runtimes = check(bundle).path, find()
    if out.exists() and not (out / _MARK).is_file() and (out.is_file() or any(out.iterdir())):
        raise InputError(
            f"{out} exists and was not written by lstm-edge web; nothing was written: give another "
            "folder with --out"
        )
    if source.resolve().is_relative_to(out.resolve()):
        raise InputError(f"the bundle {source} is inside {out}, which would be replaced")
    try:
        with replacing_folder(out) as new:
            (new / "js").mkdir()
            shutil.copyfile(WEB / PAGE, new / "index.html")
            shutil.copyfile(WEB / STYLE, new / STYLE)
            for name in MODULES:
                shutil.copyfile(WEB / "js" / name, new / "js" / name)
            shutil.copytree(source, new / "bundle")
            shutil.copytree(runtimes, new / "vendor")
            write_text(new / _MARK, "Written by lstm-edge web; serve this folder as it is.\n")
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror or error}") from None
