"""TFLite files for MediaPipe Tasks' TextClassifier, on Android, iOS, the web and in Python.

It takes one subgraph, so recurrent layers are fused operators; and it gives the model a text's pieces as
its RegexTokenizer cuts them. Those are letters here (:mod:`export.lowering.letters`); the graph makes
Keras's ids of them (:mod:`export.lowering.tflite_words`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from export import to_tflite
from export.formats import Precision, Texts
from export.lowering import letters, mediapipe_metadata, tflite_fused, tflite_words
from export.lowering.tflite_graph import Network
from lstm_edge.errors import UnsupportedModelError
from lstm_edge.runtimes.by_mediapipe import MediaPipe
from lstm_edge.stack import LstmStack


class Exporter(to_tflite.Exporter):
    runtimes: ClassVar[tuple[str, ...]] = (MediaPipe.runtime,)
    runtime = "mediapipe"
    made_for = "mediapipe"
    takes_texts = True
    needs: ClassVar[tuple[str, ...]] = (mediapipe_metadata.SCHEMA,)
    lowerings: ClassVar[tuple[str, ...]] = ()
    precisions = tuple(p for p in to_tflite.Exporter.precisions if not p.folded)

    def obstacles(self) -> list[str]:
        if self.texts is None:
            return super().obstacles()
        reasons = letters.obstacles(self.texts.tokenizer)
        reasons += [
            f"the label {label!r} has a line break, which MediaPipe's file of labels cannot have"
            for label in self.texts.labels
            if len(label.splitlines()) != 1
        ]
        if self.texts.pads == "none":
            reasons.append(
                "the model's length is free, and MediaPipe's files have one: give `length=N`"
            )
        if not reasons:
            try:
                self._module(quantised=False)
            except UnsupportedModelError as error:
                reasons += error.obstacles
        return reasons

    def write(self, precision: Precision, path: Path) -> None:
        content = tflite_fused.mended(self.converted(self._module, precision))
        alphabet, labels = self._letters, self._required_texts.labels
        path.write_bytes(
            mediapipe_metadata.with_metadata(content, alphabet.pattern, alphabet.vocabulary, labels)
        )

    def describe_lowering(self, precision: Precision) -> str:
        del precision
        many = self._operators
        layers = tflite_fused.described(many) if many else "no recurrent layer"
        return f"{layers}; ids made of letters in the graph"

    def notes(self, precision: Precision) -> tuple[str, ...]:
        del precision
        most = tflite_words.pieces(self._required_texts.tokenizer.settings)
        sentences = [f"takes the first {most:,} letters of a text"]
        if (words := self._letters.told_apart) is not None:
            sentences.append(
                f"{words[0]!r} and {words[1]!r} differ in σ and ς only, so a capital Σ counts as σ "
                "wherever it stands: a word in Greek capitals that ends in it is not found"
            )
        return tuple(sentences)

    @property
    def _required_texts(self) -> Texts:
        if self.texts is None:  # an obstacle
            raise AssertionError(self.kind())
        return self.texts

    @cached_property
    def _letters(self) -> letters.Letters:
        return letters.letters(self._required_texts.tokenizer)

    def _module(self, quantised: bool) -> Any:
        """Letters in, scores out.

        Raises:
            UnsupportedModelError: a layer that is no fused operator.
        """
        model = self.model
        if isinstance(model, LstmStack):
            stack, self._operators = model, len(model.lstm)
            return self._of_letters(lambda ids: tflite_fused.answers(stack, ids, quantised))
        network = Network(model, quantised, fused=True)
        module = self._of_letters(lambda ids: next(iter(network(ids).values())), network.variables)
        network.check()
        self._operators = len(network.loops)
        return module

    def _of_letters(self, answers: Callable[[Any], Any], keep: Sequence[Any] = ()) -> Any:
        settings = self._required_texts.tokenizer.settings
        return tflite_words.module(self._letters, settings, answers, keep)
