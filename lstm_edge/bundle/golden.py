"""Golden vectors of a bundle of texts: what the reference answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_edge.base.arrays import Ids, Probabilities
from lstm_edge.inputs.batches import ANSWERS, Batch


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
            outputs(edge),
            tuple(c.get("text") for c in edge),
        )


def _floats(row: Probabilities) -> list[float]:
    # nine digits give a float32 back exactly
    return [float(f"{p:.9g}") for p in row]
