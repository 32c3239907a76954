"""The bundle: what export writes, what opening refuses, and that nothing is ever half-written."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import WORDS
from models import DEFAULT, VARIANTS, plain

from export import bundling
from export.ways.common import GOLDEN_EXAMPLES
from lstm_edge import load_bundle
from lstm_edge.base.files import sha256
from lstm_edge.bundle import manifest as bundles
from lstm_edge.bundle.golden import Golden
from lstm_edge.bundle.manifest import GOLDEN, LABELS, MANIFEST, VOCAB, seal
from lstm_edge.bundle.opening import TextBundle, open_bundle
from lstm_edge.errors import BundleError, ConversionError, InputError, UnsupportedModelError
from lstm_edge.inputs import data, from_table, label_names, labelled, samples
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer, pad_sequences
from lstm_edge.models import architecture, run_folder
from lstm_edge.models import reference as references
from lstm_edge.predict.classifier import Classifier, Prediction, write_table
from lstm_edge.results.parity import ParityReport
from lstm_edge.verify import comparing as parity
from lstm_edge.verify.reference import source_model
from lstm_edge.verify.verifying import verify

QUICK = {"wanted_formats": ["onnx"], "precisions": ["float32"]}  # the variant that is made soonest
FILES = [MANIFEST, GOLDEN, VOCAB, LABELS, *(n + e.suffix for n, (e, _) in VARIANTS.items())]


@pytest.fixture
def copy(small_bundle: Path, tmp_path: Path) -> Path:
    """A bundle of one's own to change."""
    return shutil.copytree(small_bundle, tmp_path / "copy")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def change_manifest(folder: Path, **items: Any) -> None:
    """Set entries and seal it again, as a program would write it."""
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest.update(items)
    manifest["seal"] = seal(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


# --- what is in it --------------------------------------------------------------------------------


def test_what_export_writes(small_bundle: Path, model_files: Path) -> None:
    assert sorted(path.name for path in small_bundle.iterdir()) == sorted(FILES)
    bundle = open_bundle(small_bundle)
    assert list(bundle.variants) == list(VARIANTS)
    assert bundle.settings == TextSettings(max_length=20)
    assert bundle.labels == label_names.BINARY_NAMES
    assert bundle.num_ids == 4 + len(WORDS)
    assert bundle.has_vocabulary
    tokenizer = bundle.tokenizer()
    assert tokenizer is not None
    assert tokenizer.tokens == (*bundle.settings.special_tokens(), *WORDS)
    source = bundle.source
    assert (source["file"], source["sha256"]) == (
        "small.keras",
        sha256(model_files / "small.keras"),
    )
    kinds = [layer["kind"] for layer in source["layers"]]
    assert kinds == ["Embedding", "LSTM", "LSTM", "Dense"]
    assert source["layers"][0]["parameters"] == 6 * bundle.num_ids
    assert source_model(bundle, None).samefile(model_files / "small.keras")


LOWERINGS = {"onnx": "LSTM nodes, pad-state table", "tflite": "stacked loop, pad-state table"}


@pytest.mark.parametrize("name", VARIANTS)
def test_what_the_manifest_says_of_a_variant(name: str, small_bundle: Path) -> None:
    exporter, precision = VARIANTS[name]
    info = open_bundle(small_bundle).variant(name)
    path = small_bundle / info.file
    assert path.name == f"{name}{exporter.suffix}"
    assert (info.format, info.precision) == (exporter.format, precision.name)
    assert info.runtimes == exporter.runtimes
    assert info.lowering == LOWERINGS[exporter.format]
    assert (info.bytes, info.sha256) == (path.stat().st_size, sha256(path))
    assert (info.tolerance, info.batch) == (precision.tolerance, precision.batch)
    assert info.inputs[0]["name"] == "ids"
    assert info.outputs[0]["name"] == "probabilities"
    assert sum(info.ops.values()) > 5
    assert info.problems == ()
    report = ParityReport.from_json(info.parity)
    assert report.ok
    assert report.variant == name
    assert report.examples == len(samples.load())


def test_golden_vectors_are_what_keras_answers(small_bundle: Path, model_files: Path) -> None:
    golden = open_bundle(small_bundle).golden()
    model = architecture.load(model_files / "small.keras")
    for ids, outputs in ((golden.ids, golden.outputs), (golden.edge_ids, golden.edge_outputs)):
        np.testing.assert_allclose(
            model.predict(pad_sequences(ids, 20), verbose=0), outputs, atol=1e-6
        )
    tokenizer = open_bundle(small_bundle).tokenizer()
    assert tokenizer is not None
    assert golden.texts is not None
    for ids, again in zip(golden.ids, tokenizer.encode(golden.texts), strict=True):
        np.testing.assert_array_equal(ids, again)
    assert golden.classes is not None
    assert set(golden.classes) == {0, 1}


def test_golden_vectors_survive_json(small_bundle: Path) -> None:
    """Every float32 comes back as it was."""
    golden = open_bundle(small_bundle).golden()
    rng = np.random.default_rng(3)
    outputs = rng.random(golden.outputs.shape, np.float32)
    changed = Golden(
        golden.texts,
        golden.ids,
        outputs,
        golden.classes,
        golden.edge_names,
        golden.edge_ids,
        golden.edge_outputs,
        golden.edge_texts,
    )
    back = Golden.from_json(json.loads(json.dumps(changed.to_json())))
    np.testing.assert_array_equal(back.outputs, outputs)
    assert back.outputs.dtype == np.float32
    assert (back.texts, back.classes, back.edge_names) == (
        golden.texts,
        golden.classes,
        golden.edge_names,
    )
    for ids, again in zip(
        (*golden.ids, *golden.edge_ids), (*back.ids, *back.edge_ids), strict=True
    ):
        assert again.dtype == np.int32
        np.testing.assert_array_equal(ids, again)


def test_golden_vectors_run_again(small_bundle: Path) -> None:
    run = verify(open_bundle(small_bundle))
    assert [report.variant for report in run.reports] == list(VARIANTS)
    assert run.ok
    assert all(report.examples == len(samples.load()) for report in run.reports)


def test_wrong_golden_vectors_are_noticed(small_bundle: Path, monkeypatch: Any) -> None:
    """Or the run above would prove nothing."""
    golden = open_bundle(small_bundle).golden()
    wrong = Golden(**{**vars(golden), "outputs": golden.outputs[::-1]})
    monkeypatch.setattr(TextBundle, "golden", lambda self: wrong)
    assert not verify(open_bundle(small_bundle)).ok


def test_verify_on_more_than_a_window(
    small_bundle: Path, model_files: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    """The counts are those of all examples at once, for the whole and for a part drawn from it."""
    n = 2 * labelled.WINDOW + 500
    texts = [" ".join(rng.choice(WORDS, size)) for size in rng.integers(1, 30, n)]
    labels = [("neg", "pos")[i] for i in rng.integers(0, 2, n)]
    path = tmp_path / "many.tsv"
    rows = zip(labels, texts, strict=True)
    path.write_text("label\ttext\n" + "".join(f"{label}\t{text}\n" for label, text in rows))
    bundle, source = open_bundle(small_bundle), data.evaluation(str(path))
    variant = "onnx-int8-dynamic"
    for limit in (None, labelled.WINDOW + 1):
        examples = data.load(str(path)).evaluation().sample(limit)
        ids = examples.encode(bundle.tokenizer(), bundle.settings)
        classes = label_names.resolve_labels(examples.labels, bundle.labels)
        expected = parity.compare(
            variant,
            references.of_ids(model_files / "small.keras", max_length=20).run_sequences(ids),
            bundle.runner(variant).run_sequences(ids),
            bundle.variant(variant).tolerance,
            classes=classes,
            texts=examples.texts,
        )
        advanced = Counted()
        run = verify(bundle, source, variants=[variant], limit=limit, workers=2, progress=advanced)
        assert (run.data, run.reference) == (str(path), "small.keras")
        (report,) = run.reports
        assert report.examples == (n if limit is None else limit)
        for name in ("flips", "flips_at_threshold", "accuracy", "reference_accuracy"):
            assert getattr(report, name) == getattr(expected, name)
        assert report.max_abs == pytest.approx(expected.max_abs, abs=1e-6)
        assert report.mean_abs == pytest.approx(expected.mean_abs, abs=1e-6)
        worst = examples.texts and examples.texts[report.worst.index]
        assert report.worst.text == worst
        # one task for the whole run, over the reference and the variant
        assert advanced.tasks[-1] == [
            "Verifying onnx-int8-dynamic against small.keras",
            2 * report.examples,
            2 * report.examples,
        ]


class Counted:
    """A progress that keeps the name, the total and the sum of every task."""

    def __init__(self) -> None:
        self.tasks: list[list[Any]] = []

    @contextlib.contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Callable[[int], None]]:
        row = [description, total, 0]
        self.tasks.append(row)
        lock = threading.Lock()

        def advance(n: int) -> None:
            with lock:
                row[2] += n

        yield advance


def test_what_a_bundle_cannot_take_is_refused_before_keras_starts(
    small_bundle: Path, model_files: Path, tmp_path: Path
) -> None:
    """A label in the last row, and texts without a vocabulary."""
    bundle, path = open_bundle(small_bundle), tmp_path / "a.csv"
    path.write_text("text,label\n" + "a,pos\n" * 5_000 + "a,maybe\n")
    started = Counted()
    with pytest.raises(InputError, match="labels not known to the model: 'maybe'"):
        verify(bundle, data.evaluation(str(path)), progress=started)
    bundling.export_bundle(model_files / "small.keras", tmp_path / "bundle", **QUICK)
    path.write_text("text,label\na,pos\n")
    with pytest.raises(InputError, match="there is no vocabulary to encode them"):
        verify(open_bundle(tmp_path / "bundle"), data.evaluation(str(path)), progress=started)
    with pytest.raises(InputError, match="`limit` is 0; it must be at least 1"):
        verify(bundle, limit=0, progress=started)
    assert started.tasks == []


def test_the_source_model_must_be_the_one(small_bundle: Path, model_files: Path) -> None:
    bundle = open_bundle(small_bundle)
    with pytest.raises(InputError, match=r"small\.h5 is not the model that was exported"):
        source_model(bundle, model_files / "small.h5")
    with pytest.raises(InputError, match=r"gone\.keras is not there; say where small\.keras is"):
        source_model(bundle, model_files / "gone.keras")


# --- what opening refuses -------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_is_refused(name: str, copy: Path) -> None:
    path = copy / name
    content = path.read_bytes()
    open_bundle(copy)
    for at in {0, len(content) - 1, *np.linspace(0, len(content) - 1, 40).astype(int)}:
        changed = bytearray(content)
        changed[at] ^= 1
        path.write_bytes(changed)
        with pytest.raises(BundleError, match=f"{name} (was changed|is damaged)|has schema"):
            open_bundle(copy)
    path.write_bytes(content)
    open_bundle(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_cut_file_is_refused(name: str, copy: Path) -> None:
    content = (copy / name).read_bytes()
    for shorter in (content[: len(content) // 2], content[:-1], b""):
        (copy / name).write_bytes(shorter)
        if name == MANIFEST and shorter == content[:-1]:
            continue  # only the line's end is missing
        with pytest.raises(BundleError, match=f"{name} (was changed|is damaged)"):
            open_bundle(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(name: str, copy: Path) -> None:
    (copy / name).unlink()
    with pytest.raises(BundleError, match=f"{name}"):
        open_bundle(copy)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("labels", ["Positive", "Negative"]),
        ("tokenizer", {"num_ids": 99}),
        ("variants", []),
        ("seal", "0" * 64),
        ("seal", None),
        ("schema", 0),
        ("more", 1),
    ],
)
def test_a_manifest_with_another_entry_is_refused(key: str, value: Any, copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    (copy / MANIFEST).write_text(json.dumps({**manifest, key: value}))
    with pytest.raises(BundleError, match=f"its {MANIFEST} was changed after export"):
        open_bundle(copy)


def test_a_manifest_may_be_written_otherwise(copy: Path) -> None:
    """The seal is of the content, not of spaces and the order of entries."""
    manifest = json.loads((copy / MANIFEST).read_text())
    (copy / MANIFEST).write_text(json.dumps(dict(reversed(manifest.items())), indent=4))
    assert list(open_bundle(copy).variants) == list(VARIANTS)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"null", b"\xff\xfe", b'{"a": NaN}'])
def test_a_manifest_that_is_none_is_refused(content: bytes, copy: Path) -> None:
    (copy / MANIFEST).write_bytes(content)
    with pytest.raises(BundleError, match=f"its {MANIFEST} is damaged"):
        open_bundle(copy)


@pytest.mark.parametrize("schema", [bundles.SCHEMA + 1, 99, "2", 1.5, None])
def test_a_newer_schema_is_refused_whatever_else_is_in_it(schema: Any, copy: Path) -> None:
    change_manifest(copy, schema=schema, variants="of another form")
    with pytest.raises(BundleError, match=r"has schema .*; this version reads up to 4: upgrade"):
        open_bundle(copy)


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="gone does not exist; make one with: lstm-edge export"):
        open_bundle(tmp_path / "gone")
    with pytest.raises(BundleError, match=f"is not a bundle: it has no {MANIFEST}"):
        open_bundle(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(BundleError, match="file does not exist"):
        open_bundle(tmp_path / "file")


def test_a_variant_that_is_not_there(small_bundle: Path) -> None:
    for use in (
        lambda: open_bundle(small_bundle).runner("onnx-int4"),
        lambda: load_bundle(small_bundle, "onnx-int4"),
        lambda: verify(open_bundle(small_bundle), variants=["onnx-int4"]),
    ):
        with pytest.raises(BundleError, match="has no variant onnx-int4; it has onnx-float32, "):
            use()


def test_chosen_variants_come_once(small_bundle: Path) -> None:
    bundle = open_bundle(small_bundle)
    first, *_, last = bundle.variants
    assert [info.name for info in bundle.chosen([last, first, last])] == [last, first]
    assert [info.name for info in bundle.chosen()] == list(bundle.variants)
    with pytest.raises(BundleError, match="has no variant onnx-int4"):
        bundle.chosen([first, "onnx-int4"])


# --- what may be replaced -------------------------------------------------------------------------


def test_an_earlier_bundle_is_replaced(copy: Path, model_files: Path) -> None:
    (copy / LABELS).write_text("damaged")
    result = bundling.export_bundle(
        model_files / "small.keras", copy, vocab=model_files / "words.txt", **QUICK
    )
    assert (result.path, result.ok, result.has_vocabulary) == (copy, True, True)
    assert list(open_bundle(copy).variants) == ["onnx-float32"]
    assert sorted(p.name for p in copy.iterdir()) == sorted(
        [MANIFEST, GOLDEN, VOCAB, LABELS, "onnx-float32.onnx"]
    )
    assert [p.name for p in copy.parent.iterdir()] == [copy.name]


def test_a_bundle_with_a_damaged_manifest_is_replaced(copy: Path) -> None:
    for name in VARIANTS:
        (copy / f"{name}{VARIANTS[name][0].suffix}").unlink()
    (copy / MANIFEST).write_text("{")
    bundles.check_replaceable(copy)


IN_THE_WAY: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a file": (lambda out: out.write_text("mine"), "exists and is not a bundle"),
    "a folder": (lambda out: out.mkdir(), "exists and is not a bundle"),
    "a folder with a manifest of another kind": (
        lambda out: (out.mkdir(), (out / MANIFEST).write_text("{}")),
        "exists and is not a bundle",
    ),
}


@pytest.mark.parametrize("name", IN_THE_WAY)
def test_anything_else_is_left_alone(name: str, tmp_path: Path, model_files: Path) -> None:
    place, message = IN_THE_WAY[name]
    out = tmp_path / "out"
    place(out)
    before = contents(tmp_path)
    with pytest.raises(InputError, match=message):
        bundling.export_bundle(model_files / "small.keras", out)
    assert contents(tmp_path) == before


def test_a_bundle_with_files_of_somebody_else_is_left_alone(copy: Path, model_files: Path) -> None:
    (copy / "notes.txt").write_text("mine")
    before = contents(copy)
    with pytest.raises(
        InputError, match=r"holds files that export did not write: notes\.txt; move"
    ):
        bundling.export_bundle(model_files / "small.keras", copy)
    assert contents(copy) == before


# --- all or nothing -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (InputError("no"), InputError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
@pytest.mark.parametrize("earlier", [True, False])
def test_an_export_that_is_ended_leaves_things_as_they_were(
    error: BaseException,
    raised: type[BaseException],
    earlier: bool,
    copy: Path,
    model_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fault strikes in the last variant, when others are already written."""
    exporter, precision = VARIANTS[DEFAULT[-1]]
    write = exporter.write
    written = []

    def failing(self: Any, wanted: Any, path: Path) -> None:
        if wanted == precision:
            raise error
        write(self, wanted, path)
        written.append(path)

    monkeypatch.setattr(exporter, "write", failing)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    if not earlier:
        shutil.rmtree(copy)
    before = contents(tmp_path)
    with pytest.raises(raised) as seen:
        bundling.export_bundle(model_files / "small.keras", copy, wanted_formats=[exporter.format])
    assert len(written) == sum(VARIANTS[name][0] is exporter for name in DEFAULT) - 1
    assert seen.value is error
    assert contents(tmp_path) == before
    assert {p.name for p in tmp_path.iterdir()} == {"temporary", *(["copy"] if earlier else [])}
    assert not list((tmp_path / "temporary").iterdir())


class Failing:
    """Converters that write half a file and fail, for some variants."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception, *variants: str) -> None:
        self.called: list[str] = []
        for exporter in {VARIANTS[name][0] for name in variants}:
            monkeypatch.setattr(exporter, "write", self._failing(exporter.write, error, variants))

    def _failing(self, write: Any, error: Exception, variants: Sequence[str]) -> Any:
        def failing(exporter: Any, precision: Any, path: Path) -> None:
            name = exporter.name(precision)
            self.called.append(name)
            if name not in variants:
                return write(exporter, precision, path)  # type: ignore[no-any-return]
            path.write_bytes(b"half")
            raise error

        return failing


ONNX, TFLITE = ([n for n in DEFAULT if n.startswith(f)] for f in ("onnx", "tflite"))


@pytest.mark.parametrize(
    ("error", "variants", "left_out"),
    [
        (
            RuntimeError("out of\n  ideas"),
            ["tflite-float16"],
            {"tflite-float16": ("converting to tflite-float16 failed: out of ideas",)},
        ),
        (
            MemoryError("no room"),
            ONNX,
            {name: (f"converting to {name} failed: no room",) for name in ONNX},
        ),
        (UnsupportedModelError("m", ["a", "b"]), ONNX, {"onnx": ("a", "b")}),
        (ConversionError("no"), ["onnx-float32"], {"onnx-float32": ("no",)}),
    ],
)
def test_a_converter_that_fails_leaves_the_other_files(
    error: Exception,
    variants: list[str],
    left_out: dict[str, tuple[str, ...]],
    copy: Path,
    model_files: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing = Failing(monkeypatch, error, *variants)
    result = bundling.export_bundle(model_files / "small.keras", copy)
    assert result.left_out == left_out
    assert not result.ok
    written = [name for name in DEFAULT if name not in variants]
    assert [report.variant for report in result.reports] == written
    assert [*open_bundle(copy).variants] == written
    assert {p.stem for p in copy.iterdir() if p.suffix in (".onnx", ".tflite")} == {*written}
    if "onnx" in left_out:  # it is in no precision
        assert [name for name in failing.called if name in ONNX] == ONNX[:1]


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (
            RuntimeError("x"),
            ConversionError,
            "converting to onnx-float32 failed: x; converting to tflite-float32 failed: x",
        ),
        (
            UnsupportedModelError("m", ["a"]),
            UnsupportedModelError,
            "small.keras cannot be exported: a",
        ),
    ],
)
def test_where_nothing_can_be_written_one_error_says_all(
    error: Exception,
    raised: type[Exception],
    message: str,
    copy: Path,
    model_files: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = contents(copy)
    Failing(monkeypatch, error, "onnx-float32", "tflite-float32")
    with pytest.raises(raised) as seen:
        bundling.export_bundle(model_files / "small.keras", copy, precisions=["float32"])
    assert str(seen.value) == message
    assert contents(copy) == before


def test_a_disk_that_fills_up_at_the_end_leaves_things_as_they_were(
    copy: Path, model_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundles, "write_json", full)
    before = contents(copy.parent)
    with pytest.raises(InputError, match="copy cannot be written: No space left"):
        bundling.export_bundle(model_files / "small.keras", copy, **QUICK)
    assert contents(copy.parent) == before
    assert [p.name for p in copy.parent.iterdir()] == [copy.name]


# --- where models, vocabularies and labels come from ----------------------------------------------


@pytest.fixture
def run(model_files: Path, tmp_path: Path) -> Path:
    """A run folder as train writes it, with ids of its own kind and labels of its own."""
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(model_files / "small.keras", folder / run_folder.MODEL)
    settings = TextSettings(max_length=20, lower=False, filters="!", unknown_id=None)
    Tokenizer([*settings.special_tokens(), *WORDS], settings).save(folder / run_folder.VOCAB)
    (folder / run_folder.LABELS).write_text("bad\ngood\n")
    (folder / run_folder.CONFIG).write_text(json.dumps({"tokenizer": settings.to_json()}))
    return folder


@pytest.mark.parametrize("place", [".", run_folder.MODEL])
def test_export_from_a_run_folder(place: str, run: Path, tmp_path: Path) -> None:
    bundling.export_bundle(run / place, tmp_path / "bundle", **QUICK)
    bundle = open_bundle(tmp_path / "bundle")
    assert bundle.labels == ("bad", "good")
    assert (tmp_path / "bundle" / LABELS).read_text() == "bad\ngood\n"
    assert bundle.settings == TextSettings(20, lower=False, filters="!", unknown_id=None)
    assert bundle.golden().classes is None  # the shipped reviews have other labels
    assert load_bundle(tmp_path / "bundle").predict(["a great film"])[0].label in bundle.labels


def test_a_run_folder_yields_to_what_is_given(run: Path, model_files: Path, tmp_path: Path) -> None:
    bundling.export_bundle(
        run, tmp_path / "bundle", vocab=model_files / "words.txt", labels=["no", "yes"], **QUICK
    )
    bundle = open_bundle(tmp_path / "bundle")
    assert bundle.labels == ("no", "yes")
    assert bundle.settings == TextSettings(max_length=20)


def test_a_run_folder_must_fit_together(run: Path, tmp_path: Path) -> None:
    config = {"tokenizer": TextSettings(max_length=21).to_json()}
    (run / run_folder.CONFIG).write_text(json.dumps(config))
    with pytest.raises(InputError, match="the run's texts have 21 ids, but its model takes 20"):
        bundling.export_bundle(run, tmp_path / "bundle", **QUICK)
    (run / run_folder.CONFIG).write_text("[]")
    with pytest.raises(InputError, match="is not the configuration of a run"):
        bundling.export_bundle(run, tmp_path / "bundle", **QUICK)
    (run / run_folder.MODEL).unlink()
    with pytest.raises(InputError, match=r"has no model\.keras; expected a run folder"):
        bundling.export_bundle(run, tmp_path / "bundle", **QUICK)


def test_keras_and_h5_files_give_the_same_answers(
    small_bundle: Path, model_files: Path, tmp_path: Path
) -> None:
    bundling.export_bundle(
        model_files / "small.h5", tmp_path / "bundle", vocab=model_files / "words.txt", **QUICK
    )
    texts = ["a great film", "", "bad BAD bad, boring", "never a fine cast " * 9]
    one, other = (
        load_bundle(p, "onnx-float32").predict(texts) for p in (small_bundle, tmp_path / "bundle")
    )
    assert [p.label for p in one] == [p.label for p in other]
    np.testing.assert_allclose(
        [p.probability for p in one], [p.probability for p in other], atol=1e-6
    )
    assert open_bundle(tmp_path / "bundle").source["file"] == "small.h5"


def test_all_variants_predict_alike(small_bundle: Path, model_files: Path) -> None:
    texts = ["a great film", "", "bad BAD bad, boring", "never a fine cast " * 9]
    bundle = open_bundle(small_bundle)
    tokenizer = bundle.tokenizer()
    assert tokenizer is not None
    keras = references.of_ids(model_files / "small.keras").run(
        tokenizer.settings.padded(tokenizer.encode(texts))
    )[:, 0]
    for name, (_, precision) in VARIANTS.items():
        answers = load_bundle(small_bundle, name).predict(texts)
        positive = [p.probabilities["Positive"] for p in answers]
        limit = precision.tolerance.max_abs or 0.05
        np.testing.assert_allclose(positive, keras, atol=limit)
        assert [p.label for p in answers] == [
            label_names.BINARY_NAMES[int(p > 0.5)] for p in positive
        ]


@pytest.mark.parametrize("name", VARIANTS)
def test_workers_do_not_change_predictions(name: str, small_bundle: Path, rng: Any) -> None:
    texts = [" ".join(rng.choice(WORDS, n)) for n in rng.integers(0, 30, 200)]
    expected = load_bundle(small_bundle, name).predict(texts)
    assert load_bundle(small_bundle, name, workers=3).predict(texts) == expected


# --- tables of predictions ------------------------------------------------------------------------

ANSWERED = ["good", "", 'a, "b"\nc\td', "été 😀 \u2028", "bad " * 30]


def answers(small_bundle: Path) -> list[tuple[str, Prediction]]:
    predictions = load_bundle(small_bundle, "onnx-float32").predict(ANSWERED)
    return list(zip(ANSWERED, predictions, strict=True))


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("kind", from_table.TABLES)
def test_tables_of_predictions_can_be_read_again(
    kind: str, packed: str, small_bundle: Path, tmp_path: Path
) -> None:
    """By this project's own readers; the text is the one that was given, in .tsv on one line."""
    path = tmp_path / f"out{kind}{packed}"
    pairs = answers(small_bundle)
    write_table(path, iter(pairs))
    assert (path.read_bytes()[:2] == b"\x1f\x8b") is bool(packed)
    one_line = kind == ".tsv"
    expected = [" ".join(text.split()) if one_line else text for text in ANSWERED]
    assert list(data.texts(path)) == expected
    assert list(data.texts(path, "label")) == [answer.label for _, answer in pairs]
    if kind != ".jsonl":  # which has the probability of every label
        found = list(data.texts(path, "probability"))
        assert found == [f"{answer.probability:.4f}" for _, answer in pairs]


def test_a_table_that_fails_leaves_things_as_they_were(small_bundle: Path, tmp_path: Path) -> None:
    """Whether there was one or not."""
    pairs = answers(small_bundle)

    def failing() -> Iterator[tuple[str, Prediction]]:
        yield from pairs * 5_000  # more than a buffer
        raise InputError("no more")

    for path in (tmp_path / "new.csv", tmp_path / "old.jsonl.gz"):
        if "old" in path.name:
            path.write_bytes(b"kept")
        before = contents(tmp_path)
        with pytest.raises(InputError, match="no more"):
            write_table(path, failing())
        assert contents(tmp_path) == before
    with pytest.raises(InputError, match=r"old\.jsonl\.gz/a\.csv cannot be written: "):
        write_table(tmp_path / "old.jsonl.gz" / "a.csv", pairs)
    with pytest.raises(InputError, match=r"out\.parquet: unknown kind of file to write"):
        write_table(tmp_path / "out.parquet", pairs)
    assert contents(tmp_path) == before


def test_a_bundle_of_ids_that_are_padded_here(model_files: Path, tmp_path: Path) -> None:
    settings = {"padding": "pre"}
    result = bundling.export_bundle(
        model_files / "small.keras", tmp_path / "bundle", text_settings=settings, **QUICK
    )
    assert result.ok
    assert not result.has_vocabulary
    assert not (tmp_path / "bundle" / VOCAB).exists()
    bundle = open_bundle(tmp_path / "bundle")
    assert isinstance(bundle, TextBundle)
    assert not bundle.has_vocabulary
    assert bundle.tokenizer() is None
    golden = bundle.golden()
    assert (golden.texts, golden.classes) == (None, None)
    assert {len(ids) for ids in golden.ids} == set(range(1, 21))
    assert max(ids.max() for ids in golden.ids) == bundle.num_ids - 1
    assert verify(bundle).ok
    assert bundle.runner("onnx-float32").run([[1, 2, 3]]).shape == (1, 1)
    assert load_bundle(tmp_path / "bundle").predict([[1] * 20])["probabilities"].shape == (1, 1)
    with pytest.raises(BundleError, match=r"has no vocabulary, .* again with `vocab`"):
        Classifier(bundle)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocab": "large.txt"}, "has 17 entries, but the model's embedding has only 16 rows"),
        ({"vocab": "gone.txt"}, r"vocabulary .*gone\.txt does not exist"),
        ({"vocab": "other.txt"}, r"vocabulary .*other\.txt begins with \['a'"),
        ({"labels": ["one"]}, r"1 labels given \(one\); .* have 2 classes"),
        ({"labels": ["a", "b", "c"]}, r"3 labels given \(a, b, c\); .* have 2 classes"),
        ({"labels": ["a", "a"]}, "give one different name for each"),
    ],
)
def test_options_that_do_not_fit_the_model(
    options: dict[str, Any], message: str, model_files: Path, tmp_path: Path
) -> None:
    settings = TextSettings(max_length=20)
    Tokenizer([*settings.special_tokens(), *WORDS, "more"], settings).save(tmp_path / "large.txt")
    (tmp_path / "other.txt").write_text("a\nb\nc\nd\ne\nf\n")
    if "vocab" in options:
        options = {"vocab": tmp_path / options["vocab"]}
    with pytest.raises(InputError, match=message):
        bundling.export_bundle(model_files / "small.keras", tmp_path / "bundle", **options, **QUICK)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["large.txt", "other.txt"]


def test_a_vocabulary_of_fewer_words_than_the_model_has(model_files: Path, tmp_path: Path) -> None:
    settings = TextSettings(max_length=20)
    Tokenizer([*settings.special_tokens(), *WORDS[:5]], settings).save(tmp_path / "few.txt")
    bundling.export_bundle(
        model_files / "small.keras", tmp_path / "bundle", vocab=tmp_path / "few.txt", **QUICK
    )
    assert open_bundle(tmp_path / "bundle").num_ids == 16
    assert load_bundle(tmp_path / "bundle").predict(["never fine"])


def test_three_classes_and_a_free_length(tmp_path: Path) -> None:
    plain(None, classes=3).save(tmp_path / "model.keras")
    result = bundling.export_bundle(
        tmp_path / "model.keras",
        tmp_path / "bundle",
        length=12,
        precisions=["float32"],
        text_settings={"truncating": "pre"},
    )
    assert result.ok
    bundle = open_bundle(tmp_path / "bundle")
    assert bundle.labels == ("0", "1", "2")
    assert bundle.settings.max_length == 12
    assert bundle.golden().outputs.shape == (12, 3)
    assert verify(bundle).ok


def test_golden_vectors_from_data_of_ones_own(
    model_files: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    texts = tuple(" ".join(rng.choice(WORDS, n)) for n in range(1, 101))
    examples = labelled.Examples(texts, None, tuple(str(n % 2) for n in range(100)))
    bundling.export_bundle(
        model_files / "small.keras",
        tmp_path / "bundle",
        vocab=model_files / "words.txt",
        dataset=labelled.Dataset("mine", {"all": examples}),
        **QUICK,
    )
    golden = open_bundle(tmp_path / "bundle").golden()
    assert golden.texts is not None
    assert len(golden.texts) == GOLDEN_EXAMPLES
    assert set(golden.texts) <= set(texts)
    for text, label in zip(golden.texts, golden.classes or (), strict=True):
        assert str(label) == examples.labels[texts.index(text)]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_model_that_does_not_answer_in_numbers(value: float, tmp_path: Path) -> None:
    """As training that diverged leaves it."""
    model = plain(8)
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * value, bias])
    model.save(tmp_path / "model.keras")
    with pytest.raises(InputError, match=r"model\.keras gives answers that are not numbers"):
        bundling.export_bundle(tmp_path / "model.keras", tmp_path / "bundle", **QUICK)
    assert [p.name for p in tmp_path.iterdir()] == ["model.keras"]
