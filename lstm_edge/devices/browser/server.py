"""A page, a bundle and the browser's runtimes, served under an address that nobody can guess."""

from __future__ import annotations

import contextlib
import io
import secrets
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_edge.base import gate
from lstm_edge.base.extras import require
from lstm_edge.devices.browser.runtimes import WEB
from lstm_edge.errors import InputError

LOOPBACK = "127.0.0.1"
_LONGEST = 255  # bytes of a name; ours are shorter with their folders
# How long requests may go on when the server is told to stop, in seconds.
_GRACE = 2
# Whatever a page or a runtime tries, nothing is fetched from, or sent to, anywhere else. MediaPipe Web
# does try: it reports its use to its maker.
_POLICY = "default-src 'self' blob: data: 'unsafe-inline' 'wasm-unsafe-eval'; form-action 'none'"
HEADERS = {
    # a page that is isolated may use threads
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",  # the address is the key
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
_KIND = b"content-type"
_TYPES = {".mjs": b"text/javascript", ".js": b"text/javascript", ".wasm": b"application/wasm"}

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class Site:
    """A running server.

    Attributes:
        url: address of the page for a browser on this machine, with the token, ending in ``/``.
        lan_url: the same for other devices on the network; None: only this machine is served.
    """

    url: str
    lan_url: str | None
    _thread: threading.Thread

    def wait(self) -> None:
        """Until the server ends, which Ctrl-C does."""
        while self._thread.is_alive():
            self._thread.join(0.5)


@contextlib.contextmanager
def serving(
    page: Path,
    *,
    bundle: Path,
    runtimes: Path,
    host: str = LOOPBACK,
    port: int = 0,
    routes: Sequence[Any] = (),
) -> Iterator[Site]:
    """Serve while the block runs.

    ``page`` is at ``TOKEN/``, ``lstm_edge/web/js`` at ``TOKEN/js/``, the bundle at ``TOKEN/bundle/`` and
    the runtimes at ``TOKEN/vendor/``. Without the token everything is 404.

    Args:
        page: an HTML file.
        bundle: a bundle's folder.
        runtimes: from :func:`lstm_edge.devices.browser.runtimes.find`.
        host: address to listen on; ``0.0.0.0``: on every network of this machine.
        port: 0: any free one.
        routes: more of Starlette's, below the token.

    Raises:
        InputError: the port is in use or may not be used, or the host is none of this machine's.
        MissingExtraError: the extra ``web`` is not installed.
    """
    uvicorn = require("uvicorn", "serving a page")
    app = _application(page, {"js": WEB / "js", "bundle": bundle, "vendor": runtimes}, routes)
    token = secrets.token_urlsafe(16)
    listening = _bind(host, port)
    config = uvicorn.Config(
        _Guarded(app, token),
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    try:
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        if not server.started:
            raise InputError(f"the server on {host}, port {port} does not start")
        yield Site(*_addresses(host, listening.getsockname()[1], token), thread)
    finally:
        server.should_exit = True
        thread.join(2 * _GRACE + 1)
        listening.close()


def qr_code(url: str) -> str:
    """A QR code of an address, as lines of text for a terminal."""
    out = io.StringIO()
    require("segno", "drawing a QR code").make(url, error="l").terminal(out, compact=True)
    return out.getvalue()


def _bind(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        said = gate.shown(str(port))
        raise InputError(f"port {said} is out of range; expected 0 (any free port) to 65535")
    try:
        family, socket_type, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):  # the latter: no name at all
        raise InputError(
            f"host {gate.shown(host)!r} is not known; give {LOOPBACK} for this machine only, or 0.0.0.0 "
            "for the network"
        ) from None
    listening = socket.socket(family, socket_type, protocol)
    try:
        # a port whose last server has just ended is free; one that somebody listens on is not
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        reason = (error.strerror or str(error)).lower()
        raise InputError(
            f"cannot serve on {host}, port {port}: {reason}; give another `port` (0: any free one) or "
            "`host`"
        ) from None
    return listening


def _addresses(host: str, port: int, token: str) -> tuple[str, str | None]:
    """For this machine, and for other devices."""

    def url(name: str) -> str:
        return f"http://{f'[{name}]' if ':' in name else name}:{port}/{token}/"

    if host in ("0.0.0.0", "::"):
        outer = _lan_address()
        return url(LOOPBACK), None if outer is None else url(outer)
    own = host in (LOOPBACK, "localhost", "::1")
    return url(host), None if own else url(host)


def _lan_address() -> str | None:
    """Address of this machine on its network; None: it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only chooses the way out
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith("127.") else address


def _application(page: Path, folders: dict[str, Path], routes: Sequence[Any]) -> Any:
    starlette = require("starlette.applications", "serving a page")
    routing = require("starlette.routing", "serving a page")
    responses = require("starlette.responses", "serving a page")
    static = require("starlette.staticfiles", "serving a page")

    async def home(request: Any) -> Any:
        del request
        return responses.FileResponse(page, media_type="text/html")

    mounts = [
        routing.Mount(f"/{name}", static.StaticFiles(directory=path))
        for name, path in folders.items()
    ]
    return starlette.Starlette(routes=[routing.Route("/", home), *routes, *mounts])


class _Guarded:
    """An application below ``/TOKEN``; everything else is 404. Every answer has :data:`HEADERS`."""

    def __init__(self, app: Any, token: str) -> None:
        self._app, self._token = app, token.encode()
        self._headers = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # what the machine's own table says of a suffix differs
        content_type = _TYPES.get(Path(str(scope["path"])).suffix)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [
                    (k, v)
                    for k, v in message.get("headers", ())
                    if not (content_type and k == _KIND)
                ]
                message["headers"] = [
                    *headers,
                    *([(_KIND, content_type)] if content_type else []),
                    *self._headers,
                ]
            await send(message)

        first, slash, rest = str(scope["path"]).removeprefix("/").partition("/")
        # names that no file has: the system would raise, not say that it is not there
        odd = not rest.isprintable() or len(rest.encode()) > _LONGEST
        if odd or not secrets.compare_digest(first.encode(), self._token):
            await _plain(send, 404, b"not found\n")
        elif not slash:  # the page's own addresses are below
            await _plain(send, 307, b"", [(b"location", b"/" + self._token + b"/")])
        else:
            below = {**scope, "path": f"/{rest}", "raw_path": None, "root_path": ""}
            await self._app(below, receive, answer)


async def _plain(
    send: Send, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    start = {"type": "http.response.start", "status": status, "headers": list(headers)}
    await send(start)
    await send({"type": "http.response.body", "body": body})
