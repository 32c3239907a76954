"""What boards, phones and pages answer: the real code asks, and an input answers in the device's place.

Only the programs ``ssh`` and ``adb`` and the browser's network are stood in for.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from lstm_edge.base import modules
from lstm_edge.bundle.opening import Bundle, open_bundle
from lstm_edge.devices import adb, ssh
from lstm_edge.devices.browser import chromium, measuring
from lstm_edge.inputs.batches import Inputs

BUNDLE = Path(__file__).parents[1] / "bundles" / "texts"
CUT = b"\n====\n"
"""Between the parts of a reply, such as what a program prints and its errors."""
_VARIANTS = ["tflite-float32"]


def around(folder: Path) -> None:
    (folder / "benchmark_model").write_bytes(b"#!/bin/sh\n")


@functools.cache
def _bundle() -> tuple[Bundle, Inputs]:
    bundle = open_bundle(BUNDLE)
    return bundle, bundle.golden_inputs(2)


class _Program:
    """A program that has printed what it prints."""

    def __init__(self, out: Any, err: bytes, stderr: Any, code: int) -> None:
        self.stdin, self.stdout, self.stderr = io.BytesIO(), out, io.BytesIO(err)
        self.returncode, self.pid = code, 0
        if hasattr(stderr, "write"):
            stderr.write(err)

    def poll(self) -> int:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        return self.returncode

    def kill(self) -> None:
        pass

    terminate = kill

    def send_signal(self, number: int) -> None:
        pass


def _parts(content: bytes, count: int) -> list[bytes]:
    return [*content.split(CUT), *[b""] * count][:count]


def board(folder: Path, content: bytes) -> None:
    """``bench --on ssh://…``: its lines, then what ssh says on standard error and its exit code."""
    out, err, code = _parts(content, 3)
    bundle, inputs = _bundle()

    def popen(command: list[str], **options: Any) -> _Program:
        token = re.search(r'"@(\w+)"', command[-1])
        lines = out.replace(b"TOKEN", token[1].encode() if token else b"")
        exit_code = int(code) if code.isdigit() and len(code) < 4 else 0
        return _Program(io.BytesIO(lines), err, options.get("stderr"), exit_code)

    with mock.patch.multiple(subprocess, Popen=popen, run=_fails):
        ssh.measure(bundle, ssh.Address("board", "pi"), inputs=inputs, variants=_VARIANTS, rounds=1)


def _fails(*_: Any, **__: Any) -> Any:
    return subprocess.CompletedProcess([], 255, b"", b"")


def phone(folder: Path, content: bytes) -> None:
    """``bench --on android``: the list of devices, what it says of itself, its log, and its outputs."""
    devices, described, log, outputs = _parts(content, 4)
    bundle, inputs = _bundle()

    def run(command: list[str], **options: Any) -> Any:
        out = ""
        if "devices" in command:
            out = devices.decode("utf-8", "replace")
        elif "shell" in command:
            script, mark = command[-1], re.search(r"(@\w+) \$\?", command[-1])
            asked = re.search(r"echo (\w{8}) maker", script)
            if asked:
                out = described.decode("utf-8", "replace").replace("MARK", asked[1])
            out += f"\n{mark[1] if mark else ''} 0\n"
        elif "pull" in command:
            place = Path(command[-1]) / "out"
            place.mkdir(exist_ok=True)
            for i in range(60):
                (place / f"0.{i}").write_bytes(outputs)
        return subprocess.CompletedProcess(command, 0, out, "")

    def popen(command: list[str], **options: Any) -> _Program:
        token = re.search(r"lstm-edge-(\w+)", command[-1])
        text = log.replace(b"TOKEN", token[1].encode() if token else b"")
        lines = _whole_log(text, token[1] if token else "") if b"EVERY" in text else text
        return _Program(io.StringIO(lines.decode("utf-8", "replace")), b"", None, 0)

    found = SimpleNamespace(**{**vars(shutil), "which": lambda name: "/usr/bin/adb"})
    with (
        mock.patch.multiple(subprocess, Popen=popen, run=run),
        mock.patch.object(adb, "shutil", found),
        mock.patch.object(adb, "_listening", return_value=True),
    ):
        program = folder / "benchmark_model"
        adb.measure(bundle, program, inputs=inputs, variants=_VARIANTS, rounds=1)


def _whole_log(text: bytes, token: str) -> bytes:
    """The summary behind the line EVERY, for each of the processes."""
    head, _, summary = text.partition(b"EVERY\n")
    mark = f"@{token}".encode()
    calls = [b"%s begin %d\n%s\n%s end 0\n" % (mark, i, summary, mark) for i in range(60)]
    return head + b"".join(calls) + mark + b" done\n"


def summary(text: str) -> None:
    with contextlib.suppress(ValueError):  # what it says, for the caller
        adb.Summary.parse(text)


class _Network:
    """Answers each command of the page at once, by what it is to do; the last of a list for ever."""

    def __init__(self, page: chromium.Page, answers: dict[str, Any]) -> None:
        self._page, self._answers = page, answers
        self._told: dict[str, int] = {}

    def call_soon_threadsafe(self, _: Any, command: dict[str, Any]) -> None:
        what = command["do"]
        answers = self._answers.get(what)
        at = self._told[what] = self._told.get(what, -1) + 1
        if not isinstance(answers, list) or not answers:
            self._page._events.put(("gone", answers))
        else:
            answer = answers[min(at, len(answers) - 1)]
            kind = "error" if isinstance(answer, str) else "answer"
            self._page._events.put((kind, answer))


def page(value: Any) -> None:
    """``bench --on browser``: the device, and answers by what the page is to do."""
    if not isinstance(value, dict):
        return
    bundle, inputs = _bundle()
    there = chromium.Page()
    there._events.put(("hello", value.get("hello")))
    there._loop = _Network(there, value)  # type: ignore[assignment]
    there._commands = SimpleNamespace(put_nowait=None)  # type: ignore[assignment]
    site = contextlib.nullcontext(SimpleNamespace(url="http://127.0.0.1"))
    with (
        mock.patch.object(measuring, "Page", return_value=there),
        mock.patch.object(measuring.web_server, "serving", return_value=site),
        mock.patch.object(measuring.web_runtimes, "find", return_value=Path()),
    ):
        result = measuring.bench(bundle, inputs, variants=_VARIANTS, rounds=1)
    json.dumps(result.to_json())


_loop = asyncio.new_event_loop()
_thread = ThreadPoolExecutor(1)  # a browser that drives other tests runs a loop in theirs


def requests(folder: Path, content: bytes) -> None:
    """What a page may send: lines of ``NAME body``, in one session; SESSION stands for its key."""
    from starlette.requests import Request

    async def all_of() -> None:
        there = chromium.Page()
        ends = {r.path.strip("/"): r.endpoint for r in there.routes()}
        for line in content.split(b"\n")[:20]:
            name, _, body = line.partition(b" ")
            body = body.replace(b"SESSION", str(there._session).encode())

            async def receive(body: bytes = body) -> dict[str, Any]:
                return {"type": "http.request", "body": body, "more_body": False}

            end = ends.get(name.decode("latin-1"))
            if end is not None:
                if there._commands is not None:
                    there._commands.put_nowait({"do": "wait"})
                await end(Request({"type": "http", "method": "POST", "headers": []}, receive))

    _thread.submit(_loop.run_until_complete, all_of()).result()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the second that a board or a page is waited for, and modules are looked for once."""
    with (
        mock.patch.object(modules, "found", functools.cache(modules.found)),
        mock.patch.object(ssh, "LEAVE", 0.01),
        mock.patch.object(chromium, "_TICK", 0.001),
    ):
        yield
