"""ORT files for phones: what ONNX Runtime loads without its converter, also in a reduced build."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from export import to_onnx
from export.formats import Precision
from lstm_edge.base.extras import require
from lstm_edge.base.files import read_text, write_text
from lstm_edge.models.graph import GraphModel
from lstm_edge.runtimes.by_onnxruntime import OnnxRuntime
from lstm_edge.stack import LstmStack
from lstm_edge.structure.contents import inspect

# what a build of ONNX Runtime with --include_ops_by_config takes
REQUIRED_OPERATORS = "required_operators.config"
_PURPOSE = "exporting for ONNX Runtime on phones"


class Exporter(to_onnx.Exporter):
    """The plain ONNX file of each precision, optimised for any processor and stored in ORT's format.

    Beside the files lies :data:`REQUIRED_OPERATORS`, for all of them together.
    """

    suffix = ".ort"
    runtimes: ClassVar[tuple[str, ...]] = (
        OnnxRuntime.runtime,
        "ONNX Runtime Mobile",
        "ONNX Runtime Web",
    )
    runtime = "onnxruntime-mobile"
    made_for = "mobile"

    def write_stack(self, stack: LstmStack, precision: Precision, path: Path) -> None:
        super().write_stack(stack, precision, self._source(precision))
        self._store(precision, path)

    def write_graph(self, graph: GraphModel, precision: Precision, path: Path) -> None:
        super().write_graph(graph, precision, self._source(precision))
        self._store(precision, path)

    def _source(self, precision: Precision) -> Path:
        return self.work / f"plain-{precision.name}.onnx"

    def _store(self, precision: Precision, path: Path) -> None:
        to_ort(self._source(precision), path, _folds(precision))
        write_required_operators(
            sorted(path.parent.glob(f"*{self.suffix}")), path.parent / REQUIRED_OPERATORS
        )

    def notes(self, precision: Precision) -> tuple[str, ...]:
        source = self._source(precision)
        sentences = [*usability(source, self.work / f"checked-{precision.name}.onnx")]
        widened = precision.name == "float16" or {"GRU", "RNN", "Loop"} & inspect(source).ops.keys()
        if widened and not _folds(precision):
            sentences.append(
                "its weights are widened to float32 in every call, which short inputs feel"
            )
        sentences.append(f"a reduced build of ONNX Runtime needs what {REQUIRED_OPERATORS} lists")
        return tuple(sentences)


def _folds(precision: Precision) -> bool:
    """Whether constants are computed at export: not what makes float32 of weights in fewer bits."""
    return precision.name == "float32"


def to_ort(source: Path, path: Path, folds: bool) -> None:
    """Store an ONNX file in ORT's format, as ``onnxruntime.tools.convert_onnx_models_to_ort`` does.

    That tool cannot be told to leave constants alone (``folds`` False), and so stores all weights of
    fewer bits in float32 again. Its ``fixed`` style is used, without what is above the level EXTENDED:
    layouts that only the processor has which converts the file.
    """
    ort = require("onnxruntime", _PURPOSE)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(path)
    options.add_session_config_entry("session.save_model_format", "ORT")
    options.add_session_config_entry("session.qdqisint8allowed", "1")  # the tool's choice for ARM
    ort.InferenceSession(
        str(source),
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=None if folds else ["ConstantFolding"],
    )


def write_required_operators(files: Sequence[Path], path: Path) -> None:
    """Write the configuration of a reduced build that runs these ORT files: operators and types."""
    tools = require("onnxruntime.tools.ort_format_model", _PURPOSE)
    tools.create_config_from_models(files, path, enable_type_reduction=True)
    # it names the files with the folder that they are written to, which is not where they will be
    write_text(path, read_text(path, "list of operators").replace(f"{path.parent}/", ""))


def usability(source: Path, basic: Path) -> tuple[str, ...]:
    """What ``onnxruntime.tools.check_onnx_model_mobile_usability`` finds, in sentences.

    Args:
        source: the ONNX file.
        basic: where to put the same, optimised as it is before nodes are given to a provider.
    """
    checker = require("onnxruntime.tools.mobile_helpers.usability_checker", _PURPOSE)
    utils = require("onnxruntime.tools.onnx_model_utils", _PURPOSE)
    utils.optimize_model(source, basic)
    model = utils.ModelProtoWithShapeInfo(basic).model_with_shape_info

    def parts(file: str | None, fixed_shapes_only: bool) -> Any:
        if file is None:
            return checker.check_nnapi_partitions(model, fixed_shapes_only)
        return checker.check_coreml_partitions(model, fixed_shapes_only, file)

    return tuple(
        _verdict(name, parts(file, True), parts(file, False)) for name, file in _PROVIDERS.items()
    )


# provider -> what lists its operators; None: there is only one
_PROVIDERS = {
    "NNAPI": None,
    "CoreML (neural network)": "coreml_supported_neuralnetwork_ops.md",
    "CoreML (ML program)": "coreml_supported_mlprogram_ops.md",
}
_WORDS = {"NO": "is not recommended", "MAYBE": "may be faster", "YES": "is recommended"}


def _verdict(name: str, as_is: Any, fixed: Any) -> str:
    """What one provider makes of the model, with its shapes and if they were fixed."""
    best = max(as_is, fixed, key=lambda report: report.suitability())
    said = f"{name} {_WORDS[best.suitability().name]}"
    if fixed.suitability() > as_is.suitability():
        said += " once the shapes are fixed"
    said += f": {_taken(as_is)}"
    if _taken(fixed) != _taken(as_is):
        said += f", with fixed shapes {_taken(fixed)}"
    if missing := sorted(op.removeprefix("ai.onnx:") for op in fixed.unsupported_ops):
        said += f"; it has no {', '.join(missing)}"
    return said


def _taken(usability_report: Any) -> str:
    parts = usability_report.num_partitions
    inside = f" in {parts} part{'s' if parts > 1 else ''}" if parts else ""
    return f"{usability_report.num_supported_nodes} of {usability_report.num_nodes} nodes{inside}"
