"""A bar for work that takes a while, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress(what: str, total: int, *, quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """A bar on a terminal; gives a function that is told how many are done and what is being done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, doing: bar.update(task, completed=done, description=doing)
