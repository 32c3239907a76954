"""What is in a ``.tflite`` file."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from lstm_edge.base.extras import require
from lstm_edge.errors import InputError
from lstm_edge.structure.containers import Listed, member, zip_of
from lstm_edge.structure.contents import Structure, TensorInfo

SUFFIXES = (".tflite",)

# Metadata of a TFLite file whose first step sets all variable tensors to zeros.
STATES_SHUT = "lstm_edge.states_shut"
# Metadata of a TFLite file that MediaPipe Tasks reads, and the files behind the model that it names.
MEDIAPIPE = "TFLITE_METADATA"
MEDIAPIPE_VOCABULARY, MEDIAPIPE_LABELS = "vocab.txt", "labels.txt"
_FEW_LINES = 10  # that are shown


def read(path: Path) -> Structure:
    schema = require("ai_edge_litert.schema_py_generated", f"inspecting {path.name}")
    content = path.read_bytes()
    if content[4:8] != b"TFL3":
        raise InputError(f"{path} is not a TFLite file (its identifier is missing)")
    model, listed = schema.Model.GetRootAs(content, 0), Listed(len(content), f"{path}")
    names = names_of(schema.BuiltinOperator)
    types = names_of(schema.TensorType)
    ops: Counter[str] = Counter()
    weights: Counter[str] = Counter()
    problems = []
    clipped: Counter[float] = Counter()
    variables = 0
    buffers = set()
    fused = schema.BuiltinOptions.UnidirectionalSequenceLSTMOptions
    for graph in map(model.Subgraphs, listed.take(model.SubgraphsLength())):
        for op in map(graph.Operators, listed.take(graph.OperatorsLength())):
            code = model.OperatorCodes(op.OpcodeIndex())
            # builtin codes above 127 are only in the newer field
            number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
            custom = code.CustomCode()
            ops[custom.decode() if custom else names[number]] += 1
            if op.BuiltinOptionsType() == fused and (table := op.BuiltinOptions()) is not None:
                options = schema.UnidirectionalSequenceLSTMOptions()
                options.Init(table.Bytes, table.Pos)
                if options.CellClip():
                    clipped[options.CellClip()] += 1
        for tensor in map(graph.Tensors, listed.take(graph.TensorsLength())):
            variables += bool(tensor.IsVariable())
            if tensor.Buffer() not in buffers:
                buffers.add(tensor.Buffer())
                # as an array: a file that is cut short does not give it
                buffer = model.Buffers(tensor.Buffer())
                if buffer.DataLength():
                    weights[types[tensor.Type()].lower()] += buffer.DataAsNumpy().nbytes
    if flex := [op for op in ops if op.startswith("Flex")]:
        problems.append(
            f"needs Flex operators, which plain LiteRT does not have: {', '.join(flex)}"
        )
    if lists := [op for op in ops if "TensorList" in op]:
        problems.append(f"uses TensorList operators: {', '.join(lists)}")
    notes = {
        (note.Name() or b"").decode()
        for note in map(model.Metadata, listed.take(model.MetadataLength()))
    }
    if variables and STATES_SHUT not in notes:
        problems.append(f"{variables} variable tensors keep their values from one call to the next")
    for clip, count in clipped.items():
        problems.append(
            f"{count} fused LSTM operators clip the cell state at ±{clip:g}; Keras does not"
        )
    main = model.Subgraphs(0)
    signatures = map(model.SignatureDefs, listed.take(model.SignatureDefsLength()))
    signature = next((s for s in signatures if s.SubgraphIndex() == 0), None)

    def infos(end: str) -> tuple[TensorInfo, ...]:
        # what a caller knows the ends by: tensors have names of the converter's, and may be two of them
        called: dict[int, list[str]] = {}
        if signature is not None:
            ports = listed.take(getattr(signature, f"{end}Length")())
            for port in map(getattr(signature, end), ports):
                called.setdefault(port.TensorIndex(), []).append(port.Name().decode())
        places = map(getattr(main, end), listed.take(getattr(main, f"{end}Length")()))
        return tuple(info(place, called.get(place)) for place in places)

    def info(index: int, names: list[str] | None) -> TensorInfo:
        tensor = main.Tensors(index)
        told = tensor.ShapeSignature if tensor.ShapeSignatureLength() else tensor.Shape
        count = tensor.ShapeSignatureLength() or tensor.ShapeLength()
        shape = tuple(map(told, listed.take(count)))
        name = names.pop(0) if names else tensor.Name().decode()
        return TensorInfo(name, types[tensor.Type()].lower(), shape)

    return Structure(
        "tflite",
        len(content),
        infos("Inputs"),
        infos("Outputs"),
        dict(sorted(ops.items())),
        dict(sorted(weights.items())),
        tuple(problems),
        _packed(path) if MEDIAPIPE in notes else {},
    )


def _packed(path: Path) -> dict[str, str]:
    """What the files of an archive behind a model hold, in a few words."""
    if not zipfile.is_zipfile(path):
        return {}
    contents = {}
    with zip_of(path, f"{path}", "whole") as archive:
        for name in archive.namelist():
            text = member(archive, name, f"{path}").decode(errors="replace")
            lines = text.rstrip("\n").split("\n")
            few = len(lines) <= _FEW_LINES
            contents[name] = ", ".join(lines) if few else f"{len(lines):,} lines"
    return contents


def names_of(enum: Any) -> dict[int, str]:
    return {value: name for name, value in vars(enum).items() if isinstance(value, int)}
