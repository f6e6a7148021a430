"""Clauses: what a rule rests on, paraphrased in our own words, and how well each was verified.

A category without a clause in a pack is the deployer's own policy, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from pipeline.policy.source import Node, suggestion
from pipeline.records import Citation, Jurisdiction

Status = Literal["verified_primary", "verified_secondary", "memory", "house"]
STATUSES: tuple[str, ...] = get_args(Status)

HOUSE = Citation(
    ref="house",
    cite="House policy",
    paraphrase_zh="本机构自行规定；该法域的规则包中没有对应条款。",
    paraphrase_en="The institution's own policy; the pack of this jurisdiction holds no clause for it.",
    status="house",
)


def read_clauses(node: Node, jurisdiction: Jurisdiction) -> dict[str, Citation]:
    """Clauses of a pack by their reference; refuses one without source status."""
    clauses: dict[str, Citation] = {}
    for ref, raw in node.mapping().items():
        f = raw.fields(["cite", "zh", "en", "status"])
        clauses[ref] = Citation(
            ref=ref,
            cite=f["cite"].text(),
            paraphrase_zh=f["zh"].text(),
            paraphrase_en=f["en"].text(),
            status=_status(f["status"]),
            jurisdiction=jurisdiction,
        )
    return clauses


def pick(node: Node, clauses: Mapping[str, Citation]) -> tuple[Citation, ...]:
    """The clauses that a list of references names."""
    for item in node.sequence():
        if item.text() not in clauses:
            item.fail(f"there is no clause '{item.text()}'{suggestion(item.text(), clauses)}")
    return tuple(clauses[ref] for ref in node.texts())


def _status(node: Node) -> Status:
    for status in get_args(Status):
        if status == node.text():
            return status  # type: ignore[no-any-return]
    node.fail(f"'{node.text()}' is not one of {', '.join(STATUSES)}{suggestion(node.text(), STATUSES)}")
