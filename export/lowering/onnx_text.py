"""ONNX: texts to ids in the graph, id for id as :class:`lstm_edge.inputs.tokenizer.Tokenizer` makes them.

No operator here asks a locale or the machine's own tables. ``StringNormalizer`` lower-cases by the C
library: its default locale is not there on slim machines and on iOS, where the session then does not
start, and what the locales that are there lower-case differs between libraries. So the text is taken
apart into characters (``Tokenizer``, of ONNX Runtime's own), and each is looked up (``LabelEncoder``):
lower-cased by Python's rules, or the separator where it is filtered, or what stands for all those that
no word has. The characters are joined again, two by two, then split into words, and these are looked up
in the vocabulary.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

from export.formats import Texts
from lstm_edge.base.extras import require
from lstm_edge.inputs.tokenizer import NO_CHARACTER, Tokenizer

OPSET = 20  # the first with StringSplit and StringConcat; ONNX Runtime has it from 1.17 on
IR_VERSION = 9  # the one that came with opset 20
INPUT, IDS = "text", "text_ids"
CONTRIB, ML = "com.microsoft", "ai.onnx.ml"
_PURPOSE = "exporting to ONNX"
_DROPPED = -1
_END = 2**62


def obstacles(tokenizer: Tokenizer) -> list[str]:
    """What keeps a tokeniser's rules out of a graph; empty where nothing does."""
    known, settings = _known(tokenizer), tokenizer.settings
    reasons = []
    if settings.pattern is not None:
        reasons.append(
            "the words are found by a regular expression, which no operator of ONNX does"
        )
    differ = _kept("σ", tokenizer, known) != _kept("ς", tokenizer, known)
    if settings.lower and not settings.lower_ascii and differ:
        reasons.append(
            "the vocabulary tells σ from ς, and which of them a capital Σ becomes depends on the "
            "letters around it: a graph looks at one character at a time"
        )
    looked_for = known.union(settings.filters, settings.deleted)
    if strange := sorted(c for c in looked_for if c == NO_CHARACTER or "\ud800" <= c <= "\udfff"):
        listed = ", ".join(f"U+{ord(c):04X}" for c in strange)
        reasons.append(f"the tokeniser looks for characters that no text in UTF-8 means: {listed}")
    return reasons


def tokenising_graph(texts: Texts) -> Any:
    """A model: texts string [batch] -> ids int32 [batch, length], padded and cut as the settings say.

    The length is that of the longest text, at most the model's; where pads are part of what the model
    answers, it is the model's. Where it takes none at all, the batch is 1.
    """
    onnx = require("onnx", _PURPOSE)
    tokenizer = texts.tokenizer
    model = onnx.parser.parse_model(_text(texts))
    settings = tokenizer.settings
    nodes = {node.output[0]: node for node in model.graph.node}
    # a short text is filled up with empty strings; between two separators there is one too
    _look_up(onnx, nodes["kept"], {"": "", **_characters(tokenizer)}, NO_CHARACTER)
    if not settings.characters:
        _set(onnx, nodes["pieces"], delimiter=settings.split)
    words = tokenizer.tokens[settings.first_word_id :]
    ids = {word: i for i, word in enumerate(words, settings.first_word_id)}
    unknown = _DROPPED if settings.unknown_id is None else settings.unknown_id
    _look_up(onnx, nodes["found"], {**ids, "": _DROPPED}, unknown)
    onnx.checker.check_model(model)
    return model


def join(texts: Texts, model: Any) -> Any:
    """A model of ids, of any opset up to :data:`OPSET`, as one of texts: string [batch] in."""
    onnx = require("onnx", _PURPOSE)
    model = onnx.version_converter.convert_version(model, OPSET)
    ids_input = model.graph.input[0]
    begin = onnx.compose.add_prefix(
        tokenising_graph(texts), "text/", rename_inputs=False, rename_outputs=False
    )
    kind = ids_input.type.tensor_type.elem_type
    if kind != onnx.TensorProto.INT32:
        cast = onnx.helper.make_node("Cast", [IDS], [f"{IDS}_cast"], name="text/cast", to=kind)
        begin.graph.node.append(cast)
        del begin.graph.output[:]
        begin.graph.output.append(
            onnx.helper.make_tensor_value_info(cast.output[0], kind, ["batch", "length"])
        )
    begin.ir_version = model.ir_version = IR_VERSION  # both are to say the same
    joined = onnx.compose.merge_models(
        begin, model, io_map=[(begin.graph.output[0].name, ids_input.name)]
    )
    versions = {opset.domain: opset.version for opset in joined.opset_import}
    del joined.opset_import[:]  # merging names the same one twice
    joined.opset_import.extend(onnx.helper.make_opsetid(d, v) for d, v in versions.items())
    joined.producer_name = "lstm-edge"
    onnx.checker.check_model(joined)
    return joined


def _look_up(onnx: Any, node: Any, table: dict[str, Any], default: Any) -> None:
    """Fill in a LabelEncoder from strings to strings or int64."""
    kind = "string" if isinstance(default, str) else "int64"
    values = {f"values_{kind}s": list(table.values()), f"default_{kind}": default}
    _set(onnx, node, keys_strings=list(table), **values)


def _set(onnx: Any, node: Any, **attributes: Any) -> None:
    node.attribute.extend(onnx.helper.make_attribute(k, v) for k, v in attributes.items())


def _known(tokenizer: Tokenizer) -> set[str]:
    """The characters that are in some word or in the separator."""
    settings = tokenizer.settings
    return set("".join(tokenizer.tokens[settings.first_word_id :])) | set(settings.split)


def _kept(character: str, tokenizer: Tokenizer, known: set[str]) -> str:
    """What the words of a text have for one of its characters."""
    settings = tokenizer.settings
    lowered = (c for c in settings.lowered(character) if c not in settings.deleted)
    filtered = (settings.split if c in settings.filters else c for c in lowered)
    return "".join(c if c in known else NO_CHARACTER for c in "".join(filtered))


def _characters(tokenizer: Tokenizer) -> dict[str, str]:
    """Every character that leaves something in a word, or between words, and what."""
    known = _known(tokenizer)
    settings = tokenizer.settings
    looked_for = known.union(settings.filters, settings.deleted)
    capitals = {
        c
        for c, lowered in _capitals().items()
        if not looked_for.isdisjoint(lowered) and settings.lowered(c) != c
    }
    spellings = {c: _kept(c, tokenizer, known) for c in sorted(looked_for | capitals)}
    return {c: kept for c, kept in spellings.items() if set(kept) != {NO_CHARACTER}}


@functools.cache
def _capitals() -> dict[str, str]:
    """Every character that is another in lower case, and which."""
    characters = map(chr, range(sys.maxunicode + 1))
    return {c: c.lower() for c in characters if c.lower() != c}


def _text(texts: Texts) -> str:
    """The graph, as ONNX text; what is looked up is filled in afterwards.

    Every id that is kept goes to its own column, from 1 on; column 0 takes those that are not, and is cut
    off.
    """
    settings = texts.tokenizer.settings
    batch = "1" if texts.pads == "none" else "batch"
    start = _DROPPED if settings.start_id is None else settings.start_id
    if texts.pads in ("front", "behind"):
        length, width = str(settings.max_length), "wide = Identity (max_length)"
    else:
        length = "length"
        width = """longest = ReduceMax <keepdims = 0> (total)
    some = Max (longest, one)
    wide = Min (some, max_length)"""
    # where the first of a text's ids goes: behind the pads, and further to the left by what is cut there
    pads, cut = settings.padding == "pre", settings.truncating == "pre"
    moved = {
        (True, True): "moved = Sub (wide, total)",
        (True, False): "moved = Sub (wide, shown)",
        (False, True): "moved = Sub (shown, total)",
        (False, False): "moved = Sub (zero, zero)",
    }[pads, cut]
    if settings.characters:  # once more: lower-cased, one may have become two
        split = f"""pieces = {CONTRIB}.Tokenizer <
        mark = 0, pad_value = "", separators = [""], mincharnum = 1
    > (joined)"""
    else:
        split = "pieces, counts = StringSplit (joined)"
    # Loop's body has constants of its own: add_prefix does not rename those that it takes from outside
    return f"""
<ir_version: {IR_VERSION}, opset_import: ["": {OPSET}, "{CONTRIB}": 1, "{ML}": 2]>
tokenise (string[{batch}] {INPUT}) => (int32[{batch}, {length}] {IDS})
<
    string[1, 1] blank = {{""}}, int64 many = {{64}}, bool yes = {{1}},
    int64 zero = {{0}}, int64 one = {{1}},
    int64[1] lasts = {{-1}}, int64[1] ones = {{1}}, int64[1] end = {{{_END}}},
    int64[4] in_front = {{0, 1, 0, 0}}, int64 start = {{{start}}},
    int64[1, 1] pad = {{{settings.pad_id}}}, int64 max_length = {{{settings.max_length}}}
>
{{
    characters = {CONTRIB}.Tokenizer <
        mark = 0, pad_value = "", separators = [""], mincharnum = 1
    > ({INPUT})
    kept = {ML}.LabelEncoder (characters)
    rows = Shape <start = 0, end = 1> (kept)
    parts = Loop <body = two_by_two
        (int64 turn, bool going, string[count, width] before)
        => (bool more, string[count, half] after)
        <
            string[1, 1] filler = {{""}}, int64[1] begin = {{0}}, int64[1] once = {{1}},
            int64[1] twice = {{2}}, int64[1] behind = {{{_END}}}
        >
        {{
            size = Shape <start = 1, end = 2> (before)
            odd = Mod (size, twice)
            gap = Concat <axis = 0> (rows, odd)
            fillers = Expand (filler, gap)
            even = Concat <axis = 1> (before, fillers)
            left = Slice (even, begin, behind, once, twice)
            right = Slice (even, once, behind, once, twice)
            after = StringConcat (left, right)
            halved = Shape <start = 1, end = 2> (after)
            several = Greater (halved, once)
            more = Squeeze (several)
        }}
    > (many, yes, kept)
    row = Concat <axis = 0> (rows, ones)
    nothing = Expand (blank, row)
    all = Concat <axis = 1> (parts, nothing)
    joined = Gather <axis = 1> (all, zero)
    {split}
    found = {ML}.LabelEncoder (pieces)
    started = Pad (found, in_front, start)
    is_id = GreaterOrEqual (started, zero)
    counted = Cast <to = 7> (is_id)
    rank = CumSum (counted, one)
    total = Gather <axis = 1> (rank, lasts)
    {width}
    shown = Min (total, wide)
    {moved}
    shifted = Add (rank, moved)
    not_before = Max (shifted, zero)
    fits = LessOrEqual (shifted, wide)
    fitting = Cast <to = 7> (fits)
    inside = Mul (not_before, fitting)
    column = Mul (inside, counted)
    columns = Add (wide, ones)
    shape = Concat <axis = 0> (rows, columns)
    pads = Expand (pad, shape)
    laid = ScatterElements <axis = 1> (pads, column, started)
    ids = Slice (laid, ones, end, ones)
    {IDS} = Cast <to = 6> (ids)
}}
"""
