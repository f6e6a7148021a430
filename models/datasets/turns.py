"""Training dialogues as a text model reads them."""

from __future__ import annotations

from models.datasets.dialogues import Example
from models.text_input import TextInput


def as_turn(example: Example) -> TextInput:
    """An example as it was written, with what was said before it."""
    return TextInput(role=example.line.role, text=example.line.text, context=example.context)
