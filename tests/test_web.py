"""The JavaScript that pages are made of, in Chromium and Node, and the server that they come from."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from export import bundling
from lstm_edge.base import files
from lstm_edge.bundle.opening import MANIFEST, TextBundle, open_bundle
from lstm_edge.cli import cli
from lstm_edge.devices.browser import runtimes as web_runtimes
from lstm_edge.devices.browser import server as web_server
from lstm_edge.devices.browser.runtimes import WEB
from lstm_edge.devices.browser.server import Site, serving
from lstm_edge.errors import InputError
from lstm_edge.inputs.samples import load as sample_reviews
from lstm_edge.inputs.signature import State
from lstm_edge.inputs.tokenizer import TextSettings, Tokenizer, portable_pattern
from lstm_edge.results.parity import Tolerance
from lstm_edge.runtimes import runners
from lstm_edge.runtimes.contract import runtime_class
from lstm_edge.verify import comparing as parity

pytestmark = pytest.mark.xdist_group("web")  # they share a bundle
PAGE = WEB / "bench.html"  # it has the import map, and waits for its button

# ---------------------------------------------------------------- the tokeniser

NASTY = (
    "",
    "   ",
    "\t\n .,!",
    "İSTANBUL İ i̇",
    "Straße STRASSE ß ẞ",
    "ΟΔΟΣ ΟΔΟΣ, Σ ΣΑΣ ΑΣ'Σ ΑΣ\u0345Σ",
    "next\x85line\x0bvertical\x0cform\x1cfile\u2028line\u2029paragraph",
    "no\u00a0break\u2003em\u200bzero\ufeffbom\u3000wide",
    "emoji 😀film😀 𝐁𝐎𝐋𝐃 𐐀𐐁 a😀",
    "tabs\tand\nlines\r\nand\rreturns",
    '<br /><br />A "film" (good)!--bad... a/b a.b,c',
    "don't DON'T 'tis the' film's",
    "a\\u0041 b\\u00e9",
    "naïve NAÏVE café CAFÉ ÀÉÎÕÜ Ǆ ǅ ﬁ",
    "combining e\u0301 E\u0301",
    "{} [] ~ ^ | _under_score` @home #tag $5 50% a&b *x* +1 =2",
    "constructor __proto__ toString hasOwnProperty",
    "映画は good でした। फ़िल्म عربي",
    "the " * 700 + "film",
)
WORDS = ("the", "a", "film", "good", "bad", "i̇stanbul", "οδος", "don't", "café", "naïve", "😀film😀",
         "a\x85", "constructor", "\ufeffbom", "straße", "b\\u00e9",
         "next\x85line\x0bvertical\x0cform", "dont", "camp", "İstanbul", "nolower", "NAÏVE", "i",
         "\u0307", "t", "h", "e", "é", "\u0301", "σ", "ς", "😀", "\t", "film\tgood", "combining",
         "e\u0301", "50", "\U00010429")  # fmt: skip
SETTINGS = {
    "as Keras's IMDB": TextSettings(),
    "short": TextSettings(max_length=3),
    "without start and unknown": TextSettings(start_id=None, unknown_id=None, first_word_id=1),
    "case kept": TextSettings(lower=False),
    "another separator": TextSettings(split="--", filters="., \t"),
    "nothing filtered": TextSettings(filters=""),
    "emoji filtered": TextSettings(filters="😀.", split=" "),
    "the first ids": TextSettings(max_length=3, padding="post", truncating="post"),
    "the first ids, no start": TextSettings(3, truncating="post", start_id=None),
    "capitals of ASCII": TextSettings(lower_ascii=True),
    "as TextVectorization": TextSettings(
        lower_ascii=True, filters="\t\n\r\x0b\x0c", deleted="!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'",
        start_id=None, unknown_id=1, first_word_id=2, padding="post", truncating="post",
    ),
    "deleted, even what is filtered": TextSettings(filters=".- 'e😀", split="<>", deleted="😀'\u0301ΐσ"),
    "characters": TextSettings(characters=True, filters="!", deleted="<>"),
    "characters as they are": TextSettings(lower=False, characters=True, filters=""),
    "a pattern": TextSettings(pattern=portable_pattern(r"[\w']+"), filters=""),
    "a pattern of many things": TextSettings(
        lower=False, filters="", pattern=portable_pattern(r"\d+%?|[A-Za-z]{2,}?(?:'[a-z]+)?|[^\s\w]")
    ),
}  # fmt: skip
DEFAULTS = TextSettings().to_json()
ENCODE = """
const tokenizer = new Tokenizer(parseVocab(given.vocab), given.settings);
return given.texts.map((text) => {
  return { ids: Array.from(tokenizer.encode(text)), words: tokenizer.words(text) };
});
"""


def tokenising(folder: Path, settings: TextSettings) -> tuple[Tokenizer, dict[str, Any]]:
    tokenizer = Tokenizer([*settings.special_tokens(), *WORDS], settings)
    tokenizer.save(folder / "vocab.txt")
    texts = [*NASTY, *(sample_reviews().texts or ())]
    vocab = (folder / "vocab.txt").read_text(encoding="utf-8")
    # what older bundles have not is not there where it is as it was
    old = [f.name for f in fields(TextSettings)][:8]
    given = {k: v for k, v in settings.to_json().items() if k in old or v != DEFAULTS[k]}
    return tokenizer, {"vocab": vocab, "settings": given, "texts": texts}


def in_node(node: str, module: str, names: str, body: str, given: Any) -> Any:
    """What the body of a function of ``given`` returns, with those names of our module or an address."""
    address = module if ":" in module else (WEB / "js" / module).as_uri()
    code = (
        f"import {{ {names} }} from '{address}';\n"
        "let text = ''; for await (const chunk of process.stdin) text += chunk;\n"
        f"const found = await (async (given) => {{ {body} }})(JSON.parse(text));\n"
        "console.log(JSON.stringify(found));"
    )
    done = subprocess.run(
        [node, "--input-type=module", "-e", code],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", list(SETTINGS))
def test_node_makes_the_same_ids(node: str, tmp_path: Path, name: str) -> None:
    settings = SETTINGS[name]
    tokenizer, given = tokenising(tmp_path, settings)
    found = in_node(node, "tokenizer.js", "Tokenizer, parseVocab", ENCODE, given)
    check_ids(tokenizer, given["texts"], found)


def test_what_webassembly_cannot_hold_is_no_part_of_a_word(node: str) -> None:
    texts = ["a\0b", "\ud800 film 😀", "film\udc00", "plain"]
    body = "return given.map((text) => wellFormed(text));"
    found = in_node(node, "runtimes.js", "wellFormed", body, texts)
    assert found == ["a\uffffb", "\uffff film 😀", "film\uffff", "plain"]


def check_ids(tokenizer: Tokenizer, texts: Sequence[str], found: Sequence[dict[str, Any]]) -> None:
    settings = tokenizer.settings
    known = 0
    for text, answer, ids in zip(texts, found, tokenizer.encode(texts), strict=True):
        assert answer["ids"] == ids.tolist(), ascii(text)
        start = [] if settings.start_id is None else [settings.start_id]
        kept = [word["id"] for word in answer["words"] if word["id"] is not None]
        assert tokenizer.ids_of(text) == start + kept
        # where the words stand, in UTF-16 units as JavaScript counts them
        units = text.encode("utf-16-le", "surrogatepass")
        end = 0
        for word in answer["words"]:
            # of two words that come of one İ the second stands after it
            assert end <= word["start"] < word["end"] or (word["text"], word["start"]) == ("", end)
            end = word["end"]
            there = units[2 * word["start"] : 2 * end].decode("utf-16-le", "surrogatepass")
            assert there == word["text"]
            if word["id"] is not None and word["id"] >= settings.first_word_id:
                token = tokenizer.tokens[word["id"]]
                written = settings.lowered(there)
                written = "".join(c for c in written if c not in settings.deleted)
                # a final sigma is one by what stands around it
                same = written.replace("σ", "ς") == token.replace("σ", "ς")
                assert same or there in ("İ", "")
                known += 1
    assert known > 5


def test_node_lowers_as_python_does(node: str) -> None:
    """Every letter of two cases that this Python knows, and what a sigma may have around it.

    Which marks a final sigma looks through differs a little between Unicode's versions, far from Greek.
    """
    points = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    texts = [c for c in points if c.lower() != c]
    texts += [
        text for c in points[:0x400] if c != "\u0295" for text in (f"AΣ{c}B", f"A{c}Σ", f"AΣ{c}")
    ]
    body = """
    const size = (text) => Array.from(text, (c) => c.toLowerCase().length).reduce((a, b) => a + b, 0);
    return given.map((text) => [text.toLowerCase(), size(text)]);
    """
    found = in_node(node, "tokenizer.js", "Tokenizer", body, texts)
    for text, (lowered, size) in zip(texts, found, strict=True):
        assert lowered == text.lower(), ascii(text)
        # letter by letter they are as long as together, which the places of words rest on
        assert size == len(lowered.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    ("vocab", "message"),
    [
        ("<PAD>\n<START>\n", "has 2 entries"),
        ("<PAD>\n<START>\n<UNKNOWN>\n<UNUSED>\na\na\n", "more than once"),
    ],
)
def test_a_vocabulary_that_is_none_is_refused(node: str, vocab: str, message: str) -> None:
    body = """
    try { new Tokenizer(parseVocab(given.vocab), given.settings); } catch (error) {
      return error.message;
    }
    return null;
    """
    given = {"vocab": vocab, "settings": TextSettings().to_json()}
    assert message in in_node(node, "tokenizer.js", "Tokenizer, parseVocab", body, given)


@pytest.mark.parametrize(
    ("options", "counted", "words", "gone"),
    [
        ({}, "bad film", ["bad", "film"], ["A good, ", ""]),
        ({"truncating": "post"}, "A", ["A"], ["", " good, bad film"]),
        ({"truncating": "post", "start_id": None}, "A good", ["A", "good"], ["", ", bad film"]),
        # what the model does not get belongs to what comes after it
        (
            {"truncating": "post", "start_id": None, "unknown_id": None, "first_word_id": 1},
            "good bad",
            ["A", "good", "bad"],
            ["", " film"],
        ),
        ({"max_length": 9}, "A good bad film", ["A", "good", "bad", "film"], ["", ""]),
    ],
)
def test_the_part_of_a_text_that_counts(
    node: str, options: dict[str, Any], counted: str, words: list[str], gone: list[str]
) -> None:
    settings = TextSettings(**{"max_length": 2, **options})
    tokenizer = Tokenizer([*settings.special_tokens(), "good", "bad", "film"], settings)
    body = """
    const { Tokenizer } = await import(given.address);
    const reading = read(given.text, new Tokenizer(given.tokens, given.settings));
    return { ...reading, ids: Array.from(reading.ids) };
    """
    text = "A good, bad film"
    given = {"address": (WEB / "js" / "tokenizer.js").as_uri(), "text": text}
    given |= {"tokens": tokenizer.tokens, "settings": settings.to_json()}
    found = in_node(node, "reading.js", "read", body, given)
    assert found["ids"] == tokenizer.encode([text])[0].tolist()
    assert [word["text"] for word in found["counted"]] == counted.split()
    assert found["ids"][found["lead"] :] == [word["id"] for word in found["counted"]]
    assert [word["text"] for word in found["words"]] == words
    assert [text[: found["from"]], text[found["to"] :]] == gone
    dropped = len(words) - len(counted.split())
    assert found["earlier"] + found["later"] == 4 - len(words)
    assert dropped == sum(word["id"] is None for word in found["words"])


ASSUMED = {
    "max_length": "model", "padding": "assumed", "lower": "vocabulary", "start_id": "assumed",
    "unknown_id": "assumed", "deleted": "assumed", "characters": "assumed", "truncating": "option",
}  # fmt: skip
WRONG = "If training did otherwise, these answers are wrong; export with --expect."
SAID: dict[str, tuple[dict[str, Any] | None, dict[str, Any] | None]] = {
    "an older bundle": (None, None),
    "told": (
        {"state": "told", "sources": {"padding": "option"}, "examples": 0, "untold": []},
        None,
    ),
    "assumed": (
        {"state": "assumed", "sources": ASSUMED, "examples": 0, "untold": []},
        {
            "assumed": True,
            "text": 'Assumed, not told: padding pre, start id none, unknown id 2, deleted "\'.", '
            f"characters false. {WRONG}",
        },
    ),
    "matched": (
        {"state": "matched", "sources": ASSUMED, "examples": 24, "untold": []},
        {"assumed": False, "text": "Preprocessing matched on 24 examples."},
    ),
    "matched, and more could": (
        {"state": "matched", "sources": ASSUMED, "examples": 1, "untold": ["padding", "start_id"]},
        {
            "assumed": False,
            "text": "Preprocessing matched on 1 example. None of them could tell padding, start id.",
        },
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_what_the_page_says_of_preprocessing(node: str, name: str) -> None:
    preprocessing, expected = SAID[name]
    manifest: dict[str, Any] = {"tokenizer": TextSettings(start_id=None, deleted="'.").to_json()}
    if preprocessing is not None:
        manifest["preprocessing"] = preprocessing
    body = "return preprocessingOf(given);"
    assert in_node(node, "drawing.js", "preprocessingOf", body, manifest) == expected


# ---------------------------------------------------------------- arrays

NPZ = """
const { readFile } = await import('node:fs/promises');
const bytes = await readFile(given);
try {
  const arrays = await readNpz(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return [...arrays].map(([name, { dtype, dims, data }]) => [name, dtype, dims, Array.from(data)]);
} catch (error) {
  return error.message;
}
"""


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_numpys_files_are_read_in_javascript(node: str, tmp_path: Path, save: Any) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "0/in/größe": rng.normal(size=(3, 40, 2)).astype(np.float32),
        "0/in/ids": rng.integers(-9, 9, (3, 7), np.int32),
        "0/case": np.array(["as given", "größer, 映画 😀", ""]),
        "1/out/one": np.float32([[np.pi]]),
        "none": np.zeros((0, 4), np.float32),
    }
    save(tmp_path / "a.npz", **arrays)
    found = in_node(node, "npz.js", "readNpz", NPZ, str(tmp_path / "a.npz"))
    assert [name for name, *_ in found] == [*arrays]
    for name, dtype, dims, data in found:
        array = arrays[name]
        assert dtype == ("string" if array.dtype.kind == "U" else str(array.dtype))
        assert np.array(data, array.dtype).reshape(dims).tolist() == array.tolist()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3), np.float32).T, "an array is in Fortran order; expected C order"),
        (np.zeros(2, np.float64), "an array is of <f8; expected float32, int32 or strings"),
        (np.zeros(2, ">f4"), "an array is of >f4; expected float32, int32 or strings"),
        (None, "it is no whole .npz file"),
    ],
)
def test_arrays_that_javascript_does_not_read(
    node: str, tmp_path: Path, array: Any, message: str
) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, a=np.zeros(9) if array is None else array)
    if array is None:
        path.write_bytes(path.read_bytes()[:100])
    assert in_node(node, "npz.js", "readNpz", NPZ, str(path)) == message


READ = """
const { name, text, inputs, chunk } = given;
const signature = { inputs, chunk, states: chunk ? [{}] : [] };
try {
  const { inputs: arrays, notes } = readExample(name, text, signature);
  return [Object.entries(arrays).map(([k, { dims, data }]) => [k, dims, Array.from(data)]), notes];
} catch (error) {
  return error.message;
}
"""


def one_input(shape: list[int | None], name: str = "x", **more: Any) -> dict[str, Any]:
    given = {"name": name, "dtype": "float32", "shape": [None, *shape], "rows": None}
    return {**given, "mask_value": None, **more}


IDS = {"dtype": "int32", "rows": 9}


@pytest.mark.parametrize(
    ("name", "text", "inputs", "dims", "data", "note"),
    [
        ("a.csv", "a;b\r\n1;2\r\n\r\n3;-4e0\r\n", [one_input([None, 2])], [2, 2], [1, 2, 3, -4], None),
        ("A.CSV", "1\n2\n3\n", [one_input([3, 1])], [3, 1], [1, 2, 3], None),
        ("a.csv", "1,2,3", [one_input([3, 1])], [3, 1], [1, 2, 3], None),
        ("a.csv", "1,2,3", [one_input([3])], [3], [1, 2, 3], None),
        ("a.csv", "1\n2\n3", [one_input([None], **IDS)], [3], [1, 2, 3], None),
        ("a.json", "[[1],[2],[3]]", [one_input([2, 1])], [2, 1], [2, 3], "x: the last 2 of 3 steps"),
        ("a.json", '{"x": [[[1], [2]]]}', [one_input([2, 1])], [2, 1], [1, 2], None),
        ("a.json", "[[1,2],[3,4]]", [one_input([1, 2])], [1, 2], [3, 4], "x: the last 1 of 2 steps"),
        ("a.csv", "1,\nNaN,2\n", [one_input([2, 2], nan=[True])], [2, 2], [1, None, None, 2], None),
        ("a.json", "[[1,null]]", [one_input([1, 2], nan=[False, True])], [1, 2], [1, None], None),
        ("a.json", "[[1e99]]", [one_input([1, 1], inf=[True])], [1, 1], [None], None),
    ],
)  # fmt: skip
def test_a_file_of_readings(
    node: str, name: str, text: str, inputs: Any, dims: list[int], data: list[Any], note: str | None
) -> None:
    given = {"name": name, "text": text, "inputs": inputs, "chunk": None}
    arrays, notes = in_node(node, "arrays.js", "readExample", READ, given)
    assert arrays == [["x", [1, *dims], data]]
    assert len(notes) == (note is not None)
    assert not notes or notes[0].startswith(note)


@pytest.mark.parametrize(
    ("name", "text", "inputs", "chunk", "message"),
    [
        ("a.npy", "1", [one_input([2, 1])], None, "a.npy is no file that this page reads for this model"),
        ("a.csv", "1", [one_input([2, 1]), one_input([3], "y")], None, "for this model; expected .json"),
        ("a.csv", "1,2\n3\n", [one_input([2, 2])], None, "x: its rows are not of one length"),
        ("a.csv", "1,2\n3,\n", [one_input([2, 2])], None, 'line 2: "" is not a number'),
        ("a.csv", "a\n1\nb\n", [one_input([2, 1])], None, 'line 3: "b" is not a number'),
        ("a.csv", "1,2,3\n4,5,6\n", [one_input([2, 2])], None, "x is [2, 3]; expected [2, 2]"),
        ("a.csv", "", [one_input([None, 2])], None, "x is [0]; expected [steps, 2]"),
        ("a.csv", "1\n", [one_input([2, 1])], None, "x is [1, 1]; expected [2, 1]"),
        ("a.csv", "1e99\n2\n", [one_input([2, 1])], None, "is not a number that fits into float32"),
        ("a.csv", "1.5\n", [one_input([None], **IDS)], None, "is not a whole number that fits"),
        ("a.csv", "9\n", [one_input([None], **IDS)], None, "the id 9; this model knows ids from 0 to 8"),
        ("a.csv", "1\n2\n", [one_input([None, 1])], 4, "expected [steps, 1], 4 steps or a multiple"),
        ("a.json", "[1,", [one_input([2, 1])], None, "a.json is no JSON: "),
        ("a.json", "null", [one_input([2, 1])], None, "has no arrays by name; expected an array for x"),
        ("a.json", '{"y": [1]}', [one_input([1])], None, "a.json has y; expected an array for x"),
        ("a.json", '{"x": 1}', [one_input([1])], None, "x is []; expected [1]"),
        ("a.json", '["1"]', [one_input([1])], None, 'x: "1" is not a number'),
        ("a.json", "[null]", [one_input([1])], None, "x: null is not a number"),
        ("a.json", "[[null,1]]", [one_input([1, 2], nan=[False, True])], None, "x: null is not a number"),
        ("a.csv", "1\nnan\n", [one_input([2, 1], inf=[True])], None, 'line 2: "nan" is not a number'),
        ("a.json", "[[1,2],[3],[4,5,6]]", [one_input([3, 2])], None, "x: its rows are not of one length"),
        ("a.json", "[1]", [one_input([1]), one_input([1], "y")], None, "expected an array for x, y"),
    ],
)  # fmt: skip
def test_a_file_that_holds_no_readings(
    node: str, name: str, text: str, inputs: Any, chunk: int | None, message: str
) -> None:
    given = {"name": name, "text": text, "inputs": inputs, "chunk": chunk}
    assert message in in_node(node, "arrays.js", "readExample", READ, given)


# ---------------------------------------------------------------- the verdict on golden vectors

TOLERANCES = {
    "differences": Tolerance(1e-3, 0.0, 1e-3, None, "-"),
    "flips": Tolerance(None, 0.02, 0.0, None, "-"),
    "both": Tolerance(0.5, 0.3, 0.02, None, "-"),
    "a mean": Tolerance(None, None, 0.0, None, "-", mean_abs=0.01),
}
CHECK = """
const found = [];
for (const { cases, answers, tolerance } of given) {
  const all = answers.map((row) => Float32Array.from(row, (p) => p ?? NaN));
  let at = 0;
  const runner = { variant: 'v', takesTexts: false, run: async () => all[at++] };
  const bundle = { manifest: { variants: [{ name: 'v', tolerance }] }, golden: { cases, edge: [] } };
  found.push(await checkGolden(runner, bundle));
}
return [found, EDGE_LIMIT];
"""


def test_the_page_judges_as_parity_does(node: str, rng: np.random.Generator) -> None:
    given, expected = [], []
    for columns in (1, 3):
        for noise in (0.0, 1e-4, 0.02, 0.4):
            for broken in (False, True):
                reference = rng.dirichlet(np.ones(max(2, columns)), 40).astype(np.float32)[
                    :, :columns
                ]
                outputs = (reference + noise * rng.standard_normal(reference.shape)).astype(
                    np.float32
                )
                if broken:
                    outputs[3] = np.nan
                cases = [
                    {"ids": [1], "probabilities": row} for row in reference.astype(float).tolist()
                ]
                answers = [[None if np.isnan(p) else float(p) for p in row] for row in outputs]
                for tolerance in TOLERANCES.values():
                    given.append(
                        {"cases": cases, "answers": answers, "tolerance": tolerance.to_json()}
                    )
                    expected.append(parity.compare("v", reference, outputs, tolerance))
    found, limit = in_node(node, "golden.js", "checkGolden, EDGE_LIMIT", CHECK, given)
    assert limit == parity.EDGE_LIMIT
    assert len({report.ok for report in expected}) == 2
    for answer, report in zip(found, expected, strict=True):
        assert answer["examples"] == report.examples
        assert answer["maxAbs"] == pytest.approx(report.max_abs, abs=1e-7)
        assert answer["meanAbs"] == pytest.approx(report.mean_abs, abs=1e-7)
        assert answer["flips"] == report.flips
        assert answer["flipsCounted"] == report.flips - report.flips_at_threshold
        assert (answer["ok"], len(answer["failures"])) == (report.ok, len(report.failures))
        assert answer["worst"]["index"] == report.worst.index


# ---------------------------------------------------------------- in Chromium


@pytest.fixture(scope="module")
def site(web_bundle: Path, runtimes: Path) -> Iterator[Site]:
    with serving(PAGE, bundle=web_bundle, runtimes=runtimes) as running:
        yield running


@pytest.fixture(scope="module")
def reference(runtimes: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The model that ships, served."""
    out = tmp_path_factory.mktemp("reference") / "bundle"
    bundling.export_bundle(
        files.shipped(),
        out,
        precisions=["float32", "int8-dynamic"],
        runtimes=["onnxruntime", "litert-js"],
    )
    with serving(PAGE, bundle=out, runtimes=runtimes) as running:
        yield running


IMPORTS = """
const { openBundle } = await import('./js/bundle.js');
const { load, openStream, runtimesFor } = await import('./js/runtimes.js');
const { checkGolden } = await import('./js/golden.js');
const bundle = await openBundle('bundle/');
"""


def run(tab: Any, site: Site, body: str, given: Any = None) -> Any:
    tab.goto(site.url)
    return tab.evaluate(f"async (given) => {{ {IMPORTS} {body} }}", given)


EVERY = """
const found = {};
for (const variant of bundle.manifest.variants) {
  for (const { name, why } of runtimesFor(variant)) {
    if (why !== null) continue;
    const runner = await load(bundle, variant.name, { runtime: name, threads: given });
    found[`${variant.name} ${name}`] = {
      ...(await checkGolden(runner, bundle)),
      runtime: runner.runtime,
      times: [runner.importMs, runner.fetchMs, runner.loadMs],
    };
    await runner.close();
  }
}
return found;
"""


def check_golden(found: dict[str, dict[str, Any]]) -> None:
    for name, answer in found.items():
        assert all(ms > 0 for ms in answer["times"])
        assert answer["ok"], (name, answer["failures"])
        if "float32" in name:
            assert answer["maxAbs"] <= 1e-4
            assert answer["flips"] == 0


def test_the_golden_vectors_of_the_shipped_model(tab: Any, reference: Site) -> None:
    found = run(tab, reference, EVERY, 1)
    assert set(found) == {
        "onnx-float32 onnxruntime-web",
        "onnx-int8-dynamic onnxruntime-web",
        "tflite-float32-litert-js litert-js",
        "tflite-int8-dynamic-litert-js litert-js",
    }
    check_golden(found)
    assert {answer["examples"] for answer in found.values()} == {len(sample_reviews())}


@pytest.mark.parametrize("threads", [1, 2])
def test_every_variant_in_its_runtime(tab: Any, site: Site, web_bundle: Path, threads: int) -> None:
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    found = run(tab, site, EVERY, threads)
    assert len(asked) > 10
    assert all(url.startswith((site.url, "data:", "blob:")) for url in asked), asked
    not_run = set(open_bundle(web_bundle).variants) - {name.partition(" ")[0] for name in found}
    assert not_run == {"tflite-float32-stream", "tflite-int8-dynamic-stream"}
    check_golden(found)
    plural = "" if threads == 1 else "s"
    assert all(a["runtime"].endswith(f", {threads} thread{plural}") for a in found.values())


def test_ids_in_chromium(tab: Any, site: Site, tmp_path: Path) -> None:
    tokenizer, given = tokenising(tmp_path, TextSettings())
    body = f"const {{ Tokenizer, parseVocab }} = await import('./js/tokenizer.js'); {ENCODE}"
    check_ids(tokenizer, given["texts"], run(tab, site, body, given))


def test_pads_behind_in_every_runtime(tab: Any, behind_bundle: Path, runtimes: Path) -> None:
    with serving(PAGE, bundle=behind_bundle, runtimes=runtimes) as behind:
        found = run(tab, behind, EVERY, 1)
        check_made_ids(tab, behind, behind_bundle)
    assert set(found) == {
        "onnx-float32 onnxruntime-web",
        "onnx-float32-stream onnxruntime-web",
        "tflite-float32 litert-js",
    }
    check_golden(found)


def test_a_bundle_s_texts_make_its_ids(tab: Any, site: Site, web_bundle: Path) -> None:
    check_made_ids(tab, site, web_bundle)


def check_made_ids(tab: Any, site: Site, path: Path) -> None:
    body = """
    return [...bundle.golden.cases, ...bundle.golden.edge].filter(({ text }) => text !== undefined)
      .map(({ text, ids }) => [Array.from(bundle.tokenizer.encode(text)), ids]);
    """
    bundle = open_bundle(path)
    assert isinstance(bundle, TextBundle)
    found = run(tab, site, body)
    assert len(found) > 70
    assert all(made == bundle.settings.kept(ids).tolist() for made, ids in found)


@pytest.mark.parametrize("size", [1, 3])
def test_a_stream_answers_after_every_piece(
    tab: Any, site: Site, web_bundle: Path, size: int
) -> None:
    bundle = open_bundle(web_bundle)
    assert isinstance(bundle, TextBundle)
    ids = [1, 4, 6, 8, 10, 5, 9]
    body = """
    const stream = await openStream(bundle, 'onnx-float32-stream');
    await stream.feed([7, 7]);
    await stream.reset();
    const found = [];
    for (let at = 0; at < given.ids.length; at += given.size) {
      found.push(Array.from(await stream.feed(given.ids.slice(at, at + given.size))));
    }
    stream.close();
    return found;
    """
    found = run(tab, site, body, {"ids": ids, "size": size})
    info = bundle.variant("onnx-float32-stream")
    step = runners.IdsRunner(
        runtime_class(info.kind)(bundle.path / info.file),
        max_length=20,
        pads="none",
        states=[*map(State.from_json, info.states)],
    )
    ends = [min(at + size, len(ids)) for at in range(0, len(ids), size)]
    expected = [step.run([ids[:end]])[0].tolist() for end in ends]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_pads_behind_are_fed_for_every_answer_and_taken_back(
    tab: Any, behind_bundle: Path, runtimes: Path
) -> None:
    text, bundle = "A very good film", open_bundle(behind_bundle)
    info, tokenizer = bundle.variant("onnx-float32-stream"), bundle.tokenizer()
    assert tokenizer is not None
    step = runners.IdsRunner(
        runtime_class(info.kind)(bundle.path / info.file),
        pads="none",
        states=[*map(State.from_json, info.states)],
    )
    ids = tokenizer.ids_of(text)
    expected = [step.run([ids[:n] + [0] * (20 - n)])[0] for n in range(1, len(ids) + 1)]
    body = """
    const { follow, read } = await import('./js/reading.js');
    const stream = await openStream(bundle, 'onnx-float32-stream');
    const heard = [];
    const hear = (at, answer) => heard.push([at, Array.from(answer)]);
    const reading = read(given, bundle.tokenizer);
    const ended = await follow(stream, reading, bundle.manifest, hear, () => false);
    stream.close();
    return [heard, ended];
    """
    with serving(PAGE, bundle=behind_bundle, runtimes=runtimes) as behind:
        heard, ended = run(tab, behind, body, text)
    assert ended
    assert [at for at, _ in heard] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose([answer for _, answer in heard], expected, atol=1e-6)
    assert np.ptp(expected) > 1e-3


def test_states_are_those_of_the_manifest_whatever_they_are_called(
    tab: Any, site: Site, web_bundle: Path, runtimes: Path, tmp_path: Path
) -> None:
    """Each state comes back under the name of another, which a guess by names would take."""
    import onnx

    name = "onnx-float32-stream"
    copy = shutil.copytree(web_bundle, tmp_path / "bundle")
    manifest = json.loads((copy / MANIFEST).read_text("utf-8"))
    variant = next(v for v in manifest["variants"] if v["name"] == name)
    outputs = [state["output"] for state in variant["states"]]
    assert len(outputs) > 1
    others = dict(zip(outputs, [*outputs[1:], outputs[0]], strict=True))
    model = onnx.load(copy / variant["file"])
    for node in model.graph.node:
        node.output[:] = [others.get(output, output) for output in node.output]
        node.input[:] = [others.get(value, value) for value in node.input]
    for value in [*model.graph.output, *model.graph.value_info, *variant["outputs"]]:
        if isinstance(value, dict):
            value["name"] = others.get(value["name"], value["name"])
        else:
            value.name = others.get(value.name, value.name)
    for state in variant["states"]:
        state["output"] = others[state["output"]]
    onnx.save(model, copy / variant["file"])
    (copy / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    body = f"""
    const stream = await openStream(bundle, '{name}');
    const found = [];
    for (const id of [1, 4, 6, 8]) found.push(Array.from(await stream.feed([id])));
    stream.close();
    return found;
    """
    with serving(PAGE, bundle=copy, runtimes=runtimes) as renamed:
        assert run(tab, renamed, body) == run(tab, site, body)


def test_what_no_runtime_takes_says_why(tab: Any, site: Site) -> None:
    body = """
    const said = [];
    for (const [name, options] of given) {
      said.push(await load(bundle, name, options).then(() => null, (error) => error.message));
    }
    try { await openStream(bundle, 'onnx-float32'); } catch (error) { said.push(error.message); }
    return said;
    """
    asked: list[Any] = [
        ["onnx-float64", {}],
        ["tflite-float32-stream", {}],
        ["tflite-float32", {"runtime": "mediapipe"}],
        ["onnx-float32", {"runtime": "litert-js"}],
    ]
    unknown, free, other, wrong, whole = run(tab, site, body, asked)
    assert unknown.startswith("the bundle has no variant onnx-float64; it has onnx-float32, ")
    assert "LiteRT.js: it takes no free length" in free
    assert "MediaPipe Web: the file is not made for it" in other
    assert wrong == "onnx-float32 is not for litert-js; it is for onnxruntime-web"
    assert whole == "onnx-float32 is no step model; lstm-edge export --streaming writes some"


def test_nothing_could_be_asked_of_anyone_else(tab: Any, site: Site) -> None:
    body = "return fetch('http://127.0.0.1:1/').then(() => null, (error) => error.message);"
    assert "Failed to fetch" in run(tab, site, body)


# ---------------------------------------------------------------- the server


def status(url: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {}, error.read()


@pytest.fixture
def plain(web_bundle: Path, tmp_path: Path) -> Iterator[Site]:
    """A server that needs no runtimes."""
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "a.wasm").write_bytes(b"\0asm")
    (tmp_path / "vendor" / "link.txt").symlink_to(tmp_path / "secret.txt")
    with serving(PAGE, bundle=web_bundle, runtimes=tmp_path / "vendor") as running:
        yield running


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("", "text/html"),
        ("js/tokenizer.js", "text/javascript"),
        ("bundle/manifest.json", "application/json"),
        ("vendor/a.wasm", "application/wasm"),
    ],
)
def test_what_is_served(plain: Site, path: str, kind: str) -> None:
    code, headers, body = status(plain.url + path)
    assert (code, headers["content-type"].partition(";")[0]) == (200, kind)
    assert body
    for name, value in web_server.HEADERS.items():
        assert headers[name.lower()] == value


@pytest.mark.parametrize(
    "path",
    [
        "ROOT/",
        "ROOT/bundle/manifest.json",
        "ROOT/wrong/",
        "ROOT/TOKEN2/bundle/manifest.json",
        "BASE/nothing",
        "BASE/vendor/../secret.txt",
        "BASE/vendor/%2e%2e/secret.txt",
        "BASE/vendor/..%2fsecret.txt",
        "BASE/vendor//etc/passwd",
        "BASE/vendor/link.txt",
        "BASE/js/",
        "BASE/package.json",
    ],
)
def test_what_is_not(plain: Site, path: str) -> None:
    base = plain.url.removesuffix("/")
    root, _, token = base.rpartition("/")
    url = path.replace("BASE", base).replace("ROOT", root).replace("TOKEN2", token[:-1])
    code, _, body = status(url)
    assert code == 404
    assert b"secret" not in body


def test_every_token_is_new(web_bundle: Path, tmp_path: Path) -> None:
    tokens = set()
    for _ in range(2):
        with serving(PAGE, bundle=web_bundle, runtimes=tmp_path) as running:
            tokens.add(running.url.rstrip("/").rpartition("/")[2])
    assert len(tokens) == 2
    assert all(len(token) >= 20 for token in tokens)


def test_the_server_ends_with_its_block(web_bundle: Path, tmp_path: Path) -> None:
    with serving(PAGE, bundle=web_bundle, runtimes=tmp_path) as running:
        assert status(running.url)[0] == 200
        port = int(running.url.split(":")[2].partition("/")[0])
    running.wait()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        pass


def test_a_port_in_use_is_said(web_bundle: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(
                InputError, match=f"cannot serve on 127.0.0.1, port {port}: address already"
            ),
            serving(PAGE, bundle=web_bundle, runtimes=tmp_path, port=port),
        ):
            pass


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"port": 70000}, "port 70000 is out of range"),
        ({"host": "no such host"}, "host 'no such host' is not known"),
        ({"host": "192.0.2.77"}, "cannot serve on 192.0.2.77, port 0: cannot assign"),
    ],
)
def test_an_address_that_is_none(
    web_bundle: Path, tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message), serving(
        PAGE, bundle=web_bundle, runtimes=tmp_path, **given
    ):  # fmt: skip
        pass


def test_a_phone_s_address(web_bundle: Path, tmp_path: Path) -> None:
    with serving(PAGE, bundle=web_bundle, runtimes=tmp_path, host="0.0.0.0") as running:
        assert running.url.startswith("http://127.0.0.1:")
        if running.lan_url is None:
            pytest.skip("this machine has no network")
        assert status(running.lan_url)[0] == 200
        lines = web_server.qr_code(running.lan_url).splitlines()
    assert len({len(line) for line in lines if line}) == 1
    assert len(lines) > 10


# ---------------------------------------------------------------- the runtimes' packages


def fake_npm(folder: Path, script: str) -> str:
    """A PATH on which npm is that script."""
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    return f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"


TAKE = 'while [ "$1" != --pack-destination ]; do shift; done\n'


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'npm error network request failed' >&2; exit 1", "npm error network request failed"),
        ("exit 0", "no message"),
        (TAKE + "echo wrong > $2/a.tgz", "another onnxruntime-web@"),
    ],
)
def test_npm_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", fake_npm(tmp_path / "bin", script))
    result = CliRunner().invoke(cli, ["web-runtimes", "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_without_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"npm is not installed.*LSTM_EDGE_WEB_RUNTIMES"):
        web_runtimes.install(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_other_things_stays(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "somebody\'s"}')
    with pytest.raises(
        InputError, match="does not hold the browser's runtimes; nothing was written"
    ):
        web_runtimes.install(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["package.json"]


def test_runtimes_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(web_runtimes.FOLDER_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(InputError, match=r"none: run lstm-edge web-runtimes once"):
        web_runtimes.find()


def test_runtimes_are_whole_or_not_there(runtimes: Path, tmp_path: Path) -> None:
    copy = tmp_path / "runtimes"
    for path in runtimes.rglob("*"):
        if path.is_file():
            target = copy / path.relative_to(runtimes)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    assert web_runtimes.find(copy) == copy
    assert web_runtimes.install(copy) == copy  # nothing to fetch
    assert web_runtimes.size(copy) > 10e6
    package = web_runtimes.packages()[0]
    (copy / package.name / package.served[-1]).unlink()
    assert not web_runtimes.is_whole(copy)


def test_the_packages_are_pinned() -> None:
    for package in web_runtimes.packages():
        assert package.version[0].isdigit()
        assert package.integrity.startswith("sha512-")
        assert len(package.served) > 1


def test_the_page_s_first_model_is_one(tmp_path: Path) -> None:
    """The Identity that starts the wasm, in runtimes.js, is what onnx makes."""
    import base64
    import re

    import onnx
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    node = helper.make_node("Identity", ["x"], ["y"])
    graph = helper.make_graph([node], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])
    written = re.search(r"atob\('([^']+)'\)", (WEB / "js" / "runtimes.js").read_text())
    assert written is not None
    assert onnx.load_from_string(base64.b64decode(written[1])) == model


def test_a_step_model_is_fed_as_its_runner_feeds_it() -> None:
    text = (WEB / "js" / "runtimes.js").read_text()
    assert f"const ALONE = {runners.ALONE};" in text
