"""Train the reference, or a configured, model on labelled data.

A run folder holds ``model.keras`` (the epoch that is best on a validation part of the training
split, without optimizer state), ``vocab.txt``, ``labels.txt``, ``config.json``, ``metrics.json``,
``curves.png`` and, until the run is whole, ``checkpoint/`` to resume from.
"""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from lstm_edge import __version__
from lstm_edge.base import gate, machine
from lstm_edge.base.arguments import check_positive
from lstm_edge.base.arrays import Ids
from lstm_edge.base.extras import require
from lstm_edge.base.files import check_place, read_json, replacing, write_json, write_text
from lstm_edge.base.progress import SILENT, Progress
from lstm_edge.errors import InputError
from lstm_edge.inputs import from_imdb, label_names, labelled
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer, pad_sequences
from lstm_edge.models import architecture as model
from lstm_edge.models import reference
from lstm_edge.models.run_folder import CONFIG, CURVES, LABELS, METRICS, MODEL, VOCAB
from lstm_edge.results.answers import classes_of, cross_entropy
from lstm_edge.results.scores import ClassTally
from lstm_edge.structure import containers
from lstm_edge.training import curves as plots

CHECKPOINT = "checkpoint"
SAMPLES = 10
VALIDATION_BATCH = 256
FIGURES = ("loss", "accuracy", "val_loss", "val_accuracy")


@dataclass(frozen=True)
class TrainConfig:
    """What a run is made of; the defaults are the reference's.

    Attributes:
        model: see :class:`lstm_edge.models.architecture.ModelConfig` (``classes`` follows the data).
        epochs, batch_size: of the whole run.
        optimizer: a Keras optimizer's name; ``learning_rate`` None keeps its default.
        validation: share of the training split that picks the best epoch.
        test_share: share cut off for testing where the source has no test split.
        seed: of the weights, the cuts and the order of examples.
    """

    model: model.ModelConfig = field(default_factory=model.ModelConfig)
    epochs: int = 5
    batch_size: int = 32
    optimizer: str = "adam"
    learning_rate: float | None = None
    validation: float = 0.1
    test_share: float = 0.2
    seed: int = 7

    def __post_init__(self) -> None:
        check_positive(
            epochs=self.epochs,
            batch_size=self.batch_size,
            num_words=self.model.num_words,
            max_length=self.model.max_length,
            embedding=self.model.embedding,
        )
        for units in self.model.lstm:
            check_positive(lstm=units)
        for units in self.model.dense:
            check_positive(dense=units)
        if not self.model.lstm:
            raise InputError("no LSTM layer given; at least one is needed")
        if (count := self.model.parameters) > gate.PARAMETERS:
            raise InputError(
                f"these layers have {count:,} weights; expected at most {gate.PARAMETERS:,}: give fewer "
                "`num_words`, or narrower layers"
            )
        for name, share in (("validation", self.validation), ("test_share", self.test_share)):
            if not 0 < share < 1:
                raise InputError(f"`{name}` is {share}; it must be between 0 and 1")
        if not 0 <= self.model.dropout < 1:
            raise InputError(f"`dropout` is {self.model.dropout}; it must be from 0 to below 1")
        rate = self.learning_rate
        if rate is not None and not 0 < rate < float("inf"):
            raise InputError(f"`learning_rate` is {rate}; it must be above 0, and finite")
        if not 0 <= self.seed < 1 << 32:
            raise InputError(f"`seed` is {self.seed}; it must be from 0 to below 2**32")


@dataclass(frozen=True)
class Epoch:
    """Figures after one epoch: mean losses (natural logarithm) and shares of right answers."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Sample:
    """One test example with the model's answer."""

    text: str | None
    predicted: str
    actual: str
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class TrainResult:
    """What a finished run gives; ``metrics.json`` holds the same."""

    run: Path
    epochs: tuple[Epoch, ...]
    best_epoch: int
    test_loss: float
    test_accuracy: float
    test_examples: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class _Encoded:
    """Padded ids [N, max_length] and class numbers [N]."""

    x: Ids
    y: npt.NDArray[np.int64]


def train(
    dataset: labelled.Dataset,
    run: Path,
    config: TrainConfig = TrainConfig(),
    *,
    names: tuple[str, ...] | None = None,
    resume: bool = False,
    progress: Progress = SILENT,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> TrainResult:
    """Train, keep the epoch that is best on the validation part, and test it.

    Args:
        dataset: from :func:`lstm_edge.inputs.data.load`.
        run: folder to write; it must not exist unless ``resume`` is set.
        names: names of the classes, in the order of the sorted raw labels.
        resume: go on from the last whole epoch of an interrupted run with the same settings.

    Raises:
        InputError: data or settings that cannot be trained on; a run folder in the way.
    """
    check_run(run, resume)
    training, test = dataset.training(config.seed, config.test_share)
    values = label_names.label_values(training.labels)
    labels = label_names.label_names(values, names)
    config, tokenizer = _vocabulary(dataset, training, config, len(labels))
    settings = TextSettings(max_length=config.model.max_length)
    check_place(run / CONFIG, _least_bytes(config.model))
    stored = _stored(config, labels, values, dataset.name, settings)
    epochs = _earlier_epochs(run, stored) if resume else _no_run(run)

    fitting, validation = labelled.stratified_cut(training, config.validation, config.seed)
    with progress.task("Encoding the texts", 3) as advance:
        encoded = []
        for examples in (fitting, validation, test):
            capped = labelled.cap_ids(examples, config.model.num_words, settings)
            ids = capped.encode(tokenizer, settings)
            if (size := 4 * len(ids) * settings.max_length) > gate.PADDED:
                raise InputError(
                    f"{len(ids):,} examples padded to `max_length` {settings.max_length:,} take {size:,} "
                    f"bytes; expected at most {gate.PADDED:,}"
                )
            x = pad_sequences(ids, settings.max_length, settings.pad_id)
            encoded.append(_Encoded(x, label_names.resolve_labels(examples.labels, values)))
            advance(1)
    fit_set, val_set, test_set = encoded

    with progress.task("Starting TensorFlow", None):
        keras = require("keras", "training")
        keras.utils.set_random_seed(config.seed)
        if epochs:
            network = _checkpoint(run / CHECKPOINT / f"epoch-{len(epochs)}.keras")
        else:
            network = model.build(config.model)
            _compile(network, config)
    _write_settings(run, stored, labels, tokenizer)  # not sooner: a wrong setting leaves no folder
    for number in range(len(epochs) + 1, config.epochs + 1):
        epoch = _run_epoch(network, config, number, fit_set, val_set, progress)
        if all(_rank(epoch) > _rank(earlier) for earlier in epochs):
            _save_for_inference(network, config.model, run / MODEL)
        epochs.append(epoch)
        _save_checkpoint(network, run, epochs)
        on_epoch(epoch)
    return _finish(run, dataset.name, labels, epochs, test, test_set, progress)


def check_run(run: Path, resume: bool = False) -> None:
    """Refuse a run folder that :func:`train` could not write to, before the data are read.

    Raises:
        InputError: it cannot be written to, or a run is in the way.
    """
    if run.is_dir() or not run.exists():
        check_place(run / CONFIG)
    if not resume:
        _no_run(run)


def _rank(epoch: Epoch) -> tuple[float, float]:
    """Greater is better: accuracy on the validation part, then its loss."""
    return epoch.val_accuracy, -epoch.val_loss


def _least_bytes(config: model.ModelConfig) -> int:
    """What a run writes at least: the float32 weights as the model, and as the last epoch's."""
    weights, width = config.num_words * config.embedding, config.embedding
    for units in config.lstm:
        weights += 4 * units * (width + units + 1)
        width = units
    return 2 * 4 * weights


def _vocabulary(
    dataset: labelled.Dataset, training: labelled.Examples, config: TrainConfig, classes: int
) -> tuple[TrainConfig, Tokenizer | None]:
    """The vocabulary of the training texts, and the configuration with its size filled in."""
    settings = TextSettings(max_length=config.model.max_length)
    words = config.model.num_words
    tokenizer = None
    if training.texts is not None:
        tokenizer = Tokenizer.fit(training.texts, words, settings)
        words = len(tokenizer)
    elif dataset.name == from_imdb.KERAS_IMDB:
        tokenizer = from_imdb.keras_imdb_tokenizer(words, settings)
    return replace(config, model=replace(config.model, num_words=words, classes=classes)), tokenizer


def _stored(
    config: TrainConfig,
    labels: tuple[str, ...],
    values: tuple[str, ...],
    source: str,
    settings: TextSettings,
) -> dict[str, Any]:
    """What ``config.json`` holds."""
    stored = {
        "lstm_edge": __version__,
        "data": source,
        "labels": list(labels),
        "label_values": list(values),
        "tokenizer": settings.to_json(),
        "training": asdict(config),
    }
    return cast(dict[str, Any], json.loads(json.dumps(stored)))  # tuples as lists, as in the file


def _earlier_epochs(run: Path, stored: dict[str, Any]) -> list[Epoch]:
    """The epochs that an interrupted run with these settings has done."""
    state = run / CHECKPOINT / "state.json"
    if state.is_file() or ((run / CONFIG).is_file() and not (run / METRICS).is_file()):
        before = read_json(run / CONFIG, "run configuration")
        if not isinstance(before, dict):
            raise InputError(f"{run / CONFIG} is not the configuration of a run")
        _check_same(run, before, stored)
    elif (run / METRICS).is_file():
        shutil.rmtree(run / CHECKPOINT, ignore_errors=True)  # of a run that was killed at its end
        raise InputError(
            f"cannot resume: {run} is already finished; train into a new folder without `resume`"
        )
    else:
        raise InputError(
            f"cannot resume: {run} has no checkpoint; train into a new folder without `resume`"
        )
    if not state.is_file():  # killed in its first epoch
        return []
    stored_state = read_json(state, "checkpoint")
    try:
        epochs = [Epoch(**epoch) for epoch in stored_state["epochs"]]
        sums = [sum(asdict(epoch).values()) for epoch in epochs]  # of numbers only
    except (TypeError, KeyError):
        epochs, sums = [], []
    if not sums:
        raise InputError(f"checkpoint {state} is not the state of a run; train into a new folder")
    return epochs


def _checkpoint(path: Path) -> Any:
    """The training state of Keras in a file, once that is looked over."""
    keras, source = require("keras", "training"), f"checkpoint {path}"
    gate.check_regular(path, "checkpoint")
    with containers.damaged(source), containers.zip_of(path, source) as archive:
        content = containers.member(archive, "model.weights.h5", source)
        with containers.hdf5(io.BytesIO(content), source, len(content)):
            return keras.models.load_model(path)


def _no_run(run: Path) -> list[Epoch]:
    """No epochs, if nothing is in the way of a new run."""
    if run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise InputError(
            f"{run} already exists; give a new folder as `run`, or `resume` to go on with it"
        )
    return []


def _write_settings(
    run: Path, stored: dict[str, Any], labels: tuple[str, ...], tokenizer: Tokenizer | None
) -> None:
    run.mkdir(parents=True, exist_ok=True)
    write_json(run / CONFIG, stored)
    write_text(run / LABELS, "".join(f"{label}\n" for label in labels))
    if tokenizer is not None:
        tokenizer.save(run / VOCAB)


def _check_same(run: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    def flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, item in value.items():
            out |= flat(item, f"{prefix}{key}.") if isinstance(item, dict) else {prefix + key: item}
        return out

    a, b = flat(before), flat(now)
    free = {"training.epochs", "lstm_edge", "data"}
    changed = sorted(k for k in a.keys() | b.keys() if a.get(k) != b.get(k) and k not in free)
    if changed:
        raise InputError(
            f"cannot resume {run}: the settings differ: "
            + ", ".join(f"{k} was {a.get(k)!r}, is {b.get(k)!r}" for k in changed)
        )


def _compile(network: Any, config: TrainConfig) -> None:
    keras = require("keras", "training")
    try:
        optimizer = keras.optimizers.get(config.optimizer)
    except ValueError:
        raise InputError(f"optimizer {config.optimizer!r} is not one that Keras has") from None
    if config.learning_rate is not None:
        optimizer.learning_rate = config.learning_rate
    binary = config.model.classes == 2
    loss = "binary_crossentropy" if binary else "sparse_categorical_crossentropy"
    # XLA made an epoch twice as slow on the CPU (jit_compile="auto" chooses the same)
    network.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)


def _run_epoch(
    network: Any,
    config: TrainConfig,
    number: int,
    fit_set: _Encoded,
    val_set: _Encoded,
    progress: Progress,
) -> Epoch:
    keras = require("keras", "training")
    began = time.perf_counter()
    # the order and what is dropped depend on the epoch alone, so that a resumed run sees the same
    rng = np.random.default_rng([config.seed, number])
    order = rng.permutation(len(fit_set.y))
    for variable in network.variables:
        if variable.path.endswith("seed_generator_state"):  # Keras's files do not hold it
            variable.assign(rng.integers(1 << 31, size=variable.shape))
    batches = -(-len(order) // config.batch_size)
    with progress.task(f"Epoch {number} of {config.epochs}", batches) as advance:
        shown = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: advance(1))
        history = network.fit(
            fit_set.x[order],
            fit_set.y[order],
            batch_size=config.batch_size,
            epochs=number,
            initial_epoch=number - 1,
            shuffle=False,
            validation_data=(val_set.x, val_set.y),
            validation_batch_size=VALIDATION_BATCH,
            verbose=0,
            callbacks=[shown, keras.callbacks.TerminateOnNaN()],
        ).history
    figures = {name: float(history[name][-1]) for name in FIGURES if name in history}
    if len(figures) < len(FIGURES) or not np.isfinite(list(figures.values())).all():
        kept = "; the epoch before it is kept" if number > 1 else ""
        raise InputError(
            f"epoch {number} gave a loss that is not a number{kept}. Lower the learning rate"
        )
    return Epoch(number, **figures, seconds=time.perf_counter() - began)


def _save_for_inference(network: Any, config: model.ModelConfig, path: Path) -> None:
    """The weights in a model that was never compiled: no optimizer state in the file."""
    clean = model.build(config)
    clean.set_weights(network.get_weights())
    with replacing(path) as temporary:
        clean.save(temporary)


def _save_checkpoint(network: Any, run: Path, epochs: list[Epoch]) -> None:
    """The whole training state; the file of the epoch before goes once the new state is named."""
    folder = run / CHECKPOINT
    current = folder / f"epoch-{len(epochs)}.keras"
    with replacing(current) as temporary:
        network.save(temporary)
    write_json(folder / "state.json", {"epochs": [asdict(epoch) for epoch in epochs]})
    for file in folder.glob("epoch-*.keras"):
        if file != current:
            file.unlink()


def _finish(
    run: Path,
    source: str,
    labels: tuple[str, ...],
    epochs: list[Epoch],
    test: labelled.Examples,
    test_set: _Encoded,
    progress: Progress,
) -> TrainResult:
    runner = reference.of_ids(run / MODEL)
    probabilities = runner.run_all(test_set.x, progress, "Testing the best epoch")
    predicted = classes_of(probabilities)
    tally = ClassTally(len(labels))
    tally.add(test_set.y, predicted)
    rows = np.random.default_rng(0).permutation(len(test))[:SAMPLES]
    samples = tuple(
        Sample(
            None if test.texts is None else test.texts[i],
            labels[predicted[i]],
            labels[test_set.y[i]],
            tuple(float(p) for p in probabilities[i]),
        )
        for i in rows
    )
    best = max(epochs, key=_rank)
    result = TrainResult(
        run=run,
        epochs=tuple(epochs),
        best_epoch=best.epoch,
        test_loss=cross_entropy(probabilities, test_set.y),
        test_accuracy=tally.right / tally.count,
        test_examples=len(test),
        samples=samples,
    )
    plots.training_curves(result, run / CURVES)
    write_json(
        run / METRICS,
        {
            "data": source,
            "epochs": [asdict(epoch) for epoch in epochs],
            "best_epoch": result.best_epoch,
            "picked_by": "accuracy, then loss, on the validation part of the training split",
            "test_loss": result.test_loss,
            "test_accuracy": result.test_accuracy,
            "test_examples": result.test_examples,
            "machine": machine.describe(("tensorflow", "keras", "numpy")),
        },
    )
    (run / CHECKPOINT / "state.json").unlink()  # first: what it names is to be there
    shutil.rmtree(run / CHECKPOINT, ignore_errors=True)
    return result
