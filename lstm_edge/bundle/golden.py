"""Golden vectors: what the reference answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lstm_edge.base import checks
from lstm_edge.base.arrays import Ids, Probabilities
from lstm_edge.base.files import read_json
from lstm_edge.base.gate import shown
from lstm_edge.bundle.references import check_labels
from lstm_edge.errors import InputError
from lstm_edge.inputs.batches import ANSWERS, Batch, load_batches
from lstm_edge.inputs.signature import Signature, expected_shape


@dataclass(frozen=True)
class Golden:
    """Golden vectors: what the reference answers.

    Attributes:
        texts: N texts, None where the bundle has no vocabulary.
        ids: N int32 arrays, not padded.
        outputs: the reference's, float32 [N, K].
        classes: right class numbers [N], None where not known.
        edge_names, edge_ids, edge_outputs: the cases of
            :func:`lstm_edge.verify.edges.edge_sequences`, and of
            :func:`lstm_edge.verify.edges.edge_texts` where there is a vocabulary.
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

    def batch(self, limit: int | None = None) -> Batch:
        """The golden texts with the reference's answers, the first of them."""
        return Batch(
            outputs={ANSWERS: self.outputs[:limit]},
            sequences=self.ids[:limit],
            texts=self.texts and self.texts[:limit],
            classes=None if self.classes is None else np.array(self.classes[:limit], np.int64),
        )

    @property
    def edge_by_text(self) -> list[tuple[str, Probabilities]]:
        """The edge cases that are texts, with the reference's answers [K]."""
        pairs = zip(self.edge_texts, self.edge_outputs, strict=True)
        return [(text, outputs) for text, outputs in pairs if text is not None]

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
            outputs(edge) if edge else outputs(cases)[:0],
            tuple(c.get("text") for c in edge),
        )


def read_texts(path: Path, num_ids: int, outputs: int, labels: int) -> Golden:
    """Golden vectors of a bundle of texts.

    Args:
        outputs: numbers of an answer; 0: not known.

    Raises:
        InputError: not readable, not as their schema says, or the first case that the bundle's model
            cannot have answered.
    """
    what = f"golden vectors {path}"
    value = read_json(path, "golden vectors")
    checks.check(value, "golden", what)
    if len({len(case["probabilities"]) for case in (*value["cases"], *value["edge"])}) != 1:
        raise InputError(f"{what} have answers of different lengths; expected one length")
    golden = Golden.from_json(value)
    try:
        check_labels(labels, golden.outputs.shape[1])
    except InputError as error:
        raise InputError(f"{what}: {error}") from None
    if outputs not in (0, golden.outputs.shape[1]):
        raise InputError(
            f"{what} have {golden.outputs.shape[1]} probabilities; the manifest says {outputs}"
        )
    for part, sequences in (("cases", golden.ids), ("edge", golden.edge_ids)):
        for number, ids in enumerate(sequences):
            if ids.size and ids.max() >= num_ids:
                raise InputError(
                    f"{what}: {part}[{number}] has the id {ids.max()}; this model knows ids from 0 to "
                    f"{num_ids - 1}"
                )
    if golden.classes is not None and max(golden.classes) >= labels:
        raise InputError(f"{what}: a label is {max(golden.classes)}; expected less than {labels}")
    return golden


def read_arrays(path: Path, signature: Signature) -> list[Batch]:
    """Golden vectors of a bundle of arrays.

    Raises:
        InputError: not readable, or the first array that does not fit the signature.
    """
    whole = signature.taking_anything
    checked = []
    for number, batch in enumerate(load_batches(path)):
        try:
            inputs = whole.check(batch.inputs)
            _check_outputs(batch, signature)
        except InputError as error:
            raise InputError(f"golden vectors {path}, {number}: {error}") from None
        checked.append(replace(batch, inputs=inputs))
    return checked


def _check_outputs(batch: Batch, signature: Signature) -> None:
    names = [port.name for port in signature.outputs]
    if sorted(batch.outputs) != sorted(names):
        raise InputError(
            f"answers of {shown(', '.join(batch.outputs)) or 'nothing'}; expected {', '.join(names)}"
        )
    counts = {len(array) for array in batch.inputs.values()}
    for port in signature.outputs:
        array = batch.outputs[port.name]
        sizes = zip(array.shape[1:], port.shape[1:], strict=False)
        fits = array.ndim == len(port.shape) and all(size is None or n == size for n, size in sizes)
        if not fits or array.dtype != port.dtype or not np.isfinite(array).all():
            numbers = (
                "" if array.dtype.kind not in "fc" or np.isfinite(array).all() else " with NaN"
            )
            raise InputError(
                f"output {port.name} is {array.dtype} {list(array.shape)}{numbers}; expected "
                f"{port.dtype} {expected_shape(port)}"
            )
        counts.add(len(array))
    if counts != {len(batch)}:
        raise InputError(f"different numbers of examples: {sorted(counts)} for {len(batch)} cases")


def _floats(row: Probabilities) -> list[float]:
    # nine digits give a float32 back exactly
    return [float(f"{p:.9g}") for p in row]
