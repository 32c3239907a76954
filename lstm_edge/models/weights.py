"""Weights of files of Keras 1 and 2 into the layers that :mod:`lstm_edge.models.network` made."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_edge.errors import InputError
from lstm_edge.models.translate import Spec

Array = np.ndarray[Any, Any]
_RECURRENT = frozenset("LSTM GRU SimpleRNN".split())
_CONVOLUTIONS = frozenset("Conv1D Conv2D Conv3D Conv2DTranspose ConvLSTM2D".split())
# names under which Keras 2.12 to 2.15 stored what is inside a model or a layer
_CONTAINERS = ("layers", "_layer_checkpoint_dependencies", "_self_tracked_trackables", "_layers")
_ATTENTION = ("_query_dense", "_key_dense", "_value_dense", "_output_dense")


def leaves(spec: Spec) -> Iterator[Spec]:
    """The layers with weights of their own, in the file's order; a recurrent layer is one."""
    if _holds_layers(spec):
        for inner in spec.inner:
            yield from leaves(inner)
    elif variables(spec):
        yield spec


def _holds_layers(spec: Spec) -> bool:
    """Whether it is a model or a wrapper; cells are no layers of their own here."""
    return bool(spec.inner) and spec.kind not in ("RNN", "StackedRNNCells")


def variables(spec: Spec) -> list[Any]:
    """A layer's variables in Keras 2's order: those that are trained come first."""
    layer = spec.layer
    if spec.kind in ("operator", "InputLayer") or layer is None:
        return []
    return [*layer.trainable_weights, *layer.non_trainable_weights]


class Assignment:
    """Takes arrays for layers and puts them in; all that does not fit is said at once."""

    def __init__(self, source: str, keras1: bool, backend: str) -> None:
        self.source, self.keras1, self.backend = source, keras1, backend
        self.wrong: list[str] = []
        self.done: set[int] = set()

    def put(self, spec: Spec, arrays: Sequence[Array]) -> None:
        """Set the weights of one leaf."""
        self.done.add(id(spec.layer))
        wanted = variables(spec)
        converted = self._converted(spec, list(arrays))
        if len(converted) != len(wanted):
            self.wrong.append(
                f"layer {spec.name} ({spec.stored}) has {len(converted)} arrays in the file, expected "
                f"{len(wanted)}"
            )
            return
        for variable, array in zip(wanted, converted, strict=True):
            if tuple(variable.shape) != array.shape:
                self.wrong.append(
                    f"layer {spec.name} ({spec.stored}): {variable.name} has the shape "
                    f"{list(array.shape)} in the file, expected {list(variable.shape)}"
                )
            else:
                variable.assign(array.astype(variable.dtype))
        if hasattr(spec.layer, "finalize_state"):
            spec.layer.finalize_state()

    def missing(self, spec: Spec) -> None:
        """Note a layer that the file holds nothing for."""
        self.wrong.append(f"layer {spec.name} ({spec.stored}) has no weights in the file")

    def check(self) -> None:
        """Raise InputError if anything did not fit."""
        if self.wrong:
            raise InputError(
                f"model {self.source}: weights that do not fit the stored structure: "
                + "; ".join(self.wrong)
            )

    def count(self, spec: Spec) -> int:
        """How many arrays the file has for a leaf; Keras 1 kept one for each gate."""
        if self.keras1 and spec.kind in ("LSTM", "GRU"):
            return 12 if spec.kind == "LSTM" else 9
        return len(variables(spec))

    def _converted(self, spec: Spec, arrays: list[Array]) -> list[Array]:
        if self.keras1:
            arrays = _keras1(spec, arrays)
        if spec.kind in ("LSTM", "GRU") and len(arrays) == 3:
            arrays = _from_cudnn(spec.kind, arrays)
        if spec.kind in _CONVOLUTIONS and arrays and self.backend == "theano":
            # Theano's convolution turns its kernel round
            count = 2 if spec.kind == "ConvLSTM2D" else 1
            spatial = tuple(range(arrays[0].ndim - 2))
            arrays[:count] = [np.flip(a, spatial) for a in arrays[:count]]
        return arrays


def _from_cudnn(kind: str, arrays: list[Array]) -> list[Array]:
    """CuDNNLSTM and CuDNNGRU keep their kernels transposed and two biases."""
    kernel, recurrent, bias = arrays
    units, gates = len(recurrent), 4 if kind == "LSTM" else 3
    if bias.shape != (2 * units * gates,):
        return arrays

    def each(array: Array, change: Callable[[Array], Array]) -> Array:
        return np.concatenate([change(part) for part in np.split(array, gates, axis=1)], axis=1)

    kernel = each(kernel, lambda part: part.T.reshape(part.shape, order="F"))
    recurrent = each(recurrent, lambda part: part.T)
    both = bias.reshape(2, -1)
    return [kernel, recurrent, both.sum(axis=0) if kind == "LSTM" else both]


def _keras1(spec: Spec, arrays: list[Array]) -> list[Array]:
    """Keras 1 kept one array for each gate, and other orders of a kernel's axes."""
    if spec.kind == "LSTM" and len(arrays) == 12:  # i, c, f, o
        order: tuple[int, ...] = (0, 2, 1, 3)
    elif spec.kind == "GRU" and len(arrays) == 9:  # z, r, h
        order = (0, 1, 2)
    elif spec.kind == "Conv1D" and arrays[0].ndim == 4:
        length = variables(spec)[0].shape[0]
        if arrays[0].shape[:2] != (length, 1):  # filters, inputs, length, 1
            arrays[0] = np.transpose(arrays[0], (2, 3, 1, 0))
        return [arrays[0][:, 0], *arrays[1:]]
    elif spec.kind == "Conv2D" and spec.options.get("data_format") == "channels_first":
        return [np.transpose(arrays[0], (2, 3, 1, 0)), *arrays[1:]]
    else:
        return arrays
    gates = [arrays[3 * g : 3 * g + 3] for g in order]
    return [np.concatenate(parts, axis=-1) for parts in zip(*gates, strict=True)]


# HDF5: a flat list for each layer of the outer model


def _slots(spec: Spec, assignment: Assignment) -> tuple[list[Any], list[Any]]:
    """The places of a layer's arrays in a flat list: trained ones, and those that are not."""
    if _holds_layers(spec):
        parts = [_slots(inner, assignment) for inner in spec.inner]
        trained = [slot for part in parts for slot in part[0]]
        fixed = [slot for part in parts for slot in part[1]]
    else:
        count = assignment.count(spec)
        split = count - (len(spec.layer.non_trainable_weights) if variables(spec) else 0)
        trained = [(spec, i) for i in range(split)]
        fixed = [(spec, i) for i in range(split, count)]
    return (trained, fixed) if spec.trainable else ([], trained + fixed)


def put_flat(spec: Spec, arrays: Sequence[Array], assignment: Assignment) -> None:
    """Set the weights of a layer or nested model from the flat list of an HDF5 group."""
    trained, fixed = _slots(spec, assignment)
    seen: set[tuple[int, int]] = set()
    slots = []
    for leaf, i in [*trained, *fixed]:  # a layer that is used in two places is stored once
        if (id(leaf.layer), i) not in seen:
            seen.add((id(leaf.layer), i))
            slots.append((leaf, i))
    owners = {id(leaf): leaf for leaf, _ in slots}
    if len(owners) == 1:
        assignment.put(next(iter(owners.values())), arrays)
        return
    if len(slots) != len(arrays):
        assignment.wrong.append(
            f"layer {spec.name} ({spec.stored}) has {len(arrays)} arrays in the file, expected "
            f"{len(slots)}"
        )
        return
    by_owner: dict[int, dict[int, Array]] = {}
    for (leaf, i), array in zip(slots, arrays, strict=True):
        by_owner.setdefault(id(leaf), {})[i] = array
    for key, parts in by_owner.items():
        assignment.put(owners[key], [parts[i] for i in sorted(parts)])


def put_groups(model: Spec, groups: Mapping[str, Sequence[Array]], assignment: Assignment) -> None:
    """Set the weights of a model from ``{layer name: its flat list}`` in the file's order."""
    wanted = [s for s in model.inner if any(True for _ in leaves(s))]
    stored = {name: arrays for name, arrays in groups.items() if arrays}
    if all(s.name in stored for s in wanted):
        pairs = [(s, stored[s.name]) for s in wanted]
    elif len(wanted) == len(stored):  # Keras goes by the order
        pairs = list(zip(wanted, stored.values(), strict=True))
    else:
        for spec in wanted:
            if spec.name not in stored:
                assignment.missing(spec)
        return
    for spec, arrays in pairs:
        put_flat(spec, arrays, assignment)


# Zips of Keras 2: a group for each object, named by its class


def put_tree(
    spec: Spec, get: Callable[[str], list[Array]], names: frozenset[str], assignment: Assignment
) -> None:
    """Set a model's weights; ``get`` gives the arrays of a group, ``names`` are all groups."""
    arrays_of: dict[int, tuple[Spec, list[Array]]] = {}
    wanted: dict[int, Spec] = {}
    visited: set[int] = set()

    def visit(here: Spec, path: str) -> None:
        if here.layer is not None:
            if id(here.layer) in visited:
                return
            visited.add(id(here.layer))
        inner = here.inner
        if here.kind in ("Sequential", "Functional"):
            for layer, place in _children(inner, path, names, visited):
                visit(layer, place)
            return
        if here.kind == "Bidirectional":
            for layer, name in zip(inner, ("forward_layer", "backward_layer"), strict=True):
                visit(layer, f"{path}/{name}")
            return
        if _holds_layers(here):
            visit(inner[0], f"{path}/layer")
            return
        if variables(here):
            wanted[id(here)] = here
            arrays = _own(here, path, get, names)
            if arrays:
                arrays_of[id(here)] = (here, arrays)

    try:
        visit(spec, "")
    except InputError as error:
        raise InputError(f"model {assignment.source}: {error}") from None
    for key, leaf in wanted.items():
        if key in arrays_of:
            assignment.put(*arrays_of[key])
        else:
            assignment.missing(leaf)


def first_of_tree(
    layers: Sequence[Mapping[str, Any]], get: Callable[[str], list[Array]], names: Collection[str]
) -> Array | None:
    """The first array of the first layer of a Sequential model that has some."""
    for layer in layers:
        places = [f"{container}/{snake(str(layer['class_name']))}" for container in _CONTAINERS]
        inside = sorted(
            n for n in names if n.endswith("/vars") and n.startswith(tuple(f"{p}/" for p in places))
        )
        for place in inside:
            if arrays := get(place.removesuffix("/vars")):
                return arrays[0]
    return None


def _children(
    inner: Sequence[Spec],
    path: str,
    names: frozenset[str],
    visited: Collection[int] = (),
    *more: str,
) -> Iterator[tuple[Spec, str]]:
    """The layers of a model, or the cells of a layer, with the path of each: class names, numbered.

    The numbers rise in the order of the layers, but not by one: Keras 2.12 and 2.13 count a layer with
    weights twice. So the groups of a class that are there are its layers in order.

    Args:
        visited: ``id`` of layers that are left out.
        more: names of the group that holds them, before :data:`_CONTAINERS`.

    Raises:
        InputError: a class has not as many groups as layers, so that none can be told from another.
    """
    containers = (*more, *_CONTAINERS)
    places = [f"{path}/{c}".lstrip("/") for c in containers]
    container = next((place for place in places if place in names), places[0])
    by_class: dict[str, list[Spec]] = {}
    for spec in inner:
        if spec.layer is None or id(spec.layer) not in visited:
            by_class.setdefault(snake(spec.stored), []).append(spec)
    groups: dict[int, str] = {}
    for name, specs in by_class.items():
        pattern = re.compile(rf"{re.escape(f'{container}/{name}')}(?:_(\d+))?")
        numbered = {int(m[1] or 0): m[0] for place in names if (m := pattern.fullmatch(place))}
        stored = [numbered[number] for number in sorted(numbered)]
        if len(stored) != len(specs):  # those without weights may be left out
            specs = [s for s in specs if any(True for _ in leaves(s))]
        if len(stored) == len(specs):
            groups |= {id(s): place for s, place in zip(specs, stored, strict=True)}
        elif stored and specs:
            raise InputError(
                f"its weights are of {len(stored)} layers of the class {specs[0].stored} in {container}, "
                f"expected {len(specs)}: whose they are is not known; save it again where it was made"
            )
    for spec in inner:
        if id(spec) in groups:
            yield spec, groups[id(spec)]


def _own(
    spec: Spec, path: str, get: Callable[[str], list[Array]], names: frozenset[str]
) -> list[Array]:
    if spec.kind == "MultiHeadAttention":
        return [a for name in _ATTENTION for a in get(f"{path}/{name}")]
    if spec.kind == "trusted":
        stored = _by_attribute(spec.layer, path, get)
        return [stored[id(v)] for v in variables(spec) if id(v) in stored]
    if spec.kind in _RECURRENT or spec.kind.startswith("ConvLSTM") or spec.kind == "RNN":
        many = spec.inner[0].inner if spec.inner and spec.inner[0].inner else spec.inner
        for start in (
            f"{path}/cell",
            *(f"{path}/{c}/{snake(spec.kind)}_cell" for c in _CONTAINERS),
        ):
            if len(many) > 1:
                cells = [p for _, p in _children(many, start, names, (), "cells")]
                arrays = [a for cell in cells for a in get(cell)]
            else:
                arrays = get(start)
            if arrays:
                return arrays
    return get(path)


def _by_attribute(layer: Any, path: str, get: Callable[[str], list[Array]]) -> dict[int, Array]:
    """The arrays of a layer of the user's own by ``id`` of the variable; layers in it are attributes."""
    own = [*layer._trainable_variables, *layer._non_trainable_variables]
    stored = dict(zip(map(id, own), get(path), strict=False))
    for name, value in vars(layer).items():
        if hasattr(value, "_trainable_variables"):
            stored |= _by_attribute(value, f"{path}/{name}", get)
        elif isinstance(value, list) and not name.startswith("_"):
            used: Counter[str] = Counter()
            for inner in value:
                if hasattr(inner, "_trainable_variables"):
                    kind = snake(type(inner).__name__)
                    full = f"{kind}_{used[kind]}" if used[kind] else kind
                    used[kind] += 1
                    stored |= _by_attribute(inner, f"{path}/{name}/{full}", get)
    return stored


def snake(name: str) -> str:
    """A class name as Keras writes it in paths: ``LSTM`` -> ``lstm``, ``GRUCell`` -> ``gru_cell``."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
