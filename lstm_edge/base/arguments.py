"""What is asked of arguments everywhere."""

from __future__ import annotations

from numbers import Integral

from lstm_edge.base import gate
from lstm_edge.errors import InputError


def check_positive(**numbers: int | None) -> None:
    """Refuse numbers below 1, and above :data:`lstm_edge.base.gate.MOST`.

    None stands for an argument that was not given.
    """
    for name, number in numbers.items():
        if number is None:
            continue
        if not isinstance(number, Integral):
            raise InputError(f"`{name}` is {gate.shown(repr(number))}; expected a whole number")
        most = gate.MOST.get(name, gate.COUNT)
        if not 1 <= number <= most:
            said = number if abs(number) < 10**gate.DIGITS else f"of more than {gate.DIGITS} digits"
            bound = "at least 1" if number < 1 else f"at most {most:,}"
            raise InputError(f"`{name}` is {said}; it must be {bound}")
