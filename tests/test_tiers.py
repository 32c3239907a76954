"""The tables of ``tiers.py`` name tests that exist, and leave ``make test`` a case of each group."""

from __future__ import annotations

import re
from pathlib import Path

import graph_models
import pytest
import tiers
from tiers import LONG, TABLES, Tiers, process_group, turn

HERE = Path(__file__).parent
CONFORMANCE = "test_conformance.py"


def names_in(file: str) -> set[str]:
    return set(re.findall(r"^def (test_\w+)\(", (HERE / file).read_text("utf-8"), re.M))


@pytest.mark.parametrize("file", sorted({*LONG, *TABLES}))
def test_a_name_in_a_table_is_a_test(file: str) -> None:
    """One that was renamed would be in the first tier again, unnoticed."""
    named = {*LONG.get(file, ()), *(test for table in TABLES.get(file, ()) for test in table.tests)}
    assert named <= names_in(file)


def test_a_long_test_is_in_one_table() -> None:
    for file, tables in TABLES.items():
        named = [*LONG.get(file, ()), *(test for table in tables for test in table.tests)]
        assert len(named) == len(set(named)), file


def test_each_heading_keeps_its_first_case_in_every_variant() -> None:
    sorted_in = Tiers()
    kept = [
        (case, variant)
        for case in graph_models.CASES
        for variant in ("a", "b")
        if not sorted_in.is_full(CONFORMANCE, "test", {"case": case, "variant": variant})
    ]
    groups = [graph_models.CASES[case].group for case, _ in kept]
    assert sorted(set(groups)) == sorted({case.group for case in graph_models.CASES.values()})
    assert len(kept) == 2 * len(set(groups))


def test_each_test_keeps_a_case_of_its_own() -> None:
    sorted_in = Tiers()
    first, second = list(graph_models.CASES)[:2]
    assert not sorted_in.is_full(CONFORMANCE, "one", {"case": first})
    assert sorted_in.is_full(CONFORMANCE, "one", {"case": second})
    assert not sorted_in.is_full(CONFORMANCE, "other", {"case": second})
    assert not sorted_in.is_full(CONFORMANCE, "other", {})
    assert not sorted_in.is_full("test_of_nothing_long.py", "one", {"case": second})


def test_cases_apart_have_a_process_each_and_come_last() -> None:
    groups = [
        process_group("test_data.py", {"case": "a"}),
        process_group(CONFORMANCE, {"case": "a", "variant": 1}),
        process_group(CONFORMANCE, {"case": "a", "variant": 2}),
        process_group(CONFORMANCE, {"case": "b"}),
        *tiers.EARLY,
    ]
    assert groups[0] == "test_data.py"
    assert groups[1] == groups[2] != groups[3]
    assert groups[0] not in tiers.EARLY
    ordered = sorted(groups, key=turn)
    assert ordered == [*tiers.EARLY, *groups[:4]]
