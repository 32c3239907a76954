"""``lstm-edge report``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from lstm_edge.cli import shared
from lstm_edge.cli.verify import verify
from lstm_edge.errors import InputError


@click.command("report", short_help="One HTML page of parity and latency.")
@shared.bundle_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@click.option(
    "--parity", type=click.Path(path_type=Path),
    help="JSON of verify [default: verify now on the golden vectors].",
)  # fmt: skip
@click.option(
    "--latency", type=click.Path(path_type=Path), help="JSON of bench [default: not measured]."
)
@click.option(
    "--device", "devices", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="JSON of bench --on, to stand beside this machine's figures; may be repeated.",
)  # fmt: skip
@shared.VERBOSE
def command(
    bundle: Path,
    out: Path,
    parity: Path | None,
    latency: Path | None,
    devices: Sequence[Path],
    verbose: bool,
) -> int:
    """Write report.html (self-contained), report.md and report.json.

    \b
    lstm-edge verify bundle --data aclImdb --json parity.json
    lstm-edge bench bundle --data aclImdb --json latency.json
    lstm-edge report bundle --parity parity.json --latency latency.json --out report
    lstm-edge report bundle --device board.json --device phone.json --out report
    """
    from lstm_edge.report.page import write_report
    from lstm_edge.results import latency as latency_module
    from lstm_edge.results import parity as parity_module
    from lstm_edge.results.device import DeviceResult

    shared.require_for_report(out)
    opened = shared.open_bundle(bundle)
    others = [_stored(path, "results of a device", DeviceResult.from_json) for path in devices]
    for result in others:
        result.check_of(opened.path, opened.hashes)
    if parity is None:
        run = verify(opened, None, verbose)
    else:
        run = _stored(parity, "parity results", parity_module.ParityRun.from_json)
    times = None
    if latency is not None:
        times = _stored(latency, "latency results", latency_module.LatencyReport.from_json)
    paths = write_report(out, opened, run, times, others)
    shared.say(f"Report: {paths['html']}")
    far = [report for other in others if other.parity for report in other.parity.reports]
    return shared.exit_code([*run.reports, *far], run.failures)


def _stored(path: Path, what: str, build: Any) -> Any:
    from lstm_edge.base.files import read_json

    value = read_json(path, what)
    try:
        return build(value)
    except ValueError as error:
        raise InputError(f"{path} does not hold {what} as lstm-edge writes them: {error}") from None
