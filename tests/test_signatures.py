"""Signed bundles: nothing can be changed in one unnoticed, and nobody else can sign one."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from lstm_edge import load_bundle
from lstm_edge.base import gate
from lstm_edge.base.files import sha256
from lstm_edge.bundle.manifest import (
    LABELS,
    MANIFEST,
    SIGNATURE,
    VOCAB,
    check_replaceable,
    own_files,
    seal,
)
from lstm_edge.bundle.opening import TextBundle, open_bundle
from lstm_edge.bundle.signing import PrivateKey, Trusted
from lstm_edge.cli import cli
from lstm_edge.devices.browser import demo
from lstm_edge.errors import BundleError, InputError, LstmEdgeError

BUNDLES = Path(__file__).parent / "bundles"
OURS, THEIRS = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))


def secret(key: Any, form: PrivateFormat = PrivateFormat.PKCS8, password: str = "") -> bytes:
    """A private key as openssl or ssh-keygen writes it."""
    locked = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return bytes(key.private_bytes(Encoding.PEM, form, locked))


def public(key: Any) -> bytes:
    return bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def ssh_line(key: Any) -> bytes:
    content = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return bytes(content) + b" me@here\n"


def signed(folder: Path, name: str, key: Any = OURS) -> Path:
    """A signed copy of a bundle of ``tests/bundles``."""
    copy = shutil.copytree(BUNDLES / name, folder / f"{name}-{key is OURS}")
    PrivateKey(secret(key)).sign(copy)
    return Path(copy)


def resealed(bundle: Path, **items: Any) -> None:
    """Set entries of a manifest, as whoever knows how the seal is made can."""
    manifest = {**json.loads((bundle / MANIFEST).read_text("utf-8")), **items}
    (bundle / MANIFEST).write_text(json.dumps({**manifest, "seal": seal(manifest)}), "utf-8")


def refusal(bundle: Path, *trusted: bytes) -> str:
    """What is said of a bundle that is not taken, in one line."""
    with pytest.raises(BundleError) as caught:
        open_bundle(bundle, trusted or public(OURS))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---------------------------------------------------------------- whole bundles


@pytest.mark.parametrize("name", ["texts-everything", "ids", "arrays", "stream"])
def test_a_signed_bundle_opens_as_without(tmp_path: Path, name: str) -> None:
    bundle = signed(tmp_path, name)
    assert (bundle / MANIFEST).read_bytes() == (BUNDLES / name / MANIFEST).read_bytes()
    assert len((bundle / SIGNATURE).read_bytes()) == 64
    opened = open_bundle(bundle, public(OURS))
    assert opened.hashes == open_bundle(bundle).hashes
    check_replaceable(bundle)


def test_what_a_trusted_bundle_answers(tmp_path: Path) -> None:
    bundle = signed(tmp_path, "arrays")
    arrays = open_bundle(bundle).golden_batches()[0].inputs
    plain, trusting = load_bundle(bundle), load_bundle(bundle, trusted=public(OURS))
    for name, answer in plain.predict(arrays).items():
        assert np.array_equal(answer, trusting.predict(arrays)[name])


def _path(folder: Path, content: bytes) -> Path:
    path = folder / "key.pem"
    path.write_bytes(content)
    return path


TRUSTED: dict[str, Callable[[Path], Any]] = {
    "PEM": lambda t: public(OURS),
    "PEM as text": lambda t: public(OURS).decode(),
    "PEM with CRLF and words before it": lambda t: b"a key\r\n" + public(OURS).replace(b"\n", b"\r\n"),
    "OpenSSH": lambda t: ssh_line(OURS),
    "OpenSSH as text": lambda t: ssh_line(OURS).decode(),
    "a path": lambda t: _path(t, public(OURS)),
    "a path as text": lambda t: str(_path(t, ssh_line(OURS))),
    "any of two": lambda t: [public(THEIRS), public(OURS)],
    "any of two, in turn": lambda t: iter([_path(t, public(OURS)), public(THEIRS)]),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUSTED)
def test_forms_of_public_keys(tmp_path: Path, name: str) -> None:
    open_bundle(signed(tmp_path, "ids"), TRUSTED[name](tmp_path))


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.OpenSSH])
@pytest.mark.parametrize("give", [_path, lambda t, k: str(_path(t, k)), lambda t, k: k.decode()])
def test_forms_of_private_keys(
    tmp_path: Path, form: PrivateFormat, give: Callable[[Path, bytes], Any]
) -> None:
    bundle = signed(tmp_path, "ids", THEIRS)
    PrivateKey(give(tmp_path, secret(OURS, form))).sign(bundle)  # in place of the other's
    open_bundle(bundle, public(OURS))
    assert "another key signed it" in refusal(bundle, public(THEIRS))


# ---------------------------------------------------------------- tampering, file by file


@dataclass(frozen=True)
class File:
    bundle: str
    name: str

    @property
    def is_covered(self) -> bool:
        """Whether a hash in the manifest is of it, and not the signature of the manifest."""
        return self.name not in (MANIFEST, SIGNATURE)


@cache
def files(bundle: str) -> tuple[str, ...]:
    return tuple(sorted(own_files(json.loads((BUNDLES / bundle / MANIFEST).read_text("utf-8")))))


FILES = [
    File(bundle, name)
    for bundle in ("texts-everything", "ids", "arrays", "stream-chunk")
    for name in files(bundle)
]


def _flipped(place: float) -> Callable[[Path, Path], Any]:
    def change(path: Path, other: Path) -> None:
        content = bytearray(path.read_bytes())
        content[int(place * (len(content) - 1))] ^= 1
        path.write_bytes(content)

    return change


# name -> what is done to a file; the other is of another bundle that the same key signed
CHANGES: dict[str, Callable[[Path, Path], Any]] = {
    "first byte": _flipped(0),
    "a byte in the middle": _flipped(0.5),
    "last byte": _flipped(1),
    "cut": lambda path, other: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path, other: path.write_bytes(path.read_bytes() + b"\n"),
    "empty": lambda path, other: path.write_bytes(b""),
    "gone": lambda path, other: path.unlink(),
    "a folder": lambda path, other: (path.unlink(), path.mkdir()),
    "a link to nothing": lambda path, other: (path.unlink(), path.symlink_to("nothing")),
    "another bundle's": lambda path, other: shutil.copyfile(other, path),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.bundle}/{file.name}")
def test_no_file_can_be_changed(tmp_path: Path, file: File, change: str) -> None:
    bundle = signed(tmp_path, file.bundle)
    other = signed(
        tmp_path / "other", {"ids": "texts", "arrays": "arrays-batch"}.get(file.bundle, "ids")
    )
    alike = sorted(other.glob(f"*{Path(file.name).suffix}"))  # else any file that is not the same
    differing = (
        path
        for path in (other / file.name, *alike, other / MANIFEST)
        if path.is_file() and path.read_bytes() != (bundle / file.name).read_bytes()
    )
    CHANGES[change](bundle / file.name, next(differing))
    said = refusal(bundle)
    if file.is_covered:
        assert file.name in said
    else:
        assert MANIFEST in said or "not signed" in said


# ---------------------------------------------------------------- tampering with more than one


def _relabelled(bundle: Path, other: Path) -> None:
    resealed(bundle, labels=["Positive", "Negative"])


def _rewritten(bundle: Path, other: Path) -> None:
    """The same content in other bytes: the seal holds."""
    manifest = json.loads((bundle / MANIFEST).read_text("utf-8"))
    (bundle / MANIFEST).write_text(json.dumps(manifest), "utf-8")


def _other_file(bundle: Path, other: Path) -> None:
    """A model in another's place, with its hash, resealed."""
    manifest = json.loads((bundle / MANIFEST).read_text("utf-8"))
    variant = manifest["variants"][0]
    shutil.copyfile(other / variant["file"], bundle / variant["file"])
    variant["sha256"] = sha256(bundle / variant["file"])
    variant["bytes"] = (bundle / variant["file"]).stat().st_size
    resealed(bundle, variants=manifest["variants"])


def _other_manifest(bundle: Path, other: Path) -> None:
    """Everything of another bundle, and the old signature."""
    signature = (bundle / SIGNATURE).read_bytes()
    shutil.rmtree(bundle)
    shutil.copytree(other, bundle)
    (bundle / SIGNATURE).write_bytes(signature)


def _of_another_file(bundle: Path, other: Path) -> None:
    (bundle / SIGNATURE).write_bytes(OURS.sign((bundle / LABELS).read_bytes()))


def _of_the_seal(bundle: Path, other: Path) -> None:
    content = json.loads((bundle / MANIFEST).read_text("utf-8"))["seal"]
    (bundle / SIGNATURE).write_bytes(OURS.sign(content.encode()))


def _listed(bundle: Path, other: Path) -> None:
    """A manifest that has the signature among its files."""
    files = json.loads((bundle / MANIFEST).read_text("utf-8"))["files"]
    resealed(bundle, files={**files, SIGNATURE: sha256(bundle / SIGNATURE)})


# name -> how, and whether it opens where nobody asks for a signature
SWAPS: dict[str, tuple[Callable[[Path, Path], Any], bool]] = {
    "resealed with other labels": (_relabelled, True),
    "the same in other bytes": (_rewritten, True),
    "another model, its hash, resealed": (_other_file, True),
    "another bundle with the old signature": (_other_manifest, True),
    "the signature of another bundle": (lambda b, o: shutil.copy(o / SIGNATURE, b), True),
    "the manifest of another bundle": (lambda b, o: shutil.copy(o / MANIFEST, b), False),
    "both of another bundle": (
        lambda b, o: [shutil.copy(o / name, b) for name in (MANIFEST, SIGNATURE)], False),
    "signed by another": (lambda b, o: PrivateKey(secret(THEIRS)).sign(b), True),
    "resealed, signed by another": (
        lambda b, o: (_relabelled(b, o), PrivateKey(secret(THEIRS)).sign(b)), True),
    "a signature of another file": (_of_another_file, True),
    "a signature of the seal": (_of_the_seal, True),
    "a signature among the files": (_listed, False),
    "two signatures": (
        lambda b, o: (b / SIGNATURE).write_bytes((b / SIGNATURE).read_bytes() * 2), True),
    "no signature": (lambda b, o: (b / SIGNATURE).unlink(), True),
    "a pipe as signature": (
        lambda b, o: ((b / SIGNATURE).unlink(), os.mkfifo(b / SIGNATURE)), True),
    "no manifest": (lambda b, o: (b / MANIFEST).unlink(), False),
}  # fmt: skip


@pytest.mark.parametrize("name", SWAPS)
def test_nothing_signed_stands_for_anything_else(tmp_path: Path, name: str) -> None:
    bundle = signed(tmp_path, "texts")
    other = signed(tmp_path, "texts-free")
    change, opens = SWAPS[name]
    change(bundle, other)
    assert refusal(bundle)
    if opens:  # a checksum is against accidents
        open_bundle(bundle)


def test_what_is_not_in_the_manifest_is_nobodys(tmp_path: Path) -> None:
    """Further files are left aside: nothing opens them, and no copy has them."""
    bundle = signed(tmp_path, "ids")
    shutil.copy(BUNDLES / "texts" / VOCAB, bundle)
    (bundle / "onnx-float32.onnx.data").write_bytes(b"x")
    opened = open_bundle(bundle, public(OURS))
    assert isinstance(opened, TextBundle) and not opened.has_vocabulary
    with pytest.raises(InputError, match="did not write"):
        check_replaceable(bundle)


def test_the_manifest_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is parsed is what was checked, even if the file has changed meanwhile."""
    bundle = signed(tmp_path, "texts")
    check = Trusted.check

    def then_changed(self: Trusted, path: Path, manifest: bytes) -> None:
        check(self, path, manifest)
        _relabelled(bundle, bundle)

    labels = open_bundle(bundle).labels
    monkeypatch.setattr(Trusted, "check", then_changed)
    assert open_bundle(bundle, public(OURS)).labels == labels


# ---------------------------------------------------------------- keys

RSA = rsa.generate_private_key(65537, 2048)
CURVE = ec.derive_private_key(7, ec.SECP256R1())
SIGNING = "expected one in PEM"
# name -> what is given as a private key (bytes: a file's content), parts of the sentence
PRIVATE: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "empty": (b"", ("holds no private key", SIGNING)),
    "garbage": (bytes(range(256)), ("holds no private key", SIGNING)),
    "a text": (b"hello\n", ("holds no private key", SIGNING)),
    "cut": (secret(OURS)[:70], ("holds no private key", SIGNING)),
    "not what PEM says": (secret(OURS).replace(b"MC4C", b"MC5C"), ("holds no private key",)),
    "another curve's number": (
        b"-----BEGIN PRIVATE KEY-----\n"
        + base64.encodebytes(bytes.fromhex("3047020100300506032b6570043b0439") + bytes(57))
        + b"-----END PRIVATE KEY-----\n",
        ("holds no private key",)),  # OpenSSL fails, and says nothing that anybody expects
    "huge": (secret(OURS) + b"x" * gate.KEY_BYTES, ("8,192 bytes",)),
    "public": (public(OURS), ("is a public key", "the private one")),
    "public, OpenSSH": (ssh_line(OURS), ("is a public key", "the private one")),
    "password": (secret(OURS, password="pw"), ("protected by a password", "openssl pkey")),
    "RSA": (secret(RSA), ("is a key for RSA", "expected Ed25519")),
    "RSA, OpenSSH": (secret(RSA, PrivateFormat.OpenSSH), ("is a key for RSA",)),
    "RSA, as it was": (secret(RSA, PrivateFormat.TraditionalOpenSSL), ("is a key for RSA",)),
    "a curve's": (secret(CURVE), ("is a key for", "expected Ed25519")),
    "for exchange": (secret(x25519.X25519PrivateKey.from_private_bytes(b"1" * 32)),
                     ("is a key for X25519",)),
    "two": (secret(OURS) + secret(THEIRS), ("more than one key",)),
}  # fmt: skip
PUBLIC: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "empty": (b"", ("holds no public key", SIGNING)),
    "garbage": (bytes(range(256)), ("holds no public key", SIGNING)),
    "cut": (public(OURS)[:70], ("holds no public key", SIGNING)),
    "huge": (public(OURS) + b"x" * gate.KEY_BYTES, ("8,192 bytes",)),
    "private": (secret(OURS), ("is a private key", "the public one")),
    "private, OpenSSH": (secret(OURS, PrivateFormat.OpenSSH), ("is a private key",)),
    "private and public": (secret(OURS) + public(OURS), ("is a private key",)),
    "password": (secret(OURS, password="pw"), ("is a private key",)),
    "RSA": (public(RSA), ("is a key for RSA", "expected Ed25519")),
    "RSA, OpenSSH": (ssh_line(RSA), ("is a key for RSA",)),
    "a curve's": (public(CURVE), ("is a key for",)),
    "two": (public(OURS) + public(THEIRS), ("more than one key",)),
    "two lines": (ssh_line(OURS) + ssh_line(THEIRS), ("more than one key",)),
    "a certificate's line": (ssh_line(OURS).replace(b"ed25519 ", b"ed25519-cert-v01@openssh.com "),
                             ("holds no public key",)),
}  # fmt: skip


def secrets_of(content: bytes) -> list[str]:
    """What no message may have of a key."""
    lines = content.decode("latin-1").splitlines()
    return [line for line in lines if len(line) > 20 and "-----" not in line]


def check_said(said: str, content: bytes, parts: tuple[str, ...]) -> None:
    for part in parts:
        assert part in said
    assert said.count("\n") <= said.endswith("\n")
    for line in secrets_of(content):
        assert line not in said


@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.parametrize("give", [_path, lambda folder, content: content])
def test_private_keys_that_are_none(
    tmp_path: Path, name: str, give: Callable[[Path, bytes], Any]
) -> None:
    content, parts = PRIVATE[name]
    with pytest.raises(InputError) as caught:
        PrivateKey(give(tmp_path, content))
    check_said(str(caught.value), content, ("`sign`", *parts))


@pytest.mark.parametrize("name", PUBLIC)
@pytest.mark.parametrize("give", [_path, lambda folder, content: content])
def test_public_keys_that_are_none(
    tmp_path: Path, name: str, give: Callable[[Path, bytes], Any]
) -> None:
    content, parts = PUBLIC[name]
    with pytest.raises(InputError) as caught:
        open_bundle(tmp_path / "no bundle", [public(OURS), give(tmp_path, content)])
    check_said(str(caught.value), content, ("`trusted`", *parts))


BARE = base64.b64encode(OURS.private_bytes_raw()).decode()


@pytest.mark.parametrize(
    ("keys", "part"),
    [
        ([], "has no key"),
        (None, "of the type NoneType"),
        (5, "of the type int"),
        ([5], "of the type int"),
        ([[public(OURS)]], "of the type list"),
        ("", "is a folder"),
        ("nothing.pem", "nothing.pem does not exist"),
        ("a\0b", "cannot be read"),
    ],
)
def test_what_is_no_key_at_all(tmp_path: Path, keys: Any, part: str) -> None:
    with pytest.raises(InputError, match=part):
        Trusted(keys)
    if keys is not None:
        with pytest.raises(InputError, match=part):
            load_bundle(signed(tmp_path, "ids"), trusted=keys)


@pytest.mark.parametrize(
    "key", [BARE, Path(BARE), Path(secret(OURS).decode()), "x" * 5000, BARE + "\0"]
)
def test_a_key_in_place_of_its_path_is_not_shown(key: Any) -> None:
    with pytest.raises(InputError, match="names no file that is there") as caught:
        PrivateKey(key)
    assert str(key)[:40] not in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError) as caught:
        Trusted(Path(secret(OURS).decode()))
    assert "MC4C" not in str(caught.value)


def test_a_private_key_shows_nothing_of_itself() -> None:
    key = PrivateKey(secret(OURS))
    shown = f"{key!r} {key} {vars(key)}"
    for form in (BARE, OURS.private_bytes_raw().hex(), *secrets_of(secret(OURS))):
        assert form not in shown


# ---------------------------------------------------------------- the command line


def call(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)


# every command that opens a bundle -> its arguments from a bundle and a folder
COMMANDS: dict[str, Callable[[Path, Path], tuple[object, ...]]] = {
    "predict": lambda b, t: ("predict", b, "good", "--out", t / "out.csv"),
    "verify": lambda b, t: ("verify", b, "--json", t / "out.json"),
    "bench": lambda b, t: ("bench", b, "--json", t / "out.json"),
    "bench on ssh": lambda b, t: ("bench", b, "--on", "ssh://nowhere.invalid"),
    "bench on adb": lambda b, t: ("bench", b, "--on", "adb"),
    "bench on browser": lambda b, t: ("bench", b, "--on", "browser", "--headless"),
    "web": lambda b, t: ("web", b),
    "web, a folder": lambda b, t: ("web", b, "--out", t / "out"),
    "inspect": lambda b, t: ("inspect", b, "--json", t / "out.json"),
    "report": lambda b, t: ("report", b, "--out", t / "out"),
}


def test_every_command_that_takes_a_bundle_takes_keys() -> None:
    with cli.make_context("lstm-edge", ["predict"], resilient_parsing=True) as context:
        commands = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    having = {
        name
        for name, command in commands.items()
        if command and any("--trusted" in parameter.opts for parameter in command.params)
    }
    taking = {
        name
        for name, command in commands.items()
        if command and any(parameter.name == "bundle" for parameter in command.params)
    }
    assert having == taking | {"inspect"} == {args(Path(), Path())[0] for args in COMMANDS.values()}


def expect_one_line(result: Result, folder: Path, before: list[Path], *parts: str) -> None:
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("lstm-edge: ")
    assert result.stderr.count("\n") == 1, result.stderr
    for part in parts:
        assert part in result.stderr
    assert sorted(folder.rglob("*")) == before, "something was left behind"


# name -> what is done to a signed bundle, parts of the line
UNTRUSTED: dict[str, tuple[Callable[[Path], Any], tuple[str, ...]]] = {
    "not signed": (lambda b: (b / SIGNATURE).unlink(), ("is not signed, which --trusted asks for",
                                                        "--sign")),
    "by another": (lambda b: PrivateKey(secret(THEIRS)).sign(b), ("a key of --trusted: another key",)),
    "resealed": (lambda b: _relabelled(b, b), ("one of the two was changed",)),
    "a file changed": (lambda b: _flipped(0.5)(b / VOCAB, b), ("vocab.txt was changed",)),
}  # fmt: skip


@pytest.mark.parametrize("name", UNTRUSTED)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_opens_what_is_not_trusted(tmp_path: Path, command: str, name: str) -> None:
    bundle, key = signed(tmp_path, "texts"), _path(tmp_path, public(OURS))
    change, parts = UNTRUSTED[name]
    change(bundle)
    before = sorted(tmp_path.rglob("*"))
    result = call(*COMMANDS[command](bundle, tmp_path), "--trusted", key)
    expect_one_line(result, tmp_path, before, str(bundle), *parts)


@pytest.mark.parametrize("command", ["predict", "inspect"])
def test_commands_open_what_any_key_has_signed(tmp_path: Path, command: str) -> None:
    bundle, key = signed(tmp_path, "texts"), _path(tmp_path, public(OURS))
    other = tmp_path / "other.pub"
    other.write_bytes(ssh_line(THEIRS))
    result = call(*COMMANDS[command](bundle, tmp_path), "--trusted", other, "--trusted", key)
    assert result.exit_code == 0, result.output


def bad_keys(
    option: str, keys: dict[str, tuple[bytes, tuple[str, ...]]]
) -> dict[str, tuple[Callable[[Path], object], tuple[str, ...]]]:
    """What the command line may be given as a key."""
    return {
        **{
            f"{option} {name}": (lambda t, content=content: _path(t, content), parts)
            for name, (content, parts) in keys.items()
        },
        f"{option} is a folder": (lambda t: t, ("is a folder",)),
        f"{option} is a pipe": (lambda t: os.mkfifo(t / "pipe") or t / "pipe", ("is a pipe",)),
        f"{option} is a device": (lambda t: "/dev/zero", ("is a device",)),
        f"{option} does not exist": (lambda t: t / "no.pem", ("no",)),
        f"{option} is a PEM": (lambda t: secret(OURS).decode(), ("is not shown",)),
        f"{option} is nothing": (lambda t: "", ("is a folder",)),
    }


SIGN, TRUST = bad_keys("--sign", PRIVATE), bad_keys("--trusted", PUBLIC)


@pytest.mark.parametrize("name", SIGN)
def test_a_key_to_sign_with_is_looked_at_before_the_work(tmp_path: Path, name: str) -> None:
    key, parts = SIGN[name]
    given = key(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    # were the model looked at first, it would be what is said
    arguments = ("export", tmp_path / "no.keras", "--out", tmp_path / "out", "--sign", given)
    result = call(*arguments)
    expect_one_line(result, tmp_path, before, "--sign", *parts)
    check_said(result.stderr, secret(OURS), parts)


@pytest.mark.parametrize("name", TRUST)
def test_a_key_to_trust_is_looked_at_before_the_bundle(tmp_path: Path, name: str) -> None:
    key, parts = TRUST[name]
    given = key(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    result = call("verify", tmp_path / "no bundle", "--trusted", given)
    expect_one_line(result, tmp_path, before, "--trusted", *parts)
    check_said(result.stderr, secret(OURS), parts)


def test_only_a_bundle_can_be_trusted(tmp_path: Path) -> None:
    file, key = BUNDLES / "texts" / "onnx-float32.onnx", _path(tmp_path, public(OURS))
    result = call("inspect", file, "--trusted", key)
    expect_one_line(result, tmp_path, [key], "--trusted is for bundles", str(file))


def test_without_the_package(tmp_path: Path) -> None:
    """Where nobody asks for a signature, the package is not needed."""
    bundle, key = signed(tmp_path, "arrays"), _path(tmp_path, public(OURS))
    program = (
        "import sys; sys.modules['cryptography'] = None; from lstm_edge.cli import main; main()"
    )

    def run(*args: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, "inspect", *map(str, args)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run(bundle).returncode == 0
    missing = run(bundle, "--trusted", key)
    assert missing.returncode == 2
    assert missing.stderr.count("\n") == 1
    assert "checking a signature needs the package cryptography" in missing.stderr
    assert "[sign]" in missing.stderr


# ---------------------------------------------------------------- export and copies


def test_export_signs(model_files: Path, tmp_path: Path) -> None:
    key = _path(tmp_path, secret(OURS))
    out = tmp_path / "bundle"
    arguments = (
        "export", model_files / "small.keras", "--vocab", model_files / "words.txt", "--out", out,
        "--format", "onnx", "--precision", "float32", "--sign", key,
    )  # fmt: skip
    first = call(*arguments)
    assert first.exit_code == 0, first.output
    open_bundle(out, public(OURS))
    OURS.public_key().verify((out / SIGNATURE).read_bytes(), (out / MANIFEST).read_bytes())
    assert SIGNATURE not in json.loads((out / MANIFEST).read_text("utf-8"))["files"]
    texts = [first.output.encode(), *(path.read_bytes() for path in out.iterdir())]
    for form in (OURS.private_bytes_raw(), BARE.encode(), b"PRIVATE KEY", key.name.encode()):
        assert not any(form in text for text in texts)
    again = call(*arguments[:-2])  # a signed bundle is replaced by one that is not
    assert again.exit_code == 0, again.output
    assert "not signed" in refusal(out)


def test_a_page_takes_the_signature_along(tmp_path: Path, runtimes: Path) -> None:
    bundle = signed(tmp_path, "texts")
    demo.write(open_bundle(bundle), tmp_path / "site")
    open_bundle(tmp_path / "site" / "bundle", public(OURS))
    demo.write(open_bundle(bundle), tmp_path / "site")  # replaced, as any other
    secret_file = _path(tmp_path, b"x" * 64)
    (bundle / SIGNATURE).unlink()
    (bundle / SIGNATURE).symlink_to(secret_file)
    demo.write(open_bundle(bundle), tmp_path / "site")
    assert not (tmp_path / "site" / "bundle" / SIGNATURE).exists()


def test_signing_needs_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(LstmEdgeError, match=r"manifest\.json does not exist"):
        PrivateKey(secret(OURS)).sign(tmp_path)
    assert not any(tmp_path.iterdir())
