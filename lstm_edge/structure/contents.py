"""What is inside a model file: inputs, outputs, operators, precision, and what will hurt on a device."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from lstm_edge.base.extras import require
from lstm_edge.errors import InputError, LstmEdgeError

# Metadata of a TFLite file whose first step sets all variable tensors to zeros.
STATES_SHUT = "lstm_edge.states_shut"
# Metadata of a TFLite file that MediaPipe Tasks reads, and the files behind the model that it names.
MEDIAPIPE = "TFLITE_METADATA"
MEDIAPIPE_VOCABULARY, MEDIAPIPE_LABELS = "vocab.txt", "labels.txt"

_FEW_LINES = 10  # that are shown


@dataclass(frozen=True)
class TensorInfo:
    """An input or output: its name, dtype and shape (-1: free)."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Structure:
    """What a file is made of.

    Attributes:
        format: ``tflite``, ``onnx``, ``ort`` or ``keras``.
        ops: operator (or layer class) -> how often, over all subgraphs.
        weights: dtype -> bytes of constant data.
        problems: one sentence for each thing that fails or goes wrong on a device.
        packed: file that MediaPipe Tasks finds behind the model -> what it holds.
    """

    format: str
    bytes: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    ops: dict[str, int]
    weights: dict[str, int]
    problems: tuple[str, ...]
    packed: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def with_problems(self, problems: Sequence[str]) -> Structure:
        """The same with more problems."""
        return replace(self, problems=(*self.problems, *problems))


def inspect(path: Path) -> Structure:
    """Describe a ``.tflite``, ``.onnx``, ``.ort``, ``.keras`` or ``.h5`` file without running it.

    Raises:
        InputError: missing, of another kind, or damaged.
        MissingExtraError: the package that reads this format is not installed.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist or is a folder; expected a model file")
    try:
        read = _READERS[path.suffix.lower()]
    except KeyError:
        raise InputError(f"{path}: unknown kind of file; expected {', '.join(_READERS)}") from None
    try:
        return read(path)
    except LstmEdgeError:
        raise
    except Exception as error:  # a damaged file leads its reader anywhere
        raise InputError(f"{path} is damaged: {type(error).__name__}: {error}") from error


def _tflite(path: Path) -> Structure:
    schema = require("ai_edge_litert.schema_py_generated", f"inspecting {path.name}")
    content = path.read_bytes()
    if content[4:8] != b"TFL3":
        raise InputError(f"{path} is not a TFLite file (its identifier is missing)")
    try:
        model = schema.ModelT.InitFromPackedBuf(content, 0)
    except Exception as error:  # a cut flatbuffer raises whatever its bytes lead to
        raise InputError(f"{path} is damaged: {error}") from None
    names = _names(schema.BuiltinOperator)
    types = _names(schema.TensorType)
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
    # what a caller knows the ends by: tensors have names of the converter's
    called = {
        end.tensorIndex: end.name.decode()
        for signature in model.signatureDefs or ()
        for end in (*(signature.inputs or ()), *(signature.outputs or ()))
        if signature.subgraphIndex == 0
    }

    def info(index: int) -> TensorInfo:
        tensor = main.tensors[index]
        given = tensor.shapeSignature if tensor.shapeSignature is not None else tensor.shape
        shape = tuple(int(n) for n in (given if given is not None else ()))
        return TensorInfo(
            called.get(index) or tensor.name.decode(), types[tensor.type].lower(), shape
        )

    return Structure(
        "tflite",
        len(content),
        tuple(info(i) for i in main.inputs),
        tuple(info(i) for i in main.outputs),
        dict(sorted(ops.items())),
        dict(sorted(weights.items())),
        tuple(problems),
        _packed(path) if MEDIAPIPE in notes else {},
    )


def _packed(path: Path) -> dict[str, str]:
    """What the files of an archive behind a model hold, in a few words."""
    if not zipfile.is_zipfile(path):
        return {}
    found = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            lines = archive.read(name).decode(errors="replace").rstrip("\n").split("\n")
            few = len(lines) <= _FEW_LINES
            found[name] = ", ".join(lines) if few else f"{len(lines):,} lines"
    return found


def _names(enum: Any) -> dict[int, str]:
    return {value: name for name, value in vars(enum).items() if isinstance(value, int)}


def _onnx(path: Path) -> Structure:
    onnx = require("onnx", f"inspecting {path.name}")
    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf's DecodeError has no stable home
        raise InputError(f"{path} is not a whole ONNX file: {error}") from None
    if not model.graph.node:
        raise InputError(f"{path} is not an ONNX file, or its graph is empty")
    ops: Counter[str] = Counter()
    loops: Counter[str] = Counter()
    weights: Counter[str] = Counter()

    def dtype(number: int) -> str:
        return _onnx_dtype(onnx.TensorProto.DataType.Name(number))

    def visit(graph: Any) -> None:
        for tensor in graph.initializer:
            weights[dtype(tensor.data_type)] += onnx.numpy_helper.to_array(tensor).nbytes
        for node in graph.node:
            ops[node.op_type] += 1
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    loops[node.op_type] += _is_over_time(n.op_type for n in attribute.g.node)
                    visit(attribute.g)
                if attribute.HasField("t"):
                    value = onnx.numpy_helper.to_array(attribute.t)
                    weights[dtype(attribute.t.data_type)] += value.nbytes

    visit(model.graph)
    for function in model.functions:
        ops.update(node.op_type for node in function.node)

    def info(value: Any) -> TensorInfo:
        kind = value.type.tensor_type
        shape = tuple(d.dim_value if d.HasField("dim_value") else -1 for d in kind.shape.dim)
        return TensorInfo(value.name, dtype(kind.elem_type), shape)

    constants = {tensor.name for tensor in model.graph.initializer}
    return Structure(
        "onnx",
        path.stat().st_size,
        tuple(info(v) for v in model.graph.input if v.name not in constants),
        tuple(info(v) for v in model.graph.output),
        dict(sorted(ops.items())),
        dict(sorted(weights.items())),
        _slow_loops(loops),
    )


def _onnx_dtype(name: str) -> str:
    name = name.lower()
    return "float32" if name == "float" else name


def _is_over_time(body: Iterable[str]) -> bool:
    """Whether a loop is one, by the operators in it; one that joins strings makes words of a text."""
    return "StringConcat" not in body


def _slow_loops(loops: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(
        f"{loops[op]} {op} node{'s' if loops[op] > 1 else ''}: a loop over time is several times slower "
        "than a recurrent node"
        for op in ("Loop", "Scan")
        if loops.get(op)
    )


def _ort(path: Path) -> Structure:
    """ONNX Runtime's own format, by its own schema, which comes with the runtime."""
    purpose = f"inspecting {path.name}"
    require("onnxruntime.tools.ort_format_model", purpose)  # makes the schema importable
    fbs = require("ort_flatbuffers_py.fbs", purpose)
    content = path.read_bytes()
    session = fbs.InferenceSession.InferenceSession
    if not session.InferenceSessionBufferHasIdentifier(content, 0):
        raise InputError(f"{path} is not an ORT file (its identifier is missing)")
    kinds = _names(fbs.TensorDataType.TensorDataType)
    attributes = fbs.AttributeType.AttributeType
    ops: Counter[str] = Counter()
    loops: Counter[str] = Counter()
    weights: Counter[str] = Counter()

    def weigh(tensor: Any) -> None:
        strings = sum(len(tensor.StringData(i)) for i in range(tensor.StringDataLength()))
        # as an array: a file that is cut short does not give it
        held = tensor.RawDataAsNumpy().nbytes if tensor.RawDataLength() else 0
        weights[_onnx_dtype(kinds[tensor.DataType()])] += held + strings

    def visit(graph: Any) -> None:
        for i in range(graph.InitializersLength()):
            weigh(graph.Initializers(i))
        for node in map(graph.Nodes, range(graph.NodesLength())):
            ops[node.OpType().decode()] += 1
            for attribute in map(node.Attributes, range(node.AttributesLength())):
                if attribute.Type() == attributes.GRAPH:
                    body = attribute.G()
                    inside = [body.Nodes(i).OpType().decode() for i in range(body.NodesLength())]
                    loops[node.OpType().decode()] += _is_over_time(inside)
                    visit(body)
                elif attribute.Type() == attributes.TENSOR:
                    weigh(attribute.T())

    graph = session.GetRootAs(content, 0).Model().Graph()
    visit(graph)
    values = {v.Name(): v for v in map(graph.NodeArgs, range(graph.NodeArgsLength()))}
    constants = {graph.Initializers(i).Name() for i in range(graph.InitializersLength())}

    def info(name: bytes) -> TensorInfo:
        kind = fbs.TensorTypeAndShape.TensorTypeAndShape()
        table = values[name].Type().Value()
        kind.Init(table.Bytes, table.Pos)
        dims = [kind.Shape().Dim(i).Value() for i in range(kind.Shape().DimLength())]
        fixed = fbs.DimensionValueType.DimensionValueType.VALUE
        shape = tuple(int(d.DimValue()) if d.DimType() == fixed else -1 for d in dims)
        return TensorInfo(name.decode(), _onnx_dtype(kinds[kind.ElemType()]), shape)

    inputs = map(graph.Inputs, range(graph.InputsLength()))
    return Structure(
        "ort",
        len(content),
        tuple(info(name) for name in inputs if name not in constants),
        tuple(info(graph.Outputs(i)) for i in range(graph.OutputsLength())),
        dict(sorted(ops.items())),
        dict(sorted(weights.items())),
        _slow_loops(loops),
    )


def keras_config(path: Path) -> dict[str, Any]:
    """The configuration stored in a ``.keras`` or HDF5 file; nothing is built or executed.

    Raises:
        InputError: cut short, or no model configuration in it (a file of weights only).
    """
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                text: str | bytes = archive.read("config.json")
        except (KeyError, zipfile.BadZipFile, OSError) as error:
            raise InputError(f"{path} is not a whole .keras file: {error}") from None
    else:
        h5py = require("h5py", f"inspecting {path.name}")
        try:
            with h5py.File(path, "r") as file:
                found = file.attrs.get("model_config")
        except OSError as error:
            raise InputError(
                f"{path} is neither a whole .keras nor an HDF5 file: {error}"
            ) from None
        if found is None:
            raise InputError(
                f"{path} holds weights only, no model configuration: save the whole model"
            )
        text = found
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: its model configuration is damaged: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: its model configuration is not a JSON object")
    return value


def _keras(path: Path) -> Structure:
    config = keras_config(path)["config"]
    layers = config["layers"] if isinstance(config, dict) else config
    inputs = []
    for layer in layers:
        shape = layer["config"].get("batch_shape") or layer["config"].get("batch_input_shape")
        if shape:
            name = layer["config"].get("name", layer["class_name"])
            dtype = layer["config"].get("dtype")
            dims = tuple(-1 if n is None else int(n) for n in shape)
            inputs.append(TensorInfo(name, dtype if isinstance(dtype, str) else "float32", dims))
    ops = Counter(layer["class_name"] for layer in layers)
    return Structure(
        "keras", path.stat().st_size, tuple(inputs), (), dict(sorted(ops.items())), {}, ()
    )


_READERS: dict[str, Callable[[Path], Structure]] = {
    ".tflite": _tflite,
    ".onnx": _onnx,
    ".ort": _ort,
    ".keras": _keras,
    ".h5": _keras,
    ".hdf5": _keras,
}
