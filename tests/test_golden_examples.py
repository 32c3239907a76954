"""Golden tests for any platform: the schemas of their files, and the examples to copy, each run as a user
runs it: Python with NumPy and a runtime only, JavaScript in Node and in Chromium.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from conftest import WORDS
from environments import make_python
from models import kinds, plain, remembering, sequential

from export import export_bundle, formats
from lstm_edge.bundle.manifest import MANIFEST, VOCAB, seal
from lstm_edge.bundle.opening import open_bundle
from lstm_edge.errors import InputError
from lstm_edge.inputs.batches import Batch, save_batches
from lstm_edge.inputs.signature import Output
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer, portable_pattern
from lstm_edge.results.parity import Tolerance
from lstm_edge.results.rounding import KnownMoves, OwnRounding
from lstm_edge.verify import comparing as parity
from lstm_edge.verify import comparing_arrays

EXAMPLES = Path(__file__).parents[1] / "examples"
WEB = EXAMPLES / "web"
SCHEMAS = files("lstm_edge") / "schemas"
PYTHON, ARRAYS_PYTHON, NODE = "check_golden.py", "check_golden_arrays.py", "check_golden.mjs"
LENGTH, VOCABULARY = 20, 4 + len(WORDS)
FLOAT, INT8, STREAM = "onnx-float32", "onnx-int8-dynamic", "onnx-float32-stream"
# a user's own packages, and those that this project keeps for its pages
PACKAGES = "onnxruntime-web", "@litertjs/core", "@litertjs/wasm-utils"


# --- bundles of every kind ------------------------------------------------------------------------


def _looking_back(length: int | None) -> Any:
    """A classifier of other layers than Embedding, LSTM and Dense: it has no table of pads."""
    kind = kinds()
    layers = (kind.Bidirectional(kind.LSTM(5)), kind.Dense(1, activation="sigmoid"))
    return remembering(sequential(kind.Embedding(VOCABULARY, 4), *layers, length=length))


def _arrays(chunk: int | None = None) -> Any:
    import keras

    kind = kinds()
    x, z = keras.Input((chunk, 5), name="series"), keras.Input((3,), name="short")
    steps = kind.LSTM(4, return_sequences=True)(x)
    both = kind.Concatenate()([kind.GRU(3)(steps), z])
    outputs = [steps, kind.Dense(3, activation="softmax", name="kind")(both)]
    return keras.Model([x, z], outputs)


def _texts(folder: Path, make: Callable[[], Any], **options: Any) -> None:
    settings = TextSettings(max_length=LENGTH)
    Tokenizer([*settings.special_tokens(), *WORDS], settings).save(folder / "words.txt")
    make().save(folder / "model.keras")
    export_bundle(folder / "model.keras", folder / "bundle", vocab=folder / "words.txt", **options)


def _live(folder: Path, make: Callable[[], Any], **options: Any) -> None:
    export_bundle(make(), folder / "bundle", **options)


FLOATS = {"precisions": ["float32"]}
ONNX = {**FLOATS, "runtimes": ["onnxruntime"]}
EVERYTHING = "texts, every runtime"
small = partial(plain, LENGTH, (6, 4), vocab=VOCABULARY, seed=5)
KINDS: dict[str, Callable[[Path], None]] = {
    EVERYTHING: lambda folder: _texts(
        folder,
        small,
        streaming=True,
        runtimes=formats.runtime_names(),
        text_input=any(e.made_for == formats.TEXT_INPUT for e in formats.exporters()),
        **FLOATS,
    ),
    "texts, other precisions": lambda folder: _texts(
        folder, small, fold_embedding=True, precisions=["float16", "int8-dynamic"]
    ),
    "texts, three classes": lambda folder: _texts(
        folder, partial(small, classes=3), labels=["a", "b", "c"], streaming=True, **ONNX
    ),
    "texts, pads in front": lambda folder: _texts(
        folder, partial(_looking_back, LENGTH), runtimes=["onnxruntime", "litert-js"], **FLOATS
    ),
    "texts, pads behind": lambda folder: _texts(
        folder,
        small,
        streaming=True,
        runtimes=["onnxruntime", "litert", "litert-js"],
        text_settings={"padding": "post", "truncating": "post", "pattern": r"[\w']+"},
        **FLOATS,
    ),
    "texts, pads on either side": lambda folder: _texts(
        folder, small, streaming=True, either_side=True, **ONNX
    ),
    "texts, no pads": lambda folder: _texts(folder, partial(_looking_back, None), **FLOATS),
    "ids": lambda folder: _live(folder, small, text_settings={"padding": "pre"}, **ONNX),
    "arrays": lambda folder: _live(
        folder,
        partial(_arrays, 9),
        labels=["walk", "sit", "run"],
        batch=3,
        precisions=["float32", "int8-dynamic"],
    ),
    "a stream of arrays": lambda folder: _live(folder, _arrays, streaming=True, **ONNX),
    "a stream in chunks": lambda folder: _live(
        folder, _arrays, streaming=True, chunk=4, runtimes=["litert", "litert-js"], **FLOATS
    ),
    "arrays, one example in a call": lambda folder: _live(
        folder,
        partial(_arrays, 9),
        labels=["walk", "sit", "run"],
        runtimes=["onnxruntime", "litert-js"],
        **FLOATS,
    ),
}
TEXTS = [name for name in KINDS if "arrays" not in name and "chunks" not in name]
ARRAYS = [name for name in KINDS if name not in TEXTS]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A bundle of a kind, each made once; not to be changed, copy it."""

    @functools.cache
    def make(name: str) -> Path:
        import keras

        keras.utils.set_random_seed(0)
        folder = tmp_path_factory.mktemp("bundles")
        KINDS[name](folder)
        return folder / "bundle"

    return make


@pytest.fixture
def copied(bundle: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """The same, to be changed."""
    return lambda name: shutil.copytree(bundle(name), tmp_path / "copy")


def changed(path: Path, change: Callable[[Any], None]) -> None:
    """A JSON file with a change."""
    value = json.loads(path.read_text("utf-8"))
    change(value)
    path.write_text(json.dumps(value), "utf-8")


# --- schemas --------------------------------------------------------------------------------------


def schema(name: str) -> Any:
    """A validator for ``golden.json`` or ``manifest.json``."""
    value = json.loads((SCHEMAS / name.replace(".json", ".schema.json")).read_text("utf-8"))
    cls = jsonschema.validators.validator_for(value)
    cls.check_schema(value)
    return cls(value)


def documents(folder: Path) -> Iterator[tuple[Any, Any]]:
    """The validator and the content of each JSON file in a bundle."""
    for name in ("manifest.json", "golden.json"):
        if (folder / name).exists():
            yield schema(name), json.loads((folder / name).read_text("utf-8"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_bundle_is_as_its_schema_says(kind: str, bundle: Callable[[str], Path]) -> None:
    for validator, content in documents(bundle(kind)):
        assert [f"{e.json_path}: {e.message}" for e in validator.iter_errors(content)] == []


def test_every_kind_of_file_is_in_a_bundle(bundle: Callable[[str], Path]) -> None:
    """So that a new exporter's fields are held against the schema."""
    found = {info.kind for info in open_bundle(bundle(EVERYTHING)).variants.values()}
    assert found == {exporter.kind() for exporter in formats.exporters()}


@pytest.mark.parametrize("kind", [EVERYTHING, "a stream of arrays"])
def test_a_field_that_is_not_in_the_schema_is_noticed(
    kind: str, bundle: Callable[[str], Path]
) -> None:
    """In every object but the three that go by names."""
    for validator, content in documents(bundle(kind)):
        count = 0
        todo = [content]
        while todo:
            value = todo.pop()
            # of a list two will do
            for key, item in value.items() if isinstance(value, dict) else enumerate(value[:2]):
                if isinstance(item, dict | list) and key not in ("written_by", "files", "ops"):
                    todo.append(item)
            if isinstance(value, dict):
                value["more"] = 1
                assert not validator.is_valid(content), value
                del value["more"]
                count += 1
        assert validator.is_valid(content)
        assert count >= 5


@pytest.mark.parametrize("kind", ["texts, other precisions", "arrays"])
def test_what_may_be_absent_is_not_needed(kind: str, copied: Callable[[str], Path]) -> None:
    """Older bundles have it not; the reader takes them."""
    path = copied(kind)
    validator = schema(MANIFEST)
    part = "tensors" if kind == "arrays" else "text"
    required = {"kind"} if kind == "arrays" else set()
    required |= {*validator.schema["required"], *validator.schema["$defs"][part]["required"]}
    in_variant = set(validator.schema["$defs"]["variant"]["required"])
    gone = set()

    def old(manifest: Any) -> None:
        for value, needed in (
            (manifest, required),
            *((v, in_variant) for v in manifest["variants"]),
        ):
            for key in value.keys() - needed:
                gone.add(key)
                del value[key]
        manifest["seal"] = seal(manifest)

    changed(path / MANIFEST, old)
    assert gone >= {"made_for", "notes", "states"}
    assert gone >= {"kind", "pads", "outputs"} or kind == "arrays"
    for checked, content in documents(path):
        assert checked.is_valid(content)
    assert open_bundle(path).variants


# --- the tokenisers -------------------------------------------------------------------------------

ODD = ("a\\b", "x\u2028y", "e\u0301t\u00e9", "\u00e9t\u00e9", "i\u0307stanbul", "οδος", "don't",
       "dont", "gooodbadfine", "İstanbul", "étÉ", "ΟΔΟΣ", "tfilm", "film\tgood", "😀", "t", "e", "\u00e9",
       "\u0301", "\u0307", "σ", "ς", "\t", "film's", "40", "40%", ".-x", "'\"x", "<br",
       "/>", "😀😀", "]", "-", "fi", "lm's", "𝟘𝟙", "٣", "!")  # fmt: skip
# a piece of every kind
MANY = (
    r"\d+%?|[A-Za-z]{2,}?(?:\'[a-z]+)?|(?:\.\-|[\-\'\"]{2}|[^\s\w\.<>]+?)x?|<br|\/>|😀{2}|\S\W+\D|"
    "[.\\]^$]|[-a-f]|\u0301"
)
SETTINGS = {
    "Keras's IMDB": TextSettings(max_length=LENGTH),
    "nothing but words": TextSettings(
        5, lower=False, filters="!", start_id=None, unknown_id=None, first_word_id=1
    ),
    "two characters between words": TextSettings(LENGTH, filters="😀,.-", split="--"),
    "no filter": TextSettings(LENGTH, filters="", unknown_id=None),
    "the first ids": TextSettings(6, padding="post", truncating="post"),
    "capitals of ASCII": TextSettings(LENGTH, lower_ascii=True),
    "as TextVectorization": TextSettings(
        LENGTH, lower_ascii=True, filters="\t\n\r", deleted="!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'",
        start_id=None, unknown_id=1, first_word_id=2, padding="post", truncating="post",
    ),
    "deleted, even what is filtered": TextSettings(
        LENGTH, filters=". '", split="--", deleted="😀'\u0301"
    ),
    "characters": TextSettings(LENGTH, characters=True, filters="<>", deleted="👍f"),
    "a pattern": TextSettings(LENGTH, filters="", pattern=portable_pattern(r"[\w']+")),
    "a pattern of many things": TextSettings(LENGTH, False, filters="", pattern=portable_pattern(MANY)),
}  # fmt: skip
ODD_TEXTS = (
    "",
    " ",
    "The FILM",
    "İSTANBUL ΟΔΟΣ οδοσ.",
    "éTÉ été e\u0301t\u00e9 \u00e9t\u00e9",
    "a\\b x\u2028y a\u00a0b a\tfilm\r\ngood",
    "good😀bad,--fine..never--",
    "😀😀 a😀 e\u0301\u0301 É 👍🏽 𐐀 ΑΣ ΑΣ'Σ",
    "[40%] .-x '\"x /> 😀😀😀 e\u0301 - -- a-f ^$. 𝟘𝟙 ٣",
    "film\tgood \tthe\t 40% of 40 films! FILM'S goo'od-bad.fine don't-don't",
    "<br />don't <PAD> <START> 'the' the's",
    " ".join(WORDS * 3),
)


def _module(script: str) -> Any:
    """An example as a module."""
    spec = importlib.util.spec_from_file_location("copied", EXAMPLES / script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def node() -> str:
    """Node's command, or skip."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node.js is not installed: apt install nodejs")
    return found


def _in_node(given: Any, body: str) -> Any:
    """What a function of ``given`` returns that has all of ``golden.mjs``; no package is needed."""
    code = f"""
        import {{ readFileSync }} from 'node:fs';
        import {{ checkVariant, readNpz, tokenizer }} from {json.dumps((WEB / "golden.mjs").as_uri())};
        async function main(given) {{ {body} }}
        console.log(JSON.stringify(await main(JSON.parse(readFileSync(0, 'utf8')))));
    """
    done = subprocess.run(
        [node(), "--input-type=module", "-e", code],
        input=json.dumps(given), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _ids_by_python(vocabulary: str, settings: dict[str, Any]) -> list[list[int]]:
    return [_module(PYTHON).tokenizer(vocabulary, settings)(text) for text in ODD_TEXTS]


def _ids_by_node(vocabulary: str, settings: dict[str, Any]) -> list[list[int]]:
    body = "const [words, settings, texts] = given; return texts.map(tokenizer(words, settings));"
    found: list[list[int]] = _in_node([vocabulary, settings, ODD_TEXTS], body)
    return found


KOTLIN = """
    import org.json.JSONArray

    fun main() {
        val given = JSONArray(System.`in`.readBytes().toString(Charsets.UTF_8))
        val found = JSONArray()
        if (given.getString(0) == "arrays") return println(judgeArrays(given))
        if (given.getString(0) == "ids") {
            val tokenizer = Tokenizer(given.getString(1), given.getJSONObject(2))
            val texts = given.getJSONArray(3)
            for (i in 0 until texts.length()) {
                found.put(JSONArray(tokenizer.encode(texts.getString(i)).toList()))
            }
        } else if (given.getString(0) == "rows") {
            val cases = given.getJSONArray(1)
            for (i in 0 until cases.length()) {
                val case = cases.getJSONArray(i)
                val ids = IntArray(case.getJSONArray(0).length()) { case.getJSONArray(0).getInt(it) }
                found.put(JSONArray(padded(ids, case.getJSONObject(1), case.getJSONObject(2)).toList()))
            }
        } else {
            for (i in 0 until given.getJSONArray(1).length()) {
                val answers = given.getJSONArray(3).getJSONArray(i)
                var next = 0
                val failures =
                    checkGolden(
                        given.getJSONArray(2).getJSONObject(i),
                        given.getJSONArray(1).getJSONObject(i),
                    ) { _, _ -> numbers(answers.getJSONArray(next++)) }
                found.put(failures.isEmpty())
            }
        }
        println(found)
    }

    fun sums(arrays: Map<String, Values>, more: Float): Map<String, Values> {
        val x = arrays.getValue("x")
        val ids = arrays.getValue("ids").data as IntArray
        val (count, steps, width) = x.shape
        val rows = FloatArray(x.size)
        val last = arrays["before"]?.floats?.copyOf() ?: FloatArray(count * width)
        for (row in 0 until count) for (step in 0 until steps) for (i in 0 until width) {
            last[row * width + i] += x.floats[(row * steps + step) * width + i]
            rows[(row * steps + step) * width + i] = last[row * width + i]
        }
        val shape = intArrayOf(count, width)
        val answer = FloatArray(last.size) { last[it] + ids[it] + (if (it % width == 0) more else 0f) }
        val after = Values(shape, last)
        return mapOf("rows" to Values(x.shape, rows), "last" to Values(shape, answer), "after" to after)
    }

    fun judgeArrays(given: JSONArray): JSONArray {
        val golden = readGolden(java.io.File(given.getString(1)).inputStream())
        val found = JSONArray()
        for (i in 0 until given.getJSONArray(3).length()) {
            val more = given.getJSONArray(4).getDouble(i).toFloat()
            val variant = given.getJSONArray(3).getJSONObject(i)
            found.put(checkGolden(golden, variant, given.getJSONObject(2)) { sums(it, more) }.isEmpty())
        }
        return found
    }
"""
ORG_JSON = Path("/usr/share/java/com.android.json.jar")  # Debian's; Android has it built in


def kotlin_program(folder: Path, main: str) -> Callable[[Any], Any]:
    """What a program with ``Golden.kt`` makes of given JSON, compiled for the JVM; or skip."""
    compiler, java = shutil.which("kotlinc"), shutil.which("java")
    if compiler is None or java is None or not ORG_JSON.exists():
        pytest.skip("no Kotlin: npm install kotlin-compiler; apt install libandroid-json-java")
    (folder / "Main.kt").write_text(main)
    sources = [EXAMPLES / "android" / "Golden.kt", folder / "Main.kt"]
    command = [compiler, *sources, "-cp", ORG_JSON, "-include-runtime", "-d", folder / "golden.jar"]
    done = _run(*command, "-Werror", cwd=folder)
    assert done.returncode == 0, done.stderr

    def run(given: Any) -> Any:
        path = f"{folder / 'golden.jar'}:{ORG_JSON}"
        answer = subprocess.run(
            [java, "-Dfile.encoding=UTF-8", "-cp", path, "MainKt"],
            input=json.dumps(given), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    return run


@pytest.fixture(scope="module")
def kotlin(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], Any]:
    return kotlin_program(tmp_path_factory.mktemp("kotlin"), KOTLIN)


def _in(language: str, request: pytest.FixtureRequest, **ways: Callable[..., Any]) -> Any:
    """The way of a language, with what it needs."""
    way = ways[language]
    return partial(way, request.getfixturevalue("kotlin")) if language == "Kotlin" else way


def _ids_by_kotlin(
    kotlin: Callable[[Any], Any], vocabulary: str, settings: dict[str, Any]
) -> list[list[int]]:
    found: list[list[int]] = kotlin(["ids", vocabulary, settings, ODD_TEXTS])
    return found


each_language = pytest.mark.parametrize("language", ["Python", "JavaScript", "Kotlin"])


@each_language
@pytest.mark.parametrize("name", SETTINGS)
def test_the_examples_make_the_same_ids(
    name: str, language: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    ways = {"Python": _ids_by_python, "JavaScript": _ids_by_node, "Kotlin": _ids_by_kotlin}
    make = _in(language, request, **ways)
    settings = SETTINGS[name]
    tokenizer = Tokenizer([*settings.special_tokens(), *WORDS, *ODD], settings)
    tokenizer.save(tmp_path / VOCAB)
    vocabulary = (tmp_path / VOCAB).read_text("utf-8")
    expected = [ids.tolist() for ids in tokenizer.encode(ODD_TEXTS)]
    given = {**settings.to_json(), "num_ids": len(tokenizer)}
    assert make(vocabulary, given) == expected
    if name in list(SETTINGS)[:4]:  # as older bundles have them
        newer = ("padding", "truncating", "lower_ascii", "deleted", "characters", "pattern")
        older = {key: value for key, value in given.items() if key not in newer}
        assert make(vocabulary, older) == expected


# --- rows of ids ----------------------------------------------------------------------------------

# of at most 5 ids and the pad 7: `pads`, the side that is cut, ids that the file takes (-1: any number),
# the ids, and what the file is given
Row = tuple[str | None, str | None, int, list[int], list[int]]
ROWS: list[Row] = [
    (None, None, -1, [1, 2], [1, 2]),
    (None, None, 5, [1, 2], [7, 7, 7, 1, 2]),
    (None, None, -1, [1, 2, 3, 4, 5, 6], [2, 3, 4, 5, 6]),
    *((pads, "pre", -1, [1, 2], [1, 2]) for pads in ("any", "skipped", "none")),
    *((pads, "pre", -1, [], [7]) for pads in ("any", "skipped", "none")),
    *((pads, "pre", 5, [1, 2], [7, 7, 7, 1, 2]) for pads in ("any", "skipped", "front")),
    *((pads, "pre", 5, [], [7] * 5) for pads in ("any", "skipped", "front", "behind")),
    ("front", "pre", -1, [1, 2], [7, 7, 7, 1, 2]),
    ("front", "pre", -1, [], [7] * 5),
    ("behind", "post", -1, [1, 2], [1, 2, 7, 7, 7]),
    ("behind", "post", 5, [0, 2], [0, 2, 7, 7, 7]),
    ("behind", "pre", -1, [1, 2, 3, 4, 5, 6], [2, 3, 4, 5, 6]),
    *(
        (pads, "post", length, [1, 2, 3, 4, 5, 6, 8], [1, 2, 3, 4, 5])
        for pads in ("any", "skipped", "front", "behind")
        for length in (-1, 5)
    ),
    ("none", "post", -1, [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5]),
]  # fmt: skip
# the same of a step model: what it is given in each call
STEPS: list[tuple[str | None, list[int], list[list[int]]]] = [
    *((pads, [1, 2], [[7, 7, 7], [1], [2]]) for pads in (None, "any", "skipped", "front")),
    ("behind", [1, 2], [[1], [2], [7, 7, 7]]),
    ("behind", [], [[7] * 5]),
    ("behind", [1, 2, 3, 4, 5], [[1], [2], [3], [4], [5]]),
    ("none", [1, 2], [[1], [2]]),
    ("none", [], [[7]]),
]


def _ends(
    pads: str | None, truncating: str | None, length: int, states: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A variant that takes so many ids, and its manifest; what is None is absent, as in older bundles."""
    state = {"name": "before", "output": "after", "shape": [None, 1]}
    variant = {
        "format": "tflite" if length > 0 else "onnx",
        "inputs": [{"name": "ids", "dtype": "int32", "shape": [1, length]}],
        "outputs": [{"name": "p"}],
        "states": [state] if states else [],
        "tolerance": Tolerance(1.0, None, 0.0, None, "").to_json(),
    }
    settings = {"max_length": 5, "pad_id": 7}
    settings |= {} if truncating is None else {"truncating": truncating}
    return variant, {"tokenizer": settings, **({} if pads is None else {"pads": pads})}


Asked = list[tuple[list[int], dict[str, Any], dict[str, Any]]]


def _fed_by_python(asked: Asked) -> list[list[list[int]]]:
    """What an example gives a file, call by call."""
    every = []
    for ids, variant, manifest in asked:
        calls: list[list[int]] = []

        def call(arrays: Any, calls: list[list[int]] = calls) -> Any:
            assert len(calls) == (arrays["before"].item() if "before" in arrays else 0)
            calls.append(arrays["ids"][0].tolist())
            return {"p": np.zeros((1, 1)), "after": np.full((1, 1), len(calls), np.float32)}

        _module(PYTHON).answer(call, variant, manifest, {"ids": ids})
        every.append(calls)
    return every


def _fed_by_node(asked: Asked) -> list[list[list[int]]]:
    found: list[list[list[int]]] = _in_node(
        asked,
        """
        const every = [];
        for (const [ids, variant, manifest] of given) {
          const calls = [];
          const load = () => async (inputs) => {
            if (calls.length !== (inputs.before?.data[0] ?? 0)) throw new Error('other states');
            if (inputs.ids.shape[1] !== inputs.ids.data.length) throw new Error('another shape');
            calls.push(Array.from(inputs.ids.data));
            return { p: Float32Array.of(0), after: Float32Array.of(calls.length) };
          };
          const golden = { cases: [{ ids, probabilities: [0] }], edge: [] };
          const { failures } = await checkVariant(load, variant, { manifest, golden });
          if (failures.length) throw new Error(failures);
          every.push(calls);
        }
        return every;
        """,
    )
    return found


def _rows_by_page(asked: Asked) -> list[list[list[int]]]:
    """The page's own JavaScript."""
    page = (files("lstm_edge") / "web" / "js" / "runtimes.js").as_uri()  # type: ignore[attr-defined]
    body = f"""
        const {{ padded }} = await import({json.dumps(page)});
        return given.map(([ids, variant, manifest]) =>
          [Array.from(padded(Int32Array.from(ids), manifest, variant.format === 'tflite'))]);
    """
    found: list[list[list[int]]] = _in_node(asked, body)
    return found


def _rows_by_kotlin(kotlin: Callable[[Any], Any], asked: Asked) -> list[list[list[int]]]:
    return [[row] for row in kotlin(["rows", asked])]


@pytest.mark.parametrize("language", ["Python", "JavaScript", "the page", "Kotlin"])
def test_a_file_is_given_its_ids_and_pads(language: str, request: pytest.FixtureRequest) -> None:
    ways = {"Python": _fed_by_python, "JavaScript": _fed_by_node, "the page": _rows_by_page}
    fed = _in(language, request, **ways, Kotlin=_rows_by_kotlin)
    asked = [(ids, *_ends(*ends)) for *ends, ids, _ in ROWS]
    for row, calls in zip(ROWS, fed(asked), strict=True):
        assert calls == [row[-1]], row


@pytest.mark.parametrize("language", ["Python", "JavaScript"])
def test_a_step_model_is_given_its_pads_on_their_side(language: str) -> None:
    fed = {"Python": _fed_by_python, "JavaScript": _fed_by_node}[language]
    asked = [(ids, *_ends(pads, None, -1, states=True)) for pads, ids, _ in STEPS]
    for steps, calls in zip(STEPS, fed(asked), strict=True):
        assert calls == steps[-1], steps


# --- the checks, run ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A Python with NumPy and these runtimes, and nothing else of ours."""

    @functools.cache
    def make(*runtimes: str) -> Path:
        folder = tmp_path_factory.mktemp("python")
        found = make_python(folder, "numpy", *runtimes)
        code = "import importlib.util as u; print([n for n in {} if u.find_spec(n)])"
        ours = ("lstm_edge", "export", "tensorflow", "keras", "click", "rich", "onnx")
        assert _run(found, "-c", code.format(ours), cwd=folder).stdout == "[]\n"
        return found

    return make


NPM = "npm install --prefix examples/web"


def _pages() -> Any:
    """The module that keeps the runtimes of the project's own pages."""
    return pytest.importorskip("lstm_edge.devices.browser.runtimes", reason=NPM)


def packages() -> Path:
    """A node_modules folder with the runtimes of the web: a user's, or that of the pages; or skip."""
    if all((WEB / "node_modules" / name).is_dir() for name in PACKAGES):
        return WEB / "node_modules"
    try:
        return _pages().find()
    except InputError as error:
        pytest.skip(f"{error}, or: {NPM}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``examples/web`` as a user has it: copied, with its packages."""
    folder = tmp_path_factory.mktemp("site")
    for file in WEB.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    (folder / "node_modules").symlink_to(packages())
    return folder


Check = Callable[..., "subprocess.CompletedProcess[str]"]


def _run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip


@pytest.fixture
def check(request: pytest.FixtureRequest, tmp_path: Path) -> Check:
    """Runs one of the examples: ``check_golden.py``, ``check_golden_arrays.py``, ``check_golden.mjs``."""
    script = request.param
    if script.endswith(".py"):
        made = request.getfixturevalue("python")
        shutil.copy(EXAMPLES / script, tmp_path)
        command = [made("onnxruntime", "ai-edge-litert"), tmp_path / script]
    else:
        # the file that pages take; and compiled once, since it runs for a second only
        options = ["--conditions=onnxruntime-web-use-extern-wasm", "--liftoff-only"]
        command = [node(), *options, request.getfixturevalue("site") / script]
    return partial(_run, *command, cwd=tmp_path)


def verdicts(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """``ok``, ``WRONG`` or ``not checked`` for each variant."""
    lines = [line.partition(": ") for line in done.stdout.splitlines() if not line[0].isspace()]
    return {
        name: said.partition(",")[0].partition(" (")[0] for name, _, said in lines if name != "ids"
    }


IN_NODE = [
    EVERYTHING,
    "texts, three classes",
    *(f"texts, pads {where}" for where in ("in front", "behind", "on either side")),
    "texts, no pads",
]
IN_NODE += ["arrays", "a stream of arrays"]


@pytest.mark.parametrize(
    ("check", "kind"),
    [(PYTHON, kind) for kind in TEXTS]
    + [(NODE, kind) for kind in IN_NODE]
    + [(ARRAYS_PYTHON, kind) for kind in ARRAYS],
    indirect=["check"],
)
def test_a_whole_bundle_passes(check: Check, kind: str, bundle: Callable[[str], Path]) -> None:
    """Every file that this platform's runtimes take, and the others are named."""
    folder = bundle(kind)
    manifest = json.loads((folder / MANIFEST).read_text())
    done = check(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    in_node = "check_golden.mjs" in str(done.args)
    expected = {
        v["name"]: "not checked"
        if v.get("made_for") == "mediapipe" or (in_node and v["format"] != "onnx")
        else "ok"
        for v in manifest["variants"]
    }
    assert verdicts(done) == expected
    if VOCAB in manifest["files"]:
        golden = json.loads((folder / "golden.json").read_text())
        count = sum("text" in case for part in ("cases", "edge") for case in golden[part])
        assert f"ids: 0 of {count} texts differ\n" in done.stdout


def _golden(part: str, *places: int, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def edit(golden: Any) -> None:
        for place in places:
            golden[part][place]["probabilities"] = change(golden[part][place]["probabilities"])

    return lambda folder: changed(folder / "golden.json", edit)


def _other(p: list[float]) -> list[float]:
    return [x + (0.2 if x < 0.5 else -0.2) for x in p]


def _other_id(golden: Any) -> None:
    golden["cases"][0]["ids"][-1] ^= 1


def _shorter(folder: Path) -> None:
    lines = (folder / VOCAB).read_text("utf-8").splitlines(keepends=True)
    (folder / VOCAB).write_text("".join(lines[:8]), "utf-8")


def _states_crossed(manifest: Any) -> None:
    (stream,) = (v for v in manifest["variants"] if v["name"] == STREAM)
    one, other = stream["states"][:2]
    assert one["shape"] == other["shape"]
    one["output"], other["output"] = other["output"], one["output"]


def _unsettled(manifest: Any) -> None:
    manifest["tokenizer"]["unknown_id"] = 3


# what is wrong with the bundle, what is said (a pattern), and of which variants at least
BROKEN: dict[str, tuple[Callable[[Path], None], str, set[str]]] = {
    "a probability": (
        _golden("cases", 3, change=_other), r"max \|Δp\| 0\.20? is above 0?\.?[01]", {FLOAT, STREAM},
    ),
    "the probability of an edge case": (
        _golden("edge", 5, change=_other), r"differs by 0\.20?, more than", {FLOAT, STREAM},
    ),
    "a number too many": (
        _golden("cases", 0, change=lambda p: [*p, 0.0]), "", {FLOAT, STREAM},
    ),
    "an id": (lambda f: changed(f / "golden.json", _other_id), "ids: 1 of ", {FLOAT, STREAM}),
    "a vocabulary cut short": (_shorter, r"ids: [1-9]\d* of", set()),
    "another id for unknown words": (
        lambda f: changed(f / MANIFEST, _unsettled), r"ids: [1-9]\d* of", set(),
    ),
    "states that go to each other's place": (
        lambda f: changed(f / MANIFEST, _states_crossed), r"max \|Δp\| ", {STREAM},
    ),
}  # fmt: skip
# that it judges as Python does is tested by itself
BROKEN_IN_NODE = ("a probability", "a vocabulary cut short", "states that go to each other's place")


@pytest.mark.parametrize(
    ("check", "name"),
    [*((PYTHON, name) for name in BROKEN), *((NODE, name) for name in BROKEN_IN_NODE)],
    indirect=["check"],
)
def test_what_is_wrong_is_noticed(check: Check, name: str, copied: Callable[[str], Path]) -> None:
    break_, said, wrong = BROKEN[name]
    folder = copied(EVERYTHING)
    break_(folder)
    done = check(folder, FLOAT, STREAM)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(said, done.stdout)
    assert {variant for variant, verdict in verdicts(done).items() if verdict == "WRONG"} == wrong


@pytest.mark.parametrize(
    ("check", "kind", "other"),
    [(PYTHON, "texts, other precisions", "onnx-float16"), (ARRAYS_PYTHON, "arrays", FLOAT)],
    indirect=["check"],
)
def test_another_file_in_its_place_is_noticed(
    check: Check, kind: str, other: str, copied: Callable[[str], Path]
) -> None:
    """By its hash, whatever it answers."""
    folder = copied(kind)
    shutil.copy(folder / f"{other}.onnx", folder / f"{INT8}.onnx")
    done = check(folder, INT8, other)
    assert done.returncode == 1
    assert "its hash differs" in done.stdout
    assert verdicts(done) == {INT8: "WRONG", other: "ok"}


# --- the judgement, apart from any runtime --------------------------------------------------------


def _judged_by_python(variants: Sequence[Any], golden: Sequence[Any], ours: Any) -> list[bool]:
    module = _module(PYTHON)
    manifest = {"tokenizer": {"max_length": 1, "pad_id": 0}}
    found = []
    for variant, one, answers in zip(variants, golden, ours, strict=True):
        rows = iter([*answers, answers[0]])
        found.append(
            not module.check(lambda _, r=rows: {"p": [next(r)]}, variant, manifest, one)[1]
        )
    return found


def _judged_by_node(variants: Sequence[Any], golden: Sequence[Any], ours: Any) -> list[bool]:
    given = [variants, golden, [[*rows.tolist(), rows[0].tolist()] for rows in ours]]
    found: list[bool] = _in_node(
        given,
        """
        const found = [];
        for (let i = 0; i < given[0].length; i++) {
          const rows = given[2][i].values();
          const load = async () => async () => ({ p: Float32Array.from(rows.next().value) });
          const bundle = { manifest: { tokenizer: { max_length: 1, pad_id: 0 } }, golden: given[1][i] };
          found.push((await checkVariant(load, given[0][i], bundle)).failures.length === 0);
        }
        return found;
        """,
    )
    return found


def _judged_by_kotlin(
    kotlin: Callable[[Any], Any], variants: Sequence[Any], golden: Sequence[Any], ours: Any
) -> list[bool]:
    answers = [[*rows.tolist(), rows[0].tolist()] for rows in ours]
    found: list[bool] = kotlin(["judge", variants, golden, answers])
    return found


@each_language
@pytest.mark.parametrize("units", [1, 3])
def test_the_examples_judge_as_verify_does(
    units: int, language: str, request: pytest.FixtureRequest, rng: np.random.Generator
) -> None:
    """On answers near every limit: differences, flips by count, by rate and within the margin."""
    ways = {"Python": _judged_by_python, "JavaScript": _judged_by_node, "Kotlin": _judged_by_kotlin}
    judge = _in(language, request, **ways)
    drawn = []
    for count in (*[1, 2, 30] * 8, 600, 1_500):
        for off in (0.0, 0.9e-5, 1.1e-5, 4e-4, 0.3):
            for limits in (
                Tolerance(1e-5, 0.0, 1e-5, None, ""),
                Tolerance(None, 0.002, 0.0, 0.0015, ""),
                Tolerance(5e-5, None, 0.0, None, ""),
            ):
                keras = rng.random((count, units))
                # some within a hair of changing their label
                near = rng.choice(count, max(1, count // 300), replace=False)
                lead = rng.choice([0, 5e-6, 4e-5, 4e-5], len(near))
                keras[near, 0] = lead + (0.5 if units == 1 else keras[near].max(1))
                ours = keras.copy()
                ours[near] += off * rng.choice([-1, 1], (len(near), units))
                keras, ours = (array.clip(0, 1).astype(np.float32) for array in (keras, ours))
                drawn.append((limits, keras, ours))
    variants = [
        {
            "inputs": [{"name": "ids", "dtype": "int32", "shape": [1, 1]}],
            "outputs": [{"name": "p"}],
            "tolerance": limits.to_json(),
        }
        for limits, _, _ in drawn
    ]
    cases = [[{"ids": [1], "probabilities": p} for p in keras.tolist()] for _, keras, _ in drawn]
    # the first again as an edge case, always right here
    golden = [
        {
            "cases": rows,
            "edge": [{"name": "", "ids": [1], "probabilities": list(map(float, ours[0]))}],
        }
        for rows, (_, _, ours) in zip(cases, drawn, strict=True)
    ]
    expected = [parity.compare("", keras, ours, limits).ok for limits, keras, ours in drawn]
    assert 10 < sum(expected) < len(expected) - 10
    assert judge(variants, golden, [ours for _, _, ours in drawn]) == expected


def _sums(arrays: Any, more: float) -> dict[str, Any]:
    """A model: sums along the steps; the last with ``ids``, whose first may be off by ``more``."""
    before = arrays.get("before", 0)
    rows = arrays["x"].cumsum(1) + np.reshape(before, (-1, 1, 2) if np.ndim(before) else ())
    after = rows[:, -1].astype(np.float32)
    return {
        "rows": rows.astype(np.float32),
        "last": after + arrays["ids"] + [more, 0],
        "after": after,
    }


def _arrays_by_python(golden: Path, manifest: Any, variants: Any, more: Any) -> list[bool]:
    module = _module(ARRAYS_PYTHON)
    groups = module.read_golden(golden)
    return [
        not module.check(partial(_sums, more=np.float32(by)), variant, manifest, groups)[1]
        for variant, by in zip(variants, more, strict=True)
    ]


SUMS = """
    const [path, manifest, variants, more] = given;
    const sums = ({ x, ids, before }, by) => {
      const [count, steps, width] = x.shape ?? x.dims;
      const rows = new Float32Array(x.data.length);
      const last = before ? before.data.slice() : new Float32Array(count * width);
      rows.forEach((_, at) => {
        const i = Math.floor(at / (steps * width)) * width + (at % width);
        last[i] += x.data[at];
        rows[at] = last[i];
      });
      const answer = last.map((sum, i) => sum + ids.data[i] + (i % width ? 0 : by));
      return { rows, last: answer, after: last };
    };
    const found = [];
"""


def _arrays_by_node(golden: Path, *given: Any) -> list[bool]:
    body = """
        const golden = await readNpz(readFileSync(path));
        for (const [i, variant] of variants.entries()) {
          const load = async () => async (inputs) => sums(inputs, more[i]);
          found.push((await checkVariant(load, variant, { manifest, golden })).failures.length === 0);
        }
        return found;
    """
    found: list[bool] = _in_node([str(golden), *given], SUMS + body)
    return found


def _arrays_by_page(golden: Path, *given: Any) -> list[bool]:
    """The page's own JavaScript."""
    page = (files("lstm_edge") / "web" / "js" / "arrays.js").as_uri()  # type: ignore[attr-defined]
    body = f"""
        const {{ checkExamples, goldenExamples, runExample }} = await import({json.dumps(page)});
        const url = () => `data:;base64,${{readFileSync(path).toString('base64')}}`;
        const examples = await goldenExamples({{ manifest, url }});
        for (const [i, variant] of variants.entries()) {{
          const call = async (inputs) => {{
            const {{ rows, last, after }} = sums(inputs, more[i]);
            const {{ dims }} = inputs.ids;
            return {{
              rows: {{ dims: inputs.x.dims, data: rows }}, last: {{ dims, data: last }},
              after: {{ dims, data: after }},
            }};
          }};
          const run = (inputs) => runExample({{ call }}, variant, manifest.signature, inputs);
          found.push((await checkExamples(run, variant, manifest.signature, examples)).ok);
        }}
        return found;
    """
    found: list[bool] = _in_node([str(golden), *given], SUMS + body)
    return found


def _arrays_by_kotlin(kotlin: Callable[[Any], Any], golden: Path, *given: Any) -> list[bool]:
    found: list[bool] = kotlin(["arrays", str(golden), *given])
    return found


OLD, COLUMNS, OWN = "an older file", "columns of very different scale", "Keras's own rounding"
EXACT, MEAN = Tolerance(1e-3, None, 0, None, ""), Tolerance(None, None, 0, None, "", 1e-3)
# of each kind the limits, and whether answers are right that are off by 0, 0.9, 2.2 and no number
JUDGED: dict[str, list[tuple[Tolerance, list[bool]]]] = {
    OLD: [(EXACT, [True, True, False, False]), (MEAN, [True, True, False, False])],
    COLUMNS: [(EXACT, [True, True, False, False]), (MEAN, [True, True, False, False])],
    OWN: [(EXACT, [True, True, True, False]), (MEAN, [True, True, False, False])],
}
JUDGED |= {  # of labels, with one flip of a given example and one of a drawn one
    activation: [
        (replace(EXACT, flip_rate=0.0), [True, False, False, False]),
        (replace(EXACT, flip_rate=0.0, flip_margin=6e-4), [True, True, False, False]),
        (replace(EXACT, flip_rate=0.01), [True, True, False, False]),
    ]
    for activation in ("sigmoid", "softmax")
}


@pytest.mark.parametrize("language", ["Python", "JavaScript", "the page", "Kotlin"])
@pytest.mark.parametrize(
    ("kind", "chunk", "save"),
    [
        (OLD, None, np.savez),
        (COLUMNS, None, np.savez_compressed),
        (OLD, 1, np.savez_compressed),
        (OWN, 1, np.savez),
        ("sigmoid", 2, np.savez),
        ("softmax", 2, np.savez_compressed),
    ],
)
def test_the_examples_judge_arrays_as_verify_does(
    kind: str,
    chunk: int | None,
    save: Any,
    language: str,
    request: pytest.FixtureRequest,
    rng: np.random.Generator,
    tmp_path: Path,
) -> None:
    """Of files stored and deflated, run whole (None) or step by step, one or more at once."""
    ways = {
        "Python": _arrays_by_python, "JavaScript": _arrays_by_node, "the page": _arrays_by_page,
        "Kotlin": _arrays_by_kotlin,
    }  # fmt: skip
    judge = _in(language, request, **ways)
    rounding = (OwnRounding("last", 2.5e-3, 1.0, None, None),) if kind == OWN else ()
    activation = kind if kind in ("sigmoid", "softmax") else "linear"
    batches = []
    for count, steps in ((5, 4), (3, 6)):
        x = rng.normal(size=(count, steps, 2)).astype(np.float32)
        x[..., 1] *= 1000 if kind == COLUMNS else 1
        inputs = {"x": x, "ids": rng.integers(0, 9, (count, 2), np.int32)}
        if activation != "linear" and not batches:  # the first two are 5e-4 from another label
            last = _sums(inputs, 0)["last"][:2]
            near = 0.5 - 5e-4 if kind == "sigmoid" else last[:, 1] - 1e-3
            x[:2, -1, 0] += near - last[:, 0]
        keras = {name: _sums(inputs, 0)[name].astype(np.float32) for name in ("rows", "last")}
        cases = tuple(["as given", "größer"] * count)[:count]
        batches.append(Batch(cases, inputs, keras, moves=KnownMoves(rounding)))
    outputs = (Output("rows", (None, None, 2), "linear"), Output("last", (None, 2), activation))
    spreads = None if kind == OLD else comparing_arrays.spreads(batches, outputs)
    save_batches(tmp_path / "golden.npz", batches, spreads)
    with np.load(tmp_path / "golden.npz") as file:
        save(tmp_path / "golden.npz", **dict(file))
    state = {"name": "before", "output": "after", "shape": [None, 2]}
    signature = {
        "inputs": [{"name": "x", "shape": [None, None, 2]}, {"name": "ids", "shape": [None, 2]}],
        "outputs": [
            {"name": "rows", "timed": True, "activation": "linear"},
            {"name": "last", "timed": False, "activation": activation},
        ],
        "states": [] if chunk is None else [state],
        "chunk": None if chunk == 1 else chunk,
    }
    manifest = {"kind": "tensors", "signature": signature}
    manifest |= {"own_rounding": [one.to_json() for one in rounding]} if kind == OWN else {}
    scale = comparing_arrays.scales(batches, outputs, 1e-3)
    if kind == OLD:
        greatest = {name: [np.abs(b.outputs[name]).max() for b in batches] for name in scale}
        scale = {name: np.array([max(numbers)]) for name, numbers in greatest.items()}
    variants, more, expected = [], [], []
    for size in (None, 1, 2, 4):
        for limits, right in JUDGED[kind]:
            for share, ok in zip((0.0, 0.9e-3, 2.2e-3, float("nan")), right, strict=True):
                variants.append({"batch": size, "tolerance": limits.to_json()})
                more.append(float(share * scale["last"][0]))
                comparison = comparing_arrays.ArrayComparison("", limits, outputs, scale)
                for batch in batches:
                    off = batch.outputs["last"] + np.float32([more[-1], 0])
                    comparison.add(batch, {**batch.outputs, "last": off})
                expected.append(ok)
                assert comparison.report(comparison.closing_checks()).ok == ok
    numbers = [by if np.isfinite(by) else 1e30 for by in more]  # JSON has no NaN: as wrong
    assert judge(tmp_path / "golden.npz", manifest, variants, numbers) == expected


@pytest.mark.parametrize("check", [ARRAYS_PYTHON, NODE], indirect=True)
@pytest.mark.parametrize("kind", ARRAYS[:2])
def test_another_number_in_arrays_is_noticed(
    check: Check, kind: str, copied: Callable[[str], Path]
) -> None:
    folder = copied(kind)
    with np.load(folder / "golden.npz") as file:
        content = dict(file)
    content["0/out/kind"][1, 0] += 0.3
    np.savez(folder / "golden.npz", **content)
    done = check(folder)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "max relative Δ 0.3" in done.stdout


def _newer(manifest: Any) -> None:
    manifest["schema"] = 5


def _of_another_kind(manifest: Any) -> None:
    manifest["kind"] = "pictures"


REFUSED: dict[str, tuple[str, Callable[[Path], list[object]], str]] = {
    "no argument": (EVERYTHING, lambda folder: [], "usage: "),
    "no bundle": (EVERYTHING, lambda folder: [folder / "nowhere"], "nowhere"),
    "no such variant": (EVERYTHING, lambda f: [f, "onnx-float99"], "no variant onnx-float99; there are"),
    "another kind": (
        EVERYTHING, lambda f: changed(f / MANIFEST, _of_another_kind) or [f], "has a schema above 4",
    ),
    "a newer bundle": (
        EVERYTHING, lambda f: changed(f / MANIFEST, _newer) or [f], "has a schema above 4",
    ),
}  # fmt: skip


@pytest.mark.parametrize("check", [PYTHON, NODE], indirect=True)
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_checked_is_said(
    check: Check, name: str, copied: Callable[[str], Path]
) -> None:
    """On standard error and with code 2, never as if all were well."""
    kind, arguments, message = REFUSED[name]
    done = check(*arguments(copied(kind)))
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_runtime_nothing_is_checked(
    python: Callable[..., Path], bundle: Callable[[str], Path], tmp_path: Path
) -> None:
    bare, one = python(), python("onnxruntime")
    folder = bundle("texts, other precisions")
    done = _run(bare, EXAMPLES / PYTHON, folder, cwd=tmp_path)
    assert done.returncode == 2
    assert set(verdicts(done).values()) == {"not checked"}
    assert "(No module named 'onnxruntime')" in done.stdout
    done = _run(one, EXAMPLES / PYTHON, folder, cwd=tmp_path)
    assert (done.returncode, set(verdicts(done).values())) == (0, {"ok", "not checked"})
    done = _run(one, EXAMPLES / PYTHON, folder, "tflite-float16", cwd=tmp_path)
    assert done.returncode == 2  # what was named was not checked
    done = _run(bare, EXAMPLES / ARRAYS_PYTHON, bundle("arrays"), cwd=tmp_path)
    assert done.returncode == 2


# --- C++ ------------------------------------------------------------------------------------------

# of each program: the folder of its headers, and how to have it; the package whose library it calls,
# the library, and the name by which programs look for it
CPP = {
    "onnx": (
        os.environ.get("ONNXRUNTIME_INCLUDE", "/usr/include/onnxruntime"), "onnxruntime_cxx_api.h",
        "apt install libonnxruntime-dev (Debian 13), or name their folder in ONNXRUNTIME_INCLUDE",
        "onnxruntime", "capi/libonnxruntime.so.*", "libonnxruntime.so.1",
    ),
    "litert": (
        os.environ.get("LITERT_INCLUDE", "/usr/include"), "litert/c/litert_compiled_model.h",
        "no package has them: name a checkout of LiteRT, configured, in LITERT_INCLUDE",
        "ai_edge_litert", "libLiteRt.so", "libLiteRt.so",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def cpp(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A program of ``examples/cpp``, compiled with a library out of its Python package; or skips."""

    @functools.cache
    def make(program: str) -> Path:
        headers, header, hint, package, pattern, library = CPP[program]
        compiler = shutil.which("c++")
        if compiler is None or not (Path(headers) / header).exists():
            pytest.skip(f"no C++ compiler, or no headers for {program}.cc: {hint}")
        found = [*Path(importlib.import_module(package).__path__[0]).glob(pattern)]
        if not found:
            pytest.skip(f"this {package} has no {pattern}")
        folder = tmp_path_factory.mktemp(program)
        (folder / library).symlink_to(found[0])
        source = EXAMPLES / "cpp" / f"{program}.cc"
        warnings = ("-Wall", "-Wextra", "-Werror")
        link = (folder / library, f"-Wl,-rpath,{folder}")
        command = [compiler, "-std=c++17", *warnings, source, "-isystem", headers, *link]
        done = _run(*command, "-o", folder / program, cwd=folder)
        assert done.returncode == 0, done.stderr
        return folder / program

    return make


IN_CPP = {"onnx": "onnx-float32.onnx", "litert": "tflite-float32-litert-js.tflite"}


@pytest.mark.parametrize("program", CPP)
def test_readings_become_an_answer_in_cpp(
    program: str, cpp: Callable[[str], Path], bundle: Callable[[str], Path], tmp_path: Path
) -> None:
    made = cpp(program)
    opened = open_bundle(bundle("arrays, one example in a call"))
    (golden,) = opened.golden_batches()
    for row in (0, len(golden) // 2, len(golden) - 1):
        one = golden.part([row])
        files = []
        for given in ("series", "short"):
            files.append(tmp_path / f"{given}.csv")
            numbers = one.inputs[given][0]
            table = numbers.reshape(-1, numbers.shape[-1])
            heading = ",".join("abcde"[: table.shape[1]])
            np.savetxt(files[-1], table, "%.9g", ",", header=heading, comments="")
        done = _run(made, opened.path / IN_CPP[program], *files, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
        assert set(lines) == set(one.outputs)
        label, numbers = lines.pop("kind").removeprefix("[").split("] ")
        assert label == opened.labels[int(one.outputs["kind"].argmax())]
        lines["kind"] = numbers
        for name, text in lines.items():
            found = np.array(text.split(), np.float32)
            assert found == pytest.approx(one.outputs[name].ravel(), abs=1e-5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,2,3,4,x\n", "line 1: not all are numbers"),
        ("1,2,3,4,5\n1,2,3,4,x\n", "line 2: not all are numbers"),
        ("1,2,3,4,5\n", "series: 5 numbers given; expected [1, 9, 5]"),
        ("a,b\n", "series: 0 numbers given; expected [1, 9, 5]"),
        ("1e99\n", "series: 0 numbers given; expected [1, 9, 5]"),
        (None, "cannot be read"),
    ],
)
@pytest.mark.parametrize("program", CPP)
def test_readings_that_cpp_does_not_take(
    program: str,
    content: str | None,
    message: str,
    cpp: Callable[[str], Path],
    bundle: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    made = cpp(program)
    model = bundle("arrays, one example in a call") / IN_CPP[program]
    (tmp_path / "short.csv").write_text("1,2,3\n")
    if content is not None:
        (tmp_path / "series.csv").write_text(content)
    done = _run(made, model, tmp_path / "series.csv", tmp_path / "short.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr.splitlines()[-1]


# --- in the browser -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """The address of the site, as any web server gives it."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(served: str, tab: Any) -> Callable[[str], tuple[str, list[str]]]:
    """Opens ``check_golden.html?…`` of the site in Chromium; what it says in the end, and its lines."""
    from playwright.sync_api import expect

    def open_(query: str) -> tuple[str, list[str]]:
        tab.goto(f"{served}/check_golden.html?{query}")
        status = tab.locator("#status")
        expect(status).not_to_have_text("Running", timeout=120_000)
        return status.inner_text(), tab.locator("li").all_inner_texts()

    return open_


def test_the_page_checks_a_bundle(
    page: Callable[[str], tuple[str, list[str]]], site: Path, bundle: Callable[[str], Path]
) -> None:
    (site / "bundle").symlink_to(bundle(EVERYTHING))
    status, lines = page("")
    assert status == "All within their tolerance", lines
    verdict = {line.partition(":")[0]: line for line in lines}
    taken = [
        info.name
        for info in open_bundle(bundle(EVERYTHING)).variants.values()
        if info.format == "onnx" or info.made_for == "litert-js"
    ]
    assert list(verdict) == ["ids", *taken]
    assert {f"{FLOAT}", "tflite-float32-litert-js", STREAM} <= set(taken)
    assert all(": ok, 72 examples" in verdict[name] for name in taken)


@pytest.mark.parametrize("kind", ["arrays", "a stream of arrays", "a stream in chunks"])
def test_the_page_checks_a_bundle_of_arrays(
    kind: str,
    page: Callable[[str], tuple[str, list[str]]],
    site: Path,
    bundle: Callable[[str], Path],
) -> None:
    place = site / kind.replace(" ", "-")
    place.symlink_to(bundle(kind))
    status, lines = page(f"bundle={place.name}/")
    assert status == "All within their tolerance", lines
    taken = [
        info.name
        for info in open_bundle(place).variants.values()
        if info.format == "onnx" or info.made_for == "litert-js"
    ]
    assert taken
    assert [line.partition(": ok, ")[0] for line in lines] == taken
    assert all("examples, max relative Δ " in line for line in lines)


@pytest.mark.parametrize("name", ["a probability", "a vocabulary cut short"])
def test_the_page_notices_what_is_wrong(
    name: str,
    page: Callable[[str], tuple[str, list[str]]],
    site: Path,
    copied: Callable[[str], Path],
) -> None:
    folder = copied(EVERYTHING)
    break_, said, wrong = BROKEN[name]
    break_(folder)
    place = site / name.replace(" ", "-")
    place.symlink_to(folder)
    status, lines = page(f"bundle={place.name}/&variant={FLOAT}")
    assert status == "Not within the tolerance"
    assert any(re.search(said, line) for line in lines)
    assert (": WRONG" in lines[1]) is (FLOAT in wrong)


def test_the_page_says_what_is_not_there(
    page: Callable[[str], tuple[str, list[str]]],
) -> None:
    status, lines = page("bundle=nowhere/")
    assert status.startswith("Not checked: manifest.json is not in http://127.0.0.1")
    assert lines == []


def test_the_packages_are_those_of_the_pages() -> None:
    """One version of each is tested."""
    own = json.loads((WEB / "package.json").read_text("utf-8"))["dependencies"]
    pins = {package.name: package.version for package in _pages().packages()}
    assert own == {name: pins[name] for name in own}
