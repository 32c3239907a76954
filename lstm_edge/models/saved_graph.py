"""A SavedModel without Keras's layers (of ``model.export``, say): its signature as a layer.

Its graph is run by TensorFlow as the reference, and stands in the files as it is, loops over time too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lstm_edge.base.extras import require
from lstm_edge.base.reasons import reason_of
from lstm_edge.errors import InputError, UnsupportedModelError
from lstm_edge.inputs.signature import plain_name
from lstm_edge.models.trust import PURPOSE

_SIGNATURES = ("serving_default", "serve")
# operators with a state that an answer needs, and that touch nothing outside
_HARMLESS = frozenset(
    """
    VarHandleOp ReadVariableOp AssignVariableOp ResourceGather ResourceGatherNd VarIsInitializedOp
    StatefulPartitionedCall PartitionedCall While StatelessWhile If StatelessIf Case DestroyResourceOp
    Placeholder NoOp RandomUniform RandomStandardNormal Assert
    """.split()
)
_OUTSIDE = frozenset("ReadFile MatchingFiles PyFuncStateless WholeFileReaderV2".split())
# what stands between an input and a table's rows; Keras counts negative numbers from the end
_SAME = frozenset("Identity Cast StopGradient Reshape Squeeze SelectV2 AddV2".split())


def load(path: Path, saved: Any, trust: bool) -> Any:
    """A Functional model around the signature of a SavedModel folder.

    Args:
        saved: its ``SavedModel`` message.
        trust: whether operators that reach outside the graph may be run.

    Raises:
        UnsupportedModelError: no signature, inputs that are no numbers, or such operators.
        InputError: TensorFlow cannot load it.
    """
    tf, keras = require("tensorflow", PURPOSE), require("keras", PURPOSE)
    source = f"model {path}"
    if reasons := [] if trust else list(_reaching_out(saved.meta_graphs[0])):
        raise UnsupportedModelError(source, reasons, "loaded")
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # TensorFlow raises every kind
        raise InputError(
            f"{source} cannot be loaded by TensorFlow {tf.__version__}: {reason_of(error)}"
        ) from error
    names = list(loaded.signatures)
    name = next((n for n in _SIGNATURES if n in names), names[0] if len(names) == 1 else None)
    if name is None:
        raise UnsupportedModelError(
            source,
            [
                f"the SavedModel has the signatures {', '.join(names) or 'none'}; expected one, or "
                f"{_SIGNATURES[0]}: load it where it was made, and model.save('model.keras')"
            ],
            "loaded",
        )
    function = loaded.signatures[name]
    takes = function.structured_input_signature[1]
    for key, spec in takes.items():
        if spec.shape.rank is None or not (spec.dtype.is_floating or spec.dtype.is_integer):
            shown = spec.dtype.name if spec.shape.rank is not None else "numbers of any rank"
            raise UnsupportedModelError(
                source,
                [f"its input {key} takes {shown}; expected numbers of a known rank"],
                "loaded",
            )
    gives = function.structured_outputs
    inputs = {
        key: keras.Input(batch_shape=tuple(spec.shape), dtype=spec.dtype.name, name=plain_name(key))
        for key, spec in takes.items()
    }
    layer = _layer()(
        loaded, function, name=plain_name(next(iter(gives)) if len(gives) == 1 else name)
    )
    outputs = layer(inputs)
    return keras.Model(inputs, outputs if len(gives) > 1 else outputs[next(iter(gives))])


@cache
def _layer() -> Any:
    keras = require("keras", PURPOSE)

    class SavedGraph(keras.layers.Layer):  # type: ignore[misc, name-defined]
        """The function of a signature.

        Attributes:
            rows: of a table that an input's ids are looked up in, by the input's name.
        """

        def __init__(self, loaded: Any, function: Any, name: str) -> None:
            super().__init__(name=name)
            self._loaded, self._function = (loaded,), (function,)  # kept, and not tracked
            self.rows = _rows(_frozen(function))

        def compute_output_spec(self, inputs: Any) -> Any:
            return {
                key: keras.KerasTensor(tuple(spec.shape), spec.dtype.name)
                for key, spec in self._function[0].structured_outputs.items()
            }

        def call(self, inputs: Any) -> Any:
            return self._function[0](**inputs)

        def lowered_call(self, inputs: Any) -> Any:
            """The same for a file, whose converters know no lists of tensors of an unknown batch."""
            (batch,) = {value.shape[0] for value in inputs.values()}
            function = self._function[0]
            return function(**inputs) if batch is None else _of_batch(function, batch)(inputs)

    return SavedGraph


@cache
def _frozen(function: Any) -> Any:
    module = require("tensorflow.python.framework.convert_to_constants", PURPOSE)
    return module.convert_variables_to_constants_v2(function, lower_control_flow=False)


def _of_batch(function: Any, batch: int) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """The function for so many examples in a call: Keras's loops leave their number open."""
    tf = require("tensorflow", PURPOSE)
    frozen = _frozen(function)
    graph = tf.compat.v1.GraphDef()
    graph.CopyFrom(frozen.graph.as_graph_def())
    functions = {inner.signature.name for inner in graph.library.function}
    for nodes in _bodies(graph):
        by_name = {node.name: node for node in nodes}
        for node in nodes:
            node.attr.pop("_output_shapes", None)
            for value in node.attr.values():
                called = [*([value.func] if value.HasField("func") else []), *value.list.func]
                for inner in called:
                    if inner.name in functions:  # of another batch there is one of this name
                        inner.name += f"_of_{batch}"
            if node.op.startswith(("TensorList", "EmptyTensorList")):
                for name in node.input:
                    _set_batch(tf, by_name.get(name.split(":")[0]), batch)
    for inner in graph.library.function:
        inner.signature.name += f"_of_{batch}"
    ends = [tensor.name for tensor in frozen.outputs]
    keys = [key for key, _ in sorted(function.structured_outputs.items())]
    starts = dict(zip(_argument_names(function), (t.name for t in frozen.inputs), strict=True))

    def run(inputs: Mapping[str, Any]) -> dict[str, Any]:
        given = {starts[key]: value for key, value in inputs.items()}
        values = tf.graph_util.import_graph_def(graph, input_map=given, return_elements=ends)
        return dict(zip(keys, values, strict=True))

    return run


def _argument_names(function: Any) -> list[str]:
    """The names of the arguments, in the order of the graph's placeholders."""
    captured = len(function.captured_inputs)
    names = [tensor.op.name for tensor in function.inputs[: len(function.inputs) - captured]]
    keys = list(function.structured_input_signature[1])
    return names if set(names) == set(keys) else sorted(keys)


def _bodies(graph: Any) -> Iterator[Any]:
    yield graph.node
    for inner in graph.library.function:
        yield inner.node_def


def _set_batch(tf: Any, node: Any, batch: int) -> None:
    """In a constant that is the shape of a list's elements: the batch comes first."""
    if node is None or node.op != "Const" or node.attr["dtype"].type != tf.int32.as_datatype_enum:
        return
    shape = tf.make_ndarray(node.attr["value"].tensor)
    if shape.ndim == 1 and len(shape) and shape[0] == -1:
        shape = shape.copy()
        shape[0] = batch
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(shape))


def _rows(frozen: Any) -> dict[str, int]:
    """How many rows the table has that an input's numbers are looked up in, by the input."""
    rows: dict[str, int] = {}
    for operation in frozen.graph.get_operations():
        if (
            operation.type not in ("GatherV2", "ResourceGather")
            or len(operation.inputs[0].shape) != 2
        ):
            continue
        count, waiting = operation.inputs[0].shape[0], [operation.inputs[1].op]
        while waiting and count is not None:
            ids = waiting.pop()
            if ids.type in _SAME:
                waiting += [tensor.op for tensor in ids.inputs]
            elif ids.type == "Placeholder":
                name = plain_name(ids.name)
                rows[name] = min(int(count), rows.get(name, int(count)))
    return rows


def _reaching_out(meta: Any) -> Iterator[str]:
    """A sentence for each kind of operator that is more than arithmetic."""
    registry = require("tensorflow.python.framework.op_def_registry", PURPOSE)
    library = {f.signature.name: f.node_def for f in meta.graph_def.library.function}
    waiting = list(meta.object_graph_def.concrete_functions)
    if not waiting:
        yield (
            "the SavedModel is of TensorFlow 1, without functions that can be called: load it where it "
            "was made, and model.save('model.keras')"
        )
    seen, said = set(waiting), set()
    while waiting:
        for node in library.get(waiting.pop(), ()):
            definition = registry.get(node.op)
            harmless = node.op in _HARMLESS or (
                definition is not None and not definition.is_stateful and node.op not in _OUTSIDE
            )
            if not harmless and node.op not in said:
                said.add(node.op)
                yield (
                    f"its graph holds the operator {node.op}, which is more than arithmetic and is not "
                    "run: allow it with `trust` if you know the folder's source, or model.save('m.keras')"
                )
            for value in node.attr.values():
                for inner in (value.func, *value.list.func):
                    if inner.name and inner.name not in seen:
                        seen.add(inner.name)
                        waiting.append(inner.name)
