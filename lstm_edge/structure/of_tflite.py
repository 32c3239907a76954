"""What is in a ``.tflite`` file."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from lstm_edge.base.extras import require
from lstm_edge.errors import InputError
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
    try:
        model = schema.ModelT.InitFromPackedBuf(content, 0)
    except Exception as error:  # a cut flatbuffer raises whatever its bytes lead to
        raise InputError(f"{path} is damaged: {error}") from None
    names = names_of(schema.BuiltinOperator)
    types = names_of(schema.TensorType)
    ops: Counter[str] = Counter()
    weights: Counter[str] = Counter()
    problems = []
    clipped: Counter[float] = Counter()
    variables = 0
    buffers = set()
    for graph in model.subgraphs:
        for op in graph.operators or ():
            code = model.operatorCodes[op.opcodeIndex]
            # builtin codes above 127 are only in the newer field
            number = max(code.builtinCode, code.deprecatedBuiltinCode)
            custom = code.customCode.decode() if code.customCode else None
            ops[custom or names[number]] += 1
            options = op.builtinOptions
            if isinstance(options, schema.UnidirectionalSequenceLSTMOptionsT) and options.cellClip:
                clipped[options.cellClip] += 1
        for tensor in graph.tensors:
            variables += bool(tensor.isVariable)
            data = model.buffers[tensor.buffer].data
            if data is not None and len(data) and tensor.buffer not in buffers:
                buffers.add(tensor.buffer)
                weights[types[tensor.type].lower()] += len(data)
    if flex := [op for op in ops if op.startswith("Flex")]:
        problems.append(
            f"needs Flex operators, which plain LiteRT does not have: {', '.join(flex)}"
        )
    if lists := [op for op in ops if "TensorList" in op]:
        problems.append(f"uses TensorList operators: {', '.join(lists)}")
    notes = {(note.name or b"").decode() for note in model.metadata or ()}
    if variables and STATES_SHUT not in notes:
        problems.append(f"{variables} variable tensors keep their values from one call to the next")
    for clip, count in clipped.items():
        problems.append(
            f"{count} fused LSTM operators clip the cell state at ±{clip:g}; Keras does not"
        )
    main = model.subgraphs[0]
    signature = next((s for s in model.signatureDefs or () if s.subgraphIndex == 0), None)

    def infos(end: str) -> tuple[TensorInfo, ...]:
        # what a caller knows the ends by: tensors have names of the converter's, and may be two of them
        called: dict[int, list[str]] = {}
        for port in getattr(signature, end, None) or ():
            called.setdefault(port.tensorIndex, []).append(port.name.decode())
        return tuple(info(int(index), called.get(index)) for index in getattr(main, end))

    def info(index: int, names: list[str] | None) -> TensorInfo:
        tensor = main.tensors[index]
        sizes = tensor.shapeSignature if tensor.shapeSignature is not None else tensor.shape
        shape = tuple(int(n) for n in (sizes if sizes is not None else ()))
        name = names.pop(0) if names else tensor.name.decode()
        return TensorInfo(name, types[tensor.type].lower(), shape)

    return Structure(
        "tflite",
        len(content),
        infos("inputs"),
        infos("outputs"),
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
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            lines = archive.read(name).decode(errors="replace").rstrip("\n").split("\n")
            few = len(lines) <= _FEW_LINES
            contents[name] = ", ".join(lines) if few else f"{len(lines):,} lines"
    return contents


def names_of(enum: Any) -> dict[int, str]:
    return {value: name for name, value in vars(enum).items() if isinstance(value, int)}
