"""Run a bundle's TFLite files on an Android device with LiteRT's benchmark_model, over the system's adb.

benchmark_model prints a summary of its runs. With one run in a process the summary is that run's time,
so every (round, input, file) is a process of its own: load, warm up, one timed run. It also writes the
outputs of its last run to a file, which are held against the golden vectors.

What it takes and prints is in LiteRT's sources: tflite/tools/benchmark/benchmark_model.cc and
benchmark_tflite_model.cc, and ``Stat::OutputToStream`` in TensorFlow's util/stats_calculator.h.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from lstm_edge import __version__
from lstm_edge.base import gate, temporary
from lstm_edge.base.arguments import check_positive
from lstm_edge.base.arrays import Array, Arrays
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.bench.timing import STARTS, STEPS, UNSTABLE, WARM_UP
from lstm_edge.bundle.manifest import VariantInfo
from lstm_edge.bundle.opening import Bundle
from lstm_edge.errors import InputError
from lstm_edge.inputs.batches import ANSWERS, GOLDEN_DATA, Batch, Inputs
from lstm_edge.results.device import DeviceResult
from lstm_edge.results.latency import LatencyReport, Start, Timing
from lstm_edge.results.parity import ParityReport
from lstm_edge.runtimes.contract import Port, Runtime
from lstm_edge.runtimes.runners import Runner
from lstm_edge.verify.comparing import edge_check, structure_checks
from lstm_edge.verify.measuring import comparison_of
from lstm_edge.verify.verifying import run_of

RUNTIME = "LiteRT benchmark_model"
KINDS = ("tflite", "tflite-litert-js")  # files that the Interpreter runs by themselves
_SKIPPED = {
    "tflite-stream": "a step model of texts takes word by word, which is not measured over adb"
}
_OTHER = "benchmark_model runs the TFLite files that LiteRT's Interpreter takes"
PLACE = "/data/local/tmp"  # where adb's shell may write and execute
PATIENCE = 60  # seconds for an answer of the device that is not a measurement
# ELF's e_machine -> the names that Android has for that processor
_MACHINES = {3: "x86", 40: "armeabi-v7a", 62: "x86_64", 183: "arm64-v8a"}
_STATES = {
    "unauthorized": "has not allowed this computer yet: unlock it and confirm the question on its screen",
    "offline": "does not answer (offline): plug it in again, or adb reconnect",
    "no permissions": "may not be opened by this user: add the udev rules for Android devices",
}
_ASKED = {
    "maker": "getprop ro.product.manufacturer",
    "model": "getprop ro.product.model",
    "release": "getprop ro.build.version.release",
    "sdk": "getprop ro.build.version.sdk",
    "abis": "getprop ro.product.cpu.abilist",
    "soc": "getprop ro.soc.model",
    "platform": "getprop ro.board.platform",
    "cores": "nproc",
    "memory": "cat /proc/meminfo",
    "governor": "cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
}


# ---- what benchmark_model prints


@dataclass(frozen=True)
class Summary:
    """What one process of benchmark_model says.

    Attributes:
        init_us: loading the file and preparing the interpreter, microseconds.
        first_us: the first run of the warm-up.
        run_us: the one run after the warm-up; None where it made more than one: their times are not told.
        peak_mib: peak resident memory of the process; None: not asked for, or not known there.
    """

    init_us: int
    first_us: int
    run_us: int | None
    peak_mib: float | None

    @classmethod
    def parse(cls, text: str) -> Summary:
        """Of standard output and error together.

        Raises:
            ValueError: a line is missing, or two of them contradict each other.
        """
        counts = re.findall(r"\bcount=(\d{1,15})(?: first=\d+)? curr=(\d{1,15})\b", text, re.ASCII)
        timings = re.search(
            r"Inference timings in us: Init: (\d{1,15}), First inference: (\d{1,15}), "
            r"Warmup \(avg\): ([\d.e+]{1,30}), Inference \(avg\): ([\d.e+]{1,30})",
            text,
            re.ASCII,
        )
        if timings is None or len(counts) != 2:
            raise ValueError("no timings in what it printed")
        init, first, _, average = timings.groups()
        (_, _), (count, last) = counts
        run = int(last) if int(count) == 1 else None
        # the average of one run is that run, in six digits
        if run is not None and abs(float(average) - run) > 1e-5 * run + 0.5:
            raise ValueError(f"one run of {run} µs, and an average of {average}")
        peak = re.search(
            r"Overall peak memory footprint \(MB\) via periodic monitoring: ([\d.]{1,30})\b",
            text,
            re.ASCII,
        )
        return cls(int(init), int(first), run, None if peak is None else float(peak[1]))


# ---- the device


@dataclass(frozen=True)
class _Described:
    """What the device says of itself."""

    name: str
    abis: tuple[str, ...]
    machine: dict[str, Any]


class Adb:
    """The system's adb, and one device.

    Raises:
        InputError: no adb, no device, several and no ``serial``, or one that does not take commands.
    """

    def __init__(self, serial: str | None) -> None:
        if shutil.which("adb") is None:
            raise InputError(
                "the program adb is not installed here; install it (adb on Debian, platform-tools of the "
                "Android SDK elsewhere)"
            )
        self._began = not _listening()
        self.serial: str | None = None
        try:
            self.serial = self._choose(serial)
        except BaseException:
            self.close()
            raise

    def _choose(self, serial: str | None) -> str:
        listed = self.run("devices").stdout.partition("List of devices attached")[2]
        lines = (line.partition("\t") for line in listed.splitlines() if "\t" in line)
        states = {name: state.strip() for name, _, state in lines}
        if not states:
            raise InputError(
                "no Android device is attached: plug one in with USB debugging on, or adb connect it; "
                "adb devices lists those that are"
            )
        names = ", ".join(states)
        if serial is None and len(states) > 1:
            raise InputError(f"several Android devices are attached: choose with `serial`: {names}")
        serial = serial or next(iter(states))
        if serial not in states:
            raise InputError(f"no Android device {serial} is attached; there is {names}")
        state = states[serial]
        for beginning, why in _STATES.items():
            if state.startswith(beginning):
                raise InputError(f"the Android device {serial} {why}")
        if state != "device":
            raise InputError(
                f"the Android device {serial} is in state {state!r}: start Android on it"
            )
        return serial

    def command(self, *arguments: str) -> list[str]:
        return ["adb", *(("-s", self.serial) if self.serial else ()), *arguments]

    def run(self, *arguments: str, patience: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """An adb command; its own failure is an InputError, that of a shell command is not."""
        try:
            done = subprocess.run(
                self.command(*arguments),
                capture_output=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=patience,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise InputError(
                f"adb {arguments[0]} does not come back after {patience:.0f} s: plug the device in again"
            ) from None
        if done.returncode and arguments[0] != "shell":
            raise InputError(f"adb {arguments[0]} failed: {_last(done.stdout + done.stderr)}")
        return done

    def shell(self, script: str) -> str:
        """What a script prints; it must get to its end.

        Raises:
            InputError: it did not, or adb could not run it.
        """
        mark = f"@{secrets.token_hex(8)}"
        done = self.run("shell", f"{{ {script}\n}} 2>&1; echo {mark} $?")
        text = done.stdout.replace("\r", "")
        said, marked, code = text.rpartition(mark)
        if not marked:
            raise InputError(f"adb shell failed: {_last(done.stdout + done.stderr)}")
        if code.strip() != "0":
            raise InputError(f"the device cannot do it: {_last(said)}")
        return said

    def describe(self) -> _Described:
        mark = secrets.token_hex(4)
        script = "\n".join(
            f"echo; echo {mark} {key}; {ask} 2>/dev/null" for key, ask in _ASKED.items()
        )
        answers = dict.fromkeys(_ASKED, "")
        for part in self.shell(f"{script}\ntrue").split(f"{mark} ")[1:]:
            key, _, value = part.partition("\n")
            if key.strip() in answers:
                kept = value.strip()
                answers[key.strip()] = kept if key.strip() == "memory" else gate.shown(kept)
        memory = re.search(r"MemTotal:\s+(\d{1,15})\b", answers["memory"], re.ASCII)
        model, release = (
            answers["model"] or "Android device",
            answers["release"] or "version not known",
        )
        maker = answers["maker"]
        name = model if model.lower().startswith(maker.lower()) else f"{maker} {model}"
        return _Described(
            f"{name.strip()}, Android {release}",
            tuple(answers["abis"].split(",")) if answers["abis"] else (),
            {
                "cpu": answers["soc"] or answers["platform"] or None,
                "cores": int(answers["cores"])
                if re.fullmatch("[0-9]{1,6}", answers["cores"])
                else None,
                "memory_gib": round(int(memory[1]) / 2**20, 1) if memory else None,
                "governor": answers["governor"] or None,
                "system": f"Android {release} (SDK {answers['sdk'] or 'not known'})",
                "python": None,
                "versions": {"lstm-edge": __version__},
            },
        )

    def close(self) -> None:
        """Stop adb's server where it was not running before."""
        if self._began:
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(["adb", "kill-server"], capture_output=True, timeout=PATIENCE)


def _listening() -> bool:
    """Whether adb's server runs already."""
    port = os.environ.get("ANDROID_ADB_SERVER_PORT", "5037")
    try:
        with socket.create_connection(("127.0.0.1", int(port)), 1):
            return True
    except (OSError, ValueError, OverflowError):
        return False


# ---- what is run there


@dataclass(frozen=True)
class _Call:
    """One process of benchmark_model: a file's number, its inputs, and what it is for.

    Attributes:
        purpose: ``parity``, ``start``, ``memory`` or ``time``.
        round, place: of the timed runs; ``place`` also of the parity cases.
        files: names of files with its inputs, in the graph's order, and their shapes.
    """

    variant: int
    purpose: str
    round: int
    place: int
    files: tuple[tuple[str, tuple[int, ...]], ...]

    def flags(self, threads: int) -> list[str]:
        runs = {"parity": (1, 1), "start": (1, 1), "memory": (1, WARM_UP), "time": (WARM_UP, 1)}
        warm, timed = runs[self.purpose]
        names = [f"in{i}" for i in range(len(self.files))]
        shapes = [",".join(map(str, shape)) for _, shape in self.files]
        values = [f"{name}:{file}" for name, (file, _) in zip(names, self.files, strict=True)]
        flags = [
            f"--graph=variant{self.variant}.tflite",
            f"--num_threads={threads}",
            f"--warmup_runs={warm}",
            f"--num_runs={timed}",
            "--warmup_min_secs=0",
            "--min_secs=0",
            f"--input_layer={','.join(names)}",
            f"--input_layer_shape={':'.join(shapes)}",
            f"--input_layer_value_files={','.join(values)}",
        ]
        if self.purpose == "parity":
            flags.append(f"--output_filepath=out/{self.variant}.{self.place}")
        elif self.purpose == "memory":
            flags += [
                "--report_peak_memory_footprint=true",
                "--memory_footprint_check_interval_ms=5",
            ]
        return flags


_SCRIPT = """
cd "${{0%/*}}" || exit 1
echo $$ > pid
mkdir out
call() {{
  number=$1
  eval "dead=\\$dead$2"
  [ -n "$dead" ] && return
  variant=$2
  shift 2
  ./benchmark_model "$@" > log 2>&1 < /dev/null &
  echo $! > child
  wait $!
  code=$?
  echo "@{token} begin $number"
  cat log
  echo
  echo "@{token} end $code"
  [ $code = 0 ] || eval "dead$variant=1"
}}
{calls}
echo "@{token} done"
"""


# A run that was killed leaves its folder. One that still runs has its script's process, or copies files,
# for which adb has ten minutes.
_TIDY = f"""
for old in {PLACE}/lstm-edge-*; do
  [ -d "$old" ] || continue
  [ -f "$old/pid" ] && kill -0 "$(cat "$old/pid")" 2>/dev/null && continue
  [ -z "$(find "$old" -mmin -{10 * PATIENCE // 60 + 1} 2>&1)" ] && rm -rf "$old"
done
true"""


class _SizeError(ValueError):
    """Outputs of another size than the reference's."""


def _numbers(content: bytes, count: int, begin: int = 0, dtype: str = "float32") -> Array:
    try:
        return np.frombuffer(content, dtype, count, begin)
    except ValueError as error:
        raise _SizeError from error


class _Absent(Runtime):
    """A file that is run elsewhere: what it takes and gives is what the manifest says."""

    runtime = RUNTIME
    batch = 1

    def __init__(self, path: Path, info: VariantInfo) -> None:
        self._info = info
        super().__init__(path)

    def load(self) -> None:
        self.inputs, self.outputs = map(_ports, (self._info.inputs, self._info.outputs))

    def call(self, arrays: Arrays) -> Arrays:
        raise ValueError(f"{self.path.name} is run on the device")


def _ports(ends: Sequence[Mapping[str, Any]]) -> tuple[Port, ...]:
    return tuple(
        Port(e["name"], e["dtype"], tuple(None if n < 0 else n for n in e["shape"])) for e in ends
    )


class _Plan:
    """What is run of a bundle, how often, and what is made of the outputs."""

    def __init__(
        self,
        bundle: Bundle,
        sent: Sequence[VariantInfo],
        inputs: Inputs,
        threads: int,
        rounds: int,
    ) -> None:
        self.bundle, self.sent, self.inputs = bundle, sent, inputs
        self.threads, self.rounds = threads, rounds
        self.lengths = bundle.lengths(inputs)
        self._batches, self._golden = bundle.golden_batches(), bundle.edge_cases()

    def _runner(self, info: VariantInfo) -> Runner:
        return self.bundle.runner_over(info, _Absent(self.bundle.path / info.file, info))

    def timed(self, info: VariantInfo) -> list[list[Array]]:
        """Arrays of each timed input, in the graph's order."""
        return self._calls(info, self.inputs)

    def longest(self, info: VariantInfo) -> list[Array]:
        """Arrays for a first run."""
        return _in_order(info, self._runner(info).first_inputs(STEPS))

    def cases(self, info: VariantInfo) -> list[list[Array]]:
        """Arrays of each parity case; none of a stream, which answers in more than one call."""
        if self.bundle.streams:
            return []
        edge = () if self._golden is None else self._golden.edge_ids
        return self._calls(
            info,
            Inputs(
                [ids for batch in self._batches for ids in batch.sequences] + [*edge],
                arrays=[
                    batch.part([row]).inputs
                    for batch in self._batches
                    for row in range(len(batch) if batch.inputs else 0)
                ],
            ),
        )

    def _calls(self, info: VariantInfo, inputs: Inputs) -> list[list[Array]]:
        runner = self._runner(info)
        return [_in_order(info, runner.one_call(inputs, at)) for at in range(len(inputs))]

    def compare(self, info: VariantInfo, answers: Sequence[bytes]) -> ParityReport:
        """Judge the outputs of the cases."""
        comparison = comparison_of(self._runner(info), info.name, info.tolerance, self._batches)
        contents = iter(answers)
        for batch in self._batches:
            rows = [_outputs_of(info, batch, next(contents)) for _ in range(len(batch))]
            comparison.add(
                batch, {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
            )
        checks = comparison.closing_checks()
        if self._golden is not None:
            reference = self._golden.edge_outputs
            edge = np.stack([_numbers(content, reference.shape[1]) for content in contents])
            checks.append(edge_check(edge, reference, info.tolerance))
        return comparison.report([*checks, *structure_checks(info.problems, info.lowering)])


def _in_order(info: VariantInfo, arrays: Arrays) -> list[Array]:
    return [arrays[end["name"]] for end in info.inputs]


def _outputs_of(info: VariantInfo, batch: Batch, content: bytes) -> Arrays:
    """The outputs of one call, of which the first example is the one that was asked for."""
    outputs, begin = dict[str, Array](), 0
    for end in info.outputs:
        name = end["name"] if end["name"] in batch.outputs else ANSWERS
        shape = (info.batch or 1, *batch.outputs[name].shape[1:])
        values = _numbers(content, int(np.prod(shape)), begin, end["dtype"])
        outputs[name] = values.reshape(shape)[:1]
        begin += values.nbytes
    return outputs


# ---- the measurement


def measure(
    bundle: Bundle,
    benchmark_model: Path | None,
    *,
    serial: str | None = None,
    inputs: Inputs | None = None,
    limit: int | None = None,
    variants: Sequence[str] = (),
    threads: int = 1,
    rounds: int = 5,
    progress: Progress = SILENT,
) -> DeviceResult:
    """Measure a bundle's TFLite files on an Android device.

    Args:
        benchmark_model: LiteRT's program of that name, built for the device's processor.
        serial: which device, where several are attached.
        inputs, limit, variants, threads, rounds: see :func:`lstm_edge.bench.plan.bench`; each timing
            is a process of its own.

    Raises:
        BundleError: no such variant.
        InputError: what is missing, and what to do.
        KeyboardInterrupt: with a sentence, where something may have been left on the device.
    """
    chosen = bundle.chosen(variants)
    skipped = {
        info.name: _SKIPPED.get(info.kind, _OTHER) for info in chosen if info.kind not in KINDS
    }
    sent = [info for info in chosen if info.name not in skipped]
    if not sent:
        why = "; ".join(f"{name}: {why}" for name, why in skipped.items())
        raise InputError(
            f"bundle {bundle.path} has nothing to measure over adb; export TFLite files. {why}"
        )
    program = _program(benchmark_model)
    check_positive(rounds=rounds)
    if inputs is None:
        inputs = bundle.golden_inputs(limit)
    plan = _Plan(bundle, sent, inputs, threads, rounds)
    adb = Adb(serial)
    try:
        described = adb.describe()
        _check_program(program, described)
        outcome = _run(adb, described.name, program, plan, progress)
    finally:
        adb.close()
    return _result(described, plan, outcome, skipped)


def _program(path: Path | None) -> Path:
    if path is None:
        raise InputError(
            "LiteRT's benchmark_model is run on the device: give the one for its processor with "
            "`benchmark_model` (tflite/tools/benchmark in LiteRT's sources)"
        )
    if not path.is_file():
        raise InputError(f"`benchmark_model={path}` is not there, or not a file")
    return path


def _check_program(path: Path, device: _Described) -> None:
    """Refuse what is for another processor; what is no ELF file the device itself judges."""
    with path.open("rb") as file:
        head = file.read(20)
    if head[:4] == b"\x7fELF" and device.abis:
        machine = _MACHINES.get(int.from_bytes(head[18:20], "little"), "another processor")
        if machine not in device.abis:
            raise InputError(
                f"{path} is for {machine}; {device.name} runs {', '.join(device.abis)}: give the "
                "benchmark_model for that"
            )


@dataclass(frozen=True)
class _Outcome:
    """What came back: summaries by call, outputs by (variant, case), and why a variant failed."""

    summaries: Mapping[_Call, Summary]
    outputs: Mapping[tuple[int, int], bytes]
    failed: Mapping[int, str]
    notes: tuple[str, ...]


def _calls(plan: _Plan, folder: Path) -> list[_Call]:
    """All processes in their order, with their inputs written to ``folder``; timed ones interleaved."""
    calls, timed = list[_Call](), list[list[_Call]]()

    def call(number: int, purpose: str, place: int, arrays: Sequence[Array]) -> _Call:
        files = []
        for at, array in enumerate(arrays):
            name = f"{number}.{purpose}.{place}.{at}"
            (folder / name).write_bytes(np.ascontiguousarray(array).tobytes())
            files.append((name, tuple(array.shape)))
        return _Call(number, purpose, 0, place, tuple(files))

    for number, info in enumerate(plan.sent):
        first = call(number, "start", 0, plan.longest(info))
        calls += [_Call(number, "start", i, 0, first.files) for i in range(STARTS)]
        calls.append(_Call(number, "memory", 0, 0, first.files))
        calls += [call(number, "parity", i, case) for i, case in enumerate(plan.cases(info))]
        timed.append([call(number, "time", i, arrays) for i, arrays in enumerate(plan.timed(info))])
    for turn in range(plan.rounds):
        for place in range(len(timed[0])):
            shift = (turn + place) % len(timed)
            for row in timed[shift:] + timed[:shift]:
                calls.append(_Call(row[place].variant, "time", turn, place, row[place].files))
    return calls


def _run(adb: Adb, device: str, program: Path, plan: _Plan, progress: Progress) -> _Outcome:
    """Push, run, pull; the device's folder is removed whatever happens."""
    token = secrets.token_hex(8)
    folder = f"{PLACE}/lstm-edge-{token}"
    with temporary.scratch() as work:
        stage = work / "stage"
        stage.mkdir()
        calls = _calls(plan, stage)
        shutil.copyfile(program, stage / "benchmark_model")
        for number, info in enumerate(plan.sent):
            shutil.copyfile(plan.bundle.path / info.file, stage / f"variant{number}.tflite")
        lines = [
            f"call {i} {call.variant} {shlex.join(call.flags(plan.threads))}"
            for i, call in enumerate(calls)
        ]
        script = _SCRIPT.format(token=token, calls="\n".join(lines))
        (stage / "run.sh").write_text(script, encoding="utf-8", newline="\n")
        with _folder(adb, folder) as notes:
            with progress.task(f"Copying to {device}", None):
                adb.run("push", f"{stage}/.", f"{folder}/", patience=10 * PATIENCE)
                adb.shell(f"chmod 755 {folder}/benchmark_model")
            summaries, failed = _follow(adb, device, folder, token, calls, progress)
            all_failed = len(failed) == len(plan.sent)
            outputs = {} if all_failed else _outputs(adb, folder, work, calls)
    return _Outcome(summaries, outputs, failed, tuple(notes))


@contextlib.contextmanager
def _folder(adb: Adb, folder: str) -> Iterator[list[str]]:
    """A folder on the device for the block; what runs in it ends with it.

    The list gets a sentence where it could not be removed; an error says that by itself.
    """
    adb.shell(_TIDY)
    adb.shell(f"mkdir {folder}")
    notes: list[str] = []
    try:
        yield notes
    except (InputError, KeyboardInterrupt) as error:
        if left := _removed(adb, folder):
            text = f"{error}; {left}" if error.args and str(error) else left
            raise type(error)(text) from None
        raise
    except BaseException:
        _removed(adb, folder)
        raise
    else:
        if left := _removed(adb, folder):
            notes.append(left)


def _removed(adb: Adb, folder: str) -> str:
    """Remove the folder; a sentence if that cannot be done."""
    try:
        adb.shell(
            f"[ -f {folder}/pid ] && kill $(cat {folder}/pid {folder}/child) 2>/dev/null\n"
            f"rm -rf {folder}\n[ ! -e {folder} ]"
        )
    except InputError:
        return f"its folder {folder} may be left on it: adb shell rm -r {folder}"
    return ""


def _follow(
    adb: Adb, device: str, folder: str, token: str, calls: Sequence[_Call], progress: Progress
) -> tuple[dict[_Call, Summary], dict[int, str]]:
    """Run the script there, and read what it says as it comes."""
    summaries, failed = dict[_Call, Summary](), dict[int, str]()
    number: int | None = None
    text: list[str] = []
    ended = False
    last = "no message"
    process = subprocess.Popen(
        adb.command("shell", f"sh {folder}/run.sh 2>&1"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C is ours to pass on
    )
    try:
        assert process.stdout is not None
        with progress.task(f"Measuring on {device}", len(calls)) as advance:
            held = 0
            while line := process.stdout.readline(gate.REPLY + 1):
                held += len(line)
                if held > gate.REPLY:
                    raise InputError(
                        f"{device} prints more than {gate.REPLY:,} characters in one run of "
                        "benchmark_model: that is not what it prints"
                    )
                line = line.rstrip("\r\n")
                begin = re.fullmatch(rf"@{token} begin ([0-9]{{1,9}})", line)
                end = re.fullmatch(rf"@{token} end ([0-9]{{1,9}})", line)
                if begin and int(begin[1]) < len(calls):
                    number, text, held = int(begin[1]), [], 0
                elif end and number is not None:
                    call = calls[number]
                    try:
                        if end[1] != "0":
                            raise ValueError(f"exit code {end[1]}")
                        summary = Summary.parse("\n".join(text))
                        if call.purpose == "time" and summary.run_us is None:
                            raise ValueError("it made more runs than the one it was asked for")
                        summaries[call] = summary
                    except ValueError as error:
                        failed.setdefault(call.variant, f"{error}: {_last(chr(10).join(text))}")
                        if end[1] in ("126", "127"):
                            raise InputError(
                                f"{device} cannot execute benchmark_model: {_last(chr(10).join(text))}; "
                                "give the one for its processor with `benchmark_model`"
                            ) from None
                    number = None
                    advance(1)
                elif line == f"@{token} done":
                    ended = True
                elif number is None:
                    last = line.strip() or last
                else:
                    text.append(line)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
    told = all(call in summaries or call.variant in failed for call in calls)
    if not ended or not told:
        raise InputError(f"the connection to {device} was lost while measuring on it: {last}")
    return summaries, failed


def _outputs(
    adb: Adb, folder: str, work: Path, calls: Sequence[_Call]
) -> dict[tuple[int, int], bytes]:
    """The outputs that benchmark_model wrote, as many as there are."""
    adb.run("pull", f"{folder}/out", str(work), patience=10 * PATIENCE)
    outputs = {}
    for call in calls:
        path = work / "out" / f"{call.variant}.{call.place}"
        if call.purpose == "parity" and path.is_file():
            outputs[call.variant, call.place] = path.read_bytes()
    return outputs


def _result(
    device: _Described, plan: _Plan, outcome: _Outcome, skipped: dict[str, str]
) -> DeviceResult:
    bundle = plan.bundle
    skipped = {**skipped, **{plan.sent[i].name: why for i, why in outcome.failed.items()}}
    good = {i: info for i, info in enumerate(plan.sent) if i not in outcome.failed}
    if not good:
        why = "; ".join(f"{name}: {why}" for name, why in skipped.items())
        raise InputError(f"{device.name} can run none of these variants: {why}")
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    timings = tuple(_timing(i, plan, outcome.summaries) for i in good)
    latency = LatencyReport(
        device=device.name,
        machine=device.machine,
        measured_at=when,
        threads=plan.threads,
        lengths=plan.lengths,
        tokenise_ms=None,
        timings=timings,
        unstable=tuple(t.variant for t in timings if t.spread() > UNSTABLE),
        data=plan.inputs.source,
        unit=bundle.unit,
    )
    notes = [
        f"each time is one run of benchmark_model in a process of its own, after {WARM_UP} to warm up",
        *outcome.notes,
    ]
    reports = []
    for i, info in good.items():
        count = len(plan.cases(info))
        answers = [outcome.outputs.get((i, place)) for place in range(count)]
        if not count:
            notes.append("parity is not measured over adb: a stream answers in more than one call")
        elif any(a is None for a in answers):
            notes.append(
                f"parity of {info.name} is not measured: this benchmark_model does not write outputs "
                "(--output_filepath)"
            )
        else:
            try:
                reports.append(plan.compare(info, [a for a in answers if a is not None]))
            except _SizeError:
                notes.append(
                    f"parity of {info.name} is not measured: its outputs have another size"
                )
    run = run_of(bundle, GOLDEN_DATA, bundle.golden_file, reports, latency)
    unique = tuple(dict.fromkeys(notes))
    return DeviceResult(device.name, run if reports else None, latency, skipped, unique)


def _timing(number: int, plan: _Plan, summaries: Mapping[_Call, Summary]) -> Timing:
    info = plan.sent[number]
    times, starts, peaks = dict[tuple[int, int], float](), [], []
    for call, summary in summaries.items():
        if call.variant != number:
            continue
        if call.purpose == "time" and summary.run_us is not None:
            times[call.round, call.place] = summary.run_us / 1e3
        elif call.purpose == "start":
            starts.append(summary)
        elif call.purpose == "memory" and summary.peak_mib is not None:
            peaks.append(summary.peak_mib)
    return Timing(
        info.name,
        RUNTIME,
        info.bytes,
        info.sha256,
        tuple(tuple(times[r, i] for i in range(len(plan.lengths))) for r in range(plan.rounds)),
        (),
        Start(
            None,  # a program of its own, with the runtime in it
            median(s.init_us for s in starts) / 1e3,
            median(s.first_us for s in starts) / 1e3,
            peaks[0] if peaks else None,
        ),
        None,
    )


def _last(text: str) -> str:
    lines = [line.strip() for line in text.replace("\r", "").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no message"
