"""What stands in for an Android device: adb's protocol over TCP, with this machine's shell behind it.

There is no Android here. The real adb connects to it, pushes, pulls and runs commands, so that everything
on this side of the cable is tested; the device itself is not. The protocol is in adb's sources:
protocol.txt, SYNC.TXT and shell_protocol.h.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import threading
from pathlib import Path

PLACE = "/data/local/tmp"  # on the device; a folder here
ID_OUT, ID_EXIT = 1, 3
MOST = 64 * 1024
PROPERTIES = {
    "ro.product.manufacturer": "Nobody",
    "ro.product.model": "Stand-in 1",
    "ro.build.version.release": "14",
    "ro.build.version.sdk": "34",
    "ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a,armeabi",
    "ro.soc.model": "Made-up SoC",
}


class Device:
    """One device at ``127.0.0.1:port``.

    Args:
        folder: its files.
        authorized: False: it never lets a computer in.
    """

    def __init__(self, folder: Path, authorized: bool = True) -> None:
        self.place, self.authorized = folder / "tmp", authorized
        self.place.mkdir(parents=True)
        self._tools = folder / "bin"
        self._tools.mkdir()
        self.set_property()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._children: list[subprocess.Popen[bytes]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def serial(self) -> str:
        return f"127.0.0.1:{self.port}"

    def set_property(self, **changed: str) -> None:
        """``getprop`` of the device."""
        known = {**PROPERTIES, **{key.replace("_", "."): value for key, value in changed.items()}}
        cases = "".join(f"{name}) echo '{value}';;\n" for name, value in known.items())
        program = self._tools / "getprop"
        program.write_text(f"#!/bin/sh\ncase $1 in\n{cases}esac\n")
        program.chmod(0o755)

    def unplug(self) -> None:
        """The cable is pulled: adb sees it go, and what runs on the device has nobody to talk to."""
        self._listening.close()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def running(self) -> list[int]:
        """Processes that a command on the device began, and that are still there."""
        sessions = {child.pid for child in self._children}
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                state, _, _, session = stat.read_text().rpartition(")")[2].split()[:4]
                if int(session) in sessions and state != "Z":
                    found.append(int(stat.parent.name))
        return found

    def close(self) -> None:
        self.unplug()
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    # ---- adb's packets

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._sockets.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError):
            _Connection(self, connection).serve()
        connection.close()

    def shell(self, command: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            ["sh", "-c", command.replace(PLACE, str(self.place))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": f"{self._tools}:{os.environ['PATH']}"},
            start_new_session=True,
        )
        self._children.append(child)
        return child

    def path(self, name: str) -> Path:
        return Path(name.replace(PLACE, str(self.place)))


class _Connection:
    def __init__(self, device: Device, connection: socket.socket) -> None:
        self._device, self._socket = device, connection
        self._lock = threading.Lock()
        self._streams: dict[int, _Stream] = {}

    def serve(self) -> None:
        while True:
            command, first, second, data = self._read()
            if command == b"CNXN":
                if self._device.authorized:
                    banner = b"device::ro.product.name=none;ro.product.model=Stand-in 1;"
                    self.send(b"CNXN", 0x01000000, MOST, banner + b"features=shell_v2,cmd")
                else:
                    self.send(b"AUTH", 1, 0, os.urandom(20))
            elif command == b"AUTH":  # a signature, or a key to ask the user about
                if second == 0 and first == 2:
                    self.send(b"AUTH", 1, 0, os.urandom(20))
            elif command == b"OPEN":
                stream = _Stream(self, self._device, 100 + len(self._streams), first)
                self._streams[first] = stream
                self.send(b"OKAY", stream.ours, first)
                stream.begin(data.rstrip(b"\0").decode())
            elif command == b"OKAY" and first in self._streams:
                self._streams[first].ready.release()
            elif command == b"WRTE" and first in self._streams:
                self.send(b"OKAY", self._streams[first].ours, first)
                self._streams[first].given(data)
            elif command == b"CLSE" and first in self._streams:
                self._streams[first].ready.release()

    def _read(self) -> tuple[bytes, int, int, bytes]:
        head = self._exactly(24)
        command, first, second, size, _, _ = struct.unpack("<4sIIIII", head)
        return command, first, second, self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self._socket.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def send(self, command: bytes, first: int, second: int, data: bytes = b"") -> None:
        magic = struct.unpack("<I", command)[0] ^ 0xFFFFFFFF
        head = struct.pack("<4sIIIII", command, first, second, len(data), sum(data), magic)
        with self._lock:
            self._socket.sendall(head + data)


class _Stream:
    """One service: a shell command, or files."""

    def __init__(self, link: _Connection, device: Device, ours: int, theirs: int) -> None:
        self._link, self._device, self.ours, self._theirs = link, device, ours, theirs
        self.ready = threading.Semaphore(0)
        self._input = bytearray()
        self._more = threading.Condition()

    def begin(self, service: str) -> None:
        kind, _, rest = service.partition(":")
        if kind.startswith("shell"):
            work, argument = (self._shell_v2 if ",v2" in kind else self._shell), rest
        else:
            work, argument = self._sync, ""
        threading.Thread(target=self._run, args=(work, argument), daemon=True).start()

    def _run(self, work: object, argument: str) -> None:
        with contextlib.suppress(OSError, EOFError):
            work(argument)  # type: ignore[operator]
            self._link.send(b"CLSE", self.ours, self._theirs)

    def given(self, data: bytes) -> None:
        with self._more:
            self._input += data
            self._more.notify()

    def _take(self, size: int) -> bytes:
        with self._more:
            while len(self._input) < size:
                self._more.wait()
            data = bytes(self._input[:size])
            del self._input[:size]
            return data

    def _write(self, data: bytes) -> None:
        for begin in range(0, len(data), MOST):
            self._link.send(b"WRTE", self.ours, self._theirs, data[begin : begin + MOST])
            self.ready.acquire()

    # ---- services

    def _shell(self, command: str) -> None:
        child = self._device.shell(command)
        assert child.stdout is not None
        while data := child.stdout.read1(4096):  # type: ignore[attr-defined]
            self._write(data)
        child.wait()

    def _shell_v2(self, command: str) -> None:
        child = self._device.shell(command)
        assert child.stdout is not None
        while data := child.stdout.read1(4096):  # type: ignore[attr-defined]
            self._write(struct.pack("<BI", ID_OUT, len(data)) + data)
        self._write(struct.pack("<BIB", ID_EXIT, 1, child.wait() & 0xFF))

    def _sync(self, _: str) -> None:
        while True:
            command, size = struct.unpack("<4sI", self._take(8))
            argument = self._take(size).decode() if command != b"QUIT" else ""
            if command == b"QUIT":
                return
            if command in (b"STAT", b"LIST", b"RECV"):
                getattr(self, f"_{command.decode().lower()}")(self._device.path(argument))
            elif command == b"SEND":
                name, _, mode = argument.rpartition(",")
                self._receive(self._device.path(name), int(mode))

    def _stat(self, path: Path) -> None:
        try:
            found = path.stat()
            numbers = (found.st_mode, found.st_size & 0xFFFFFFFF, int(found.st_mtime))
        except OSError:
            numbers = (0, 0, 0)
        self._write(struct.pack("<4sIII", b"STAT", *numbers))

    def _list(self, path: Path) -> None:
        for one in sorted(path.iterdir()):
            found, name = one.stat(), one.name.encode()
            head = (found.st_mode, found.st_size, int(found.st_mtime), len(name))
            self._write(struct.pack("<4sIIII", b"DENT", *head) + name)
        self._write(struct.pack("<4sIIII", b"DONE", 0, 0, 0, 0))

    def _recv(self, path: Path) -> None:
        content = path.read_bytes()
        for begin in range(0, len(content), MOST - 8):
            piece = content[begin : begin + MOST - 8]
            self._write(struct.pack("<4sI", b"DATA", len(piece)) + piece)
        self._write(struct.pack("<4sI", b"DONE", 0))

    def _receive(self, path: Path, mode: int) -> None:
        problem, content = "", bytearray()
        while True:
            kind, size = struct.unpack("<4sI", self._take(8))
            if kind == b"DONE":
                break
            content += self._take(size)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(mode & 0o777)
        except OSError as error:
            problem = str(error.strerror)
        if problem:
            self._write(struct.pack("<4sI", b"FAIL", len(problem)) + problem.encode())
        else:
            self._write(struct.pack("<4sI", b"OKAY", 0))
