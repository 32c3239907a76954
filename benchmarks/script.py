"""What the measuring commands share; light, since bulk.py measures memory from its own on."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lstm_edge.base import files
from lstm_edge.base.files import write_json


def run(
    parser: argparse.ArgumentParser,
    default: Path,
    measure: Callable[[argparse.Namespace, Path], dict[str, Any]],
    show: Callable[[dict[str, Any]], str],
) -> None:
    """Measure in a temporary folder, write the result and show it.

    Args:
        parser: with the options of its own; ``--model`` and ``--json`` come to them.
        default: where the result is written.
    """
    parser.add_argument("--model", type=Path, default=files.shipped())
    parser.add_argument("--json", type=Path, default=default)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        result = measure(args, Path(work))
    write_json(args.json, result)
    print(show(result))
    print(f"Written: {args.json}")
