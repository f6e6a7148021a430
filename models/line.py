"""What one person says in one go, as dialogues hold it and as a text model reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """`role` is agent, customer or unknown."""

    role: str
    text: str
