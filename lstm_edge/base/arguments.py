"""What is asked of arguments everywhere."""

from __future__ import annotations

from lstm_edge.errors import InputError


def check_positive(**numbers: int | None) -> None:
    """Refuse numbers below 1; None stands for an argument that was not given."""
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise InputError(f"`{name}` is {number}; it must be at least 1")
