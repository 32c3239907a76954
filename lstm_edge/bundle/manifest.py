"""The manifest: what it says of each file, its checksum, and which files are a bundle's own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_edge.base import checks, gate
from lstm_edge.base.files import known_fields, read_json, sha256, write_json, write_text
from lstm_edge.bundle.golden import Golden
from lstm_edge.bundle.references import check_file_names, check_references
from lstm_edge.errors import BundleError, InputError
from lstm_edge.inputs.batches import Batch, Spread, save_batches
from lstm_edge.inputs.preprocessing import Preprocessing
from lstm_edge.inputs.signature import Signature
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer
from lstm_edge.results.parity import Tolerance
from lstm_edge.results.rounding import OwnRounding

# 1: texts, pads on either side; 2: all the others, which a reader of 1 would not run rightly; 3: files
# made for one runtime or use; 4: texts whose sides of padding and cutting are settings
SCHEMA, MADE_FOR_SCHEMA = 4, 3
MANIFEST, VOCAB, LABELS, GOLDEN = "manifest.json", "vocab.txt", "labels.txt", "golden.json"
GOLDEN_ARRAYS = "golden.npz"
SIGNATURE = "manifest.json.sig"  # of the manifest, so not in it
TEXT, TENSORS = "text", "tensors"  # kinds of bundle


@dataclass(frozen=True)
class VariantInfo:
    """One exported file, as the manifest describes it.

    Attributes:
        batch: examples per call for which the answer depends on each example alone; None: any.
        parity: the report made at export (see :class:`lstm_edge.results.parity.ParityReport`).
        made_for: the runtime or use that only this file is for, such as ``mediapipe``; else empty.
        notes: sentences that the exporter has on it.
        states: of a step model, each state's ``name`` as an input, its ``output`` and its ``shape``.
    """

    name: str
    format: str
    precision: str
    runtimes: tuple[str, ...]
    file: str
    bytes: int
    sha256: str
    lowering: str
    batch: int | None
    inputs: tuple[dict[str, Any], ...]
    outputs: tuple[dict[str, Any], ...]
    ops: dict[str, int]
    problems: tuple[str, ...]
    tolerance: Tolerance
    parity: dict[str, Any]
    made_for: str = ""
    notes: tuple[str, ...] = ()
    states: tuple[dict[str, Any], ...] = ()

    @property
    def kind(self) -> str:
        """What finds its runner: ``FORMAT`` or ``FORMAT-MADE_FOR``."""
        return f"{self.format}-{self.made_for}" if self.made_for else self.format


def seal(manifest: dict[str, Any]) -> str:
    """Checksum of a manifest's content but for itself: against accidents, not against a person."""
    content = {key: value for key, value in manifest.items() if key != "seal"}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_text_parts(
    folder: Path,
    *,
    num_ids: int,
    settings: TextSettings,
    labels: Sequence[str],
    label_values: Sequence[str] | None,
    tokenizer: Tokenizer | None,
    golden: Golden,
    pads: str,
    preprocessing: Preprocessing,
    rounding: Sequence[OwnRounding],
) -> dict[str, Any]:
    """Write what a bundle of texts has beside its variants; what the manifest says of it."""
    write_text(folder / LABELS, "".join(f"{label}\n" for label in labels))
    write_json(folder / GOLDEN, golden.to_json())
    if tokenizer is not None:
        tokenizer.save(folder / VOCAB)
    return {
        "schema": SCHEMA,
        "kind": TEXT,
        "pads": pads,
        "preprocessing": preprocessing.to_json(),
        "tokenizer": {**settings.to_json(), "num_ids": num_ids},
        "labels": list(labels),
        "label_values": None if label_values is None else list(label_values),
        "outputs": int(golden.outputs.shape[1]),
        "own_rounding": [one.to_json() for one in rounding],
    }


def write_tensor_parts(
    folder: Path,
    *,
    signature: Signature,
    golden: Sequence[Batch],
    labels: Sequence[str],
    rounding: Sequence[OwnRounding],
    spreads: Mapping[str, Spread],
) -> dict[str, Any]:
    """Write what a bundle of tensors has beside its variants; what the manifest says of it."""
    save_batches(folder / GOLDEN_ARRAYS, golden, spreads)
    if labels:
        write_text(folder / LABELS, "".join(f"{label}\n" for label in labels))
    return {
        "schema": SCHEMA if signature.is_scaled or signature.takes_no_numbers else 2,
        "kind": TENSORS,
        "signature": signature.to_json(),
        "labels": list(labels),
        "own_rounding": [one.to_json() for one in rounding],
    }


def write_manifest(
    folder: Path,
    parts: dict[str, Any],
    *,
    source: dict[str, Any],
    variants: Sequence[dict[str, Any]],
    versions: dict[str, str],
) -> None:
    """Write the manifest; everything else is already in ``folder``.

    Args:
        parts: from :func:`write_text_parts` or :func:`write_tensor_parts`.
    """
    files = {v["file"] for v in variants}
    if any(v["made_for"] for v in variants):
        parts = {**parts, "schema": max(parts["schema"], MADE_FOR_SCHEMA)}
    manifest = {
        **parts,
        "written_by": versions,
        "source": source,
        "files": {p.name: sha256(p) for p in sorted(folder.iterdir()) if p.name not in files},
        "variants": list(variants),
    }
    write_json(folder / MANIFEST, {**manifest, "seal": seal(manifest)})


def read_manifest(path: Path, check: Callable[[Path, bytes], None] | None = None) -> dict[str, Any]:
    """The manifest of a bundle's folder: whole, as its schema says, and true of its files.

    What else is in it is not known here, and left aside. It is the one that reads a bundle's names: what
    is copied, sent or served has these.

    Args:
        check: refuses its bytes with a :class:`BundleError`, before anything is made of them.

    Raises:
        BundleError: not a bundle, written by a newer version, contradicting itself, or a file missing,
            changed or no file of the folder.
    """
    where = f"bundle {path}: its {MANIFEST}"
    try:
        content = gate.read_bytes(path / MANIFEST, "manifest", gate.MANIFEST_BYTES)
        if check is not None:
            check(path, content)
        manifest: Any = gate.parse_json(content.decode(), f"manifest {path / MANIFEST}")
    except (InputError, UnicodeDecodeError) as error:
        raise BundleError(f"{where} is damaged: {error}; export again") from None
    if not isinstance(manifest, dict) or "schema" not in manifest:
        raise BundleError(f"{where} is damaged; export again")
    schema = manifest["schema"]
    if not isinstance(schema, int) or schema > SCHEMA:
        raise BundleError(
            f"bundle {path} has schema {gate.shown(json.dumps(schema))}; this version reads up to "
            f"{SCHEMA}: upgrade lstm-edge"
        )
    if manifest.get("seal") != seal(manifest):
        raise BundleError(f"{where} was changed after export; export again")
    try:
        checks.check(manifest, "manifest", f"its {MANIFEST}")
        check_file_names(manifest, (MANIFEST, SIGNATURE))
        check_references(manifest)
    except InputError as error:
        raise BundleError(f"bundle {path}: {error}") from None
    golden = GOLDEN_ARRAYS if manifest.get("kind", TEXT) == TENSORS else GOLDEN
    if golden not in manifest["files"]:
        raise BundleError(f"{where} does not name {golden} among its files; export again")
    _check_files(path, manifest)
    return manifest


def _check_files(path: Path, manifest: dict[str, Any]) -> None:
    hashes = {**manifest["files"], **{v["file"]: v["sha256"] for v in manifest["variants"]}}
    sizes = {v["file"]: v["bytes"] for v in manifest["variants"]}
    for name, expected in hashes.items():
        file = path / name
        if not file.exists():
            raise BundleError(f"bundle {path}: {name} is missing; export again")
        # somebody else's folder is no place to read from, whatever stands there
        if file.is_symlink() and not file.resolve().is_relative_to(path.resolve()):
            raise BundleError(
                f"bundle {path}: {name} is a link out of the folder; put the file itself there"
            )
        try:
            size = gate.check_regular(file, "file")
        except InputError as error:
            raise BundleError(f"bundle {path}: {error}") from None
        if size > gate.BUNDLED_BYTES:
            raise BundleError(
                f"bundle {path}: {name} has {size:,} bytes; expected at most {gate.BUNDLED_BYTES:,}"
            )
        if size != sizes.get(name, size) or sha256(file) != expected:
            raise BundleError(f"bundle {path}: {name} was changed after export; export again")


def own_files(manifest: dict[str, Any]) -> set[str]:
    """Names of all files of the bundle that a manifest describes, with its own and its signature's."""
    return {MANIFEST, SIGNATURE, *manifest["files"], *(v["file"] for v in manifest["variants"])}


def is_bundle(path: Path) -> bool:
    """Whether there is a bundle at ``path`` (of any version, whole or not)."""
    golden = (path / GOLDEN, path / GOLDEN_ARRAYS)
    return (path / MANIFEST).is_file() and any(file.is_file() for file in golden)


def check_replaceable(path: Path) -> None:
    """Refuse a target that is no bundle, or holds files that ``export`` did not write.

    Raises:
        InputError: what is in the way.
    """
    if not path.exists():
        return
    if not path.is_dir() or not is_bundle(path):
        raise InputError(
            f"{path} exists and is not a bundle; nothing was written: give another folder with `out`"
        )
    try:
        ours = own_files(read_json(path / MANIFEST, "manifest", gate.MANIFEST_BYTES))
    except (InputError, KeyError, TypeError, AttributeError):
        ours = {MANIFEST, SIGNATURE, VOCAB, LABELS, GOLDEN, GOLDEN_ARRAYS}
    if foreign := sorted(p.name for p in path.iterdir() if p.name not in ours):
        raise InputError(
            f"bundle {path} holds files that export did not write: {', '.join(foreign[:5])}; move "
            "them or give another folder with `out`"
        )


def variant_of(value: dict[str, Any]) -> VariantInfo:
    lists = ("runtimes", "inputs", "outputs", "problems", "notes", "states")
    return VariantInfo(
        **{
            **known_fields(VariantInfo, value),
            **{key: tuple(value[key]) for key in lists if key in value},
            "tolerance": Tolerance(**known_fields(Tolerance, value["tolerance"])),
        }
    )
