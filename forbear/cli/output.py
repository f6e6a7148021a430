"""How the command speaks: tables and sentences for people, JSON for programs, errors on stderr."""

from __future__ import annotations

import json
import sys
from typing import Any

from pipeline.errors import Conflict, ForbearError, Forbidden, InvalidInput, NotFound, Unavailable

EXIT_CODES: tuple[tuple[type[ForbearError], int], ...] = (
    (InvalidInput, 2),
    (NotFound, 3),
    (Forbidden, 4),
    (Conflict, 4),
    (Unavailable, 5),
)

SEVERITY_STYLE = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim", "info": "dim"}


def console() -> Any:
    """A rich console on stdout; wide when nobody looks, so that piped tables are not cut."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """A line for the person that must not stand in the output a program reads."""
    sys.stderr.write(text + "\n")


def fail(message: str, *, code: str) -> None:
    sys.stderr.write(f"forbear: {message} [{code}]\n")


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


def clock(ms: int | None) -> str:
    """12:34 of a duration in milliseconds, or a dash."""
    if ms is None:
        return "–"
    seconds = round(ms / 1000)
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60:02}:{rest % 60:02}"
