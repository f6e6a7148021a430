"""The lines that a person in danger may be told to call: one set a pack, with how well the numbers were checked.

A number that nobody checked is not shown: a wrong one is worse than none. The deployer enters the right one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.policy.citations import Status, read_status
from pipeline.policy.source import Node

_NUMBER = re.compile(r"\d[\d -]{1,18}\d")


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownLine:
    """What may be shown of the lines for a person in danger; empty where nobody vouches for a number."""

    crisis: str
    emergency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SafetyLine:
    """The crisis line and the emergency number of a jurisdiction."""

    crisis: str
    emergency: str
    status: Status

    @property
    def verified(self) -> bool:
        """Whether the numbers may be shown as they stand."""
        return self.status != "memory"


def shown_line(line: SafetyLine | None, entered: str = "") -> ShownLine:
    """What may be shown: the deployer's own crisis line before the pack's, and the pack's numbers only when checked."""
    checked = line if line is not None and line.verified else None
    return ShownLine(
        crisis=entered or (checked.crisis if checked else ""), emergency=checked.emergency if checked else ""
    )


def read_safety(node: Node) -> SafetyLine:
    """The `safety:` of a pack; raises BadPolicy with the place of a mistake."""
    f = node.fields(["crisis", "emergency", "status"])
    return SafetyLine(crisis=_number(f["crisis"]), emergency=_number(f["emergency"]), status=read_status(f["status"]))


def _number(node: Node) -> str:
    if not _NUMBER.fullmatch(node.text()):
        node.fail(f"'{node.text()}' is no telephone number.")
    return node.text()
