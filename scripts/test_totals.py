"""The closing line of several runs of pytest together, as pytest has it of one.

usage: python scripts/test_totals.py JUNIT_FILE...
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree


def closing_line(files: list[Path]) -> str:
    counts, seconds = Counter[str](), 0.0
    for file in files:
        for suite in ElementTree.parse(file).iter("testsuite"):
            seconds += float(suite.attrib["time"])
            for name in ("tests", "failures", "errors", "skipped"):
                counts[name] += int(suite.attrib[name])
    failed = counts["failures"] + counts["errors"]
    passed = counts["tests"] - failed - counts["skipped"]
    parts = [(failed, "failed"), (passed, "passed"), (counts["skipped"], "skipped")]
    return f"{', '.join(f'{n} {name}' for n, name in parts if n)} in {seconds:.2f}s"


if __name__ == "__main__":
    print(f" {closing_line([Path(name) for name in sys.argv[1:]])} ".center(80, "="))
