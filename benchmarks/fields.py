"""What the fields of a bundle's JSON files mean, as tables: from the schemas in lstm_edge/schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from lstm_edge.base.files import read_json
from lstm_edge.report import tables as report

SCHEMAS = Path(str(files("lstm_edge"))) / "schemas"
# an object in a schema, by the name of its definition (empty: the whole file), and its title
PARTS = {
    "golden": {
        "": "golden.json",
        "case": "An entry of cases",
        "edge": "An entry of edge",
    },
    "manifest": {
        "": "manifest.json",
        "text": "Only of kind text",
        "tokenizer": "tokenizer",
        "preprocessing": "preprocessing",
        "tensors": "Only of kind tensors",
        "signature": "signature",
        "input": "An entry of signature.inputs",
        "output": "An entry of signature.outputs",
        "state": "An entry of states",
        "source": "source",
        "variant": "An entry of variants",
        "tolerance": "tolerance",
        "parity": "parity",
    },
}


def tables() -> dict[str, report.Table]:
    """A table for each part, by its marker, such as ``manifest-tokenizer``."""
    made = {}
    for name, parts in PARTS.items():
        schema = read_json(SCHEMAS / f"{name}.schema.json", "schema")
        for part, title in parts.items():
            fields = schema["$defs"][part] if part else schema
            made["-".join(filter(None, (name, part)))] = _table(title, fields, schema["$defs"])
    return made


def _table(title: str, part: dict[str, Any], defined: dict[str, Any]) -> report.Table:
    rows = tuple(
        (
            field,
            " or ".join(dict.fromkeys(_kinds(kind, defined)))
            + ("" if field in part["required"] else "; may be absent"),
            kind["description"],
        )
        for field, kind in part["properties"].items()
    )
    return report.Table(title, ("field", "type", "meaning"), rows)


def _kinds(kind: dict[str, Any], defined: dict[str, Any]) -> Iterator[str]:
    """What a value may be, in words."""
    if "$ref" in kind:
        kind = defined[kind["$ref"].rpartition("/")[2]]
    if "anyOf" in kind:
        for one in kind["anyOf"]:
            yield from _kinds(one, defined)
    elif "const" in kind or "enum" in kind:
        values = kind.get("enum") or [kind["const"]]
        yield ", ".join(v or "(empty)" if isinstance(v, str) else json.dumps(v) for v in values)
    else:
        for one in kind["type"] if isinstance(kind["type"], list) else [kind["type"]]:
            of = f" of {' or '.join(_kinds(kind['items'], defined))}" if one == "array" else ""
            yield f"{one}{of}"
