"""Whole, small training runs: what the folder holds, that it is true, and what an interruption costs."""

from __future__ import annotations

import io
import json
import re
import shutil
import struct
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_edge.errors import InputError
from lstm_edge.inputs import data, label_names, labelled
from lstm_edge.inputs.labelled import Dataset, Examples
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer, load_tokenizer, pad_sequences
from lstm_edge.models import architecture as model
from lstm_edge.models.architecture import ModelConfig
from lstm_edge.training.train import Epoch, TrainConfig, TrainResult, train

FILES = {"model.keras", "vocab.txt", "labels.txt", "config.json", "metrics.json", "curves.png"}

LENGTH = 12
# With this seed the third of four epochs is best by accuracy, and the fourth by loss.
SMALL = ModelConfig(200, LENGTH, embedding=8, lstm=(8, 6), dense=(5,), dropout=0.2)
CONFIG = TrainConfig(SMALL, epochs=4, batch_size=16, learning_rate=0.02, validation=0.3, seed=2)

SAME_RUN = 1e-5  # weights after the same steps; equal to the bit where the threads do not race
SAME_FIGURE = 1e-5  # float32 means over some tens of examples, in other batches


def make_texts(count: int, classes: int, noise: float = 0.0, seed: int = 0) -> Examples:
    """Texts of common words with two that tell the class; a share of the labels is random."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for i in range(count):
        words = [f"n{rng.integers(20)}" for _ in range(rng.integers(2, 14))]
        for _ in range(2):
            words.insert(int(rng.integers(len(words) + 1)), f"c{i % classes}w{rng.integers(4)}")
        texts.append(" ".join(words))
        labels.append(rng.integers(classes) if rng.random() < noise else i % classes)
    return Examples(tuple(texts), None, tuple(str(label) for label in labels))


TWO = Dataset("two classes", {"all": make_texts(120, 2, noise=0.3)})


@dataclass(frozen=True)
class Run:
    """A finished run, with a copy of the checkpoint after every epoch."""

    result: TrainResult
    checkpoints: dict[int, Path]
    epochs: list[Epoch]

    @property
    def folder(self) -> Path:
        return self.result.run


@pytest.fixture(scope="module")
def keras() -> Any:
    """Keras on TensorFlow, or skip."""
    pytest.importorskip("tensorflow")
    pytest.importorskip("matplotlib")
    return pytest.importorskip("keras")


def watched(
    dataset: Dataset, folder: Path, config: TrainConfig, copies: Path, **options: Any
) -> Run:
    """Train, copying each checkpoint while it is there."""
    copies.mkdir(exist_ok=True)
    checkpoints: dict[int, Path] = {}
    epochs: list[Epoch] = []

    def on_epoch(epoch: Epoch) -> None:
        (current,) = (folder / "checkpoint").glob("*.keras")  # the one before is gone
        assert current.name == f"epoch-{epoch.epoch}.keras"
        checkpoints[epoch.epoch] = shutil.copy(current, copies)
        epochs.append(epoch)

    result = train(dataset, folder, config, on_epoch=on_epoch, **options)
    return Run(result, checkpoints, epochs)


@pytest.fixture(scope="module")
def whole(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    return watched(TWO, folder / "run", CONFIG, folder / "copies")


def interrupt(epoch: Epoch) -> None:
    """As Ctrl-C does."""
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def left_by_ctrl_c(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two epochs that was interrupted after its first."""
    folder = tmp_path_factory.mktemp("interrupted") / "run"
    with pytest.raises(KeyboardInterrupt):
        train(TWO, folder, replace(CONFIG, epochs=2), on_epoch=interrupt)
    return folder


@pytest.fixture
def interrupted(left_by_ctrl_c: Path, tmp_path: Path) -> Path:
    """A copy of it to go on with."""
    return Path(shutil.copytree(left_by_ctrl_c, tmp_path / "run"))


def names_in(folder: Path) -> set[str]:
    """Every file and folder in it, hidden ones too."""
    return {path.name for path in folder.iterdir()}


def weights_of(keras: Any, path: Path) -> list[np.ndarray]:
    """The weights in a model file."""
    weights: list[np.ndarray] = keras.models.load_model(path).get_weights()
    return weights


def worst_difference(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """Of two lists of arrays of the same shapes."""
    assert [a.shape for a in ours] == [a.shape for a in theirs]
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))


def stored(path: Path) -> tuple[set[str], Any]:
    """What a .keras file holds: the top groups of its weights, and how it was compiled."""
    h5py = pytest.importorskip("h5py")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file:
            groups = {name for name in file if len(file[name])}
        return groups, json.loads(archive.read("config.json")).get("compile_config")


def evaluate(keras: Any, path: Path, examples: Examples, folder: Path) -> tuple[float, float]:
    """Loss and accuracy of a model file as Keras's own ``evaluate`` gives them."""
    network = keras.models.load_model(path, compile=False)
    one = network.output_shape[-1] == 1
    loss = "binary_crossentropy" if one else "sparse_categorical_crossentropy"
    network.compile(loss=loss, metrics=["accuracy"])
    x = np.zeros((len(examples), LENGTH), np.int32)
    if examples.texts is not None:
        rows = load_tokenizer(folder / "vocab.txt", 200, TextSettings(LENGTH)).encode(
            examples.texts
        )
    else:
        rows = list(examples.ids or ())
    for row, ids in zip(x, rows, strict=True):
        row[LENGTH - min(len(ids), LENGTH) :] = ids[-LENGTH:]
    figures = network.evaluate(x, np.array(examples.labels, np.int64), verbose=0)
    return float(figures[0]), float(figures[1])


# --- the run folder -------------------------------------------------------------------------------


def test_run_folder_holds_what_is_documented(whole: Run) -> None:
    """No checkpoint, no temporary file, nothing else."""
    assert names_in(whole.folder) == FILES
    assert (whole.folder / "labels.txt").read_text(encoding="utf-8") == "Negative\nPositive\n"


def test_config_says_how_the_run_was_made(whole: Run) -> None:
    """Every setting, with the size of the vocabulary and the classes filled in."""
    config = json.loads((whole.folder / "config.json").read_text(encoding="utf-8"))
    assert set(config) == {"lstm_edge", "data", "labels", "label_values", "tokenizer", "training"}
    assert config["data"] == "two classes"
    assert config["labels"] == ["Negative", "Positive"]
    assert config["label_values"] == ["0", "1"]
    assert TextSettings.from_json(config["tokenizer"]) == TextSettings(max_length=LENGTH)
    words = len((whole.folder / "vocab.txt").read_text(encoding="utf-8").splitlines())
    expected = asdict(replace(CONFIG, model=replace(SMALL, num_words=words, classes=2)))
    assert config["training"] == json.loads(json.dumps(expected))


def test_vocabulary_is_of_the_training_texts_alone(whole: Run) -> None:
    """The test texts are not looked at."""
    training, test = TWO.training(CONFIG.seed, CONFIG.test_share)
    assert training.texts is not None
    assert test.texts is not None
    tokenizer = load_tokenizer(whole.folder / "vocab.txt", 200, TextSettings(LENGTH))
    assert tokenizer.tokens == Tokenizer.fit(training.texts, 200).tokens


def test_model_has_no_optimizer_state(whole: Run) -> None:
    """Only what inference needs; the checkpoint has it, to go on."""
    groups, compiled = stored(whole.folder / "model.keras")
    assert groups == {"layers"}
    assert not compiled
    groups, compiled = stored(whole.checkpoints[1])
    assert groups == {"layers", "optimizer"}
    assert compiled


def best_of(epochs: list[Epoch]) -> int:
    """The documented rule: accuracy, then loss, on the validation part; the earlier of equals."""
    best = epochs[0]
    for epoch in epochs[1:]:
        better = epoch.val_accuracy > best.val_accuracy
        equal = epoch.val_accuracy == best.val_accuracy
        if better or (equal and epoch.val_loss < best.val_loss):
            best = epoch
    return best.epoch


def test_model_is_the_best_epoch(keras: Any, whole: Run) -> None:
    """To the bit, and not the last one."""
    best = whole.result.best_epoch
    assert best == best_of(whole.epochs)
    assert best not in (1, CONFIG.epochs), "choose another seed: this run tells nothing"
    kept = weights_of(keras, whole.folder / "model.keras")
    differences = {
        number: worst_difference(kept, weights_of(keras, path))
        for number, path in whole.checkpoints.items()
    }
    assert set(differences) == {1, 2, 3, 4}
    assert differences.pop(best) == 0
    assert min(differences.values()) > SAME_RUN


def test_metrics_are_the_result(whole: Run) -> None:
    """The file, the result, and what on_epoch was told are the same."""
    metrics = json.loads((whole.folder / "metrics.json").read_text(encoding="utf-8"))
    result = whole.result
    assert metrics["epochs"] == [asdict(epoch) for epoch in whole.epochs]
    assert result.epochs == tuple(whole.epochs)
    assert [epoch.epoch for epoch in result.epochs] == [1, 2, 3, 4]
    for name in ("best_epoch", "test_loss", "test_accuracy", "test_examples"):
        assert metrics[name] == getattr(result, name)
    assert metrics["data"] == "two classes"
    assert "validation part" in metrics["picked_by"]
    assert metrics["machine"]


def test_figures_are_what_keras_evaluates(keras: Any, whole: Run) -> None:
    """Every checkpoint on the validation part, and the model on the test part."""
    training, test = TWO.training(CONFIG.seed, CONFIG.test_share)
    _, validation = labelled.stratified_cut(training, CONFIG.validation, CONFIG.seed)
    for epoch in whole.epochs:
        found = evaluate(keras, whole.checkpoints[epoch.epoch], validation, whole.folder)
        assert found == pytest.approx((epoch.val_loss, epoch.val_accuracy), abs=SAME_FIGURE)
    found = evaluate(keras, whole.folder / "model.keras", test, whole.folder)
    result = whole.result
    assert found == pytest.approx((result.test_loss, result.test_accuracy), abs=SAME_FIGURE)
    assert result.test_examples == len(test) == 24


def test_samples_are_test_examples(whole: Run) -> None:
    """Ten of them, each with its own text, label and answer."""
    _, test = TWO.training(CONFIG.seed, CONFIG.test_share)
    assert test.texts is not None
    names = dict(zip(test.texts, test.labels, strict=True))
    samples = whole.result.samples
    assert len({sample.text for sample in samples}) == 10
    for sample in samples:
        assert sample.text is not None
        assert sample.actual == label_names.BINARY_NAMES[int(names[sample.text])]
        (probability,) = sample.probabilities
        assert sample.predicted == label_names.BINARY_NAMES[probability > 0.5]
    assert {sample.predicted for sample in samples} == set(label_names.BINARY_NAMES)


def test_curves_are_a_png(whole: Run) -> None:
    """The magic number, a size, and the end: the file is whole."""
    content = (whole.folder / "curves.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert content.endswith(b"IEND\xaeB`\x82")
    width, height = struct.unpack(">II", content[16:24])
    assert width > height > 300


# --- interruption ---------------------------------------------------------------------------------


def test_an_interrupted_run_keeps_its_last_epoch(keras: Any, interrupted: Path, whole: Run) -> None:
    """Checkpoint and model load, both are of the whole run's first epoch, and nothing is half."""
    assert names_in(interrupted) == FILES - {"metrics.json", "curves.png"} | {"checkpoint"}
    assert names_in(interrupted / "checkpoint") == {"epoch-1.keras", "state.json"}
    expected = weights_of(keras, whole.checkpoints[1])
    for path in (interrupted / "checkpoint" / "epoch-1.keras", interrupted / "model.keras"):
        assert worst_difference(weights_of(keras, path), expected) <= SAME_RUN
    assert stored(interrupted / "checkpoint" / "epoch-1.keras")[0] == {"layers", "optimizer"}
    assert model.load(interrupted / "model.keras").output_shape == (None, 1)


def test_a_resumed_run_is_the_whole_run(
    keras: Any, interrupted: Path, whole: Run, tmp_path: Path
) -> None:
    """Also with more epochs than first asked for, and over what a kill while saving left."""
    (interrupted / "checkpoint" / "epoch-2.keras").write_bytes(b"cut short")
    # the file that was there is no epoch of the state, so on_epoch finds only its own
    again = watched(TWO, interrupted, CONFIG, tmp_path / "copies", resume=True)
    assert [epoch.epoch for epoch in again.epochs] == [2, 3, 4]
    assert [epoch.epoch for epoch in again.result.epochs] == [1, 2, 3, 4]
    assert names_in(interrupted) == FILES
    for number, path in again.checkpoints.items():
        expected = weights_of(keras, whole.checkpoints[number])
        assert worst_difference(weights_of(keras, path), expected) <= SAME_RUN
    assert again.result.best_epoch == whole.result.best_epoch
    expected = weights_of(keras, whole.folder / "model.keras")
    assert worst_difference(weights_of(keras, interrupted / "model.keras"), expected) <= SAME_RUN
    assert again.result.test_loss == pytest.approx(whole.result.test_loss, abs=SAME_FIGURE)
    for name in ("config.json", "labels.txt", "vocab.txt"):
        assert (interrupted / name).read_bytes() == (whole.folder / name).read_bytes()


def test_a_run_that_was_killed_in_its_first_epoch_goes_on(
    interrupted: Path, whole: Run, keras: Any
) -> None:
    """Its folder has the settings and nothing to go on from: it begins again, and is the whole run."""
    shutil.rmtree(interrupted / "checkpoint")
    (interrupted / "model.keras").unlink()
    result = train(TWO, interrupted, CONFIG, resume=True)
    assert [epoch.epoch for epoch in result.epochs] == [1, 2, 3, 4]
    assert names_in(interrupted) == FILES
    expected = weights_of(keras, whole.folder / "model.keras")
    assert worst_difference(weights_of(keras, interrupted / "model.keras"), expected) <= SAME_RUN


def test_what_a_kill_at_the_end_left_is_removed(whole: Run, tmp_path: Path) -> None:
    """The figures are written, and the last epoch's file is still there."""
    run = tmp_path / "run"
    shutil.copytree(whole.folder, run)
    (run / "checkpoint").mkdir()
    (run / "checkpoint" / "epoch-4.keras").touch()
    with pytest.raises(InputError, match="already finished"):
        train(TWO, run, CONFIG, resume=True)
    assert names_in(run) == FILES


@pytest.mark.parametrize(
    ("changes", "options", "reason"),
    [
        ({"seed": 3}, {}, "training.seed was 2, is 3"),
        ({"batch_size": 8}, {}, "training.batch_size was 16, is 8"),
        ({"validation": 0.1}, {}, "training.validation was 0.3, is 0.1"),
        ({"learning_rate": None}, {}, "training.learning_rate was 0.02, is None"),
        ({"optimizer": "sgd"}, {}, "training.optimizer was 'adam', is 'sgd'"),
        ({"model": replace(SMALL, lstm=(8,))}, {}, "training.model.lstm was [8, 6], is [8]"),
        ({"model": replace(SMALL, dropout=0)}, {}, "training.model.dropout was 0.2, is 0"),
        ({"model": replace(SMALL, num_words=20)}, {}, "training.model.num_words was 32, is 20"),
        (
            {"model": replace(SMALL, max_length=9)},
            {},
            "tokenizer.max_length was 12, is 9, training.model.max_length was 12, is 9",
        ),
        (
            {"seed": 3, "batch_size": 8},
            {},
            "training.batch_size was 16, is 8, training.seed was 2, is 3",
        ),
        ({}, {"names": ("bad", "good")}, "labels was ['Negative', 'Positive'], is ['bad', 'good']"),
    ],
)
def test_resuming_with_other_settings_is_refused(
    interrupted: Path, changes: dict[str, Any], options: dict[str, Any], reason: str
) -> None:
    """All that differ are named, and the run stays as it was."""
    before = {path: path.read_bytes() for path in interrupted.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=re.escape(f"settings differ: {reason}") + "$"):
        train(TWO, interrupted, replace(CONFIG, **changes), resume=True, **options)
    assert {p: p.read_bytes() for p in interrupted.rglob("*") if p.is_file()} == before


def test_there_must_be_something_to_resume(whole: Run, tmp_path: Path) -> None:
    """A finished run and a folder without one are told apart."""
    with pytest.raises(InputError, match="already finished"):
        train(TWO, whole.folder, CONFIG, resume=True)
    with pytest.raises(InputError, match="has no checkpoint"):
        train(TWO, tmp_path / "none", CONFIG, resume=True)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["notes.txt", "folder", "model.keras", ".hidden"])
def test_an_existing_folder_is_refused(tmp_path: Path, name: str) -> None:
    """Whatever is in it stays."""
    if name == "folder":
        (tmp_path / "run" / name).mkdir(parents=True)
    else:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / name).write_text("mine")
    with pytest.raises(InputError, match=r"run already exists; give a new folder"):
        train(TWO, tmp_path / "run", CONFIG)
    assert names_in(tmp_path / "run") == {name}


def test_an_existing_file_is_refused(tmp_path: Path) -> None:
    """It stays, too."""
    (tmp_path / "run").write_text("mine")
    with pytest.raises(InputError, match=r"run already exists; give a new folder"):
        train(TWO, tmp_path / "run", CONFIG)
    assert (tmp_path / "run").read_text() == "mine"


# --- bad settings and data ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"epochs": 0}, "`epochs` is 0; it must be at least 1"),
        ({"batch_size": 0}, "`batch_size` is 0; it must be at least 1"),
        ({"validation": 0.0}, "`validation` is 0.0; it must be between 0 and 1"),
        ({"validation": 1.0}, "`validation` is 1.0; it must be between 0 and 1"),
        ({"validation": float("nan")}, "`validation` is nan"),
        ({"test_share": 0.0}, "`test_share` is 0.0; it must be between 0 and 1"),
        ({"test_share": 1.5}, "`test_share` is 1.5; it must be between 0 and 1"),
        ({"learning_rate": 0.0}, "`learning_rate` is 0.0; it must be above 0"),
        ({"learning_rate": -1.0}, "`learning_rate` is -1.0; it must be above 0"),
        ({"learning_rate": float("inf")}, "`learning_rate` is inf; it must be above 0, and finite"),
        ({"learning_rate": float("nan")}, "`learning_rate` is nan; it must be above 0, and finite"),
        ({"seed": -1}, "`seed` is -1; it must be from 0"),
        ({"seed": 1 << 32}, "`seed` is 4294967296; it must be from 0"),
        ({"model": ModelConfig(num_words=0)}, "`num_words` is 0"),
        ({"model": ModelConfig(max_length=0)}, "`max_length` is 0"),
        ({"model": ModelConfig(embedding=-1)}, "`embedding` is -1"),
        ({"model": ModelConfig(lstm=())}, "no LSTM layer given"),
        ({"model": ModelConfig(lstm=(8, 0))}, "`lstm` is 0"),
        ({"model": ModelConfig(dense=(0,))}, "`dense` is 0"),
        ({"model": ModelConfig(dropout=1.0)}, "`dropout` is 1.0; it must be from 0 to below 1"),
        ({"model": ModelConfig(dropout=-0.1)}, "`dropout` is -0.1"),
    ],
)
def test_bad_settings(changes: dict[str, Any], reason: str) -> None:
    """Before anything is read or written."""
    with pytest.raises(InputError, match=re.escape(reason)):
        TrainConfig(**changes)


def pair(labels: str, test: str) -> Dataset:
    """A train and a test split of one-word texts."""
    parts = {"train": labels, "test": test}
    return Dataset(
        "pair", {k: Examples(tuple(f"w{c}" for c in v), None, tuple(v)) for k, v in parts.items()}
    )


@pytest.mark.parametrize(
    ("dataset", "config", "options", "reason"),
    [
        (TWO, replace(CONFIG, optimizer="adamant"), {}, "optimizer 'adamant' is not one"),
        (TWO, CONFIG, {"names": ("one",)}, "1 label names given (one) for 2 classes"),
        (TWO, replace(CONFIG, model=replace(SMALL, num_words=4)), {}, "num_words is 4"),
        (Dataset("x", {"test": TWO.splits["all"]}), CONFIG, {}, "x has only the split test"),
        (pair("1111", "11"), CONFIG, {}, "one class only ('1')"),
        (pair("11110", "10"), CONFIG, {}, "label '0' stands on one example only"),
        (pair("aabb", "abc"), CONFIG, {}, "labels not known to the model: 'c'; it has a, b"),
        (pair("aabbAA", "ab"), CONFIG, {}, "'A' and 'a' are one class"),
    ],
)
def test_what_cannot_be_trained_leaves_no_folder(
    keras: Any,
    tmp_path: Path,
    dataset: Dataset,
    config: TrainConfig,
    options: dict[str, Any],
    reason: str,
) -> None:
    """So that the same command, put right, is not refused."""
    with pytest.raises(InputError, match=re.escape(reason)):
        train(dataset, tmp_path / "run", config, **options)
    assert names_in(tmp_path) == set()


def test_a_loss_that_is_not_a_number_ends_the_run(keras: Any, tmp_path: Path) -> None:
    """Neither a model nor a checkpoint of it is left."""
    config = replace(CONFIG, optimizer="sgd", learning_rate=1e38)
    with pytest.raises(InputError, match=r"epoch 1 gave a loss that is not a number\. Lower"):
        train(TWO, tmp_path / "run", config)
    assert names_in(tmp_path / "run") == {"config.json", "labels.txt", "vocab.txt"}


# --- other kinds of data --------------------------------------------------------------------------


def test_three_classes(keras: Any, tmp_path: Path) -> None:
    """A softmax, the official splits, names as given, an empty folder to write to; and it learns."""
    dataset = Dataset("three", {"train": make_texts(120, 3), "test": make_texts(45, 3, seed=1)})
    network = ModelConfig(200, LENGTH, embedding=8, lstm=(8, 6))
    config = TrainConfig(network, epochs=7, batch_size=8, learning_rate=0.02, seed=1)
    (tmp_path / "run").mkdir()
    run = watched(
        dataset, tmp_path / "run", config, tmp_path / "copies", names=("low", "mid", "top")
    )
    assert names_in(run.folder) == FILES
    assert (run.folder / "labels.txt").read_text(encoding="utf-8") == "low\nmid\ntop\n"
    network = keras.models.load_model(run.folder / "model.keras", compile=False)
    assert network.output_shape == (None, 3)
    assert network.layers[-1].activation is keras.activations.softmax
    assert stored(run.folder / "model.keras")[0] == {"layers"}
    result = run.result
    assert result.best_epoch == best_of(run.epochs)
    test = dataset.splits["test"]
    found = evaluate(keras, run.folder / "model.keras", test, run.folder)
    assert found == pytest.approx((result.test_loss, result.test_accuracy), abs=SAME_FIGURE)
    assert result.test_examples == 45
    assert result.test_accuracy > 0.8
    for sample in result.samples:
        assert sum(sample.probabilities) == pytest.approx(1, abs=SAME_FIGURE)
        assert sample.predicted == ("low", "mid", "top")[int(np.argmax(sample.probabilities))]


def test_ids_from_npz(keras: Any, tmp_path: Path) -> None:
    """No vocabulary is written; high ids become unknown; equal accuracies are ranked by loss."""
    rng = np.random.default_rng(4)
    rows = np.empty(80, object)
    rows[:] = [[1, *rng.integers(4, 60, rng.integers(1, 20)).tolist()] for _ in range(80)]
    classes = np.arange(80) % 2
    np.savez(
        tmp_path / "ids.npz",
        x_train=rows[:60],
        y_train=classes[:60],
        x_test=rows[60:],
        y_test=classes[60:],
    )
    dataset = data.load(str(tmp_path / "ids.npz"))
    config = TrainConfig(
        ModelConfig(40, LENGTH, embedding=8, lstm=(6,)), epochs=2, learning_rate=1e-5, seed=3
    )
    run = watched(dataset, tmp_path / "run", config, tmp_path / "copies")
    assert names_in(run.folder) == FILES - {"vocab.txt"}
    assert all(sample.text is None for sample in run.result.samples)
    stored_config = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
    assert stored_config["training"]["model"]["num_words"] == 40

    assert len({epoch.val_accuracy for epoch in run.epochs}) == 1
    assert run.result.best_epoch == min(run.epochs, key=lambda epoch: epoch.val_loss).epoch

    capped = tuple(np.array([i if i < 40 else 2 for i in row], np.int32) for row in rows[60:])
    test = Examples(None, capped, tuple(str(c) for c in classes[60:]))
    found = evaluate(keras, run.folder / "model.keras", test, run.folder)
    result = run.result
    assert found == pytest.approx((result.test_loss, result.test_accuracy), abs=SAME_FIGURE)


# --- the model ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "layers"),
    [
        (ModelConfig(), ["Embedding 128", "LSTM 128 sequences", "LSTM 64", "Dense 1 sigmoid"]),
        (ModelConfig(lstm=(5,)), ["Embedding 128", "LSTM 5", "Dense 1 sigmoid"]),
        (
            ModelConfig(50, 7, 3, (4, 5, 6), (8, 2), classes=4),
            [
                "Embedding 3",
                "LSTM 4 sequences",
                "LSTM 5 sequences",
                "LSTM 6",
                "Dense 8 relu",
                "Dense 2 relu",
                "Dense 4 softmax",
            ],
        ),
        (
            ModelConfig(50, 7, 3, (4,), (8,), dropout=0.25),
            ["Embedding 3", "LSTM 4 drops 0.25", "Dense 8 relu", "Dropout 0.25", "Dense 1 sigmoid"],
        ),
    ],
)
def test_architecture(keras: Any, config: ModelConfig, layers: list[str]) -> None:
    """The layers that a configuration asks for, in their order."""
    network = model.build(config)
    assert network.input_shape == (None, config.max_length)
    assert network.layers[0].input_dim == config.num_words
    assert [describe(layer) for layer in network.layers] == layers


def describe(layer: Any) -> str:
    """A layer in a few words."""
    own = layer.get_config()
    kind = type(layer).__name__
    words = {
        "Embedding": lambda: f"{own['output_dim']}",
        "LSTM": lambda: (
            f"{own['units']}"
            + " sequences" * own["return_sequences"]
            + f" drops {own['dropout']}" * bool(own["dropout"])
        ),
        "Dense": lambda: f"{own['units']} {own['activation']}",
        "Dropout": lambda: f"{own['rate']}",
    }
    return f"{kind} {words[kind]()}"


def cut(content: bytes) -> bytes:
    """The first half."""
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    """One bit in the weights, which are stored as they are."""
    at = content.index(b"\x89HDF") + 5_000
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("model.keras", cut, "is not a whole .keras file"),
        ("model.keras", lambda content: b"", "is not a whole .keras file"),
        ("model.keras", flip, "model.weights.h5 in it fails its checksum"),
        ("model.h5", cut, "is not a whole .keras file"),  # its name does not matter
        (
            "model.txt",
            lambda content: b"words",
            "is not a Keras model: expected a .keras, .h5, .hdf5",
        ),
        (None, None, "does not exist; expected a .keras, .h5, .hdf5 file"),
    ],
)
def test_model_files_that_are_refused(
    whole: Run,
    tmp_path: Path,
    name: str | None,
    change: Callable[[bytes], bytes] | None,
    reason: str,
) -> None:
    """One InputError each that names the file."""
    path = tmp_path / (name or "none.keras")
    if change is not None:
        path.write_bytes(change((whole.folder / "model.keras").read_bytes()))
    with pytest.raises(InputError, match=re.escape(reason)) as caught:
        model.load(path)
    assert str(path) in str(caught.value)


def test_a_saved_model_is_loaded(keras: Any, whole: Run, tmp_path: Path) -> None:
    """The same answers from .keras and .h5, not compiled."""
    first = model.load(whole.folder / "model.keras")
    first.save(tmp_path / "model.h5")
    ids = pad_sequences([[1, 5, 6], [1, 9]], LENGTH)
    second = model.load(tmp_path / "model.h5")
    assert not first.compiled
    assert not second.compiled
    np.testing.assert_array_equal(first.predict(ids, verbose=0), second.predict(ids, verbose=0))
