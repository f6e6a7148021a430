"""Training dialogues as a text model reads them."""

from __future__ import annotations

from models.datasets.dialogues import Example
from models.text_input import SaidBefore, TextInput


def as_turn(example: Example) -> TextInput:
    """An example as it was written, with what was said before it."""
    before = tuple(SaidBefore(line.role, line.text) for line in example.context)
    return TextInput(role=example.line.role, text=example.line.text, context=before)
