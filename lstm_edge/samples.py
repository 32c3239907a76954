"""The sample reviews that ship with the project."""

from __future__ import annotations

from lstm_edge import data
from lstm_edge.run_folder import shipped

FILE = "samples.jsonl"


def load() -> data.Examples:
    """The shipped reviews with their labels: short, long, sarcastic, in capitals, not ASCII …"""
    return data.load(str(shipped() / FILE)).evaluation()
