"""What the examples share: their options, the command line, and the result that they leave behind.

What is worth copying is in the examples themselves; this is how their figures get into docs.
"""

from __future__ import annotations

import argparse
import json
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lstm_edge import load_bundle
from lstm_edge.base.files import write_json
from lstm_edge.cli import DONE, OUTSIDE, cli


def parser(text: str, epochs: int) -> argparse.ArgumentParser:
    """Options that all examples have; ``text`` is the module's, its first line says what it does."""
    made = argparse.ArgumentParser(description=text.partition("\n")[0])
    made.add_argument("--out", type=Path, required=True, help="folder for all that is made")
    made.add_argument("--json", type=Path, help="where to write the result [default: in OUT]")
    made.add_argument("--epochs", type=int, default=epochs)
    made.add_argument("--seed", type=int, default=7)
    for name, some in (("format", "onnx, tflite"), ("precision", "float32, float16, int8-dynamic")):
        made.add_argument(
            f"--{name}", action="append", default=[], help=f"of {some}; repeatable [default: all]"
        )
    return made


def check_files(made: argparse.ArgumentParser, files: Iterable[Path]) -> None:
    """End with one line and code 2 where data are not there."""
    if missing := [str(file) for file in files if not file.is_file()]:
        made.error(
            f"--data: {missing[0]} is not there ({len(missing)} missing); see {made.prog} -h"
        )


def lstm_edge(*arguments: str | Path) -> None:
    """Run a command, in this process, and show it; where it fails, the example ends.

    A variant outside its tolerance (code 1) is a result like others.
    """
    words = [str(argument) for argument in arguments]
    print("\n$ lstm-edge", shlex.join(words), flush=True)
    try:
        cli.main(words, "lstm-edge")
    except SystemExit as ended:
        if ended.code not in (DONE, OUTSIDE):
            raise


def verify(out: Path, *arguments: str | Path) -> dict[str, Any]:
    """What ``lstm-edge verify`` sees of OUT/bundle on the test set, as its JSON."""
    file = out / "parity.json"
    file.unlink(missing_ok=True)  # an earlier run's
    lstm_edge("verify", out / "bundle", *arguments, "--json", file)
    result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return result


def chosen(options: argparse.Namespace) -> list[str]:
    """``--format`` and ``--precision`` as the command ``export`` takes them."""
    formats = [word for name in options.format for word in ("--format", name)]
    return formats + [word for name in options.precision for word in ("--precision", name)]


def write_result(
    options: argparse.Namespace,
    name: str,
    data: str,
    parity: dict[str, Any],
    labels: Sequence[Any],
    trained_on: int,
) -> None:
    """Write what was seen on the test set, with the sizes, and show it.

    Args:
        parity: from :func:`verify`.
        labels: the right labels of the test set.
    """
    variants = load_bundle(options.out / "bundle").bundle.variants
    rows = [
        {
            "variant": report["variant"],
            "bytes": variants[report["variant"]].bytes,
            **{
                key: report[key]
                for key in ("accuracy", "examples", "flips", "max_abs", "ok", "failures")
            },
        }
        for report in parity["reports"]
    ]
    keras_accuracy = parity["reports"][0]["reference_accuracy"]
    result = {
        "example": name,
        "data": data,
        "epochs": options.epochs,
        "seed": options.seed,
        "trained_on": trained_on,
        "tested_on": len(labels),
        "most_frequent": max(Counter(labels).values()) / len(labels),
        "keras_accuracy": keras_accuracy,
        "variants": rows,
        **{key: parity[key] for key in ("machine", "measured_at")},
    }
    path = options.json or options.out / "result.json"
    write_json(path, result)
    print(f"\nAccuracy on the {len(labels)} examples of the test set: Keras {keras_accuracy:.2%}")
    for row in rows:
        print(f"  {row['variant']:22}{row['accuracy']:8.2%}  {row['flips']} flips")
    print(f"Written: {path}")
