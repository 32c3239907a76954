"""The checks of lstm_edge/base/checks, from the schemas: a device has no library that reads a schema.

usage: python scripts/schema_checks.py           writes them
       python scripts/schema_checks.py --check   exits 1 where one differs from its schema

A library writes the checks. It knows an earlier draft than the schemas are written in, and a reader
leaves fields aside that it does not know, where a schema refuses them: so each schema is put into that
form first. The checks are shortened, since the library repeats the schema in each of its errors.
"""

from __future__ import annotations

import argparse
import ast
import sys
from pathlib import Path
from typing import Any

import fastjsonschema

from lstm_edge.base.files import read_json, write_text

ROOT = Path(__file__).resolve().parent.parent / "lstm_edge"
SCHEMAS, CHECKS = ROOT / "schemas", ROOT / "base" / "checks"
HEADER = '''"""Checks of {title}. Made by scripts/schema_checks.py from {schema}: edit that."""
# ruff: noqa
# mypy: ignore-errors
'''
FAILURE = """
class JsonSchemaValueException(ValueError):
    def __init__(self, message, value, name, rule):
        super().__init__(message)
        self.value, self.name, self.rule = value, name, rule
"""
# what only a writer of schemas reads, and what refuses fields that are not known
LEFT_OUT = ("$schema", "$id", "title", "description", "unevaluatedProperties")
CONDITION = ("if", "then", "else")
BUNDLES = ("manifest", "golden")  # docs/bundle.md: a later version's fields are left aside


def readers_form(schema: Any, further: bool) -> Any:
    """A schema in draft 7; in a bundle's ``further`` fields are taken."""
    if isinstance(schema, list):
        return [readers_form(item, further) for item in schema]
    if not isinstance(schema, dict):
        return schema.replace("#/$defs/", "#/definitions/") if isinstance(schema, str) else schema
    value = {
        "definitions" if key == "$defs" else key: readers_form(item, further)
        for key, item in schema.items()
        if not (key in LEFT_OUT and isinstance(item, str | bool))
        and not (key == "additionalProperties" and item is False and further)
        # of names the library does not say which: lstm_edge/bundle/references.py does
        and key != "propertyNames"
    }
    if "if" not in value:
        return value
    # the library looks at the condition first, which says less than the type of its own field
    condition = {key: value.pop(key) for key in CONDITION if key in value}
    definitions = value.pop("definitions", {})
    return {"definitions": definitions, "allOf": [value, condition]}


class Shortened(ast.NodeTransformer):
    """Without what the library repeats, and with 1.0 no whole number, which no list has at a place."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        node.keywords = [item for item in node.keywords if item.arg != "definition"]
        if isinstance(node.func, ast.Attribute) and node.func.attr == "is_integer":
            return ast.Constant(False)
        return node

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        unknown = ("Decimal", "JsonSchemaValuesException")
        node.elts = [e for e in node.elts if not (isinstance(e, ast.Name) and e.id in unknown)]
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return ast.parse(FAILURE).body[0] if node.module == "fastjsonschema" else None

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        version = isinstance(node.targets[0], ast.Name) and node.targets[0].id == "VERSION"
        return None if version else self.generic_visit(node)


def checks(schema: Path) -> str:
    """The module that checks what a schema describes."""
    value = read_json(schema, "schema")
    form = readers_form(value, schema.name.partition(".")[0] in BUNDLES)
    tree = ast.parse(fastjsonschema.compile_to_code(form))
    code = ast.unparse(ast.fix_missing_locations(Shortened().visit(tree)))
    return HEADER.format(title=value["title"], schema=f"schemas/{schema.name}") + code + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    for schema in sorted(SCHEMAS.glob("*.schema.json")):
        module = CHECKS / f"{schema.name.removesuffix('.schema.json')}.py"
        text = checks(schema)
        if not check:
            write_text(module, text)
        elif not module.is_file() or module.read_text(encoding="utf-8") != text:
            sys.exit(f"{module.name} differs from its schema: run python scripts/schema_checks.py")


if __name__ == "__main__":
    main()
