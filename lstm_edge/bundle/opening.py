"""The bundle: the folder that ``export`` writes and all that a device needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lstm_edge.base.arrays import Ids, Probabilities
from lstm_edge.base.files import read_json, read_text, sha256, write_json, write_text
from lstm_edge.errors import BundleError, InputError
from lstm_edge.inputs.batches import Batch, load_batches, save_batches
from lstm_edge.inputs.signature import Signature
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer, load_tokenizer
from lstm_edge.results.parity import Tolerance
from lstm_edge.runtimes.runners import (
    Runner,
    TensorRunner,
    TextRunner,
    any_runner_class,
    tensor_runner_class,
)

# 1: texts, pads on either side; 2: all the others, which a reader of 1 would not run rightly; 3: files
# made for one runtime or use
SCHEMA = 3
MANIFEST, VOCAB, LABELS, GOLDEN = "manifest.json", "vocab.txt", "labels.txt", "golden.json"
GOLDEN_ARRAYS = "golden.npz"
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


@dataclass(frozen=True)
class Golden:
    """Golden vectors: what the reference answers.

    Attributes:
        texts: N texts, None where the bundle has no vocabulary.
        ids: N int32 arrays, not padded.
        outputs: the reference's, float32 [N, K].
        classes: right class numbers [N], None where not known.
        edge_names, edge_ids, edge_outputs: the cases of
            :func:`lstm_edge.verify.comparing.edge_sequences`, and of
            :func:`lstm_edge.verify.comparing.edge_texts` where there is a vocabulary.
        edge_texts: the text of each of these cases, None of those that are ids only.
    """

    texts: tuple[str, ...] | None
    ids: tuple[Ids, ...]
    outputs: Probabilities
    classes: tuple[int, ...] | None
    edge_names: tuple[str, ...]
    edge_ids: tuple[Ids, ...]
    edge_outputs: Probabilities
    edge_texts: tuple[str | None, ...]

    def to_json(self) -> dict[str, Any]:
        def case(**items: Any) -> dict[str, Any]:
            return {key: value for key, value in items.items() if value is not None}

        texts, classes = self.texts, self.classes
        return {
            "schema": 1,
            "cases": [
                case(
                    text=None if texts is None else texts[i],
                    ids=ids.tolist(),
                    probabilities=_floats(self.outputs[i]),
                    label=None if classes is None else classes[i],
                )
                for i, ids in enumerate(self.ids)
            ],
            "edge": [
                case(name=name, text=text, ids=ids.tolist(), probabilities=_floats(outputs))
                for name, text, ids, outputs in zip(
                    self.edge_names,
                    self.edge_texts,
                    self.edge_ids,
                    self.edge_outputs,
                    strict=True,
                )
            ],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Golden:
        cases, edge = value["cases"], value["edge"]

        def ids(case: dict[str, Any]) -> Ids:
            return np.array(case["ids"], np.int32)

        def outputs(rows: list[dict[str, Any]]) -> Probabilities:
            return np.array([case["probabilities"] for case in rows], np.float32)

        return cls(
            tuple(c["text"] for c in cases) if all("text" in c for c in cases) else None,
            tuple(ids(c) for c in cases),
            outputs(cases),
            tuple(c["label"] for c in cases) if all("label" in c for c in cases) else None,
            tuple(c["name"] for c in edge),
            tuple(ids(c) for c in edge),
            outputs(edge),
            tuple(c.get("text") for c in edge),
        )


def _floats(row: Probabilities) -> list[float]:
    # nine digits give a float32 back exactly
    return [float(f"{p:.9g}") for p in row]


@dataclass(frozen=True)
class Bundle:
    """An opened bundle whose files are all there and unchanged."""

    path: Path
    source: dict[str, Any]
    labels: tuple[str, ...]
    variants: dict[str, VariantInfo]

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of each variant's file."""
        return {name: info.sha256 for name, info in self.variants.items()}

    def variant(self, name: str) -> VariantInfo:
        """A variant by its name.

        Raises:
            BundleError: not in this bundle; those that are, are named.
        """
        try:
            return self.variants[name]
        except KeyError:
            raise BundleError(
                f"bundle {self.path} has no variant {name}; it has {', '.join(self.variants)}"
            ) from None

    def chosen(self, names: Iterable[str] = ()) -> list[VariantInfo]:
        """The variants of these names, each once; all of them without names.

        Raises:
            BundleError: as :meth:`variant`.
        """
        return [self.variant(name) for name in dict.fromkeys(names) or self.variants]


@dataclass(frozen=True)
class TextBundle(Bundle):
    """One that takes ids, and texts where it has a vocabulary; one answer for each.

    Attributes:
        pads: see :class:`lstm_edge.runtimes.runners.Runner`.
        outputs: K, how many numbers an answer has.
    """

    num_ids: int
    settings: TextSettings
    label_values: tuple[str, ...] | None
    has_vocabulary: bool
    outputs: int
    pads: str = "any"

    def tokenizer(self) -> Tokenizer | None:
        """The tokeniser, None in a bundle without a vocabulary."""
        if not self.has_vocabulary:
            return None
        return load_tokenizer(self.path / VOCAB, self.num_ids, self.settings)

    def golden(self) -> Golden:
        """The golden vectors."""
        return Golden.from_json(read_json(self.path / GOLDEN, "golden vectors"))

    def runner(self, name: str, threads: int = 1) -> Runner | TextRunner:
        """A loaded runner for a variant: of ids, or of texts where the file makes the ids itself."""
        info = self.variant(name)
        cls = any_runner_class(info.kind)
        if issubclass(cls, TextRunner):
            return cls(self.path / info.file, threads, self.outputs)
        return cls(
            self.path / info.file,
            threads,
            num_ids=self.num_ids,
            max_length=self.settings.max_length,
            batch=info.batch,
            pads=self.pads,
        )


@dataclass(frozen=True)
class TensorBundle(Bundle):
    """One that takes arrays by name and gives arrays by name.

    ``labels`` are empty, or the names of the classes of an output that has as many.
    """

    signature: Signature

    def golden(self) -> list[Batch]:
        """The golden vectors."""
        return load_batches(self.path / GOLDEN_ARRAYS)

    def runner(self, name: str, threads: int = 1) -> TensorRunner:
        """A loaded runner for a variant."""
        info = self.variant(name)
        cls = tensor_runner_class(info.kind)
        return cls(self.path / info.file, self.signature, threads, info.batch)


def seal(manifest: dict[str, Any]) -> str:
    """Hash of a manifest's content but for the hash itself."""
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
) -> dict[str, Any]:
    """Write what a bundle of texts has beside its variants; what the manifest says of it."""
    write_text(folder / LABELS, "".join(f"{label}\n" for label in labels))
    write_json(folder / GOLDEN, golden.to_json())
    if tokenizer is not None:
        tokenizer.save(folder / VOCAB)
    return {
        "schema": 1 if pads == "any" else 2,
        "kind": TEXT,
        "pads": pads,
        "tokenizer": {**settings.to_json(), "num_ids": num_ids},
        "labels": list(labels),
        "label_values": None if label_values is None else list(label_values),
        "outputs": int(golden.outputs.shape[1]),
    }


def write_tensor_parts(
    folder: Path, *, signature: Signature, golden: Sequence[Batch], labels: Sequence[str]
) -> dict[str, Any]:
    """Write what a bundle of tensors has beside its variants; what the manifest says of it."""
    save_batches(folder / GOLDEN_ARRAYS, golden)
    if labels:
        write_text(folder / LABELS, "".join(f"{label}\n" for label in labels))
    return {
        "schema": 2,
        "kind": TENSORS,
        "signature": signature.to_json(),
        "labels": list(labels),
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
        parts = {**parts, "schema": SCHEMA}
    manifest = {
        **parts,
        "written_by": versions,
        "source": source,
        "files": {p.name: sha256(p) for p in sorted(folder.iterdir()) if p.name not in files},
        "variants": list(variants),
    }
    write_json(folder / MANIFEST, {**manifest, "seal": seal(manifest)})


def own_files(manifest: dict[str, Any]) -> set[str]:
    """Names of all files of the bundle that a manifest describes, with its own."""
    return {MANIFEST, *manifest["files"], *(v["file"] for v in manifest["variants"])}


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
            f"{path} exists and is not a bundle; nothing was written: give another folder with --out"
        )
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        ours = own_files(manifest)
    except (ValueError, KeyError, TypeError):
        ours = {MANIFEST, VOCAB, LABELS, GOLDEN, GOLDEN_ARRAYS}
    if foreign := sorted(p.name for p in path.iterdir() if p.name not in ours):
        raise InputError(
            f"bundle {path} holds files that export did not write: {', '.join(foreign[:5])}; move "
            "them or give another folder with --out"
        )


def open_bundle(path: Path | str) -> TextBundle | TensorBundle:
    """Open a bundle and check every file's hash.

    Raises:
        BundleError: not a bundle, written by a newer version, or a file missing or changed.
    """
    path = Path(path)
    if not path.is_dir():
        raise BundleError(f"bundle {path} does not exist; make one with: lstm-edge export MODEL")
    if not (path / MANIFEST).is_file():
        raise BundleError(f"{path} is not a bundle: it has no {MANIFEST}")
    try:
        manifest = json.loads(read_text(path / MANIFEST, "manifest"))
        schema = manifest["schema"]
    except (InputError, ValueError, KeyError, TypeError):
        raise BundleError(f"bundle {path}: its {MANIFEST} is damaged; export again") from None
    if not isinstance(schema, int) or schema > SCHEMA:
        raise BundleError(
            f"bundle {path} has schema {schema}; this version reads up to {SCHEMA}: upgrade lstm-edge"
        )
    if manifest.get("seal") != seal(manifest):
        raise BundleError(f"bundle {path}: its {MANIFEST} was changed after export; export again")
    hashes = {**manifest["files"], **{v["file"]: v["sha256"] for v in manifest["variants"]}}
    for name, expected in hashes.items():
        if not (path / name).is_file():
            raise BundleError(f"bundle {path}: {name} is missing; export again")
        if sha256(path / name) != expected:
            raise BundleError(f"bundle {path}: {name} was changed after export; export again")
    common = {
        "path": path,
        "source": manifest["source"],
        "labels": tuple(manifest["labels"]),
        "variants": {v["name"]: _variant(v) for v in manifest["variants"]},
    }
    if manifest.get("kind", TEXT) == TENSORS:
        return TensorBundle(**common, signature=Signature.from_json(manifest["signature"]))
    settings = dict(manifest["tokenizer"])
    num_ids = settings.pop("num_ids")
    values = manifest.get("label_values")
    return TextBundle(
        **common,
        num_ids=num_ids,
        settings=TextSettings.from_json(settings),
        label_values=None if values is None else tuple(values),
        has_vocabulary=VOCAB in manifest["files"],
        outputs=manifest.get("outputs", 0),  # an older bundle has no file that needs it
        pads=manifest.get("pads", "any"),
    )


def _variant(value: dict[str, Any]) -> VariantInfo:
    lists = ("runtimes", "inputs", "outputs", "problems", "notes", "states")
    return VariantInfo(
        **{
            **value,
            **{key: tuple(value[key]) for key in lists if key in value},
            "tolerance": Tolerance(**value["tolerance"]),
        }
    )
