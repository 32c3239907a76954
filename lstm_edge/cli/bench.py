"""``lstm-edge bench``, here and on devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import click

from lstm_edge.base.arguments import check_positive
from lstm_edge.cli import shared
from lstm_edge.errors import InputError

if TYPE_CHECKING:
    from lstm_edge.bundle.opening import Bundle
    from lstm_edge.cli.console import Bars
    from lstm_edge.devices.browser.server import Site
    from lstm_edge.inputs.batches import Inputs
    from lstm_edge.results.device import DeviceResult
    from lstm_edge.results.latency import LatencyReport

BENCH_EXAMPLES = 200


@click.command("bench", short_help="Measure latency, start-up and memory, here or on a device.")
@shared.bundle_options
@click.option(
    "--on", "where", metavar="DEVICE", default="local", show_default=True,
    help="local: this machine; browser: what opens the page that is served then; "
    "ssh://[USER@]HOST[:PORT][/FOLDER]: a Linux board with Python, NumPy and a runtime; adb: an Android "
    "device.",
)  # fmt: skip
@shared.data_options("Real texts [default: the bundle's golden vectors].")
@click.option(
    "--limit", type=int, default=BENCH_EXAMPLES, show_default=True, help="At most N inputs."
)
@click.option("--rounds", type=int, default=5, show_default=True, help="Times each input is run.")
@shared.VARIANTS
@shared.THREADS
@click.option(
    "--host", metavar="ADDRESS",
    help="browser: where the page is served; 0.0.0.0 for a phone on the same network "
    "[default: 127.0.0.1].",
)  # fmt: skip
@click.option("--port", type=int, help="browser: its port [default: any free one].")
@click.option("--headless", is_flag=True, help="browser: open it here in Chromium, out of sight.")
@click.option("--browser", metavar="PROGRAM", help="With --headless: the Chromium to take.")
@click.option("--device-name", metavar="NAME", help="browser: what the report calls the device.")
@click.option("--python", metavar="PATH", help="ssh: Python on the board [default: python3].")
@click.option("--serial", metavar="ID", help="adb: which device, of several (adb devices).")
@click.option(
    "--benchmark-model", type=click.Path(path_type=Path), metavar="FILE",
    help="adb: LiteRT's benchmark_model for the device's processor.",
)  # fmt: skip
@shared.JSON
@shared.VERBOSE
def command(
    bundle: Path,
    where: str,
    source: str | None,
    text_column: str | None,
    label_column: str | None,
    limit: int,
    rounds: int,
    variants: Sequence[str],
    threads: int,
    json_file: Path | None,
    verbose: bool,
    **device: Any,
) -> int:
    """Time every variant of BUNDLE, interleaved, on inputs of their own lengths.

    A model without text is timed on the bundle's golden vectors. On a device the answers are also
    checked against the golden vectors.

    \b
    lstm-edge bench bundle
    lstm-edge bench bundle --data aclImdb --limit 500 --threads 2 --json latency.json
    lstm-edge bench bundle --on browser --headless
    lstm-edge bench bundle --on browser --host 0.0.0.0 --json phone.json
    lstm-edge bench bundle --on ssh://pi@board --json board.json
    lstm-edge bench bundle --on adb --benchmark-model benchmark_model --json phone.json
    """
    from lstm_edge.report import tables as report

    check_positive(threads=threads, limit=limit, rounds=rounds)
    kind = _device_kind(where, device)
    opened = shared.open_bundle(bundle)
    shared.refuse(opened, texts={"--data": source}, arrays={})
    inputs = None  # the golden inputs, which a device has itself
    if source is not None:
        dataset = shared.load_data(source, text_column, label_column, verbose)
        inputs = opened.sampled_inputs(dataset, limit)
    how = How(inputs=inputs, limit=limit, variants=variants, threads=threads, rounds=rounds)
    if kind != "local":
        measure, names = _DEVICES[kind]
        with shared.quiet(verbose) as bars:
            result = measure(where, opened, how, bars, **{name: device[name] for name in names})
        return _show_device(result, json_file)
    measured = bench(opened, how, verbose)
    shared.show(report.latency_table(measured))
    shared.write_json(json_file, measured.to_json())
    return shared.DONE


class How(TypedDict):
    """What is timed, and how; the same for every device."""

    inputs: Inputs | None
    limit: int
    variants: Sequence[str]
    threads: int
    rounds: int


def bench(bundle: Bundle, how: How, verbose: bool) -> LatencyReport:
    from lstm_edge.bench.plan import bench as run_bench

    with shared.quiet(verbose) as bars:
        report = run_bench(bundle, **how, progress=bars)
    shared.say_left_out(report.left_out)
    return report


def _device_kind(where: str, options: dict[str, Any]) -> str:
    """``local``, or of :data:`_DEVICES`; options of another device are refused."""
    kind = "ssh" if where.startswith("ssh:") else where
    if kind not in ("local", *_DEVICES) or where == "ssh":
        raise InputError(
            f"--on {where!r} is no device: expected local, browser, ssh://[USER@]HOST[:PORT][/FOLDER] or "
            "adb"
        )
    names = _DEVICES[kind][1] if kind in _DEVICES else ()
    given = [name for name, value in options.items() if value not in (None, False)]
    if foreign := [f"--{name.replace('_', '-')}" for name in given if name not in names]:
        raise InputError(f"{', '.join(foreign)} cannot be used with --on {where}")
    return kind


def _bench_in_browser(
    where: str, bundle: Bundle, how: How, bars: Bars, *,
    host: str | None, port: int | None, headless: bool, browser: str | None, device_name: str | None,
) -> DeviceResult:  # fmt: skip
    from lstm_edge.devices.browser import measuring as browser_bench
    from lstm_edge.devices.browser.server import LOOPBACK

    del where
    if browser is not None and not headless:
        raise InputError("--browser is the program that --headless starts; give that too")

    def announce(site: Site) -> None:
        if not headless:
            for line in shared.invitation(site):
                bars.print(line)

    return browser_bench.bench(
        bundle,
        **how,
        host=host or LOOPBACK,
        port=port or 0,
        headless=headless,
        program=browser,
        name=device_name,
        announce=announce,
        progress=bars,
    )


def _bench_over_ssh(
    where: str, bundle: Bundle, how: How, bars: Bars, *, python: str | None
) -> DeviceResult:
    from lstm_edge.devices import ssh as ssh_bench

    address, python = ssh_bench.Address.parse(where), python or ssh_bench.PYTHON
    return ssh_bench.measure(bundle, address, python=python, **how, progress=bars)


def _bench_over_adb(
    where: str, bundle: Bundle, how: How, bars: Bars, *, benchmark_model: Path | None, **device: Any
) -> DeviceResult:
    from lstm_edge.devices import adb as adb_bench

    del where
    return adb_bench.measure(bundle, benchmark_model, **device, **how, progress=bars)


# what of --on -> how it is measured there, and the options that only it has
_DEVICES: dict[str, tuple[Callable[..., DeviceResult], tuple[str, ...]]] = {
    "browser": (_bench_in_browser, ("host", "port", "headless", "browser", "device_name")),
    "ssh": (_bench_over_ssh, ("python",)),
    "adb": (_bench_over_adb, ("serial", "benchmark_model")),
}


def _show_device(result: DeviceResult, json_file: Path | None) -> int:
    from lstm_edge.report import tables as report

    try:  # it may have taken long: what goes wrong in one of the two spares the other
        shared.write_json(json_file, result.to_json())
    finally:
        shared.say(f"On {result.device}\n")
        if result.parity is not None:
            shared.show(report.parity_table(result.parity))
        if result.latency is not None:
            shared.show(report.latency_table(result.latency))
        for note in report.device_notes(result):
            shared.say(f"- {note}")
    return shared.exit_code(() if result.parity is None else result.parity.reports)
