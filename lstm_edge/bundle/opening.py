"""The bundle: the folder that ``export`` writes and all that a device needs."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from lstm_edge.base.files import known_fields, recover
from lstm_edge.base.gate import printable, shown
from lstm_edge.bundle.golden import Golden, read_arrays, read_texts
from lstm_edge.bundle.manifest import (
    GOLDEN,
    GOLDEN_ARRAYS,
    MANIFEST,
    TENSORS,
    TEXT,
    VOCAB,
    VariantInfo,
    read_manifest,
    variant_of,
)
from lstm_edge.bundle.signing import Key, Trusted
from lstm_edge.errors import BundleError, InputError, NotInstalledError
from lstm_edge.inputs import label_names, labelled
from lstm_edge.inputs.array_files import ArraySource
from lstm_edge.inputs.batches import AS_GIVEN, Batch, Inputs, evenly
from lstm_edge.inputs.preprocessing import UNRECORDED, Preprocessing
from lstm_edge.inputs.signature import Input, Output, Signature, State, expected_shape
from lstm_edge.inputs.targets import check_targets, read_source
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer, load_tokenizer
from lstm_edge.inputs.windows import Window
from lstm_edge.results.rounding import KnownMoves, OwnRounding
from lstm_edge.runtimes.by_keras import Keras
from lstm_edge.runtimes.contract import Runtime, runtime_class
from lstm_edge.runtimes.runners import (
    ArrayRunner,
    IdsRunner,
    Runner,
    TextRunner,
    text_runner,
    without_table,
)

_OTHER_MODEL = "{} has other inputs or outputs than the model that was exported"


@dataclass(frozen=True)
class Bundle(ABC):
    """An opened bundle whose files are all there and unchanged.

    What it takes is what differs between its two kinds: an encoder in front and labels behind.
    ``rounding`` is of the golden vectors, empty where it was not measured. ``manifest`` is what was read
    and checked: nobody reads it again.

    Class attributes: ``takes`` (``texts`` or ``arrays``), ``unit`` (what lengths count), ``golden_file``.
    """

    path: Path
    source: dict[str, Any]
    labels: tuple[str, ...]
    variants: dict[str, VariantInfo]
    rounding: tuple[OwnRounding, ...] = field(default=(), kw_only=True)
    manifest: dict[str, Any] = field(default_factory=dict, repr=False, kw_only=True)

    takes: ClassVar[str]
    unit: ClassVar[str]
    golden_file: ClassVar[str]
    # whether examples of any length are run in one trace of Keras
    any_length: ClassVar[bool] = False

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

    def runnable(self, names: Iterable[str] = ()) -> tuple[list[VariantInfo], dict[str, str]]:
        """The variants of these names; without names those whose runtime is installed.

        Also the names of those that are left out, each with the reason and what installs its runtime.

        Raises:
            BundleError: as :meth:`variant`, or there is none at all.
            InputError: no runtime for such files.
            NotInstalledError: the runtime of one that was named is not installed, or none is.
        """
        names = tuple(names)
        variants, left_out = list[VariantInfo](), dict[str, str]()
        missing: NotInstalledError | None = None
        for info in self.chosen(names):
            runtime = runtime_class(info.kind)
            try:
                runtime.check_installed(f"running {info.file}" if names else runtime.runtime)
                variants.append(info)
            except NotInstalledError as error:
                if names:
                    raise
                missing, left_out[info.name] = missing or error, str(error)
        if not variants:
            raise missing or BundleError(f"bundle {self.path} has no variant")
        return variants, left_out

    def runner(self, name: str, threads: int = 1) -> Runner:
        """A loaded runner for a variant.

        Raises:
            BundleError: as :meth:`variant`, or the file has other inputs or outputs than it says.
            InputError: no runtime for such files, or it refuses the file.
            NotInstalledError: the runtime is not there.
        """
        info = self.variant(name)
        runtime = runtime_class(info.kind)(self.path / info.file, threads)
        for side in ("inputs", "outputs"):
            ends = {end["name"]: end["dtype"] for end in getattr(info, side)}
            ports = {port.name: port.dtype for port in getattr(runtime, side)}
            if ports != ends and not runtime.takes_texts:
                raise BundleError(
                    f"bundle {self.path}: {info.file} has the {side} {_listed(ports)}; its manifest says "
                    f"{_listed(ends)}"
                )
        return self.runner_over(info, runtime)

    def first_runner(self, names: Iterable[str] = (), threads: int = 1) -> tuple[str, Runner]:
        """The first of these variants (of all, without names) whose runtime is installed.

        Raises:
            BundleError: as :meth:`variant`, or there is none at all.
            NotInstalledError: no runtime is installed for any of them.
        """
        missing: NotInstalledError | None = None
        for info in self.chosen(names):
            try:
                return info.name, self.runner(info.name, threads)
            except NotInstalledError as error:
                missing = missing or error
        raise missing or BundleError(f"bundle {self.path} has no variant")

    def lack_texts(self, inputs: Inputs, info: VariantInfo) -> bool:
        """Whether the file of a variant takes texts, and these inputs are ids."""
        ids = inputs.texts is None and not inputs.arrays
        return ids and info.kind in runtime_class(info.kind).of_texts

    @abstractmethod
    def runner_over(self, info: VariantInfo, runtime: Runtime) -> Runner:
        """What runs a variant's file, loaded into any runtime."""

    @abstractmethod
    def reference_over(self, runtime: Keras) -> Runner:
        """What runs the Keras model on the same examples.

        Raises:
            InputError: it has other inputs or outputs than the model that was exported.
        """

    def as_exported(self, graph: Any) -> Any:
        """A Keras model with what the export put around it; of :mod:`lstm_edge.models.graph`."""
        return graph

    @abstractmethod
    def golden_batches(self, limit: int | None = None) -> list[Batch]:
        """The golden vectors with the reference's answers, at most so many."""

    @abstractmethod
    def windows(self, source: Any, limit: int | None = None) -> Iterator[list[Batch]]:
        """The user's examples, without outputs, in windows that are run together.

        What the bundle cannot take is refused here, before any of them is run.

        Raises:
            InputError: labels that are not known to it; examples of the other kind.
        """

    def tokenizer(self) -> Tokenizer | None:
        """The tokeniser; None in a bundle without a vocabulary."""
        return None

    def described_preprocessing(self) -> dict[str, Any] | None:
        """How texts became ids, and what says so; None where nothing is done before the model."""
        return None

    def edge_cases(self) -> Golden | None:
        """What has the edge cases of a bundle of texts."""
        return None

    def ends(self) -> tuple[tuple[Input, ...], tuple[Output, ...]]:
        """The model's inputs and outputs by name; none of a bundle of texts, which has one of each."""
        return (), ()

    @property
    def streams(self) -> bool:
        """Whether all its files are fed step by step."""
        return False

    @property
    @abstractmethod
    def takes_rows(self) -> bool:
        """Whether examples are rows of ids: labelled ids (``data``) and arrays (``inputs``) both fit."""

    def no_stream(self, piece: str) -> InputError:
        """What is said where nothing of the bundle is fed piece by piece (word by word, say)."""
        message = f"bundle {self.path} is not fed {piece} by {piece}"
        if reasons := self.source.get("not_streamed"):
            return InputError(f"{message}, and its model cannot be: {'; '.join(reasons)}")
        return InputError(f"{message}: export the model again with `streaming`")

    @abstractmethod
    def golden_inputs(self, limit: int | None = None) -> Inputs:
        """The golden inputs to be timed, at most so many; of a stream one step of each."""

    def sampled_inputs(self, dataset: labelled.Dataset, limit: int) -> Inputs:
        """At most so many of labelled texts to be timed, drawn evenly."""
        raise InputError(f"bundle {self.path} takes {self.takes}, not {dataset.name}")

    def read(
        self, path: Path, targets: Path | None = None, window: Window | None = None
    ) -> ArraySource:
        """A file of what it takes, for :meth:`windows`; texts are read by their own reader.

        Args:
            targets: a file of what is right; None: in the same ``.npz``, or nowhere.
            window: the file holds one long series, and these are its windows.
        """
        raise InputError(f"bundle {self.path} takes {self.takes}, not arrays: {path}")

    def predicting(self) -> Bundle:
        """What predicts with it: the bundle itself, or the same as one of arrays where it takes ids."""
        return self

    @abstractmethod
    def lengths(self, inputs: Inputs) -> tuple[int, ...]:
        """How long each is, in the bundle's unit, as far as the model takes it."""


@dataclass(frozen=True)
class TextBundle(Bundle):
    """One that takes ids, and texts where it has a vocabulary; one answer for each.

    Attributes:
        pads: see :class:`lstm_edge.runtimes.runners.IdsRunner`.
        outputs: K, how many numbers an answer has.
    """

    num_ids: int
    settings: TextSettings
    label_values: tuple[str, ...] | None
    has_vocabulary: bool
    outputs: int
    pads: str = "any"
    preprocessing: Preprocessing = UNRECORDED

    takes: ClassVar[str] = "texts"
    unit: ClassVar[str] = "tokens"
    golden_file: ClassVar[str] = GOLDEN
    any_length: ClassVar[bool] = True

    def tokenizer(self) -> Tokenizer | None:
        if not self.has_vocabulary:
            return None
        return load_tokenizer(self.path / VOCAB, self.num_ids, self.settings)

    @property
    def takes_rows(self) -> bool:
        return not self.has_vocabulary

    def predicting(self) -> Bundle:
        if self.has_vocabulary:
            return self
        return TensorBundle(
            self.path,
            self.source,
            self.labels,
            self.variants,
            self._signature,
            manifest=self.manifest,
        )

    @property
    def _signature(self) -> Signature:
        """Of its files, where they take ids."""
        info = next(iter(self.variants.values()))
        length = None if self.pads == "none" else self.settings.max_length
        units = self.outputs or self.golden().outputs.shape[1]
        activation = "sigmoid" if units == 1 else "softmax"
        return Signature(
            (Input(info.inputs[0]["name"], "int32", (None, length), self.num_ids, None),),
            (Output(info.outputs[0]["name"], (None, units), activation),),
        )

    def read(
        self, path: Path, targets: Path | None = None, window: Window | None = None
    ) -> ArraySource:
        if self.has_vocabulary:
            return super().read(path, targets, window)
        return read_source(path, targets, self._signature, window)

    def golden(self) -> Golden:
        """The golden vectors; they are read once."""
        return self._golden

    @cached_property
    def _golden(self) -> Golden:
        return read_texts(self.path / GOLDEN, self.num_ids, self.outputs, len(self.labels))

    def runner_over(self, info: VariantInfo, runtime: Runtime) -> IdsRunner | TextRunner:
        return text_runner(
            runtime,
            self.outputs,
            num_ids=self.num_ids,
            max_length=self.settings.max_length,
            batch=info.batch,
            pads=self.pads,
            truncating=self.settings.truncating,
            states=[*map(State.from_json, info.states)],
        )

    def reference_over(self, runtime: Keras) -> IdsRunner:
        if len(runtime.inputs) != 1 or len(runtime.outputs) != 1:
            raise InputError(_OTHER_MODEL.format(runtime.path))
        settings = self.settings
        return IdsRunner(
            runtime,
            max_length=settings.max_length,
            pads=without_table(self.pads),
            truncating=settings.truncating,
        )

    def golden_batches(self, limit: int | None = None) -> list[Batch]:
        return [replace(self.golden().batch(limit), moves=KnownMoves(self.rounding))]

    def windows(
        self, source: labelled.Evaluation | ArraySource, limit: int | None = None
    ) -> Iterator[list[Batch]]:
        if isinstance(source, ArraySource):
            return iter([[self._rows(source, limit)]])
        names, values, settings = self.labels, self.label_values, self.settings
        label_names.resolve_labels(tuple(source.labels), names, values)
        tokenizer = self.tokenizer()

        def window(examples: labelled.Examples) -> list[Batch]:
            examples = labelled.cap_ids(examples, self.num_ids, settings)
            classes = label_names.resolve_labels(examples.labels, names, values)
            sequences = examples.encode(tokenizer, settings)
            return [Batch(sequences=sequences, texts=examples.texts, classes=classes)]

        examples = source.windows(limit=limit)
        first = window(next(examples))
        return itertools.chain([first], map(window, examples))

    def _rows(self, source: ArraySource, limit: int | None) -> Batch:
        """Rows of ids, as they are, with their classes where they are known."""
        (ids,) = self._signature.check(source.arrays).values()
        classes = None
        if source.targets is not None:
            targets = check_targets(source.targets, self._signature, self.labels, len(source))
            classes = next(iter(targets.values())).reshape(-1).astype(np.int64)
        return Batch(sequences=list(ids), classes=classes).part(evenly(len(ids), limit))

    def described_preprocessing(self) -> dict[str, Any]:
        """The manifest's ``preprocessing``, ``pads``, and the settings themselves with ``num_ids``."""
        return {
            **self.preprocessing.to_json(),
            "pads": self.pads,
            "settings": self.settings.to_json(),
            "num_ids": self.num_ids,
        }

    def edge_cases(self) -> Golden:
        return self.golden()

    def sampled_inputs(self, dataset: labelled.Dataset, limit: int) -> Inputs:
        examples = labelled.cap_ids(dataset.evaluation().sample(limit), self.num_ids, self.settings)
        sequences = examples.encode(self.tokenizer(), self.settings)
        return Inputs(sequences, examples.texts, source=dataset.name)

    def golden_inputs(self, limit: int | None = None) -> Inputs:
        golden = self.golden()
        return Inputs(golden.ids[:limit], golden.texts and golden.texts[:limit])

    def lengths(self, inputs: Inputs) -> tuple[int, ...]:
        return tuple(min(len(ids), self.settings.max_length) for ids in inputs.sequences)


@dataclass(frozen=True)
class TensorBundle(Bundle):
    """One that takes arrays by name and gives arrays by name.

    ``labels`` are empty, or the names of the classes of an output that has as many.
    """

    signature: Signature

    takes: ClassVar[str] = "arrays"
    unit: ClassVar[str] = "steps"
    golden_file: ClassVar[str] = GOLDEN_ARRAYS

    def golden(self) -> list[Batch]:
        """The golden vectors."""
        return read_arrays(self.path / GOLDEN_ARRAYS, self.signature)

    def runner_over(self, info: VariantInfo, runtime: Runtime) -> ArrayRunner:
        return ArrayRunner(runtime, self.signature, info.batch)

    def as_exported(self, graph: Any) -> Any:
        graph = graph.named_as(self.signature)
        return graph.scaled_as(self.signature) if self.signature.is_scaled else graph

    def reference_over(self, runtime: Keras) -> ArrayRunner:
        if runtime.signature.taking_anything != self.signature.whole.taking_anything:
            raise InputError(_OTHER_MODEL.format(runtime.path))
        return ArrayRunner(runtime, runtime.signature, runtime.fixed_batch)

    def golden_batches(self, limit: int | None = None) -> list[Batch]:
        batches = self.golden()
        if limit is not None:
            each = limit // len(batches) or 1
            batches = [batch.part(evenly(len(batch), each)) for batch in batches]
        return [replace(batch, moves=KnownMoves(self.rounding)) for batch in batches]

    @property
    def takes_rows(self) -> bool:
        ports = self.signature.inputs
        return len(ports) == 1 and ports[0].rows is not None and len(ports[0].shape) == 2

    def _rows(self, name: str, examples: labelled.Examples) -> ArraySource:
        """Labelled ids as the only input, and what is right."""
        port = self.signature.inputs[0]
        rows = examples.encode(None)
        if len(lengths := sorted({len(row) for row in rows})) > 1:
            raise InputError(
                f"{name} has rows of {lengths[0]} to {lengths[-1]} ids; input {port.name} is "
                f"{expected_shape(port)}: pad them as in training"
            )
        return ArraySource(name, {port.name: np.stack(rows)}, np.array(examples.labels))

    def sampled_inputs(self, dataset: labelled.Dataset, limit: int) -> Inputs:
        if not self.takes_rows:
            return super().sampled_inputs(dataset, limit)
        source = self._rows(dataset.name, dataset.evaluation().sample(limit))
        arrays = self.signature.check(source.arrays)
        rows = [
            {name: array[i : i + 1] for name, array in arrays.items()} for i in range(len(source))
        ]
        return Inputs(arrays=rows, source=dataset.name)

    def windows(
        self, source: ArraySource | labelled.Evaluation, limit: int | None = None
    ) -> Iterator[list[Batch]]:
        if isinstance(source, labelled.Evaluation):
            examples, *_ = source.windows(len(source), limit)
            source = self._rows(source.name, examples)
        # Keras says which of them it answers
        arrays, targets = self.signature.taking_anything.check(source.arrays), {}
        if source.targets is not None:
            targets = check_targets(source.targets, self.signature, self.labels, len(source))
        batch = Batch((AS_GIVEN,) * len(source), arrays, targets=targets)
        return iter([[batch.part(evenly(len(batch), limit))]])

    def ends(self) -> tuple[tuple[Input, ...], tuple[Output, ...]]:
        return self.signature.inputs, self.signature.outputs

    def read(
        self, path: Path, targets: Path | None = None, window: Window | None = None
    ) -> ArraySource:
        return read_source(path, targets, self.signature.taking_anything, window)

    @property
    def streams(self) -> bool:
        return bool(self.signature.states)

    def golden_inputs(self, limit: int | None = None) -> Inputs:
        places = [(batch, i) for batch in self.golden() for i in range(len(batch))]
        # of every length, in their order: LiteRT prepares itself anew for another shape
        chosen = [places[at] for at in evenly(len(places), limit)]
        examples = [batch.part([row]).inputs for batch, row in chosen]
        if self.signature.states:  # what a stream costs is what its next steps cost
            examples = [self.signature.pieces(example, 1)[0] for example in examples]
        return Inputs(arrays=examples)

    def lengths(self, inputs: Inputs) -> tuple[int, ...]:
        return tuple(self.signature.steps(arrays) for arrays in inputs.arrays)


def _listed(ends: dict[str, str]) -> str:
    return (
        printable(shown(", ".join(f"{name} ({dtype})" for name, dtype in ends.items()))) or "none"
    )


def open_bundle(
    path: Path | str, trusted: Key | Iterable[Key] | None = None
) -> TextBundle | TensorBundle:
    """Open a bundle and check every file's hash.

    Args:
        trusted: public keys, of which one must have signed it (see
            :class:`lstm_edge.bundle.signing.Trusted`); None: hashes only, which are a checksum against
            accidents and say nothing of who wrote it.

    Raises:
        BundleError: not a bundle, written by a newer version, or a file missing or changed; not signed by
            a key of ``trusted``.
        InputError: no such key.
        MissingExtraError: the extra ``sign`` is not installed, and there is ``trusted``.
    """
    keys = None if trusted is None else Trusted(trusted)
    path = Path(path)
    recover(path)
    if not path.is_dir():
        raise BundleError(f"bundle {path} does not exist; make one with: lstm-edge export MODEL")
    if not (path / MANIFEST).is_file():
        raise BundleError(f"{path} is not a bundle: it has no {MANIFEST}")
    manifest = read_manifest(path, None if keys is None else keys.check)
    common = {
        "path": path,
        "manifest": manifest,
        "source": manifest["source"],
        "labels": tuple(manifest["labels"]),
        "variants": {v["name"]: variant_of(v) for v in manifest["variants"]},
        "rounding": tuple(map(OwnRounding.from_json, manifest.get("own_rounding", ()))),
    }
    if manifest.get("kind", TEXT) == TENSORS:
        return TensorBundle(**common, signature=Signature.from_json(manifest["signature"]))
    settings = manifest["tokenizer"]
    values, told = manifest.get("label_values"), manifest.get("preprocessing")
    return TextBundle(
        **common,
        num_ids=settings["num_ids"],
        settings=TextSettings.from_json(known_fields(TextSettings, settings)),
        label_values=None if values is None else tuple(values),
        has_vocabulary=VOCAB in manifest["files"],
        outputs=manifest.get("outputs", 0),  # an older bundle has no file that needs it
        pads=manifest.get("pads", "any"),
        preprocessing=UNRECORDED if told is None else Preprocessing.from_json(told),
    )
