"""Where systems of other processors come from, and what is told of what ran on them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from benchmarks import debian, machines
from lstm_edge.base.files import read_json
from lstm_edge.errors import InputError

ROOT = Path(__file__).parents[1]

DEB822 = """\
Types: deb deb-src
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Architectures: amd64
Signed-By: /usr/share/keyrings/a.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://sources.example/debian
Suites: bookworm
Components: main
"""
INLINE_KEY = """\
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----
"""
ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] http://mirror.example/debian bookworm main  # own
deb-src http://mirror.example/debian bookworm main
deb http://other.example/node nodistro main
deb http://other.example/rest bookworm non-free
"""
SIGNED = "Signed-By: /usr/share/keyrings/a.gpg\n"
STAYS = "URIs: http://mirror.example/debian\nSuites: {}\nComponents: {}\n"


@pytest.mark.parametrize(
    ("name", "text", "backports", "expected"),
    [
        (
            "debian.sources",
            DEB822,
            True,
            "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-backports\n"
            f"Components: main contrib\nArchitectures: arm64\n{SIGNED}",
        ),
        (
            "debian.sources",
            INLINE_KEY,
            False,
            INLINE_KEY.replace("Signed-By:", "Signed-By: ") + "Architectures: arm64\n",
        ),
        (
            "debian.list",
            ONE_LINE,
            False,
            f"Types: deb\n{STAYS.format('bookworm', 'main')}{SIGNED}Architectures: arm64\n",
        ),
    ],
    ids=["fields", "a key among them", "one line"],
)
def test_sources_are_the_machines_own(
    name: str, text: str, backports: bool, expected: str, tmp_path: Path
) -> None:
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    (folder / name).write_text(text, "utf-8")
    (folder / f"{name}.disabled").write_text(DEB822.replace("mirror", "disabled"), "utf-8")
    stanzas = debian.configured(tmp_path)
    assert debian.derived(stanzas, "bookworm", "arm64", backports) == expected


def test_without_a_source_of_the_release_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(ONE_LINE, "utf-8")
    with pytest.raises(InputError, match=r"no source of Debian's trixie main in .*: add one"):
        debian.derived(debian.configured(tmp_path), "trixie", "arm64", False)


def test_apt_that_gets_nothing_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    """A real apt with a source that is not there; without one, what is missing is said."""
    folder = tmp_path / "apt"
    folder.mkdir()
    (folder / "sources.list").write_text(f"deb file:{tmp_path}/no-mirror bookworm main\n", "utf-8")
    with pytest.raises(
        InputError, match=r"cannot be had: apt-get says|unpacked with Debian's"
    ) as why:
        debian.unpack(tmp_path / "cache" / "arm64", ["python3-minimal"], "arm64", apt=folder)
    assert "\n" not in str(why.value)
    assert not (tmp_path / "cache" / "arm64").exists()


def test_no_host_is_named() -> None:
    for module in (debian, machines):
        assert not re.search(r"https?:|\w\.(org|com|net)\b", Path(str(module.__file__)).read_text())


@pytest.fixture
def result() -> dict[str, Any]:
    """The committed one, anew."""
    value: dict[str, Any] = read_json(machines.RESULT, "results")
    return value


def test_every_kind_of_bundle_ran_on_every_system(result: dict[str, Any]) -> None:
    assert machines.problems(result) == []
    assert set(result["systems"]) == {*machines.PROCESSORS, machines.BARE}
    for system in result["systems"].values():
        ran = {(row["bundle"], row["variant"]) for row in system["rows"]}
        for bundle in ("imdb", "arrays", "stream"):
            for model in ("onnx", "tflite"):
                for precision in ("float32", "float16", "int8-dynamic"):
                    assert (bundle, f"{model}-{precision}") in ran
        assert ("texts-everything", "onnx-int8-dynamic-stream") in ran
    versions = result["systems"]["max"]["machine"]["versions"]
    assert {f"{name}=={versions[name]}" for name in machines.PACKAGES} == {*machines.pinned()}


def outside(result: dict[str, Any]) -> None:
    result["systems"]["max"]["rows"][0] |= {"ok": False, "failures": ["too far"]}


def another_processor(result: dict[str, Any]) -> None:
    result["systems"]["max"]["features"].remove("i8mm")


def one_less(result: dict[str, Any]) -> None:
    result["systems"]["cortex-a53"]["rows"].pop()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (outside, "imdb .* on max: too far"),
        (another_processor, r"max has \['asimddp'\], not \['asimddp', 'i8mm'\]"),
        (one_less, "not every system ran the same variants"),
    ],
)
def test_what_is_wrong_is_a_problem(change: Any, says: str, result: dict[str, Any]) -> None:
    change(result)
    (problem,) = machines.problems(result)
    assert re.match(says, problem)


def test_a_variant_outside_is_seen_in_the_table(result: dict[str, Any]) -> None:
    outside(result)
    verdicts = [row[-1] for row in machines.table(result).rows]
    assert verdicts[0] == "OUTSIDE TOLERANCE"
    assert set(verdicts[1:]) == {"ok", "ok where it runs"}


def test_the_lowest_versions_are_those_of_the_package() -> None:
    """A floor that is moved without ``make lowest`` would be tested by nobody."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["onnx"], *extras["tflite"], *extras["report"]]
    lines = (ROOT / "constraints-lowest.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    for requirement in wanted:
        name, _, floor = requirement.partition(">=")
        assert pins[name] == floor or pins[name].startswith(f"{floor}."), requirement


def test_another_system_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """Through the command: exit code 2, one line, nothing written."""
    program = (
        "import platform, sys; platform.freedesktop_os_release = lambda: {'ID': 'other', "
        "'PRETTY_NAME': 'Other Linux'}; from benchmarks import machines; machines.main()"
    )
    out = tmp_path / "machines.json"
    done = subprocess.run(
        [sys.executable, "-c", program, "--json", str(out)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("machines: this machine is Other Linux; ")
    assert done.stderr.count("\n") == 1
    assert not out.exists()
