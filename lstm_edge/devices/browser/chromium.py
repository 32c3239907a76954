"""A browser that does what it is told: the page's side of the talk is ``lstm_edge/web/js/bench.js``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lstm_edge.base import gate, temporary
from lstm_edge.base.extras import require
from lstm_edge.errors import InputError

# Without a word for so long, in seconds, the browser is taken to be gone: a worker of the page speaks
# every second.
SILENCE = 30.0
# The same for a page that speaks and gets nowhere: the longest is a model's loading on a slow phone.
STALL = 300.0
# For a browser that was started here to show the page.
STARTING = 60.0
_POLL = 10.0  # a question for the next command is answered after so long at the latest
_TICK = 0.25
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--no-first-run",
    "--no-default-browser-check",
)
NO_SIMD = (
    "has no WebAssembly SIMD, which the browser's runtimes need: update it, or take another browser"
)


_LEFT = "the page was closed or left before it had finished: start again, and keep it open"


class PageError(InputError):
    """The page could not do one thing that it was asked for; it is still there."""


class Page:
    """The page in a browser, as this side sees it: commands go out, answers come back.

    Attributes:
        ended: of a browser that was started here, says why it no longer runs (None: it does).
    """

    def __init__(self) -> None:
        self.ended: Callable[[], str | None] | None = None
        self._events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._commands: asyncio.Queue[dict[str, Any]] | None = None
        self._session: str | None = None
        self._heard = self._advanced = time.monotonic()
        self._done: Any = 0
        self._given = self._answered = 0  # commands
        self._current: dict[str, Any] = {}

    # what the server calls, in its own thread

    def routes(self) -> list[Any]:
        """For :func:`lstm_edge.devices.browser.server.serving`."""
        routing = require("starlette.routing", "serving a page")
        ends = {"hello": self._hello, "next": self._next, "beat": self._beat, "gone": self._gone}
        return [routing.Route(f"/{name}", end, methods=["POST"]) for name, end in ends.items()]

    async def _hello(self, request: Any) -> Any:
        device = await _json(request)
        if self._session is not None:
            return _refused(
                "another browser is being measured; start the command again for this one"
            )
        self._loop, self._commands = asyncio.get_running_loop(), asyncio.Queue()
        self._session = secrets.token_urlsafe(8)
        self._hear()
        self._events.put(("hello", device))
        return _answer({"session": self._session})

    async def _next(self, request: Any) -> Any:
        value = await _json(request)
        if not self._known(value) or self._commands is None:
            return _refused("this page is not the one that is being measured")
        number = value.get("number")
        if number not in (self._given, self._given - 1) or number < 0:
            return _refused("this page has lost its place")
        self._hear()
        if number > self._answered:
            self._answered = number
            for event in ("answer", "error"):
                if event in value:
                    self._events.put((event, value[event]))
        # a page that never got its last command, the network having gone, gets it again
        if number == self._given:
            try:
                self._current = await asyncio.wait_for(self._commands.get(), _POLL)
            except TimeoutError:
                return _answer({"do": "wait"})
            self._given += 1
        if self._current["do"] in ("end", "stop"):
            self._events.put(("told", None))
        return _answer(self._current)

    async def _beat(self, request: Any) -> Any:
        value = await _json(request)
        if not self._known(value):
            return _refused("this page is not the one that is being measured")
        done = value.get("done")
        if isinstance(done, int) and done != self._done:
            self._done = done
            self._advanced = time.monotonic()
        self._hear(advanced=False)
        return _answer({})

    async def _gone(self, request: Any) -> Any:
        value = await _json(request)
        if self._known(value):
            self._events.put(("gone", value.get("why")))
        return _answer({})

    def _known(self, value: Any) -> bool:
        return isinstance(value, dict) and value.get("session") == self._session is not None

    def _hear(self, advanced: bool = True) -> None:
        self._heard = time.monotonic()
        if advanced:
            self._advanced = self._heard

    # what the command calls

    def wait(self) -> dict[str, Any]:
        """Until a browser has opened the page and was told to start; what it says of its device.

        Raises:
            InputError: it has no SIMD; or, of one that was started here, it ended or does not come.
        """
        began = time.monotonic()
        while True:
            with contextlib.suppress(queue.Empty):
                event, device = self._events.get(timeout=_TICK)
                if event == "hello":
                    break
            self._check_running()
            if self.ended is not None and time.monotonic() - began > STARTING:
                raise InputError(f"the browser did not show the page within {STARTING:.0f} s")
        if not _is_device(device):
            raise InputError(
                "the page sent an answer that is not from lstm-edge: start again, and open the address "
                "as it is"
            )
        if not device["simd"]:
            raise InputError(f"{device_name(device)} {NO_SIMD}")
        return dict(device)

    def ask(self, command: Mapping[str, Any], heard: Callable[[int], None] = lambda n: None) -> Any:
        """Have the page do something, and wait for what comes of it.

        Args:
            command: ``do``, what it needs, and ``note``, which the page shows.
            heard: called with how far the page is, of what tells it.

        Raises:
            PageError: it cannot do that.
            InputError: it is gone: closed, asleep, disconnected, or getting nowhere.
        """
        self._done = 0
        self._send(dict(command))
        self._hear()
        while True:
            try:
                event, value = self._events.get(timeout=_TICK)
            except queue.Empty:
                heard(int(self._done or 0))
                self._check()
                continue
            if event == "answer":
                return value
            if event == "error":
                raise PageError(gate.shown(str(value), 300))
            if event == "gone":
                raise InputError(gate.shown(str(value or _LEFT), 300))

    def _check_running(self) -> None:
        if self.ended is not None and (why := self.ended()) is not None:
            raise InputError(why)

    def _check(self) -> None:
        self._check_running()
        now = time.monotonic()
        if now - self._heard > SILENCE:
            raise InputError(
                f"the browser has been silent for {SILENCE:.0f} s (closed, asleep, or off the network): "
                "start again, and keep the page in front and the screen on"
            )
        if now - self._advanced > STALL:
            raise InputError(f"the page has got nowhere for {STALL:.0f} s; start again")

    def end(self, **command: Any) -> None:
        """Tell the page that all is done, and what it may show; it need not listen any more."""
        self._last({"do": "end", **command})

    def stop(self, why: str) -> None:
        """Tell the page, where there is one, that nothing more is to be done."""
        self._last({"do": "stop", "why": why})

    def _last(self, command: dict[str, Any]) -> None:
        if self._commands is None:
            return
        self._send(command)
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                if self._events.get(timeout=_TICK)[0] in ("told", "gone"):
                    return

    def _send(self, command: dict[str, Any]) -> None:
        if self._loop is None or self._commands is None:
            raise ValueError("no browser has come yet")
        self._loop.call_soon_threadsafe(self._commands.put_nowait, command)


async def _json(request: Any) -> Any:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > gate.REPLY:
            return None
    try:
        return gate.parse_json(bytes(body), "what the page sent")
    except InputError:
        return None


def _answer(value: Any, status: int = 200) -> Any:
    return require("starlette.responses", "serving a page").JSONResponse(value, status)


def _refused(why: str) -> Any:
    return require("starlette.responses", "serving a page").PlainTextResponse(why, 409)


# ---------------------------------------------------------------- what a device is called

_TOLD = ("platform", "platform_version", "model", "architecture", "bitness", "cores", "memory_gib")


def _is_device(value: Any) -> bool:
    """Whether a page could have told that of its device."""

    def short(told: Any) -> bool:
        return told is None or (isinstance(told, str | int | float) and len(str(told)) <= 1_000)

    try:
        brands = [part for b in value["brands"] for part in (b["brand"], b["version"])]
        told = [*brands, value["user_agent"]]
        return (
            isinstance(value["simd"], bool)
            and isinstance(value["isolated"], bool)
            and all(isinstance(text, str) and short(text) for text in told)
            and all(short(value[name]) for name in _TOLD)
        )
    except (KeyError, TypeError):
        return False


# In this order: most of them also call themselves what the later ones do.
_BROWSERS = {
    "Edge": r"Edg(?:A|iOS)?/(\d+)",
    "Opera": r"OPR/(\d+)",
    "Samsung Internet": r"SamsungBrowser/(\d+)",
    "Firefox": r"(?:Firefox|FxiOS)/(\d+)",
    "Chrome": r"(?:Chrome|CriOS)/(\d+)",
    "Safari": r"Version/(\d+)\S* (?:Mobile/\S+ )?Safari/",
}
_SYSTEMS = {
    "iPhone": r"iPhone; ",
    "iPad": r"iPad; ",
    "Android": r"Android",
    "Windows": r"Windows NT",
    "ChromeOS": r"CrOS",
    "macOS": r"Macintosh",
    "Linux": r"Linux",
}
_KEPT = "K"  # what browsers say in place of an Android's model


@dataclass(frozen=True)
class Browser:
    """A browser as it describes itself."""

    name: str
    version: str
    headless: bool


def browser_of(device: Mapping[str, Any]) -> Browser:
    """The browser's name and version, of what its page told of its device."""
    agent = str(device["user_agent"])
    headless = "Headless" in agent
    brands = {b["brand"]: b["version"] for b in device["brands"] if "Not" not in b["brand"]}
    for known in [name for name in brands if name != "Chromium"] or list(brands):
        name = known.replace("Headless", "").removeprefix("Google ").removeprefix("Microsoft ")
        return Browser(name, brands[known], headless)
    for name, pattern in _BROWSERS.items():
        if version := re.search(pattern, agent.replace("Headless", "")):
            return Browser(name, version[1], headless)
    return Browser("a browser", "", headless)


def system_of(device: Mapping[str, Any]) -> str | None:
    """Its system, with the version where that is told."""
    if device["platform"]:
        return f"{device['platform']} {device['platform_version'] or ''}".strip()
    agent = str(device["user_agent"])
    return next((name for name, pattern in _SYSTEMS.items() if re.search(pattern, agent)), None)


def device_name(device: Mapping[str, Any]) -> str:
    """What a report calls it, such as ``Pixel 8, Chrome 140``."""
    browser = browser_of(device)
    told = re.search(r"Android [^;)]*; ([^;)]+)\)", str(device["user_agent"]))
    model = device["model"] or (told[1] if told and told[1] != _KEPT else None)
    where = model or system_of(device) or "unknown device"
    name = f"{browser.name} {browser.version.partition('.')[0]}".strip()
    return f"{where}, {name}{' (headless)' if browser.headless else ''}"


# ---------------------------------------------------------------- a browser started here


def find_chromium(path: str | None = None) -> str:
    """An executable of the Chromium kind.

    Raises:
        InputError: none is there.
    """
    names = CHROMIUM if path is None else (path,)
    program = next(filter(None, map(shutil.which, names)), None)
    if program is not None:
        return program
    if path is not None:
        raise InputError(f"`program={path}` is not there, or not a program")
    raise InputError(
        f"no browser found ({', '.join(CHROMIUM)}): install Chromium, or say where one is with "
        "`program`; without `headless` any browser can open the address"
    )


@contextlib.contextmanager
def headless(program: str, url: str) -> Iterator[Callable[[], str | None]]:
    """Run a browser without a window on a page, with a profile of its own, while the block runs.

    The value says why the browser is no longer running; None: it is.
    """
    with (
        temporary.scratch() as profile,
        tempfile.TemporaryFile() as log,
    ):
        command = [program, *QUIET, f"--user-data-dir={profile}"]
        if os.geteuid() == 0:  # Chromium's sandbox refuses to run as root
            command.append("--no-sandbox")
        try:
            process = subprocess.Popen(
                [*command, url],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        except OSError as error:
            raise InputError(f"{program} does not start: {error.strerror or error}") from None

        def ended() -> str | None:
            if process.poll() is None:
                return None
            log.seek(0)
            lines = log.read().decode(errors="replace").splitlines()
            said = [line for line in lines if line.strip() and "dbus" not in line]
            last = f": {said[-1][:300]}" if said else ""
            return f"{program} ended before it had finished (code {process.returncode}){last}"

        try:
            yield ended
        finally:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the browser with all of its processes, and wait until they are gone."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            process.poll()
            if not _group_runs(process.pid):
                return
            time.sleep(0.05)


def _group_runs(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
