"""The number that results carry as JSON, so that a reader knows what it reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lstm_edge.base import checks
from lstm_edge.base.gate import shown
from lstm_edge.errors import InputError

SCHEMA = 1


def numbered(value: Mapping[str, Any]) -> dict[str, Any]:
    """Results as JSON holds them, with the number."""
    return {"schema": SCHEMA, **value}


def check_fields(value: Any, part: str) -> None:
    """Refuse what is not as ``lstm_edge/schemas/results.schema.json`` says; nothing is taken on trust.

    Results of before there was a number have the same fields.

    Args:
        part: ``parity``, ``latency`` or ``device``.

    Raises:
        ValueError: written by a newer version, or the first field that is wrong.
    """
    schema = value.get("schema", SCHEMA) if isinstance(value, Mapping) else SCHEMA
    if not isinstance(schema, int) or schema > SCHEMA:
        raise ValueError(f"schema {shown(json.dumps(schema))}; this version reads {SCHEMA}")
    json.dumps(value, allow_nan=False)  # what was never JSON may hold NaN
    try:
        checks.check(value, "results", "", part)
    except InputError as error:
        raise ValueError(str(error)) from None
