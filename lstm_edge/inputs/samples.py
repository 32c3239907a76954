"""The sample reviews that ship with the project."""

from __future__ import annotations

from lstm_edge.base.files import shipped
from lstm_edge.inputs import data, labelled

FILE = "samples.jsonl"


def load() -> labelled.Examples:
    """The shipped reviews with their labels: short, long, sarcastic, in capitals, not ASCII …"""
    return data.load(str(shipped() / FILE)).evaluation()
