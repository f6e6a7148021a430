"""Clauses: what a rule rests on, paraphrased in our own words, and how well each was verified.

A category without a clause in a pack is the deployer's own policy, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal, get_args

from pipeline.policy.source import Node, suggestion
from pipeline.records import Citation, Jurisdiction

Status = Literal["verified_primary", "verified_secondary", "memory", "house"]
STATUSES: tuple[str, ...] = get_args(Status)

UNKNOWN = "unknown"
"""The effective date of a clause that nothing we read states."""

HOUSE = Citation(
    ref="house",
    cite="House policy",
    paraphrase_zh="本机构自行规定；该法域的规则包中没有对应条款。",
    paraphrase_en="The institution's own policy; the pack of this jurisdiction holds no clause for it.",
    status="house",
)


def read_clauses(node: Node, jurisdiction: Jurisdiction) -> dict[str, Citation]:
    """Clauses of a pack by their reference; refuses one that says neither where it was read nor that it was not."""
    clauses: dict[str, Citation] = {}
    for ref, raw in node.mapping().items():
        f = raw.fields(["cite", "zh", "en"], ["status", "from", "until", "source"])
        effective_from, effective_until = _effective(f)
        clauses[ref] = Citation(
            ref=ref,
            cite=f["cite"].text(),
            paraphrase_zh=f["zh"].text(),
            paraphrase_en=f["en"].text(),
            status=_status(ref, raw, f),
            jurisdiction=jurisdiction,
            effective_from=effective_from,
            effective_until=effective_until,
            source="; ".join(f["source"].texts()) if "source" in f else "",
        )
    return clauses


def pick(node: Node, clauses: Mapping[str, Citation]) -> tuple[Citation, ...]:
    """The clauses that a list of references names."""
    for item in node.sequence():
        if item.text() not in clauses:
            item.fail(f"there is no clause '{item.text()}'{suggestion(item.text(), clauses)}")
    return tuple(clauses[ref] for ref in node.texts())


def _status(ref: str, node: Node, f: Mapping[str, Node]) -> Status:
    """How well a clause was checked; one that names a source and no status was not checked by anybody we know of."""
    if "status" not in f:
        if "source" not in f:
            node.fail(f"the clause '{ref}' has neither a source nor a status; name what was read, or say memory.")
        return "memory"
    status = read_status(f["status"])
    if status.startswith("verified") and "source" not in f:
        f["status"].fail(f"the clause '{ref}' is {status} and names no source; add it, or say memory.")
    return status


def read_status(node: Node) -> Status:
    """One of STATUSES, or BadPolicy."""
    for status in get_args(Status):
        if status == node.text():
            return status  # type: ignore[no-any-return]
    node.fail(f"'{node.text()}' is not one of {', '.join(STATUSES)}{suggestion(node.text(), STATUSES)}")


def _effective(f: Mapping[str, Node]) -> tuple[str, str | None]:
    """The first and the last day of a clause as ISO dates; the first is "unknown" where nothing read states it."""
    first = _day(f["from"]) if "from" in f and f["from"].text() != UNKNOWN else None
    last = _day(f["until"]) if "until" in f else None
    if first and last and last < first:
        f["until"].fail(f"{last} lies before {first}, when the clause takes effect.")
    return first.isoformat() if first else UNKNOWN, last.isoformat() if last else None


def _day(node: Node) -> date:
    try:
        return date.fromisoformat(node.text())
    except ValueError:
        node.fail(f"'{node.text()}' is no date such as 2026-01-01.")
