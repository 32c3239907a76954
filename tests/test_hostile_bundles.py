"""Bundles from elsewhere whose manifest was edited and sealed anew: each is refused with one sentence.

One row is one edit. What the reader says is held by its words; that nothing else happens (no traceback,
nothing written, nothing read outside) by the commands.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from lstm_edge.base.files import PACKAGE, shipped
from lstm_edge.bundle.manifest import seal
from lstm_edge.bundle.opening import open_bundle
from lstm_edge.cli import cli
from lstm_edge.errors import BundleError, InputError
from lstm_edge.inputs import label_names
from lstm_edge.inputs.tokenizer import TextSettings, tokens_of
from lstm_edge.models import run_folder
from lstm_edge.report import tables
from lstm_edge.results.parity import ParityRun
from lstm_edge.verify.reference import source_model

BUNDLES = Path(__file__).parent / "bundles"
TEXTS, ARRAYS, STREAM, IDS = "texts-front", "arrays", "stream", "ids"


def copied(name: str, folder: Path) -> Path:
    return Path(shutil.copytree(BUNDLES / name, folder / "bundle"))


def manifest_of(bundle: Path) -> Any:
    return json.loads((bundle / "manifest.json").read_text("utf-8"))


def resealed(bundle: Path, manifest: Any) -> None:
    """Written as an attacker would: with the hashes and sizes of what is there, and a seal."""
    hashes = manifest["files"] if isinstance(manifest.get("files"), dict) else {}
    for name, known in hashes.items():
        if len(str(known)) == 64 and len(name) < 250 and (bundle / name).is_file():
            hashes[name] = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
    text = json.dumps({**manifest, "seal": seal(manifest)}, ensure_ascii=False)
    (bundle / "manifest.json").write_text(text, "utf-8")


def put(path: str, value: Any) -> Callable[[Any], None]:
    """An edit: ``tokenizer.split`` or ``variants.0.file`` becomes a value; ``...``: is taken away."""

    def edit(manifest: Any) -> None:
        *folders, last = (int(part) if part.isdigit() else part for part in path.split("."))
        for part in folders:
            manifest = manifest[part]
        if value is ...:
            del manifest[last]
        else:
            manifest[last] = value

    return edit


def renamed(name: str) -> Callable[[Any], None]:
    """An edit: the vocabulary has another name."""

    def edit(manifest: Any) -> None:
        manifest["files"][name] = manifest["files"].pop("vocab.txt")

    return edit


def twice(path: str) -> Callable[[Any], None]:
    """An edit: a list's first entry stands there once more."""

    def edit(manifest: Any) -> None:
        for part in path.split("."):
            manifest = manifest[int(part) if part.isdigit() else part]
        manifest.append(manifest[0])

    return edit


def entry(path: str, key: str, value: Any) -> Callable[[Any], None]:
    """An edit: a further entry of an object, whose name may hold any character."""

    def edit(manifest: Any) -> None:
        for part in filter(None, path.split(".")):
            manifest = manifest[int(part) if part.isdigit() else part]
        manifest[key] = value

    return edit


HASH = "0" * 64
PLAIN = "expected a plain name"
NAMES = [
    "../../planted.txt", "..", ".", "", "/etc/passwd", "sub/vocab.txt", "a\\b.txt", "C:vocab.txt",
    ".hidden", "vocab.txt\n", "voc\x1b[31mab.txt", "vocab\u2028.txt", "vocab\u202etxt.exe", "v" * 300,
    " vocab.txt",
]  # fmt: skip

# of which bundle, what is edited, what is said
MANIFESTS: list[tuple[str, Callable[[Any], None], str]] = [
    *((TEXTS, renamed(name), PLAIN) for name in NAMES),
    *((TEXTS, put("variants.0.file", name), "") for name in NAMES),
    (TEXTS, put("variants.0.file", "manifest.json"), "2 have the name of one file, 'manifest.json'"),
    (TEXTS, put("variants.0.file", "vocab.txt"), "2 have the name of one file, 'vocab.txt'"),
    (TEXTS, put("variants.0.file", "VOCAB.txt"), "2 have the name of one file, 'vocab.txt'"),
    (TEXTS, put("variants.0.file", "tflite-float32.tflite"), "2 have the name of one file"),
    (TEXTS, entry("files", "manifest.json", HASH), "2 have the name of one file, 'manifest.json'"),
    (TEXTS, entry("files", "Vocab.txt", HASH), "2 have the name of one file, 'vocab.txt'"),
    (TEXTS, put("files", []), "files is a list of 0; it must be object"),
    (TEXTS, put("files", {}), "does not name golden.json among its files"),
    (TEXTS, put("files", {"golden.json": 1}), "files.golden.json is 1; it must be string"),
    (TEXTS, entry("files", "x\x1b[2Jy", 1), r"files.x\u001b[2Jy is 1; it must be string"),
    (TEXTS, entry("files", "golden.json", "abc"), "files.golden.json is 'abc'; it must match pattern"),
    (TEXTS, put("schema", True), "schema is true; it must be one of [1, 2, 3, 4]"),
    (TEXTS, put("schema", "4"), "has schema \"4\"; this version reads up to 4"),
    (TEXTS, put("schema", 0), "schema is 0; it must be one of [1, 2, 3, 4]"),
    (TEXTS, put("schema", 5), "has schema 5; this version reads up to 4"),
    (TEXTS, put("kind", "audio"), "kind is 'audio'; it must be one of ['text', 'tensors']"),
    (TEXTS, put("kind", "tensors"), "it lacks signature"),
    (TEXTS, put("pads", "sideways"), "pads is 'sideways'; it must be one of"),
    (TEXTS, put("pads", None), "pads is null; it must be one of"),
    (TEXTS, put("labels", ["a", "b"]), "labels are 2; an answer of 3 numbers has 3"),
    (TEXTS, put("labels", ["a", "b", "a"]), "2 have the name of one label, 'a'"),
    (TEXTS, put("labels", ["a", 1, "b"]), "labels[1] is 1; it must be string"),
    (TEXTS, put("labels", "abc"), "labels is 'abc'; it must be array"),
    (TEXTS, put("label_values", ["a"]), "label_values are 1; expected one for each of 3 labels"),
    (TEXTS, put("label_values", [1, 2, 3]), "label_values[0] is 1; it must be string"),
    (TEXTS, put("outputs", 1), "labels are 3; an answer of 1 number has 2"),
    (TEXTS, put("outputs", 10**9), "labels are 3; an answer of 1000000000 numbers has 1000000000"),
    (TEXTS, put("outputs", 3.0), "outputs is 3.0; it must be integer"),
    (TEXTS, put("tokenizer.split", ""), "tokenizer.split is ''; it must be longer than"),
    (TEXTS, put("tokenizer.split", None), "tokenizer.split is null; it must be string"),
    (TEXTS, put("tokenizer.truncating", "middle"), "tokenizer.truncating is 'middle'; it must be one of"),
    (TEXTS, put("tokenizer.padding", 1), "tokenizer.padding is 1; it must be one of ['pre', 'post']"),
    (TEXTS, put("tokenizer.max_length", 10**9), "tokenizer.max_length is 1000000000; it must be at most"),
    (TEXTS, put("tokenizer.max_length", -1), "tokenizer.max_length is -1; it must be at least 1"),
    (TEXTS, put("tokenizer.max_length", "12"), "tokenizer.max_length is '12'; it must be integer"),
    (TEXTS, put("tokenizer.num_ids", 10**12), "tokenizer.num_ids is 1000000000000; it must be at most"),
    (TEXTS, put("tokenizer.num_ids", ...), "tokenizer lacks num_ids"),
    (TEXTS, put("tokenizer.pad_id", 10**6), "tokenizer.pad_id is 1000000; expected less than num_ids"),
    (TEXTS, put("tokenizer.unknown_id", 99), "tokenizer.unknown_id is 99; expected less than num_ids"),
    (TEXTS, put("tokenizer.pattern", "["), "does not mean the same in every language"),
    (TEXTS, put("tokenizer.pattern", "(?:a*)*"), "also matches where nothing is"),
    (TEXTS, put("tokenizer.pattern", "a{99999999999}"), "is no regular expression"),
    (TEXTS, put("tokenizer.pattern", "(?:" * 5_000 + "a" + ")" * 5_000), "is no regular expression"),
    (TEXTS, put("tokenizer.pattern", "a" * 10**6), "it must be shorter than or equal to 200000"),
    (TEXTS, put("tokenizer.split", " " * 10**6), "it must be shorter than or equal to 100"),
    (TEXTS, put("tokenizer.filters", ["a"]), "tokenizer.filters is a list of 1; it must be string"),
    (TEXTS, put("tokenizer", None), "tokenizer is null; it must be object"),
    (TEXTS, put("tokenizer", ...), "it lacks tokenizer"),
    (TEXTS, put("preprocessing", {"state": "told"}), "preprocessing lacks examples, sources, untold"),
    (TEXTS, put("preprocessing", 1), "preprocessing is 1; it must be object"),
    (TEXTS, put("own_rounding", [1]), "own_rounding[0] is 1; it must be object"),
    (TEXTS, put("own_rounding", {"share": 1}), "own_rounding is an object of 1; it must be array"),
    (TEXTS, put("source", "model.keras"), "source is 'model.keras'; it must be object"),
    (TEXTS, put("source.path", 5), "source.path is 5; it must be string or null"),
    (TEXTS, put("source.sha256", "x"), "source.sha256 is 'x'; it must match pattern"),
    (TEXTS, put("written_by", {"keras": 3}), "written_by.keras is 3; it must be string"),
    (TEXTS, put("variants", []), "variants is a list of 0; it must contain at least 1 items"),
    (TEXTS, put("variants", {"a": 1}), "variants is an object of 1; it must be array"),
    (TEXTS, put("variants.0", "onnx"), "variants[0] is 'onnx'; it must be object"),
    (TEXTS, twice("variants"), "2 have the name of one file"),
    (TEXTS, put("variants.1.name", "onnx-float32"), "2 have the name of one variant, 'onnx-float32'"),
    (TEXTS, put("variants.0.name", "onnx-int4"), "make it onnx-float32"),
    (TEXTS, put("variants.0.name", "[red]x[/red]"), "variants[0].name is '[red]x[/red]'; it must match"),
    (TEXTS, put("variants.0.format", "../x"), "variants[0].format is '../x'; it must match pattern"),
    (TEXTS, put("variants.0.batch", 10**9), "batch is 1000000000; it must be at most 65536"),
    (TEXTS, put("variants.0.batch", 0), "variants[0].batch is 0; it must be at least 1"),
    (TEXTS, put("variants.0.batch", 1.0), "variants[0].batch is 1.0; it must be integer or null"),
    (TEXTS, put("variants.0.batch", True), "variants[0].batch is true; it must be integer or null"),
    (TEXTS, put("variants.0.bytes", 5), "onnx-float32.onnx was changed after export"),
    (TEXTS, put("variants.0.sha256", HASH), "onnx-float32.onnx was changed after export"),
    (TEXTS, put("variants.0.runtimes", "onnx"), "variants[0].runtimes is 'onnx'; it must be array"),
    (TEXTS, put("variants.0.inputs", []), "variants[0].inputs is a list of 0; it must contain at least"),
    (TEXTS, twice("variants.0.inputs"), "2 have the name of one of the inputs of onnx-float32"),
    (TEXTS, put("variants.0.inputs.0.shape", [-1, 10**9]), "expected at most 134,217,728 numbers"),
    (TEXTS, put("variants.0.inputs.0.shape", "many"), "inputs[0].shape is 'many'; it must be array"),
    (TEXTS, put("variants.0.inputs.0.dtype", "object"), "inputs[0].dtype is 'object'; it must be one of"),
    (TEXTS, put("variants.0.states", [{"name": "a", "output": "b", "shape": []}]), "has no end 'a'"),
    (TEXTS, put("variants.0.ops", {"LSTM": "2"}), "variants[0].ops.LSTM is '2'; it must be integer"),
    (TEXTS, put("variants.0.tolerance", {}), "variants[0].tolerance lacks accuracy_drop"),
    (TEXTS, put("variants.0.tolerance.max_abs", "1"), "max_abs is '1'; it must be number or null"),
    (TEXTS, put("variants.0.tolerance.max_abs", -1), "tolerance.max_abs is -1; it must be above 0"),
    (TEXTS, put("variants.0.parity", None), "variants[0].parity is null; it must be object"),
    (TEXTS, put("variants.0.inputs.0.shape", [-1]), "'ids' has the shape [-1]; expected two axes"),
    (TEXTS, put("variants.0.tolerance.max_abs", 0), "tolerance.max_abs is 0; it must be above 0"),
    (TEXTS, put("variants.0.tolerance.max_abs", 10**19), "it must be at most 1000000"),
    (ARRAYS, put("labels", ["a", "b"]), "labels are 2; expected as many as an output has"),
    (ARRAYS, put("kind", ...), "it lacks label_values, tokenizer"),
    (ARRAYS, put("signature", {}), "signature lacks chunk, inputs, outputs, states"),
    (ARRAYS, put("signature.inputs", []), "signature.inputs is a list of 0; it must contain at least"),
    (ARRAYS, twice("signature.inputs"), "2 have the name of one input, 'series'"),
    (ARRAYS, twice("signature.outputs"), "2 have the name of one output, 'each'"),
    (ARRAYS, put("signature.inputs.0.dtype", "object"), "dtype is 'object'; it must be one of"),
    (ARRAYS, put("signature.inputs.0.dtype", "int32"), "[-1, 7, 3]; the signature has int32"),
    (ARRAYS, put("signature.inputs.0.name", "other"), "has the inputs series, short; the signature has"),
    (ARRAYS, put("signature.inputs.0.shape", []), "the shape of 'series' is empty"),
    (ARRAYS, put("signature.inputs.0.shape", [None, 7]), "float32 [-1, 7, 3]; the signature has"),
    (ARRAYS, put("signature.inputs.0.shape", [None, 10**9, 3]), "expected at most 134,217,728 numbers"),
    (ARRAYS, put("signature.inputs.0.shape", [None] * 70), "it must contain at most 32 items"),
    (ARRAYS, put("signature.inputs.0.nan", [True] * 5), "nan of 'series' is for 5; expected 1, or"),
    (ARRAYS, put("signature.inputs.0.mask_value", "0"), "mask_value is '0'; it must be number or null"),
    (
        ARRAYS,
        put("signature.inputs.0.scale", {"offset": [0, 0], "divisor": [1]}),
        "offset of 'series' is for 2; expected 1, or one for each",
    ),
    (ARRAYS, put("signature.chunk", 4), "signature.chunk is 4 where no states are"),
    (ARRAYS, put("variants.0.outputs.0.shape", [-1, 7, 5]), "float32 [-1, 7, 5]; the signature has"),
    (ARRAYS, put("variants.0.outputs.0.name", "else"), "has the outputs else, motion; the signature has"),
    ("texts-free", put("variants.4.states.0.shape", []), "is float32 [-1, 4]; its state has float32 []"),
    ("texts-free", put("variants.4.states.0.shape", [None, 10**9]), "at most 134,217,728 numbers"),
    (STREAM, put("signature.outputs.1.timed", True), "'motion' is timed, and its shape [None, 3] has no"),
    (STREAM, put("signature.states", []), "onnx-float32 has the inputs"),
    (STREAM, put("variants.0.states", []), "onnx-float32 has other states than the signature"),
    (STREAM, put("signature.states.0.shape", [None, 5]), "float32 [-1, 4]; the signature has"),
    (STREAM, put("signature.states.0.output", "nowhere"), "onnx-float32 has the outputs"),
    (STREAM, put("signature.chunk", 10**9), "signature.chunk is 1000000000; it must be at most 1000000"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "edit", "said"), MANIFESTS)
def test_a_resealed_manifest_is_refused(
    name: str, edit: Callable[[Any], None], said: str, tmp_path: Path
) -> None:
    bundle = copied(name, tmp_path)
    manifest = manifest_of(bundle)
    edit(manifest)
    resealed(bundle, manifest)
    with pytest.raises(BundleError) as refused:
        open_bundle(bundle)
    message = str(refused.value)
    assert said in message
    assert message.isprintable()
    assert len(message) < 600


DAMAGED = {
    "nothing": b"", "not JSON": b"{", "a number": b"5", "a list": b"[]", "nested": b"[" * 100_000,
    "a lone surrogate": b'{"schema": 4, "labels": ["\\ud800"]}', "not UTF-8": b'{"schema": "\xff"}',
    "digits": b'{"schema": ' + b"9" * 5_000 + b"}", "NaN": b'{"schema": NaN}',
    "infinite": b'{"schema": 1e999}',
}  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_manifest_is_refused(content: bytes, tmp_path: Path) -> None:
    bundle = copied(TEXTS, tmp_path)
    (bundle / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError, match="damaged"):
        open_bundle(bundle)


@pytest.mark.parametrize("name", [TEXTS, ARRAYS, STREAM, IDS])
def test_fields_that_are_not_known_are_left_aside(name: str, tmp_path: Path) -> None:
    """As docs/bundle.md says: what would change an answer comes with a higher schema."""
    bundle = copied(name, tmp_path)
    manifest = manifest_of(bundle)

    def add(value: Any) -> None:
        if isinstance(value, list):
            for item in value:
                add(item)
        elif isinstance(value, dict):
            for key, item in value.items():
                if key not in ("files", "ops", "written_by", "sources"):
                    add(item)
            value["later"] = {"any": ["thing"]}

    files = manifest["files"]
    add(manifest)
    resealed(bundle, {**manifest, "files": files})
    opened = open_bundle(bundle)
    before = open_bundle(BUNDLES / name)
    assert opened.variants.keys() == before.variants.keys()
    assert opened.ends() == before.ends()
    assert opened.described_preprocessing() == before.described_preprocessing()
    assert len(opened.golden_batches()) == len(before.golden_batches())


def test_files_of_a_bundle_are_files_of_its_folder(tmp_path: Path) -> None:
    """A link within it is one; a link out of it, and what is no regular file, would be waited for."""
    bundle = copied(TEXTS, tmp_path)
    vocabulary = bundle / "vocab.txt"
    elsewhere = Path(shutil.move(vocabulary, tmp_path / "elsewhere.txt"))
    vocabulary.symlink_to(elsewhere)
    with pytest.raises(BundleError, match=r"vocab\.txt is a link out of the folder; put the file"):
        open_bundle(bundle)
    vocabulary.unlink()
    os.mkfifo(vocabulary)
    with pytest.raises(BundleError, match=r"vocab\.txt is a pipe; expected a regular file"):
        open_bundle(bundle)
    vocabulary.unlink()
    vocabulary.mkdir()
    with pytest.raises(BundleError, match=r"vocab\.txt is a folder; expected a regular file"):
        open_bundle(bundle)
    vocabulary.rmdir()
    with vocabulary.open("wb") as file:
        file.truncate(1 << 40)  # sparse: no byte of it is there, and hashing it would take an hour
    with pytest.raises(
        BundleError, match=r"vocab\.txt has 1,099,511,627,776 bytes; expected at most"
    ):
        open_bundle(bundle)
    vocabulary.unlink()
    shutil.move(elsewhere, bundle / "words.txt")
    vocabulary.symlink_to("words.txt")
    open_bundle(bundle)


# --- golden vectors -------------------------------------------------------------------------------

# of texts: what is edited, what is said
GOLDEN_TEXTS: list[tuple[Callable[[Any], None], str]] = [
    (put("schema", 2), "schema is 2; it must be 1"),
    (put("schema", ...), "it lacks schema"),
    (put("cases", []), "cases is a list of 0; it must contain at least 1 items"),
    (put("cases", {"a": 1}), "cases is an object of 1; it must be array"),
    (put("cases.0", None), "cases[0] is null; it must be object"),
    (put("cases.0.ids", ...), "cases[0] lacks ids"),
    (put("cases.0.ids", "1 2"), "cases[0].ids is '1 2'; it must be array"),
    (put("cases.0.ids", [1, -1]), "cases[0].ids[1] is -1; it must be at least 0"),
    (put("cases.0.ids", [1, 10**15]), "ids[1] is 1000000000000000; it must be at most 2147483647"),
    (put("cases.0.ids", [1.5]), "cases[0].ids[0] is 1.5; it must be integer"),
    (put("cases.0.ids", [[1]]), "cases[0].ids[0] is a list of 1; it must be integer"),
    (put("cases.0.ids", [10**6]), "cases[0] has the id 1000000; this model knows ids from 0 to"),
    (put("edge.1.ids", [10**6]), "edge[1] has the id 1000000; this model knows ids from 0 to"),
    (put("cases.0.probabilities", [0.5]), "answers of different lengths"),
    (put("cases.0.probabilities", []), "probabilities is a list of 0; it must contain at least 1 items"),
    (put("cases.0.probabilities", [0.5, 0.5, 2]), "cases[0].probabilities[2] is 2; it must be at most 1"),
    (put("cases.0.probabilities", [0.5, None, 0]), "probabilities[1] is null; it must be number"),
    (put("cases.0.text", 5), "cases[0].text is 5; it must be string"),
    (put("cases.0.label", 7), "a label is 7; expected less than 3"),
    (put("cases.0.label", "1"), "cases[0].label is '1'; it must be integer"),
    (put("edge.0.name", ...), "edge[0] lacks name"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "said"), GOLDEN_TEXTS)
def test_odd_golden_texts_are_refused(
    edit: Callable[[Any], None], said: str, tmp_path: Path
) -> None:
    bundle = copied(TEXTS, tmp_path)
    golden = json.loads((bundle / "golden.json").read_text("utf-8"))
    edit(golden)
    (bundle / "golden.json").write_text(json.dumps(golden), "utf-8")
    resealed(bundle, manifest_of(bundle))
    with pytest.raises(InputError) as refused:
        open_bundle(bundle).golden_batches()
    assert f"golden vectors {bundle / 'golden.json'}" in str(refused.value)
    assert said in str(refused.value)


def test_golden_texts_of_other_answers_are_refused(tmp_path: Path) -> None:
    bundle = copied(TEXTS, tmp_path)
    golden = json.loads((bundle / "golden.json").read_text("utf-8"))
    for case in (*golden["cases"], *golden["edge"]):
        case["probabilities"] = [0.5]
    (bundle / "golden.json").write_text(json.dumps(golden), "utf-8")
    resealed(bundle, manifest_of(bundle))
    with pytest.raises(InputError, match="labels are 3; an answer of 1 number has 2"):
        open_bundle(bundle).golden_batches()


def array(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """An edit of ``golden.npz``: an array becomes another, or, of a function, what that makes of it."""

    def edit(content: dict[str, Any]) -> None:
        if value is ...:
            del content[name]
        else:
            content[name] = value(content[name]) if callable(value) else value

    return edit


GOLDEN_ARRAYS: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (dict.clear, "holds no arrays by name"),
    (array("0/case", ...), "holds no texts as 0/case"),
    (array("0/case", lambda a: a[:, None]), "holds no texts as 0/case"),
    (array("0/case", np.arange(5)), "holds no texts as 0/case"),
    (array("0/case", lambda a: a[:1]), "different numbers of examples"),
    (array("0/case", np.array([{}], object)), "it holds Python objects, which are not read"),
    (array("1000000000/case", np.array(["a"])), "holds '1000000000/case'; expected 0/case"),
    (array("99999999/case", np.array(["a"])), "holds no texts as"),
    (array("x/case", np.array(["a"])), "holds 'x/case'; expected 0/case"),
    (array("0/../x", np.zeros(1)), "holds '0/../x'; expected 0/case"),
    (array("0/\x1b[2J", np.zeros(1)), r"holds '0/\x1b[2J'; expected 0/case"),
    (array("0/in/series", ...), "arrays for short given; expected one for each of the inputs"),
    (array("0/in/other", np.zeros(1)), "arrays for"),
    (array("0/in/series", np.zeros((1, 7, 3), complex)), "input series is complex128 [1, 7, 3]"),
    (array("0/in/series", lambda a: a[:, :5]), "input series is float32 ["),
    (array("0/in/series", lambda a: a[:1]), "different numbers of examples"),
    (array("0/in/series", lambda a: a[:0]), "different numbers of examples"),
    (array("0/in/series", np.array(["a"])), "input series is <U1 [1]"),
    (array("0/out/each", ...), "answers of motion; expected each, motion"),
    (array("0/out/other", np.zeros(1)), "expected each, motion"),
    (array("0/out/each", lambda a: a[:1]), "different numbers of examples"),
    (array("0/out/each", lambda a: a[..., :2]), "output each is float32 ["),
    (array("0/out/each", lambda a: a.astype(np.float64)), "output each is float64 ["),
    (array("0/out/each", lambda a: a * np.nan), "with NaN; expected float32 [examples, 7, 4]"),
    (array("0/out/each", lambda a: a + np.inf), "with NaN; expected float32 [examples, 7, 4]"),
    (array("0/out/each", np.float32(1)), "output each is float32 []"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "said"), GOLDEN_ARRAYS)
def test_odd_golden_arrays_are_refused(
    edit: Callable[[dict[str, Any]], None], said: str, tmp_path: Path
) -> None:
    bundle = copied(ARRAYS, tmp_path)
    with np.load(bundle / "golden.npz") as file:
        content = dict(file)
    edit(content)
    np.savez(bundle / "golden.npz", **content)
    resealed(bundle, manifest_of(bundle))
    with pytest.raises(InputError) as refused:
        open_bundle(bundle).golden_batches()
    assert str(bundle / "golden.npz") in str(refused.value)
    assert said in str(refused.value)
    assert str(refused.value).isprintable()


# --- vocabularies ---------------------------------------------------------------------------------

VOCABULARIES = {
    "nothing": (b"", "entries"),
    "not UTF-8": (b"<PAD>\n\xff\n", "is not UTF-8 text"),
    "twice": (b"<PAD>\n<START>\n<UNKNOWN>\n<UNUSED>\nfilm\nfilm\n", "'film' more than once"),
    "too many": (b"".join(b"word%d\n" % i for i in range(1000)), "the model's embedding has only"),
}


@pytest.mark.parametrize(("content", "said"), VOCABULARIES.values(), ids=VOCABULARIES)
def test_odd_vocabularies_are_refused(content: bytes, said: str, tmp_path: Path) -> None:
    bundle = copied(TEXTS, tmp_path)
    (bundle / "vocab.txt").write_bytes(content)
    resealed(bundle, manifest_of(bundle))
    with pytest.raises(InputError) as refused:
        open_bundle(bundle).tokenizer()
    assert said in str(refused.value)


def test_the_source_is_a_model(tmp_path: Path) -> None:
    """The hash of a folder is that of all files below it: of ``/`` it would be read for hours."""
    bundle = copied(TEXTS, tmp_path)
    manifest = manifest_of(bundle)
    manifest["source"]["path"] = "/"
    resealed(bundle, manifest)
    with pytest.raises(InputError, match="the Keras model / is a folder without a model in it"):
        source_model(open_bundle(bundle), None)


# --- commands -------------------------------------------------------------------------------------

OPENING: dict[str, tuple[str, ...]] = {
    "predict": ("a film",),
    "verify": ("--json", "OUT/result.json"),
    "bench": ("--rounds", "1", "--json", "OUT/result.json"),
    "inspect": ("--json", "OUT/result.json"),
    "web": ("--out", "OUT/page"),
    "report": ("--out", "OUT/report"),
}
"""Each command that opens a bundle; what it would write, it would write below OUT."""

REFUSED: dict[str, Callable[[Any], None]] = {
    "a name above the folder": renamed("../../planted.txt"),
    "a file above the folder": put("variants.0.file", "../../planted.txt"),
    "a kind that is not known": put("kind", "[/red]\x1b[2J\naudio"),
    "a great batch": put("variants.0.batch", 10**9),
    "labels of another count": put("labels", ["a"]),
}


@pytest.mark.parametrize("command", OPENING)
@pytest.mark.parametrize("edit", REFUSED.values(), ids=REFUSED)
def test_every_command_refuses_in_one_line(
    command: str, edit: Callable[[Any], None], tmp_path: Path
) -> None:
    folder, out = tmp_path / "a" / "b", tmp_path / "out"
    out.mkdir()
    folder.mkdir(parents=True)
    bundle = copied(TEXTS, folder)
    manifest = manifest_of(bundle)
    edit(manifest)
    for name in (*manifest["files"], *(v["file"] for v in manifest["variants"])):
        if ".." in name:  # what is to be read from there is there
            shutil.copy(bundle / "vocab.txt", bundle / name)
            manifest["variants"][0]["bytes"] = (bundle / "vocab.txt").stat().st_size
            manifest["variants"][0]["sha256"] = manifest["files"].get(name, HASH)
    resealed(bundle, manifest)
    before = sorted(tmp_path.rglob("*"))
    options = [part.replace("OUT", str(out)) for part in OPENING[command]]
    done = CliRunner().invoke(cli, [command, str(bundle), *options])
    assert done.exit_code == 2
    assert done.stdout == ""
    line = done.stderr.removesuffix("\n")
    assert line.startswith("lstm-edge: bundle ")
    assert line.isprintable()
    assert sorted(tmp_path.rglob("*")) == before


# --- labels ---------------------------------------------------------------------------------------

# What Python takes for the end of a line, and files of labels do not.
NO_ENDS = ("\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")


def test_a_run_has_as_many_labels_as_were_written(tmp_path: Path) -> None:
    run = Path(shutil.copytree(shipped(), tmp_path / "run"))
    names = [f"one{character}word" for character in NO_ENDS] + ["", "last"]
    for end in ("\n", "\r\n"):
        text = "".join(f"{name}{end}" for name in names)
        (run / "labels.txt").write_text(text, "utf-8", newline="")
        assert run_folder.find(run).labels == tuple(names)
        words = [*TextSettings().special_tokens(), *names]
        assert tokens_of("".join(f"{word}{end}" for word in words)) == words


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_label_of_two_lines_is_refused(end: str) -> None:
    values = ("a", f"b{end}c")
    for names in ((values, None), (("0", "1"), values)):
        with pytest.raises(InputError, match=r"the label 'b.*c' holds a line break"):
            label_names.label_names(*names)
    with pytest.raises(InputError, match="holds a line break"):
        label_names.check_lines(values)
    with pytest.raises(InputError, match="holds half a character"):
        label_names.check_lines(["a\udcff"])
    assert label_names.check_lines([f"a{c}b" for c in NO_ENDS]) == tuple(f"a{c}b" for c in NO_ENDS)


# --- results of verify and bench ------------------------------------------------------------------

# of which option of `report`, what is edited, what is said
RESULTS: list[tuple[str, Callable[[Any], None], str]] = [
    ("parity", put("schema", 99), "schema 99; this version reads 1"),
    ("parity", put("schema", "1\x1b[2J"), r'schema "1\u001b[2J"; this version reads 1'),
    ("parity", put("reports", 5), "reports is 5; it must be array"),
    ("parity", put("reports", ...), "it lacks reports"),
    ("parity", put("reports.0", []), "reports[0] is a list of 0; it must be object"),
    ("parity", put("reports.0.max_abs", "small"), "reports[0].max_abs is 'small'; it must be number"),
    ("parity", put("reports.0.max_abs", -1), "reports[0].max_abs is -1; it must be at least 0"),
    ("parity", put("reports.0.max_abs", 1e300), "reports[0].max_abs is 1e+300; it must be at most 1e+18"),
    ("parity", put("reports.0.max_abs", 10**19), "must be at most 1e+18"),
    ("parity", put("reports.0.examples", 0), "reports[0].examples is 0; it must be at least 1"),
    ("parity", put("reports.0.examples", True), "reports[0].examples is true; it must be integer"),
    ("parity", put("reports.0.flips", 0.5), "reports[0].flips is 0.5; it must be integer"),
    ("parity", put("reports.0.worst.variant", [0.5, 0.5]), "an example has answers of two lengths"),
    ("parity", put("reports.0.worst.variant", []), "variant is a list of 0; it must contain at least"),
    ("parity", put("reports.0.tolerance.reason", ...), "reports[0].tolerance lacks reason"),
    ("parity", put("reports.0.checks", [{"name": "x"}]), "reports[0].checks[0] lacks detail, ok"),
    ("parity", put("reports.0.failures", "none"), "reports[0].failures is 'none'; it must be array"),
    ("parity", entry("reports.0", "\x1b[2J", 1), r"reports[0] has \u001b[2J; that is not known"),
    ("parity", put("machine", None), "machine is null; it must be object"),
    ("parity", put("machine.versions", [1]), "versions is a list of 1; it must be object or null"),
    ("parity", entry("", "preprocessing", {"sources": 1}), "lacks examples, settings, untold"),
    ("latency", put("timings", []), "timings is a list of 0; it must contain at least 1 items"),
    ("latency", put("timings.0.samples_ms", [[1, 2]]), "not one time for each of"),
    ("latency", put("timings.0.samples_ms", [1]), "samples_ms[0] is 1; it must be array"),
    ("latency", put("timings.0.samples_ms.0.0", None), "samples_ms[0][0] is null; it must be number"),
    ("latency", put("timings.0.samples_ms.0.0", 1e300), "samples_ms[0][0] is 1e+300; it must be at most"),
    ("latency", put("timings.0.start", 1), "timings[0].start is 1; it must be object or null"),
    ("latency", put("lengths", []), "lengths is a list of 0; it must contain at least 1 items"),
    ("latency", put("lengths.0", -1), "lengths[0] is -1; it must be at least 0"),
    ("latency", put("threads", 0), "threads is 0; it must be at least 1"),
    ("latency", put("unit", "\x1b[2J"), r"unit is '\x1b[2J'; it must be one of ['tokens', 'steps']"),
    ("device", put("device", 5), "device is 5; it must be string"),
    ("device", put("skipped", [1]), "skipped is a list of 1; it must be object"),
    ("device", put("notes", [None]), "notes[0] is null; it must be string"),
    ("device", put("latency.timings.0.variant", "\x1b[2J"), r"measured \u001b[2J, which bundle"),
    ("device", put("parity", ...), "it lacks parity"),
]  # fmt: skip
STORED = {"parity": "parity", "latency": "latency", "device": "browser"}


@pytest.mark.parametrize(("option", "edit", "said"), RESULTS)
def test_edited_results_are_refused(
    option: str, edit: Callable[[Any], None], said: str, tmp_path: Path
) -> None:
    file, out = tmp_path / "result.json", tmp_path / "report"
    value = json.loads((BUNDLES / "results" / f"texts-{STORED[option]}.json").read_text("utf-8"))
    edit(value)
    file.write_text(json.dumps(value), "utf-8")
    # where it is read, the other results are not missed
    parity = () if option == "parity" else ("--parity", BUNDLES / "results" / "texts-parity.json")
    command = ["report", BUNDLES / "texts", f"--{option}", file, *parity, "--out", out]
    done = CliRunner().invoke(cli, [str(part) for part in command])
    assert done.exit_code == 2
    assert done.stdout == ""
    line = done.stderr.removesuffix("\n")
    assert line.startswith("lstm-edge: ")
    assert said in line
    assert line.isprintable()
    assert not out.exists()


def test_results_of_another_model_are_refused(tmp_path: Path) -> None:
    value = json.loads((BUNDLES / "results" / "texts-parity.json").read_text("utf-8"))
    case = {"index": 3, "text": "a film", "reference": [0.5], "variant": [0.4], "label": 7}
    value["reports"][0]["flipped"] = [case]
    run = ParityRun.from_json(value)
    with pytest.raises(InputError, match="example 3 of onnx-float32 is of a model with other"):
        tables.flips_table(run, ["neg", "pos"])


# --- what is shown --------------------------------------------------------------------------------

ACTING = "[/red]\x1b[2J\x9b2J\u202e\u2028[link=http://a.example]x"


def test_names_do_not_act_on_a_terminal(tmp_path: Path) -> None:
    """Labels, descriptions and sentences of a manifest, by each command that shows some."""
    bundle = copied("texts", tmp_path)
    manifest = manifest_of(bundle)
    manifest["labels"] = [f"{ACTING}0", f"{ACTING}1"]
    manifest["variants"] = [v for v in manifest["variants"] if v["name"] == "onnx-float32"]
    (variant,) = manifest["variants"]
    variant["lowering"] = variant["tolerance"]["reason"] = ACTING
    variant["problems"] = variant["notes"] = [ACTING]
    manifest["source"]["file"] = ACTING
    resealed(bundle, manifest)
    parity, out = tmp_path / "parity.json", tmp_path / "report"
    commands: list[list[object]] = [
        ["predict", bundle, "a fine film"],
        ["predict", bundle, "a fine film", "--json"],
        ["verify", bundle, "--json", parity],
        ["inspect", bundle],
        ["bench", bundle, "--rounds", "1", "--limit", "2"],
        ["report", bundle, "--parity", parity, "--out", out],
    ]
    for command in commands:
        done = CliRunner().invoke(cli, [str(part) for part in command])
        assert done.exit_code <= 1, done.output  # a problem of a file is outside
        if "predict" in command and "--json" in command:
            assert json.loads(done.stdout)["label"] in manifest["labels"]
        elif "predict" not in command:  # a pipe gets its labels as they are
            assert all(c.isprintable() or c in "\n\t" for c in done.output), command
    page = (out / "report.html").read_text("utf-8")
    assert "[/red]" in page
    markdown = (out / "report.md").read_text("utf-8")
    assert r"\[link=http://a.example\]x" in markdown
    assert all(c.isprintable() or c == "\n" for c in markdown)


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (put("pads", "sideways"), "the kind text and pads sideways, which this page does not know"),
        (put("kind", "audio"), "the kind audio and pads front, which this page does not know"),
        (put("schema", 5), "has schema 5; this page reads up to 4"),
    ],
)
def test_the_page_refuses_what_it_does_not_know(
    edit: Callable[[Any], None], said: str, tmp_path: Path
) -> None:
    """A folder that ``web --out`` wrote may get another bundle."""
    manifest = manifest_of(BUNDLES / TEXTS)
    edit(manifest)
    program = tmp_path / "open.mjs"
    program.write_text(
        f"""
        globalThis.document = {{ baseURI: 'http://a.example/' }};
        globalThis.fetch = async () => new Response({json.dumps(json.dumps(manifest))});
        const {{ openBundle }} = await import({json.dumps((PACKAGE / "web/js/bundle.js").as_uri())});
        await openBundle('bundle/').catch((error) => console.log(error.message));
        """,
        "utf-8",
    )
    done = subprocess.run(["node", program], capture_output=True, text=True, check=True)
    assert said in done.stdout
