"""The number that results carry as JSON, so that a reader knows what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SCHEMA = 1


def numbered(value: Mapping[str, Any]) -> dict[str, Any]:
    """Results as JSON holds them, with the number."""
    return {"schema": SCHEMA, **value}


def fields(value: Mapping[str, Any]) -> dict[str, Any]:
    """What :func:`numbered` was given; results of before there was a number have the same fields.

    Raises:
        ValueError: written by a newer version.
    """
    schema = value.get("schema", SCHEMA)
    if not isinstance(schema, int) or schema > SCHEMA:
        raise ValueError(f"schema {schema!r}; this version reads {SCHEMA}")
    return {key: item for key, item in value.items() if key != "schema"}
