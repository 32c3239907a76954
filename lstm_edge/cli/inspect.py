"""``lstm-edge inspect``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from lstm_edge.cli import shared
from lstm_edge.cli.messages import with_options
from lstm_edge.errors import InputError


@click.command(
    "inspect", short_help="What is inside a bundle, or a .tflite, .onnx, .ort, .keras or .h5 file."
)
@click.argument("file", type=click.Path(path_type=Path))
@shared.TRUSTED
@shared.JSON
@shared.trust_options
def command(file: Path, json_file: Path | None, trust: bool, custom: Sequence[Path]) -> None:
    """Show inputs, operators, weights and problems of FILE without running it.

    For a Keras file the problems are what keeps it from being exported, and where nothing does, there is
    which way it goes; for a bundle there is how the recurrent layers of each of its files are expressed,
    and why.

    \b
    lstm-edge inspect bundle
    lstm-edge inspect bundle/onnx-float32.onnx
    lstm-edge inspect model.keras
    """
    from lstm_edge.bundle.manifest import is_bundle
    from lstm_edge.report import tables as report
    from lstm_edge.structure import contents as structure

    if is_bundle(file):
        bundle = shared.open_bundle(file)
        shared.show(report.lowering_table(bundle))
        shared.write_json(json_file, report.lowerings(bundle))
        return
    if shared.trusted():
        raise InputError(f"`trusted` is for bundles, and {file} is none")
    found = structure.inspect(file)
    if found.format == "keras":
        shared.require_export()
        from export.bundling import obstacles

        with shared.quiet(False):
            problems = [
                with_options(p, click.get_current_context()) for p in obstacles(file, trust, custom)
            ]
        found = found.with_problems(problems)
    for table in report.structure_tables(found):
        shared.show(table)
    if found.format == "keras" and not found.problems:
        from export.stack import why_not
        from lstm_edge.structure.of_keras import keras_config

        reason = why_not(keras_config(file))
        faster = "with --vocab the faster one, with a pad-state table"
        way = f"that of any model: {reason}" if reason else faster
        shared.say(f"Its way to the files is {way}.")
    shared.write_json(json_file, found.to_json())
