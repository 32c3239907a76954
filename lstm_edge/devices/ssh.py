"""Verify and bench on a Linux board over the system's ssh: files there, figures back, nothing left.

One connection does it all. It starts :mod:`lstm_edge.devices.far_side` on the board, which takes the
bundle and this package's modules into a temporary folder, runs :mod:`lstm_edge.devices.board` there and
removes the folder, also when the connection ends early. The board needs Python, NumPy and one runtime.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import secrets
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from lstm_edge.base import gate
from lstm_edge.base.arguments import check_positive
from lstm_edge.base.files import PACKAGE
from lstm_edge.base.progress import SILENT, Advance, Progress
from lstm_edge.bundle.manifest import MANIFEST, VariantInfo, seal
from lstm_edge.bundle.opening import Bundle
from lstm_edge.devices import far_side
from lstm_edge.devices.replies import Tail, captured
from lstm_edge.errors import InputError
from lstm_edge.inputs.batches import Inputs
from lstm_edge.results.device import DeviceResult
from lstm_edge.runtimes.contract import Runtime, runtime_class

# rooms that nothing on a board imports
NOT_SENT = ("cli", "models", "report", "training")
PYTHON = "python3"
MINIMUM = (3, 11)  # Python on the board
CONNECT = 15  # seconds to reach it
LEAVE = 20.0  # seconds for it to remove its folder
# Never ask; notice when the board has gone; nothing of the user's configuration that is for a terminal.
OPTIONS = (
    "BatchMode=yes",
    f"ConnectTimeout={CONNECT}",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
    "ClearAllForwardings=yes",
    "RemoteCommand=none",
)
# Sent as a command line, so it has no character that any login shell reads inside single quotes. Printing
# the version comes first: what follows is for Python 3.11.
_START = (
    'import sys;print("@{token}",*sys.version_info[:3],flush=True);'
    "exec(eval(sys.stdin.buffer.readline()))"
)
_SWEEP = """
import os, shutil, sys, time
folder = {folder!r}
for _ in range(40):
    if not os.path.exists(folder):
        break
    time.sleep(0.1)
shutil.rmtree(folder, ignore_errors=True)
print("@{token} removed" if not os.path.exists(folder) else "@{token} left", flush=True)
"""
_URL = re.compile(
    r"ssh://(?:(?P<user>[^@/]*)@)?(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^@:/\[\]]+)"
    r"(?::(?P<port>\d+))?(?P<folder>/.*)?"
)
_USER = re.compile(r"[^\s\0-\x1f\x7f-\x9f]{1,100}")
_FOLDER = re.compile(
    r"/[^\0\n]{0,4096}lstm-edge-\w{1,100}"
)  # as the far side makes one: it is removed, or told
# of users and hosts: nothing that ssh could take for an option
_NAME = re.compile(r"\w[\w.+%:~-]*")


@dataclass(frozen=True)
class Address:
    """Where a board is.

    Attributes:
        host: a name, an address, or a ``Host`` of the user's ssh configuration.
        user, port: None: as ssh's configuration has it.
        folder: an existing folder on the board for the temporary one; None: its own choice.
    """

    host: str
    user: str | None = None
    port: int | None = None
    folder: str | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Of ``ssh://[USER@]HOST[:PORT][/FOLDER]``; the folder is absolute, or ``/~/…`` in the home.

        Raises:
            InputError: not of that form, or with a password in it.
        """
        expected = "expected ssh://[USER@]HOST[:PORT][/FOLDER]"
        match = _URL.fullmatch(text)
        if match is None:
            raise InputError(f"{text!r} is not the address of a board: {expected}")
        user, host, port, folder = match.group("user", "host", "port", "folder")
        if user is not None and ":" in user:
            raise InputError(
                "a password in an address would be seen by every user of this machine, and is not used: "
                "give the board a key with ssh-copy-id, and leave the password out"
            )
        host = host.strip("[]")
        for what, name in (("user", user), ("host", host)):
            if name is not None and not _NAME.fullmatch(name):
                raise InputError(f"{name!r} is not a {what} name in {text!r}: {expected}")
        number = None if port is None else gate.whole_number(port, "the port of the board")
        if number is not None and not 0 < number < 1 << 16:
            raise InputError(f"port {port} in {text!r}: expected 1 to 65535")
        folder = (folder or "").rstrip("/")
        if folder.startswith("/~"):
            folder = folder[1:]
        return cls(host, user, number, folder or None)

    def __str__(self) -> str:
        return self.host if self.user is None else f"{self.user}@{self.host}"

    def command(self) -> list[str]:
        """``ssh`` with the options that reach it."""
        options = [part for option in OPTIONS for part in ("-o", option)]
        port = [] if self.port is None else ["-p", str(self.port)]
        user = [] if self.user is None else ["-l", self.user]
        return ["ssh", "-T", *options, *port, *user, "--", self.host]

    def by_hand(self) -> str:
        """What a user types to reach it."""
        port = "" if self.port is None else f"-p {self.port} "
        return f"ssh {port}{self}"


def measure(
    bundle: Bundle,
    address: Address,
    *,
    python: str = PYTHON,
    inputs: Inputs | None = None,
    limit: int | None = None,
    variants: Sequence[str] = (),
    threads: int = 1,
    rounds: int = 5,
    progress: Progress = SILENT,
) -> DeviceResult:
    """Run the golden vectors and the bench of a bundle on a board.

    What its runtimes do not run is in ``skipped`` with the reason. Nothing is left on the board.

    Args:
        python: the Python to use there, ``~/`` for its home.
        inputs, limit, variants, threads, rounds: see :func:`lstm_edge.bench.plan.bench`; no arrays.

    Raises:
        BundleError: no such variant.
        InputError: ssh or the board cannot do it; what is missing, and how to put it there.
        KeyboardInterrupt: with a sentence, where something may have been left on the board.
    """
    check_positive(threads=threads, limit=limit, rounds=rounds)
    chosen = bundle.chosen(variants)
    if inputs is not None and inputs.arrays:
        raise InputError("arrays are not sent to a board: it times the bundle's golden inputs")
    classes, skipped = _runtimes(chosen)
    modules = sorted({"numpy"}.union(*map(_modules, classes.values())))
    with _Board(address, python) as board:
        with progress.task(f"Connecting to {address}", None):
            hello = board.begin(modules)
        missing = set(modules) - set(hello["found"])
        if "numpy" in missing:
            raise InputError(
                f"{address} has no NumPy for {python}; install it there: {python} -m pip install numpy"
            )
        for name, runtime in classes.items():
            if missing & _modules(runtime):
                package = " and ".join(runtime.packages)
                skipped[name] = (
                    f"{package} is not installed there: {python} -m pip install {package}"
                )
        sent = [info for info in chosen if info.name not in skipped]
        if not sent:
            reasons = "; ".join(dict.fromkeys(skipped.values()))
            raise InputError(f"{address} has no runtime for any of these variants: {reasons}")
        device = f"{address.user or hello['user']}@{address.host}"
        request = {
            "device": device,
            "threads": threads,
            "rounds": rounds,
            "limit": limit,
            "inputs": None
            if inputs is None
            else {
                "ids": [ids.tolist() for ids in inputs.sequences],
                "texts": inputs.texts and [*inputs.texts],
                "source": inputs.source,
            },
        }
        files = _files(bundle, sent, request)
        size = sum(map(len, files.values())) / 1e6
        with progress.task(f"Copying {size:.1f} MB to {address}", None):
            board.send(files)
        answer = board.result(progress)
    result = _checked(answer, device, sent, skipped, address)
    assert result.parity is not None  # checked
    return replace(
        result,
        parity=replace(result.parity, bundle=str(bundle.path)),
        notes=(*result.notes, *([board.left] if board.left else ())),
    )


def _runtimes(chosen: Sequence[VariantInfo]) -> tuple[dict[str, type[Runtime]], dict[str, str]]:
    """What runs each variant; and why not, of those that nothing runs."""
    classes, skipped = dict[str, type[Runtime]](), dict[str, str]()
    for info in chosen:
        try:
            classes[info.name] = runtime_class(info.kind)
        except InputError as error:
            skipped[info.name] = str(error)
    return classes, skipped


def _modules(runtime: type[Runtime]) -> set[str]:
    """Top-level modules that are looked for on the board."""
    return {module.partition(".")[0] for module in runtime.modules}


def _files(
    bundle: Bundle, sent: Sequence[VariantInfo], request: dict[str, Any]
) -> dict[str, bytes]:
    """What a board needs, by the name there: modules, the bundle with these variants, the request."""
    files = {
        p.relative_to(PACKAGE.parent).as_posix(): p.read_bytes()
        for p in sorted(PACKAGE.rglob("*.py"))
        if p.relative_to(PACKAGE).parts[0] not in NOT_SENT
    }
    kept = {info.name for info in sent}
    variants = [v for v in bundle.manifest["variants"] if v["name"] in kept]
    manifest = {**bundle.manifest, "variants": variants}
    # what was opened here, whole, is opened there with the rest left out
    manifest["seal"] = seal(manifest)
    for name in [*manifest["files"], *(info.file for info in sent)]:
        files[f"bundle/{name}"] = (bundle.path / name).read_bytes()
    files[f"bundle/{MANIFEST}"] = json.dumps(manifest).encode()
    files["request.json"] = json.dumps(request).encode()
    return files


def _checked(
    value: Any,
    device: str,
    sent: Sequence[VariantInfo],
    skipped: dict[str, str],
    address: Address,
) -> DeviceResult:
    """What the board answered, if it can be true."""
    try:
        result = DeviceResult.from_json(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{address} sent an answer that is not a result: {error}") from None
    result = replace(result, skipped={**result.skipped, **skipped})
    if result.parity is None or result.latency is None:
        raise InputError(
            f"{address} can run none of these variants: "
            + "; ".join(f"{name}: {why}" for name, why in result.skipped.items())
        )
    hashes = {info.name: info.sha256 for info in sent}
    for timing in result.latency.timings:
        if hashes.get(timing.variant) != timing.sha256:
            raise InputError(
                f"{address} measured another file than the {timing.variant} it was sent"
            )
    cpu = result.latency.machine.get("cpu")
    name = f"{device}, {cpu}" if cpu else device
    return replace(result, device=name, latency=replace(result.latency, device=name))


class _Board:
    """A connection with :mod:`lstm_edge.devices.far_side` at its other end, which leaves nothing there.

    ``left`` is a sentence where that could not be seen to, and part of the error where there is one.
    """

    left = ""

    def __init__(self, address: Address, python: str) -> None:
        self._address, self._python = address, python
        self._token = secrets.token_hex(8)
        self._folder: str | None = None
        self._state = "connecting"

    # ---- the connection

    def _command(self, start: str) -> list[str]:
        home = self._python.startswith("~/")
        python = shlex.quote(self._python[2:] if home else self._python)
        return [*self._address.command(), f"{'~/' * home}{python} -c '{start}'"]

    def __enter__(self) -> _Board:
        try:
            self._ssh = subprocess.Popen(
                self._command(_START.format(token=self._token)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is ours to pass on: the board tidies up first
            )
        except FileNotFoundError:
            raise InputError(
                "the program ssh is not installed here; install it (openssh-client on Debian)"
            ) from None
        assert self._ssh.stderr is not None
        self._errors = Tail(self._ssh.stderr)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            left = self._leave()
        finally:
            self._ssh.kill()
            self._ssh.wait()
            for pipe in (self._ssh.stdin, self._ssh.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
            self._errors.text()
            self._ssh.stderr.close()  # type: ignore[union-attr]
        self.left = left
        if left and isinstance(error, InputError):
            raise InputError(f"{error}; {left}") from None
        if left and isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(left) from None

    def _leave(self) -> str:
        """End the connection; a sentence if the folder may still be there."""
        timer = threading.Timer(LEAVE, self._ssh.kill)
        timer.daemon = True
        timer.start()
        try:
            with contextlib.suppress(OSError):
                self._ssh.stdin.close()  # type: ignore[union-attr]
            for event in self._events():
                if "removed" in event:
                    return ""
        except InputError:  # what it says no longer matters
            pass
        finally:
            timer.cancel()
        if self._folder is None or self._swept(self._folder):
            return ""
        return (
            f"its folder {self._folder} may be left there: {self._address.by_hand()} rm -r "
            f"{shlex.quote(self._folder)}"
        )

    def _swept(self, folder: str) -> bool:
        """Look after the folder over a second connection, where the first was cut."""
        try:
            done = captured(
                self._command("import sys;exec(eval(sys.stdin.buffer.readline()))"),
                CONNECT + LEAVE,
                str(self._address),
                repr(_SWEEP.format(folder=folder, token=self._token)).encode() + b"\n",
            )
        except (subprocess.TimeoutExpired, InputError):
            return False
        return f"@{self._token} removed" in done.stdout

    # ---- what is said

    def begin(self, modules: Sequence[str]) -> dict[str, Any]:
        """Start the far side; what it has: ``folder``, ``user`` and the modules ``found``."""
        program = Path(far_side.__file__).read_text("utf-8") + f"\nmain({self._token!r})\n"
        asked = {"folder": self._address.folder, "modules": list(modules)}
        self._write(repr(program).encode() + b"\n" + json.dumps(asked).encode() + b"\n")
        version = self._version()
        if version < MINIMUM:
            raise InputError(
                f"{self._python} on {self._address} is Python {'.'.join(map(str, version))}; "
                f"lstm-edge needs {'.'.join(map(str, MINIMUM))}: name a newer one with `python`"
            )
        self._state = "starting"
        hello = self._next()
        try:
            folder, user, found = hello["folder"], hello["user"], hello["found"]
            if not all(isinstance(text, str) for text in (user, *found)):
                raise TypeError
            if not _FOLDER.fullmatch(folder) or not _USER.fullmatch(user):
                raise ValueError
        except (KeyError, TypeError, ValueError):
            raise self._foreign(str(hello)) from None
        self._folder = folder
        return hello

    def send(self, files: dict[str, bytes]) -> None:
        """Copy the files into its folder."""
        self._state = "copying to it"
        request = {
            "files": [[name, len(content)] for name, content in files.items()],
            "module": "lstm_edge.devices.board",
            "arguments": ["request.json"],
        }
        self._write(json.dumps(request).encode() + b"\n", *files.values())
        self._next("taken")

    def result(self, progress: Progress) -> Any:
        """The value of the board's result, with its progress shown meanwhile."""
        self._state = "measuring on it"
        shown: dict[Any, tuple[contextlib.ExitStack, Advance]] = {}
        result = None
        with contextlib.ExitStack() as tasks:
            for event in self._events():
                if "failed" in event:
                    raise InputError(f"{self._address}: {_said(event.get('reason'))}")
                if "result" in event:
                    result = event["result"]
                elif "description" in event:
                    if len(shown) == gate.TASKS or not isinstance(event.get("task"), int):
                        raise self._foreign(str(event))
                    stack = tasks.enter_context(contextlib.ExitStack())
                    total = event.get("total")
                    task = progress.task(
                        f"{_said(event['description'])} on {self._address}",
                        total if isinstance(total, int) else None,
                    )
                    shown[event.get("task")] = stack, stack.enter_context(task)
                elif isinstance(event.get("task"), int) and event["task"] in shown:
                    stack, advance = shown[event["task"]]
                    if isinstance(event.get("advance"), int):
                        advance(event["advance"])
                    if "done" in event:
                        stack.close()
                elif "ended" in event:
                    if result is None:
                        raise InputError(
                            f"measuring on {self._address} failed: {_ending(event['ended'])}"
                            f"{_said(event.get('last') or 'no message')}"
                        )
                    return result
        raise self._lost()

    def _write(self, *parts: bytes) -> None:
        assert self._ssh.stdin is not None
        try:
            for part in parts:
                self._ssh.stdin.write(part)
            self._ssh.stdin.flush()
        except BrokenPipeError:
            pass  # it says why, or ssh does

    def _version(self) -> tuple[int, ...]:
        for line in self._lines():  # the first is it
            if version := re.fullmatch(r"(\d{1,5}) (\d{1,5}) (\d{1,5})", line, re.ASCII):
                return tuple(map(int, version.groups()))
            raise self._foreign(line)
        raise self._lost()

    def _next(self, key: str | None = None) -> dict[str, Any]:
        for event in itertools.islice(self._events(), gate.TASKS):
            if event.get("failed") == "folder":
                raise InputError(
                    f"{self._address} cannot make a folder in "
                    f"{self._address.folder or 'its folder for temporary files'}: "
                    f"{_said(event.get('reason'))}; name another at the end of the address: ssh://HOST/FOLDER"
                )
            if event.get("failed") == "files":
                raise InputError(
                    f"{self._address} cannot take the files into {self._folder}: "
                    f"{_said(event.get('reason'))}; "
                    "make room, or name another folder at the end of the address: ssh://HOST/FOLDER"
                )
            if key is None or key in event:
                return event
        raise self._lost()

    def _events(self) -> Iterator[dict[str, Any]]:
        for line in self._lines():
            try:
                event = gate.parse_json(line, "it")
            except InputError as error:
                raise InputError(
                    f"{self._address} sent an answer that is not JSON: "
                    f"{gate.shown(line, 80)!r} ({error})"
                ) from None
            if not isinstance(event, dict):
                raise self._foreign(line)
            yield event

    def _foreign(self, said: str) -> InputError:
        return InputError(
            f"{self._address} sent an answer that is not from lstm-edge: {gate.shown(said, 80)!r}"
        )

    def _lines(self) -> Iterator[str]:
        """Lines that are for us: a login shell may print what it likes."""
        assert self._ssh.stdout is not None
        mark, foreign = f"@{self._token} ".encode(), 0
        while line := self._ssh.stdout.readline(gate.REPLY + 1):
            if line.startswith(mark) and line.endswith(b"\n"):
                yield line[len(mark) :].decode("utf-8", "replace").strip()
                continue
            foreign += max(len(line), 100)
            if foreign > gate.NOISE:
                raise InputError(
                    f"{self._address} prints more than {gate.NOISE:,} bytes that are not an answer: see "
                    f"what its login shell prints: {self._address.by_hand()} true"
                )

    def _lost(self) -> InputError:
        """Why the connection ended, of what ssh and the shell there said."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._ssh.wait(LEAVE)
        text = self._errors.text()
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        said = gate.shown(lines[-1], 300) if lines else "no message"
        address, code = self._address, self._ssh.poll()
        if self._state != "connecting":
            return InputError(f"the connection to {address} was lost while {self._state}: {said}")
        if code == 255:  # ssh's own
            if "Permission denied" in said:
                hint = (
                    "it asks for a password or a key that ssh does not have here, and lstm-edge types "
                    f"none: give it a key with ssh-copy-id, until this works: {address.by_hand()} true"
                )
            elif "Host key verification failed" in text:
                hint = f"ssh does not know its key: connect once by hand: {address.by_hand()}"
            else:
                hint = f"see what this says: {address.by_hand()} true"
            return InputError(f"{address} cannot be reached: {said}; {hint}")
        if code in (126, 127):
            return InputError(
                f"{address} has no {self._python} ({said}): lstm-edge needs Python "
                f"{'.'.join(map(str, MINIMUM))} there; say where it is with `python`"
            )
        return InputError(
            f"{self._python} on {address} did not start (exit code {code}): {said}; lstm-edge needs "
            f"Python {'.'.join(map(str, MINIMUM))} there: say where it is with `python`"
        )


def _said(value: Any) -> str:
    """A sentence from the board, as long as ours are."""
    return gate.shown(str(value), 300)


def _ending(code: Any) -> str:
    """In words, of a process that a signal ended."""
    try:
        return f"{signal.Signals(-code).name}: " if code < 0 else ""
    except (ValueError, TypeError):
        return ""
