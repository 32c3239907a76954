"""Who a bundle is from: an Ed25519 signature of its manifest, whose hashes cover every other file.

What is signed are the bytes of ``manifest.json`` as they stand. The signature is a file beside it and no
part of what it signs: 64 bytes, which any other program can check, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lstm_edge.base import gate
from lstm_edge.base.extras import require
from lstm_edge.base.files import replacing
from lstm_edge.bundle.manifest import MANIFEST, SIGNATURE
from lstm_edge.errors import BundleError, InputError

Key = Path | str | bytes
"""A key's file, or the key itself: PEM, or what ssh-keygen writes."""

_SIGNATURE_BYTES = 64
_SSH_LINES = (b"ssh-ed25519 ", b"ssh-rsa ")  # begin a public key in OpenSSH's form


class PrivateKey:
    """What signs a bundle; it is read once, and in no message.

    Args:
        key: an Ed25519 key without a password: its file, or its PEM (PKCS8) or OpenSSH's form of it.

    Raises:
        InputError: it cannot be read, or is no such key.
        MissingExtraError: the extra ``sign`` is not installed.
    """

    def __init__(self, key: Key) -> None:
        self._key = _read(key, "`sign`", private=True)

    def sign(self, folder: Path) -> None:
        """Sign the manifest in a folder; a signature that is there is replaced.

        Raises:
            InputError: no manifest, or the signature cannot be written.
        """
        content = gate.read_bytes(folder / MANIFEST, "manifest", gate.MANIFEST_BYTES)
        with replacing(folder / SIGNATURE) as temporary:
            temporary.write_bytes(self._key.sign(content))


class Trusted:
    """The public keys of which one must have signed a bundle.

    Args:
        keys: one, or several (while one takes another's place): files, or PEM (SubjectPublicKeyInfo) or
            OpenSSH's line.

    Raises:
        InputError: none, or one that cannot be read or is no Ed25519 key.
        MissingExtraError: the extra ``sign`` is not installed.
    """

    def __init__(self, keys: Key | Iterable[Key]) -> None:
        if isinstance(keys, Path | str | bytes) or not isinstance(keys, Iterable):
            keys = (keys,)
        self._keys = [_read(key, "`trusted`") for key in keys]
        if not self._keys:
            raise InputError("`trusted` has no key; expected at least one")

    def check(self, path: Path, manifest: bytes) -> None:
        """Refuse a bundle whose manifest none of them has signed.

        Raises:
            BundleError: no signature, another key's, or of another manifest.
        """
        try:
            signature = gate.read_bytes(path / SIGNATURE, "signature", _SIGNATURE_BYTES)
        except InputError as error:
            if not (path / SIGNATURE).exists():
                raise BundleError(
                    f"bundle {path} is not signed, which `trusted` asks for: it has no {SIGNATURE}; "
                    "export again with `sign`"
                ) from None
            raise BundleError(f"bundle {path}: {error}") from None
        invalid = require("cryptography.exceptions", "checking a signature").InvalidSignature
        for key in self._keys:
            with contextlib.suppress(invalid):
                key.verify(signature, manifest)
                return
        raise BundleError(
            f"bundle {path}: its {SIGNATURE} is not of this {MANIFEST} by a key of `trusted`: another "
            "key signed it, or one of the two was changed"
        )


def _read(key: Key, argument: str, private: bool = False) -> Any:
    name, content = _content(key, argument, private)
    which, other = ("private", "public") if private else ("public", "private")
    is_line = content.startswith(_SSH_LINES)
    is_private, is_public = b"PRIVATE KEY-----" in content, b"PUBLIC KEY-----" in content or is_line
    if (is_public and not is_private) if private else is_private:
        raise InputError(f"{name} is a {other} key; expected the {which} one that belongs to it")
    purpose = "signing a bundle" if private else "checking a signature"
    serialization = require("cryptography.hazmat.primitives.serialization", purpose)
    exceptions = require("cryptography.exceptions", purpose)
    try:
        if not private:
            load = "load_ssh_public_key" if is_line else "load_pem_public_key"
            loaded = getattr(serialization, load)(content)
        else:
            load = "load_ssh_private_key" if b"OPENSSH" in content else "load_pem_private_key"
            # an RSA key is refused all the same: seconds would go into checking its primes
            loaded = getattr(serialization, load)(
                content, None, unsafe_skip_rsa_key_validation=True
            )
    except TypeError:  # it asks for a password
        raise InputError(
            f"{name} is protected by a password; expected a key without: take it off a copy with openssl "
            "pkey or ssh-keygen -p"
        ) from None
    except (ValueError, exceptions.UnsupportedAlgorithm, exceptions.InternalError):
        raise InputError(
            f"{name} holds no {which} key; expected one in PEM, as openssl writes it, or in OpenSSH's "
            "form"
        ) from None
    ending = f"{which.capitalize()}Key"
    ed25519 = require("cryptography.hazmat.primitives.asymmetric.ed25519", purpose)
    if not isinstance(loaded, getattr(ed25519, f"Ed25519{ending}")):
        algorithm = type(loaded).__name__.removesuffix(ending)
        raise InputError(
            f"{name} is a key for {algorithm}; expected Ed25519: openssl genpkey -algorithm ed25519"
        )
    if content.count(b"-----BEGIN") > 1 or (is_line and len(content.splitlines()) > 1):
        raise InputError(f"{name} holds more than one key; expected one")
    return loaded


def _content(key: Key, argument: str, private: bool) -> tuple[str, bytes]:
    """What a message calls a key, and its content, which stands in no message."""
    if isinstance(key, str) and key.lstrip().startswith(("-----BEGIN", "ssh-ed25519 ")):
        key = key.encode(errors="replace")
    if isinstance(key, bytes):
        if len(key) > gate.KEY_BYTES:
            raise InputError(
                f"{argument} has more than {gate.KEY_BYTES:,} bytes; expected at most so many"
            )
        return argument, key.strip()
    if not isinstance(key, str | Path):
        raise InputError(f"{argument} is of the type {type(key).__name__}; expected a path or PEM")
    path = Path(key)
    if (private or "-----BEGIN" in str(key)) and not _is_there(path):
        raise InputError(
            f"{argument} names no file that is there; expected the path of a key (what came is not "
            "shown: it could be the key itself)"
        )
    return f"{argument} {path}", gate.read_bytes(path, argument, gate.KEY_BYTES).strip()


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True
