"""Which detector contributes what: each alone, each left out, all together, on the same turns.

Plans the trials; judging and scoring them is done as for any other detectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NEEDS_SOUND = frozenset({"acoustic"})
"""Detectors that have nothing to look at where there is only text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    name: str
    detectors: tuple[str, ...]

    @property
    def reading(self) -> tuple[str, ...]:
        """Those that a text says something to; trials that agree in these agree in everything."""
        return tuple(name for name in self.detectors if name not in NEEDS_SOUND)


def trials(detectors: Sequence[str]) -> tuple[Trial, ...]:
    """All together, each alone, each left out; of two, leaving one out is the other alone and not repeated."""
    names = tuple(dict.fromkeys(detectors))
    found = [Trial(name="all together", detectors=names)]
    if len(names) > 1:
        found += [Trial(name=f"{name} alone", detectors=(name,)) for name in names]
    if len(names) > 2:
        found += [
            Trial(name=f"without {name}", detectors=tuple(other for other in names if other != name)) for name in names
        ]
    return tuple(found)
