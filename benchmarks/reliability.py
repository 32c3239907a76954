"""The tables of docs/reliability.md: what was killed, and what readers were given."""

from __future__ import annotations

from typing import Any

from benchmarks.run import RESULTS
from lstm_edge.base.files import read_json
from lstm_edge.report.tables import Table
from lstm_edge.report.wording import machine

STATES = ("old", "new", "partly new", "absent")


def tables() -> dict[str, Table]:
    """Both, by the names of their markers."""
    return {
        "kills": kills(read_json(RESULTS / "kills.json", "results")),
        "fuzz": fuzz(read_json(RESULTS / "fuzz.json", "results")),
    }


def kills(result: dict[str, Any]) -> Table:
    """Commands down: what stood under the name after a kill, and what the next run left."""
    rows = []
    for name, row in result["commands"].items():
        states = (str(row["found"].get(state, 0)) for state in STATES)
        left = f"{row['left_temporaries']} → {row['left_temporaries_after_the_next_run']}"
        rows.append((name, str(row["kills"]), *states, left, str(len(row["faults"]))))
    notes = (
        "partly new: of the report's three files, each whole; of train, a run that was resumed",
        "temporary files: runs that left some → that were left after the next run in that place",
        f"{machine(result['machine'])}; commit {result['commit'][:7]}",
    )
    return Table(
        "Kills", ("command", "kills", *STATES, "temporary files", "faults"), tuple(rows), notes
    )


def fuzz(result: dict[str, Any]) -> Table:
    """Readers down: how many inputs each was given, and what is still open."""
    rows = [
        (name, f"{row['executions']:,}", f"{len(row['open'])}")
        for name, row in sorted(result["readers"].items())
    ]
    rows.append(("in all", f"{result['executions']:,}", f"{sum(int(row[2]) for row in rows)}"))
    notes = (
        "open: kinds of exceptions, hangs, memory or messages that the last run over that reader found",
        f"mended on the way: {len(result['findings'])} kinds, each with its smallest input in "
        "`tests/fuzz/corpus`, which the tests give to the readers",
        f"{machine(result['machine'])}; atheris {result['atheris']}; commit {result['commit'][:7]}",
    )
    return Table("Inputs given to readers", ("reader", "inputs", "open"), tuple(rows), notes)
