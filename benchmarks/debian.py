"""Debian systems of other architectures, unpacked into folders: no root, and nothing of the machine's own
package state is touched.

Where packages come from is what the machine's own apt is told; no file here names a host.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lstm_edge.errors import InputError

APT = Path("/etc/apt")
# a system without more than Python needs: no locale, no shell
PYTHON = ("python3-minimal", "libpython3-stdlib", "libstdc++6")
_ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<uri>\S+)\s+(?P<rest>.+)")


def codename() -> str:
    """Debian's name of this machine's release, such as ``bookworm``.

    Raises:
        InputError: it is no Debian with apt.
    """
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        system = {}
    if system.get("ID") != "debian" or not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise InputError(
            f"this machine is {system.get('PRETTY_NAME', platform.system())}; systems of other "
            "processors are unpacked with Debian's apt-get and dpkg: run this on Debian 12 or newer"
        )
    return system["VERSION_CODENAME"]


def own_architecture() -> str:
    """Debian's name of this machine's architecture, such as ``amd64``."""
    codename()
    command = ["dpkg", "--print-architecture"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def configured(folder: Path = APT) -> list[dict[str, str]]:
    """The binary sources that apt is told to use, as fields of ``*.sources`` files."""
    stanzas = []
    for path in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*.list"))]:
        for line in path.read_text("utf-8").splitlines() if path.exists() else ():
            if entry := _ONE_LINE.fullmatch(line.partition("#")[0].strip()):
                suite, *components = entry["rest"].split()
                options = dict(o.partition("=")[::2] for o in (entry["options"] or "").split())
                stanza = {"URIs": entry["uri"], "Suites": suite, "Components": " ".join(components)}
                named = {"signed-by": "Signed-By", "trusted": "Trusted"}
                stanza |= {named[k]: v for k, v in options.items() if k in named}
                stanzas.append(stanza)
    for path in sorted((folder / "sources.list.d").glob("*.sources")):
        lines = [x for x in path.read_text("utf-8").splitlines() if not x.startswith("#")]
        for text in re.split(r"\n\s*\n", "\n".join(lines)):
            # a field's further lines begin with a space
            fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", text, re.MULTILINE))
            if "deb" in fields.pop("Types", "").split() and fields.pop("Enabled", "yes") != "no":
                stanzas.append(fields)
    return stanzas


def derived(
    stanzas: Sequence[dict[str, str]], release: str, architecture: str, backports: bool
) -> str:
    """The machine's own sources of its release, of another architecture, as the text of a ``*.sources``.

    Raises:
        InputError: it has none.
    """
    suites = f"{release} {release}-backports" if backports else release
    chosen = [
        {"Types": "deb", **fields, "Suites": suites, "Architectures": architecture}
        for fields in stanzas
        if release in fields["Suites"].split() and "main" in fields.get("Components", "").split()
    ]
    if not chosen:
        raise InputError(
            f"apt on this machine has no source of Debian's {release} main in {APT}: add one"
        )
    return "\n".join("".join(f"{k}: {v}\n" for k, v in fields.items()) for fields in chosen)


def unpack(
    folder: Path,
    packages: Sequence[str],
    architecture: str,
    backports: bool = False,
    apt: Path = APT,
) -> Path:
    """These packages and what they need, in ``folder``; what is there already is kept.

    Args:
        backports: take the newest of the release's backports, and what they need from the release.
        apt: the folder of the machine's own sources.

    Raises:
        InputError: apt cannot get them.
    """
    if folder.exists():
        return folder
    release = codename()
    work = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(work, ignore_errors=True)
    for name in ("lists/partial", "archives/partial", "root"):
        (work / name).mkdir(parents=True)
    (work / "status").touch()
    (work / "own.sources").write_text(derived(configured(apt), release, architecture, backports))
    options = {
        "Dir::State": work,
        "Dir::State::status": work / "status",
        "Dir::Cache": work,
        "Dir::Etc::sourcelist": work / "own.sources",
        "Dir::Etc::sourceparts": "/dev/null",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",  # its own user may not write here
        "APT::Update::Error-Mode": "any",  # or a suite that is not there is only warned of
    }
    get = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    _run([*get, "update"], architecture)
    suite = ["-t", f"{release}-backports"] if backports else []
    _run(
        [*get, "install", "-y", "--download-only", "--no-install-recommends", *suite, *packages],
        architecture,
    )
    for package in sorted((work / "archives").glob("*.deb")):
        _run(["dpkg", "-x", str(package), str(work / "root")], architecture)
    (work / "root").replace(folder)
    shutil.rmtree(work)
    return folder


def _run(command: list[str], architecture: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise InputError(
            f"Debian's packages for {architecture} cannot be had: {' '.join(command[:1])} says "
            f"{lines[0] if lines else 'nothing'}"
        )
