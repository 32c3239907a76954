"""Every reader of files and replies from elsewhere, by name: a new one is a line in :data:`READERS`.

An input is the content of one file, or one device's reply. What stands around it is made once, by
``around``; only what is beyond this machine (ssh, adb, a browser) is stood in for, in ``replies``.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lstm_edge.base.extras import require
from lstm_edge.bundle.manifest import MANIFEST, check_replaceable, seal
from lstm_edge.bundle.opening import Bundle, open_bundle
from lstm_edge.cli.report import _stored
from lstm_edge.devices import ssh
from lstm_edge.errors import InputError
from lstm_edge.inputs import data, label_names, preprocessing
from lstm_edge.inputs.array_files import read_inputs
from lstm_edge.inputs.expected import read_expected
from lstm_edge.inputs.scaling import read_scales
from lstm_edge.inputs.signature import Input, Output, Signature
from lstm_edge.inputs.targets import check_targets, read_source, read_targets
from lstm_edge.inputs.tokenizer import TextSettings, portable_pattern, splitter
from lstm_edge.inputs.vocabulary import read_vocabulary
from lstm_edge.inputs.windows import Window
from lstm_edge.models import pairs, run_folder
from lstm_edge.report import tables
from lstm_edge.results.device import DeviceResult
from lstm_edge.results.latency import LatencyReport
from lstm_edge.results.parity import ParityRun
from lstm_edge.structure import contents
from tests.fuzz import mutate, replies

HERE = Path(__file__).parent
CORPUS, BUNDLES = HERE / "corpus", HERE.parent / "bundles"
Read = Callable[[Path, bytes], object]


@dataclass(frozen=True)
class Reader:
    """What is read, how its inputs are changed, and what reads them.

    Attributes:
        read: given the folder and the input.
        mutate: one for the kind of input.
        like: further inputs to begin with, beside those in the corpus.
        each: executions of ``--times 1``.
        around: puts into the folder what stands beside the input.
        heavy: needs TensorFlow.
    """

    read: Read
    mutate: mutate.Mutator
    like: Sequence[Path] = ()
    each: int = 100_000
    around: Callable[[Path], None] = lambda folder: None
    heavy: bool = False

    def ready(self, folder: Path) -> None:
        """Make what stands around inputs, and import what is imported when it is first needed."""
        self.around(folder)
        if self.heavy:
            require("keras", "fuzzing")
            require("tensorflow.core.protobuf.saved_model_pb2", "fuzzing")
        require("h5py", "fuzzing")

    def seeds(self, name: str) -> list[bytes]:
        """All inputs to begin with: of the corpus in its order, then the others."""
        paths = [*sorted((CORPUS / name).glob("*")), *self.like]
        return [path.read_bytes() for path in paths]


def in_file(name: str, read: Callable[[Path], object]) -> Read:
    """The input is the content of a file of that name."""

    def run(folder: Path, content: bytes) -> object:
        path = folder / name
        path.write_bytes(content)
        return read(path)

    return run


def in_text(read: Callable[[str], object]) -> Read:
    """The input is a text that the command line hands on."""
    return lambda folder, content: read(content.decode("utf-8", "replace"))


def in_json(read: Callable[[Any], object]) -> Read:
    """The input is a value of JSON, as far as it is one."""

    def run(folder: Path, content: bytes) -> object:
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            return None
        return read(value)

    return run


# ---- bundles


def _copied(name: str, folder: Path) -> None:
    """A bundle with its first two variants: more are read alike, and take longer."""
    shutil.copytree(BUNDLES / name, folder / name, dirs_exist_ok=True)
    manifest = json.loads((folder / name / MANIFEST).read_text())
    manifest["variants"] = manifest["variants"][:2]
    _write(folder / name, manifest)


def _write(folder: Path, manifest: dict[str, Any]) -> None:
    text = json.dumps({**manifest, "seal": seal(manifest)}, ensure_ascii=False)
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def used(bundle: Bundle) -> None:
    """What commands ask an opened bundle for, but for running its files."""
    bundle.described_preprocessing()
    bundle.ends()
    bundle.golden_batches()
    bundle.edge_cases()
    inputs = bundle.golden_inputs(None)
    bundle.lengths(inputs)
    chosen = bundle.chosen()
    for info in chosen:
        bundle.lack_texts(inputs, info)
    if (tokenizer := bundle.tokenizer()) is not None:
        tokenizer.encode("a film to remember")
    tables.to_terminal(tables.lowering_table(bundle), 100)
    if bundle.takes == "texts":
        ssh._files(bundle, chosen, {})


def manifest_of(name: str) -> Read:
    def run(folder: Path, content: bytes) -> None:
        place = folder / name
        (place / MANIFEST).write_bytes(content)
        try:
            used(open_bundle(place))
        finally:
            check_replaceable(place)

    return run


def member_of(name: str, file: str) -> Read:
    """A bundle's file; its hash in the manifest is made right, as whoever changes one can."""

    def run(folder: Path, content: bytes) -> None:
        place = folder / name
        (place / file).write_bytes(content)
        path = place / "sealed.json"
        if not path.exists():
            shutil.copy(place / MANIFEST, path)
        manifest = json.loads(path.read_bytes())
        manifest["files"][file] = hashlib.sha256(content).hexdigest()
        if file == "labels.txt":
            manifest["labels"] = content.decode("utf-8", "replace").splitlines()
        _write(place, manifest)
        used(open_bundle(place))

    return run


def _manifest(name: str) -> Reader:
    like = (BUNDLES / name / MANIFEST,)
    return Reader(manifest_of(name), mutate.sealed, like, 10_000, partial(_copied, name))


def _member(name: str, file: str, how: mutate.Mutator) -> Reader:
    return Reader(
        member_of(name, file), how, (BUNDLES / name / file,), 10_000, partial(_copied, name)
    )


# ---- data

_SIGNATURE = Signature(
    (Input("readings", "float32", (None, 4, 3), None, None),),
    (
        Output("tags", (None, 4, 2), activation="softmax"),
        Output("level", (None, 1), activation="linear"),
    ),
)
_TWO = Signature(
    (*_SIGNATURE.inputs, Input("other", "int32", (None, None), None, None)),
    _SIGNATURE.outputs,
)


def labelled(path: Path) -> None:
    dataset = data.load(str(path))
    for examples in dataset.splits.values():
        len(examples)
    data.evaluation(str(path))


def arrays(path: Path) -> None:
    for signature, window in ((_SIGNATURE, None), (_TWO, None), (_SIGNATURE, Window(4, 1))):
        try:
            read_inputs(path, signature, window)
        except InputError as error:
            last = error
    raise last


def targets(path: Path) -> None:
    found = read_targets(path, _SIGNATURE)
    count = len(next(iter(found.values()))) if isinstance(found, dict) and found else 2
    check_targets(found, _SIGNATURE, ("off", "on"), count)


def inputs_and_targets(path: Path) -> None:
    source = read_source(path, None, _SIGNATURE)
    if source.targets is not None:
        check_targets(source.targets, _SIGNATURE, ("off", "on"), len(source))


def scales(path: Path) -> None:
    try:
        read_scales(path, _SIGNATURE.inputs, "scale")
    finally:
        read_scales(path, _SIGNATURE.outputs, "unscale")


def vocabulary(path: Path) -> None:
    found = read_vocabulary(path)
    found.tokenizer(30, found.settings).encode("a film to remember")
    found.tokenizer(10_000, TextSettings()).encode("a film")


def texts(path: Path) -> None:
    for _ in data.texts(path):
        pass


def arriving(folder: Path, content: bytes) -> None:
    for _ in data.arriving(io.BytesIO(content), "standard input", 3):
        pass


def options(value: Any) -> None:
    if isinstance(value, dict):
        told = preprocessing.check_options({str(name): item for name, item in value.items()})
        settings = TextSettings(**{k: v for k, v in told.items() if k in TextSettings().to_json()})
        splitter(settings)("A film, to remember.")


def labels(value: Any) -> None:
    """Labels as a table gives them: texts."""
    if not (isinstance(value, dict) and value):
        return
    raw, names = ([str(x) for x in v] if isinstance(v, list) else [] for v in _first(value, 2))
    values = label_names.label_values(raw) if raw else ()
    label_names.label_names(values, names or None)
    label_names.resolve_labels(raw, names or values)


def _first(value: dict[str, Any], count: int) -> list[Any]:
    return list(itertools.islice(itertools.chain(value.values(), itertools.repeat(None)), count))


# ---- models


def run_with(file: str) -> Read:
    def run(folder: Path, content: bytes) -> None:
        (folder / file).write_bytes(content)
        source = run_folder.find(folder)
        if source.vocab is not None and source.settings is not None:
            vocabulary(source.vocab)

    return run


def _run_folder(folder: Path) -> None:
    from lstm_edge.base.files import shipped

    for name in ("config.json", "labels.txt"):
        shutil.copy(shipped() / name, folder)
    (folder / "model.keras").write_bytes(b"PK")
    (folder / "vocab.txt").write_text("<pad>\n<start>\n<unknown>\n<unused>\nthe\na\n")


def _inspect(kind: str, how: mutate.Mutator, *like: str, each: int = 30_000) -> Reader:
    paths = [path for pattern in like for path in sorted(BUNDLES.glob(pattern))]
    return Reader(in_file(f"model.{kind}", contents.inspect), how, paths, each)


def of_keras3(value: Any) -> None:
    from lstm_edge.models import files
    from lstm_edge.models.judge import Judge
    from lstm_edge.models.trust import Trust

    entry = files._config(Path("model"), json.dumps(value), "its configuration")
    judge = Judge(Trust())
    judge.model(entry)
    files._refuse(Path("model"), judge.obstacles)


def of_keras2(value: Any) -> None:
    from lstm_edge.models import files
    from lstm_edge.models.translate import Translator
    from lstm_edge.models.trust import Trust

    entry = files._config(Path("model"), json.dumps(value), "its configuration")
    for keras1 in (False, True):
        translator = Translator(Trust(), keras1)
        translator.model(json.loads(json.dumps(entry)))
    files._refuse(Path("model"), translator.obstacles)


def saved_model(file: str) -> Read:
    """What a SavedModel says of its layers; the graph beside it is TensorFlow's to read."""

    def run(folder: Path, content: bytes) -> None:
        from lstm_edge.models import files

        place = folder / "saved"
        place.mkdir(exist_ok=True)
        (place / file).write_bytes(content)
        saved = files._protobuf("saved_model_pb2").SavedModel()
        if file == "saved_model.pb":
            try:
                saved.ParseFromString(content)
            except Exception:  # said by the caller
                return
        graph = saved.meta_graphs[0].object_graph_def if saved.meta_graphs else None
        metadata = files._keras_metadata(place, graph)
        if metadata is not None:
            root = files._config(place, metadata, file)
            files._version(place, str(root.get("keras_version", "2")))

    return run


# ---- results


def stored(build: Any, show: Callable[[Any], object]) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        show(_stored(path, "results", build))

    return read


def show_parity(run: ParityRun) -> None:
    some = [
        tables.parity_table(run),
        tables.flips_table(run, ("no", "yes")),
        tables.outputs_table(run),
        tables.targets_table(run),
        *tables.confusion_tables(run),
    ]
    for table in filter(None, some):
        tables.to_terminal(table, 100)
        tables.to_markdown(table)


def show_latency(report: LatencyReport) -> None:
    table = tables.latency_table(report)
    tables.to_terminal(table, 100)
    tables.to_markdown(table)


def show_device(result: DeviceResult) -> None:
    result.check_of(Path("bundle"), {t.variant: t.sha256 for t in result.latency.timings})  # type: ignore[union-attr]
    if result.parity is not None:
        show_parity(result.parity)
    if result.latency is not None:
        show_latency(result.latency)


_RESULTS = BUNDLES / "results"
_J, _T = mutate.as_json, mutate.table
READERS: dict[str, Reader] = {
    # bundles
    "manifest-texts": _manifest("texts"),
    "manifest-everything": _manifest("texts-everything"),
    "manifest-ids": _manifest("ids"),
    "manifest-arrays": _manifest("arrays"),
    "manifest-stream": _manifest("stream"),
    "golden-texts": _member("texts", "golden.json", _J),
    "golden-ids": _member("ids", "golden.json", _J),
    "golden-arrays": _member("arrays", "golden.npz", mutate.archive),
    "labels": _member("texts", "labels.txt", _T),
    "vocabulary-of-bundle": _member("texts", "vocab.txt", _T),
    # data
    "csv": Reader(in_file("data.csv", labelled), _T, each=300_000),
    "tsv": Reader(in_file("data.tsv", labelled), _T, each=300_000),
    "jsonl": Reader(in_file("data.jsonl", labelled), mutate.json_lines, each=300_000),
    "csv-gz": Reader(in_file("data.csv.gz", labelled), mutate.packed(_T), each=150_000),
    "npz-of-ids": Reader(in_file("data.npz", labelled), mutate.archive, each=100_000),
    "texts": Reader(in_file("texts.txt", texts), _T, each=1_000_000),
    "texts-csv": Reader(in_file("texts.csv", texts), _T, each=600_000),
    "arriving": Reader(arriving, _T, each=1_200_000),
    "npy": Reader(in_file("x.npy", arrays), mutate.npy, each=200_000),
    "npz": Reader(in_file("x.npz", arrays), mutate.archive, each=100_000),
    "csv-of-numbers": Reader(in_file("x.csv", arrays), _T, each=200_000),
    "targets-npz": Reader(in_file("y.npz", targets), mutate.archive, each=100_000),
    "targets-csv": Reader(in_file("y.csv", targets), _T, each=400_000),
    "inputs-and-targets": Reader(in_file("xy.npz", inputs_and_targets), mutate.archive, each=100_000),
    "scaling-json": Reader(in_file("scale.json", scales), _J, each=400_000),
    "scaling-npz": Reader(in_file("scale.npz", scales), mutate.archive, each=100_000),
    "expected-jsonl": Reader(in_file("e.jsonl", read_expected), mutate.json_lines, each=400_000),
    "expected-csv": Reader(in_file("e.csv", read_expected), _T, each=400_000),
    "vocabulary-json": Reader(in_file("words.json", vocabulary), _J, each=150_000),
    "vocabulary-lines": Reader(in_file("words.txt", vocabulary), _T, each=200_000),
    # options and names
    "window": Reader(in_text(Window.parse), _T, each=1_200_000),
    "address": Reader(in_text(ssh.Address.parse), mutate.raw, each=1_200_000),
    "pattern": Reader(in_text(portable_pattern), mutate.raw, each=600_000),
    "options": Reader(in_json(options), _J, each=500_000),
    "label-names": Reader(in_json(labels), _J, each=700_000),
    # models
    "run-config": Reader(run_with("config.json"), _J, each=100_000, around=_run_folder),
    "run-labels": Reader(run_with("labels.txt"), _T, each=100_000, around=_run_folder),
    "structure-json": Reader(in_file("model.json", pairs.structure), _J, each=100_000),
    "keras": _inspect("keras", mutate.archive, each=20_000),
    "h5": _inspect("h5", mutate.hdf5, each=10_000),
    "tflite": _inspect("tflite", mutate.flatbuffer, "arrays/*float32.tflite", each=10_000),
    "onnx": _inspect("onnx", mutate.protobuf, "arrays/*float32.onnx", "ids/*dynamic.onnx", each=20_000),
    "ort": _inspect("ort", mutate.flatbuffer, "texts-everything/*32-mobile.ort", each=10_000),
    "keras3-config": Reader(in_json(of_keras3), _J, each=15_000, heavy=True),
    "keras2-config": Reader(in_json(of_keras2), _J, each=40_000, heavy=True),
    "saved-model": Reader(saved_model("saved_model.pb"), mutate.protobuf, each=100_000, heavy=True),
    "keras-metadata": Reader(
        saved_model("keras_metadata.pb"), mutate.protobuf, each=100_000, heavy=True
    ),
    # results
    "parity": Reader(
        in_file("parity.json", stored(ParityRun.from_json, show_parity)), _J,
        sorted(_RESULTS.glob("*-parity.json")), 10_000,
    ),
    "latency": Reader(
        in_file("latency.json", stored(LatencyReport.from_json, show_latency)), _J,
        sorted(_RESULTS.glob("*-latency.json")), 10_000,
    ),
    "device": Reader(
        in_file("device.json", stored(DeviceResult.from_json, show_device)), _J,
        sorted(_RESULTS.glob("*-browser.json")), 10_000,
    ),
    # replies
    "board": Reader(replies.board, mutate.json_lines, each=15_000, around=replies.around),
    "phone": Reader(replies.phone, _T, each=15_000, around=replies.around),
    "phone-summary": Reader(in_text(replies.summary), _T, each=1_000_000),
    "page": Reader(in_json(replies.page), _J, each=50_000, around=replies.around),
    "page-requests": Reader(replies.requests, mutate.json_lines, each=100_000),
}  # fmt: skip
