"""Many RE2 expressions at once: which of them match a text.

Split over filters of a few hundred expressions: one that holds them all outgrows RE2's cache and takes twice as long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import re2

_MOST = 400


class ManyPatterns:
    """Expressions behind filters. Immutable once built; safe to share between threads."""

    def __init__(self, expressions: Sequence[str]) -> None:
        self._filters: list[tuple[int, re2.Filter]] = []
        for first in range(0, len(expressions), _MOST):
            several = re2.Filter()
            for expression in expressions[first : first + _MOST]:
                several.Add(expression)
            several.Compile()
            self._filters.append((first, several))

    def matching(self, text: str) -> Iterator[int]:
        """The places of the expressions that match, in ascending order."""
        for first, several in self._filters:
            for index in sorted(several.Match(text) or ()):
                yield first + index
