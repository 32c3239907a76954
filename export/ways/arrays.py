"""Arrays in, arrays out, whole or as a stream."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from export import drawn, formats
from export.ways import gaps
from export.ways.common import GOLDEN_EXAMPLES, Request, Way, Written, check_numbers
from lstm_edge.base.arrays import Arrays
from lstm_edge.bundle.manifest import write_tensor_parts
from lstm_edge.errors import InputError, RefusalError, UnsupportedModelError
from lstm_edge.inputs import array_files, batches, label_names
from lstm_edge.inputs import signature as tensors
from lstm_edge.inputs.scaling import read_scales
from lstm_edge.models.graph import GraphModel, read_graph, takes_lengths_apart, usual_scales
from lstm_edge.models.reference import of_arrays
from lstm_edge.models.streaming import read_streaming
from lstm_edge.results.parity import Check, ParityReport, Tolerance
from lstm_edge.results.rounding import KnownMoves, OwnRounding
from lstm_edge.runtimes.runners import ArrayRunner
from lstm_edge.structure import contents as structure
from lstm_edge.verify import comparing_arrays as tensor_parity
from lstm_edge.verify.measuring import measure
from lstm_edge.verify.rounding import own_rounding

# What Keras's answer for an example alone may differ by from that in a batch, of the output's scale.
ALONE = 1e-4


@dataclass(frozen=True)
class ArrayWay(Way):
    lowered: GraphModel
    batch: int
    signature: tensors.Signature
    labels: tuple[str, ...]
    golden: tuple[batches.Batch, ...]
    checks: tuple[Check, ...]
    takes: str
    rounding: tuple[OwnRounding, ...]

    @property
    def examples(self) -> list[Arrays]:
        size = self.batch  # the last call is filled up with the first examples
        return [
            golden.part([i % len(golden) for i in range(begin, begin + size)]).inputs
            for golden in self.golden
            if not {gaps.NAN, gaps.INFINITE} & {*golden.cases}  # which are no range
            for begin in range(0, len(golden), size)
        ]

    def batch_of(self, precision: formats.Precision, inside: structure.Structure) -> int | None:
        in_file = inside.inputs[0].shape[0]
        return in_file if in_file > 0 else self.lowered.fixed_batch or precision.batch

    def tolerance(self, precision: formats.Precision) -> Tolerance:
        return precision.relative

    def measure(self, made: Written) -> ParityReport:
        runner = ArrayRunner(made.runtime(), self.signature, made.batch)
        checks = [*self.checks, *made.checks]
        golden = [replace(batch, moves=KnownMoves(self.rounding)) for batch in self.golden]
        return measure(made.name, runner, golden, made.tolerance, checks=checks)

    def write_parts(self, folder: Path) -> dict[str, Any]:
        return write_tensor_parts(
            folder,
            signature=self.signature,
            golden=self.golden,
            labels=self.labels,
            rounding=self.rounding,
            spreads=tensor_parity.spreads(self.golden, self.signature.outputs),
        )


def stream_way(model: Any, request: Request) -> Way:
    """The step model, held against Keras on whole sequences."""
    try:
        step = read_streaming(model, request.name, request.chunk)
    except UnsupportedModelError as error:
        if request.streaming:
            raise
        raise UnsupportedModelError(
            request.name,
            [
                *error.obstacles,
                f"it is stateful ({', '.join(read_graph(model, request.name).stateful)}), which is "
                "exported as a stream: give `streaming=False` for files that begin anew at every call",
            ],
        ) from None
    whole = step if request.chunk is None else read_streaming(model, request.name)
    return array_way(whole, request, step)


def array_way(graph: GraphModel, request: Request, step: GraphModel | None = None) -> Way:
    """Arrays in, arrays out.

    Args:
        step: of a stream; ``graph`` is then what answers on whole sequences.
    """
    if request.has_vocab:
        raise InputError(
            f"`vocab` is for a classifier of texts; {request.name} takes arrays: leave it out"
        )
    if request.dataset is not None:
        raise InputError(
            f"`dataset` gives texts; {request.name} takes arrays: give golden vectors with `inputs`"
        )
    graph = _scaled(graph, request)
    step = None if step is None else _scaled(step, request)
    fixed = graph.fixed_batch
    if request.batch is not None and fixed is not None and request.batch != fixed:
        raise InputError(
            f"the model's batch is {fixed}, not the {request.batch} given: leave the batch out"
        )
    batch = fixed or request.batch or 1
    reference = of_arrays(graph, request.source.model)
    signature = reference.signature
    if step is not None:
        signature = replace(signature, states=step.all_states, chunk=request.chunk)
    labels = _class_labels(request, signature)
    if request.inputs is None:
        # about what the model expects, or all of it would be far from where answers differ
        scales = usual_scales(graph) | {p.name: p.scale for p in signature.inputs if p.scale}
        usual = signature.with_scales(scales, {})
        apart = step is None and takes_lengths_apart(graph)
        golden, checks = _drawn_golden(reference, usual, request.length, batch, apart)
        if gaps.treats(graph):
            signature, proofs = gaps.taken(reference, golden[-1], signature)
            golden += proofs
    else:
        anything = signature.taking_anything  # Keras says which of them it answers
        arrays = (
            array_files.read_inputs(Path(request.inputs), anything, request.window)
            if isinstance(request.inputs, str | Path)
            else anything.check(request.inputs)
        )
        count = len(next(iter(arrays.values())))
        some = batches.evenly(count, GOLDEN_EXAMPLES)
        arrays = {name: array[some] for name, array in arrays.items()}
        golden = [_answered(reference, (batches.AS_GIVEN,) * len(some), arrays)]
        if said := tensors.unanswered(golden[0].inputs, golden[0].outputs):
            _check_weights(reference)
            raise InputError(
                f"{reference.path.name} answers {said} of those that it is held to with values that are "
                "not numbers (NaN): leave it out"
            )
        if gaps.treats(graph):
            signature, _ = gaps.taken(reference, golden[0], signature)
        signature, checks = gaps.seen(signature, golden[0]), []
    return ArrayWay(
        step or graph,
        batch,
        signature,
        labels,
        tuple(golden),
        tuple(checks),
        "arrays" if step is None else "steps",
        own_rounding(reference, golden, tensor_parity.scales(golden, signature.outputs)),
    )


def _scaled(graph: GraphModel, request: Request) -> GraphModel:
    """The model with the scaling that the user wants in its files."""
    signature = tensors.Signature(graph.inputs, graph.outputs)
    scales = unscales = {}
    if request.scale is not None:
        scales = read_scales(request.scale, signature.inputs, "scale")
    if request.unscale is not None:
        unscales = read_scales(request.unscale, signature.outputs, "unscale")
    return graph.scaled_as(signature.with_scales(scales, unscales))


def _class_labels(request: Request, signature: tensors.Signature) -> tuple[str, ...]:
    labels = tuple(request.source.labels or ())
    classes = [output.classes for output in signature.outputs if output.classes]
    if len(labels) in classes and len(set(labels)) == len(labels):
        return label_names.check_lines(labels)
    if request.has_labels:
        counts = " or ".join(map(str, classes)) or "no"
        raise InputError(
            f"{len(labels)} labels given ({', '.join(labels)}); the model's outputs that are "
            f"probabilities (sigmoid or softmax) have {counts} classes: give one different name for "
            "each"
        )
    return ()


def _drawn_golden(
    reference: ArrayRunner,
    signature: tensors.Signature,
    length: int | None,
    batch: int,
    apart: bool = False,
) -> tuple[list[batches.Batch], list[Check]]:
    """Golden vectors of every length that Keras itself takes, with every padding that it answers.

    A convolution may need some steps; an average over nothing but pads is no number.

    Args:
        apart: inputs may be of different lengths, and are wherever Keras takes that.
    """
    golden: list[batches.Batch] = []
    checks: list[Check] = []
    refused, reason, unanswered, count = [], "", list[str](), 0
    lengths = drawn.lengths_for(signature, length)
    if lengths == drawn.LENGTHS and not _takes(reference, signature, lengths[-1], batch):
        lengths += drawn.longer(lambda steps: _takes(reference, signature, steps, batch))
    fitting = _fitting(reference, signature, lengths[-1], batch)
    for place, steps in enumerate(lengths):
        beside = drawn.others(lengths, place) if apart else []
        cases, arrays = drawn.draw(signature, steps, batch, beside, fitting)
        try:
            try:
                answers = _answered(reference, cases, arrays)
            except RefusalError:
                if not apart:
                    raise
                cases, arrays = drawn.draw(signature, steps, batch, fitting=fitting)
                answers = _answered(reference, cases, arrays)
        except RefusalError as error:
            refused.append(steps)
            reason = str(error)
            continue
        right = tensor_parity.answered(answers)
        unanswered += [case for i, case in enumerate(cases) if i not in right]
        count += len(cases)
        if right:
            golden.append(answers.part(right))
    if not count:
        raise InputError(
            f"the model itself does not answer on inputs drawn to fit it ({reason}): give "
            + ("a `length` that it takes, or " if signature.is_free else "")
            + "real ones with `inputs`"
        )
    if 2 * len(unanswered) > count:
        _check_weights(reference)
        raise InputError(
            f"{reference.path.name} answers {len(unanswered)} of {count} inputs drawn to fit it with "
            "values that are not numbers (NaN), though all its weights are: give real ones with `inputs`"
        )
    if fitting != drawn.BOTH_SIGNS:
        detail = f"only those {fitting}: Keras itself answers others with no number (NaN)"
        checks.append(Check("numbers that are drawn", True, detail))
    if refused:
        detail = f"Keras itself takes no inputs of {', '.join(map(str, refused))} steps"
        checks.append(Check("lengths that are left out", True, detail))
    if unanswered:
        names = ", ".join(dict.fromkeys(unanswered))
        detail = f"Keras itself answers {len(unanswered)} of {count} with no number (NaN): {names}"
        checks.append(Check("cases that are left out", True, detail))
    return golden, checks


def _fitting(
    reference: ArrayRunner, signature: tensors.Signature, steps: int | None, batch: int
) -> str:
    """Of :data:`export.drawn.FITTING`, the first that Keras answers with numbers, mostly."""
    for name in drawn.FITTING:
        cases, arrays = drawn.draw(signature, steps, batch, fitting=name)
        try:
            answers = batches.Batch(cases, arrays, reference.run(arrays))
        except RefusalError:
            break
        if 2 * len(tensor_parity.answered(answers)) >= len(cases):
            return name
    return drawn.BOTH_SIGNS


def _check_weights(reference: ArrayRunner) -> None:
    """Whether it is the model, and not what it is given, that makes no numbers."""
    weights = reference.runtime.model.get_weights()  # type: ignore[attr-defined]  # Keras's
    check_numbers(weights, reference.path.name)


def _takes(reference: ArrayRunner, signature: tensors.Signature, steps: int, batch: int) -> bool:
    """Whether Keras runs on inputs of that length."""
    try:
        reference.run(drawn.draw(signature, steps, batch)[1])
    except RefusalError:
        return False
    return True


def _answered(reference: ArrayRunner, cases: tuple[str, ...], arrays: Arrays) -> batches.Batch:
    """Examples with Keras's answers, which need not be numbers."""
    outputs = reference.run(arrays)
    obstacles = [
        f"output {name} is {list(array.shape)} for {len(cases)} examples: let its first axis count them"
        for name, array in outputs.items()
        if array.ndim == 0 or len(array) != len(cases)
    ]
    answers = batches.Batch(cases, arrays, outputs)
    size = reference.batch or 1
    right = [] if obstacles else tensor_parity.answered(answers)[:size]
    if right and len(right) < len(cases):
        alone = reference.run(answers.part(right).inputs)
        numbers = [answers.part(tensor_parity.answered(answers))]
        scale = tensor_parity.scales(numbers, reference.signature.outputs)
        obstacles = [
            f"output {name} of an example depends on the other examples of its batch: let the model "
            "compute each by itself"
            for name, array in alone.items()
            if not tensor_parity.difference(array, outputs[name][right], scale[name]).max() <= ALONE
        ]
    if obstacles:
        raise UnsupportedModelError(reference.path.name, obstacles)
    return answers
