"""What a manifest's fields say of each other, which its schema cannot: names, counts, sizes, ends."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from lstm_edge.base.gate import printable, shown
from lstm_edge.errors import InputError
from lstm_edge.inputs.tokenizer import portable_pattern

# No folder, no drive, no hidden file, and the same file on systems that know no capitals.
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
CALL = 1 << 27
"""Numbers in an array of one call, 512 MiB: 32 videos of 30 small pictures have a third of it."""


def check_file_names(manifest: dict[str, Any], taken: Sequence[str]) -> None:
    """Refuse names that could lead out of the folder, or that two files would have.

    Args:
        taken: names that no file of a manifest may have, such as its own.
    """
    names = [*manifest["files"], *(variant["file"] for variant in manifest["variants"])]
    for name in names:
        if not _FILE.fullmatch(name):
            raise InputError(
                f"a file is called {shown(name)!r}; expected a plain name of at most 200 letters, "
                "digits, dots, dashes and underscores"
            )
    _check_once("file", [*taken, *names], str.lower)


def check_references(manifest: dict[str, Any]) -> None:
    """Refuse a manifest whose fields contradict each other; it is as its schema says.

    Raises:
        InputError: the first such field, what it says, and what the others say.
    """
    variants = manifest["variants"]
    _check_once("variant", [variant["name"] for variant in variants])
    _check_once("label", manifest["labels"])
    for variant in variants:
        parts = (variant["format"], variant["precision"], variant.get("made_for"))
        if variant["name"] != (expected := "-".join(filter(None, parts))):
            raise InputError(
                f"variant {variant['name']} is of a format and precision that make it {expected}"
            )
    if manifest.get("kind") == "tensors":
        _check_signature(manifest["signature"], manifest["labels"])
    else:
        _check_texts(manifest)
    for variant in variants:
        _check_variant(variant, manifest)


def _check_once(what: str, names: Iterable[str], same: Any = str) -> None:
    for name, count in Counter(map(same, names)).items():
        if count > 1:
            raise InputError(f"{count} have the name of one {what}, {shown(name)!r}; expected one")


def _check_texts(manifest: dict[str, Any]) -> None:
    labels, settings = manifest["labels"], manifest["tokenizer"]
    if (values := manifest["label_values"]) is not None and len(values) != len(labels):
        raise InputError(
            f"label_values are {len(values)}; expected one for each of {len(labels)} labels"
        )
    if "outputs" in manifest:
        check_labels(len(labels), manifest["outputs"])
    ids = ("pad_id", "start_id", "unknown_id") if "vocab.txt" in manifest["files"] else ("pad_id",)
    for name in ids:
        if (settings[name] or 0) >= settings["num_ids"]:
            raise InputError(
                f"tokenizer.{name} is {settings[name]}; expected less than num_ids, {settings['num_ids']}"
            )
    if settings.get("pattern") is not None:
        portable_pattern(settings["pattern"])


def check_labels(labels: int, outputs: int) -> None:
    """Refuse another number of labels than an answer of so many numbers has."""
    if labels != max(2, outputs):
        numbers = "1 number" if outputs == 1 else f"{outputs} numbers"
        raise InputError(f"labels are {labels}; an answer of {numbers} has {max(2, outputs)}")


def _check_signature(signature: dict[str, Any], labels: Sequence[str]) -> None:
    inputs, outputs, states = (signature[name] for name in ("inputs", "outputs", "states"))
    _check_once("input", [end["name"] for end in (*inputs, *states)])
    _check_once("output", [*(end["name"] for end in outputs), *(end["output"] for end in states)])
    for end in (*inputs, *outputs, *states):
        name = repr(shown(end["name"]))
        if not end["shape"]:
            raise InputError(f"the shape of {name} is empty; expected the examples first")
        _check_size(end["name"], end["shape"])
        last = end["shape"][-1] if len(end["shape"]) > 1 else None
        scale = end.get("scale") or end.get("unscale") or {}
        for field, numbers in (*scale.items(), *((f, end[f]) for f in ("nan", "inf") if f in end)):
            if isinstance(numbers, list) and len(numbers) not in (1, last):
                raise InputError(
                    f"{field} of {name} is for {len(numbers)}; expected 1, or one for each of the last "
                    f"axis of {end['shape']}"
                )
        if end.get("dtype") == "int32" and scale:
            raise InputError(f"{name} has whole numbers, which are not scaled")
        if end.get("timed") and end["shape"][1:2] not in ([None], [signature["chunk"]]):
            raise InputError(f"{name} is timed, and its shape {end['shape']} has no steps")
    if signature["chunk"] is not None and not states:
        raise InputError(
            f"signature.chunk is {signature['chunk']} where no states are; expected null"
        )
    numbers = {2 if end["activation"] == "sigmoid" and n == 1 else n for end in outputs
               for n in end["shape"][-1:] if end["activation"] in ("sigmoid", "softmax")}  # fmt: skip
    if labels and len(labels) not in numbers:
        raise InputError(
            f"labels are {len(labels)}; expected as many as an output has probabilities"
        )


def _check_variant(variant: dict[str, Any], manifest: dict[str, Any]) -> None:
    name, states = variant["name"], variant.get("states", [])
    worst = variant["parity"]["worst"]
    if len(worst["reference"]) != len(worst["variant"]):
        raise InputError(f"{name} has in parity.worst answers of two lengths; expected one")
    ends = {side: {end["name"]: end for end in variant[side]} for side in ("inputs", "outputs")}
    for side, field in (("inputs", "name"), ("outputs", "output")):
        _check_once(f"of the {side} of {name}", [end["name"] for end in variant[side]])
        for end in variant[side]:
            _check_size(f"{name}, {end['name']}", end["shape"], variant["batch"])
        fed = [state[field] for state in states]
        _check_once(f"of the states of {name}", fed)
        if missing := [one for one in fed if one not in ends[side]]:
            raise InputError(
                f"{name} has no end {shown(missing[0])!r} among its {side} for its state"
            )
        for state in states:
            _check_size(f"{name}, {state[field]}", state["shape"], variant["batch"])
            _check_end(name, ends[side][state[field]], state, "its state")
        own = [end for key, end in ends[side].items() if key not in fed]
        if manifest.get("kind") == "tensors":
            whole = manifest["signature"]
            _check_ends(name, side, ends[side], [*whole[side], *(
                {**state, "name": state[field]} for state in whole["states"])])  # fmt: skip
            if sorted(fed) != sorted(state[field] for state in whole["states"]):
                raise InputError(f"{name} has other states than the signature")
        elif len(own) != 1:
            raise InputError(f"{name} has {len(own)} {side} beside its states; expected 1")
        elif own[0]["dtype"] != "string" and len(own[0]["shape"]) != 2:
            raise InputError(
                f"{name}: {shown(own[0]['name'])!r} has the shape {own[0]['shape']}; expected two axes"
            )


def _check_ends(
    name: str, side: str, ends: dict[str, dict[str, Any]], expected: Sequence[dict[str, Any]]
) -> None:
    """Those of a file against those of the signature; a file leaves free what it likes."""
    names = [end["name"] for end in expected]
    if sorted(ends) != sorted(names):
        raise InputError(
            f"{name} has the {side} {_listed(ends)}; the signature has {_listed(names)}"
        )
    for port in expected:
        _check_end(name, ends[port["name"]], port, "the signature")


def _check_end(name: str, end: dict[str, Any], port: dict[str, Any], where: str) -> None:
    sizes = zip(end["shape"][1:], port["shape"][1:], strict=False)
    fits = len(end["shape"]) == len(port["shape"]) and all(
        here in (-1, there) or there is None for here, there in sizes
    )
    if not fits or end["dtype"] != port.get("dtype", "float32"):
        raise InputError(
            f"{name}: {shown(end['name'])!r} is {end['dtype']} {end['shape']}; {where} has "
            f"{port.get('dtype', 'float32')} {port['shape']}"
        )


def _listed(names: Iterable[str]) -> str:
    return printable(shown(", ".join(names)))


def _check_size(name: str, shape: Sequence[int | None], batch: int | None = None) -> None:
    """Refuse an array that no call could be given, before anything is made for it."""
    fixed = [size for size in shape[1:] if size is not None and size > 0]
    first = max(batch or 1, (shape[0] if shape else None) or 1)
    if first * math.prod(fixed) > CALL:
        raise InputError(
            f"{printable(shown(name))} has the shape {list(shape)} in a batch of {first}; expected at "
            f"most {CALL:,} numbers"
        )
