"""What a file holds, against its schema in ``lstm_edge/schemas``.

A device has no library that reads a schema: the modules here are made by one, with
``scripts/schema_checks.py``. They leave fields aside that they do not know.
"""

from __future__ import annotations

import ast
import importlib
import json
from typing import Any

from lstm_edge.base.gate import printable, shown
from lstm_edge.errors import InputError

# what the library says otherwise than we would
_WORDS = {
    "same as const definition: ": "",
    "bigger than or equal to": "at least",
    "smaller than or equal to": "at most",
    "bigger than": "above",
    "contain less than or equal to": "contain at most",
}


def check(value: Any, schema: str, what: str, part: str = "") -> None:
    """Refuse a value that is not as a schema says.

    Args:
        value: as :func:`lstm_edge.base.gate.parse_json` gives it.
        schema: the name of a module here, such as ``manifest``.
        what: names the value in the error; where it is empty, only the field is named.
        part: the definition of the schema that it is to meet; the whole schema without it.

    Raises:
        InputError: the first field that is wrong, what came there, and what was expected.
    """
    module: Any = importlib.import_module(f"{__name__}.{schema}")
    validate = getattr(module, f"validate___definitions_{part}") if part else module.validate
    try:
        validate(value)
    except module.JsonSchemaValueException as error:
        sentence = _sentence(error)
        raise InputError(f"{what} is not taken: {sentence}" if what else sentence) from None


def _sentence(error: Any) -> str:
    rule = str(error).removeprefix(error.name).strip()
    where = printable(error.name.removeprefix("data").removeprefix("."))
    if error.rule == "required":
        missing = ast.literal_eval(rule.removeprefix("must contain ").removesuffix(" properties"))
        return f"{where or 'it'} lacks {', '.join(missing)}"
    if error.rule == "additionalProperties":
        more = ast.literal_eval(rule.removeprefix("must not contain ").removesuffix(" properties"))
        return f"{where or 'it'} has {printable(shown(', '.join(sorted(more))))}; that is not known"
    return f"{where or 'it'} is {_came(error.value)}; it {printable(_plain(rule))}"


def _plain(rule: str) -> str:
    for said, plain in _WORDS.items():
        rule = rule.replace(said, plain)
    return rule


def _came(value: Any) -> str:
    if isinstance(value, list | dict):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"
    if isinstance(value, str):
        return repr(shown(value))
    return json.dumps(value)
