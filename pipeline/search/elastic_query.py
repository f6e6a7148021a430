"""Documents and questions in Elasticsearch's terms: mapping, bulk source, query. Knows no client and no server.

The server splits our tokens at white space and adds nothing of its own, so it needs no plugin.
"""

from __future__ import annotations

from typing import Any

from pipeline.encoding import encode
from pipeline.search import fields
from pipeline.search.analysis import Pattern
from pipeline.search.base import Scope, SearchQuery, Sort, UtteranceDocument
from pipeline.search.query import And, Leaf, Node, Not, Or

SOURCE = "source"
"""The whole document as JSON, kept and not searched."""

MOST_CONTINUATIONS = 16_384
"""How many tokens the open end of a phrase may stand for."""


def mapping() -> dict[str, Any]:
    """The mapping of an index, with the versions it was made by."""
    properties: dict[str, Any] = {name: {"type": "keyword"} for name in fields.KEYWORDS}
    properties[fields.TOKENS] = {"type": "text", "analyzer": "whitespace"}
    properties[fields.ORDER] = {"type": "long"}
    properties[fields.DAY] = {"type": "integer"}
    properties[SOURCE] = {"type": "keyword", "index": False, "doc_values": False}
    return {"dynamic": "strict", "_meta": fields.STAMP, "properties": properties}


def to_elastic(document: UtteranceDocument) -> dict[str, Any]:
    made: dict[str, Any] = {name: list(values(document)) for name, values in fields.KEYWORDS.items()}
    made[fields.TOKENS] = fields.token_text(document)
    made[fields.ORDER] = fields.order(document)
    made[fields.DAY] = fields.day_of(document)
    made[SOURCE] = encode(document).decode()
    return made


def compiled(node: Node, query: SearchQuery, scope: Scope) -> dict[str, Any]:
    """What matches: the words, the filters and the permission in one. Only the words give a score."""
    limits: list[dict[str, Any]] = [{"terms": {name: values}} for name, values in fields.limits(query).items()]
    if scope.teams is not None:
        limits.append({"terms": {"team": sorted(scope.teams)}})
    days = {}
    if query.date_from:
        days["gte"] = fields.day_number(query.date_from)
    if query.date_to:
        days["lte"] = fields.day_number(query.date_to)
    if days:
        limits.append({"range": {fields.DAY: days}})
    return {"bool": {"must": [_node(node)], "filter": limits}}


def sorting(sort: Sort) -> list[dict[str, str]]:
    """A total order, so that a page can begin after any hit."""
    newest = [{fields.ORDER: "desc"}, {"id": "asc"}]
    return newest if sort is Sort.NEWEST else [{"_score": "desc"}, *newest]


def aggregations() -> dict[str, Any]:
    """What a page counts over all hits."""
    counts: dict[str, Any] = {name: {"terms": {"field": name, "size": 1000}} for name in fields.FACETS}
    counts[fields.DAY] = {"terms": {"field": fields.DAY, "size": fields.MOST_DAYS}}
    counts["calls"] = {"cardinality": {"field": "call_id", "precision_threshold": 10_000}}
    return counts


def _node(node: Node) -> dict[str, Any]:
    match node:
        case Leaf(pattern):
            return _pattern(pattern)
        case And(()):
            return {"match_all": {}}
        case And(children):
            required = [_node(child) for child in children if not isinstance(child, Not)]
            excluded = [_node(child.child) for child in children if isinstance(child, Not)]
            return {"bool": {"must": required or [{"match_all": {}}], "must_not": excluded}}
        case Or(children):
            return {"bool": {"should": [_node(child) for child in children], "minimum_should_match": 1}}
        case Not():
            return _node(And((node,)))


def _pattern(pattern: Pattern) -> dict[str, Any]:
    *head, last = pattern.tokens
    if not head:
        return {"prefix" if pattern.prefix else "term": {fields.TOKENS: {"value": last}}}
    asked: dict[str, Any] = {"query": " ".join(pattern.tokens), "analyzer": "whitespace"}
    if pattern.prefix:
        return {"match_phrase_prefix": {fields.TOKENS: asked | {"max_expansions": MOST_CONTINUATIONS}}}
    return {"match_phrase": {fields.TOKENS: asked}}
