"""Documents and questions in tantivy's terms: the schema, and a search as a tantivy query. Opens no index."""

from __future__ import annotations

from typing import Any

from tantivy import Document, FieldType, Occur, Query, Schema, SchemaBuilder

from pipeline.encoding import encode
from pipeline.search import fields
from pipeline.search.analysis import Pattern
from pipeline.search.base import Scope, SearchQuery, UtteranceDocument
from pipeline.search.query import EVERYTHING, And, Leaf, Node, Not, Or

SOURCE = "source"
"""The whole document as JSON, stored and not searched."""


def make_schema() -> Schema:
    builder = SchemaBuilder()
    builder.add_text_field(fields.TOKENS, tokenizer_name="whitespace", index_option="position")
    for name in fields.KEYWORDS:
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=name != "id")
    builder.add_integer_field(fields.ORDER, indexed=True, fast=True)
    builder.add_integer_field(fields.DAY, indexed=True, fast=True)
    builder.add_bytes_field(SOURCE, stored=True)
    return builder.build()


SCHEMA = make_schema()


def to_tantivy(document: UtteranceDocument) -> Document:
    made = Document()
    made.add_text(fields.TOKENS, fields.token_text(document))
    for name, values in fields.KEYWORDS.items():
        for value in values(document):
            made.add_text(name, value)
    made.add_integer(fields.ORDER, fields.order(document))
    day = fields.day_of(document)
    if day is not None:
        made.add_integer(fields.DAY, day)
    made.add_bytes(SOURCE, encode(document))
    return made


def compiled(node: Node, query: SearchQuery, scope: Scope) -> Query:
    """What matches: the words, the filters and the permission in one. Only the words give a score."""
    parts = [(Occur.Must, _unscored(part)) for part in _limits(query, scope)]
    if node != EVERYTHING or not parts:
        parts.append((Occur.Must, _node(node)))
    return Query.boolean_query(parts)


def after(query: Query, *, order: int, seen: tuple[str, ...]) -> Query:
    """What of `query` comes after the hits shown: `seen` are those that share the last one's `order`."""
    return Query.boolean_query(
        [
            (Occur.Must, query),
            (Occur.Must, Query.range_query(SCHEMA, fields.ORDER, FieldType.Integer, None, order)),
            (Occur.MustNot, Query.term_set_query(SCHEMA, "id", list(seen))),
        ]
    )


def aggregations() -> dict[str, Any]:
    """What a page counts over all hits."""
    counts: dict[str, Any] = {name: {"terms": {"field": name, "size": 1000}} for name in fields.FACETS}
    counts[fields.DAY] = {"terms": {"field": fields.DAY, "size": fields.MOST_DAYS}}
    counts["calls"] = {"cardinality": {"field": "call_id"}}
    return counts


def _limits(query: SearchQuery, scope: Scope) -> list[Query]:
    limits = [Query.term_set_query(SCHEMA, name, list(values)) for name, values in fields.limits(query).items()]
    if scope.teams is not None:
        limits.append(Query.term_set_query(SCHEMA, "team", sorted(scope.teams)))
    if query.date_from or query.date_to:
        first = fields.day_number(query.date_from) if query.date_from else None
        last = fields.day_number(query.date_to) if query.date_to else None
        limits.append(Query.range_query(SCHEMA, fields.DAY, FieldType.Integer, first, last))
    return limits


def _node(node: Node) -> Query:
    match node:
        case Leaf(pattern):
            return _pattern(pattern)
        case And(children):
            parts = [_occurs(child) for child in children]
            if all(occur == Occur.MustNot for occur, _ in parts):
                parts.append((Occur.Must, Query.all_query()))
            return Query.boolean_query(parts)
        case Or(children):
            return Query.boolean_query([(Occur.Should, _node(child)) for child in children])
        case Not():
            return _node(And((node,)))


def _occurs(child: Node) -> tuple[Occur, Query]:
    return (Occur.MustNot, _node(child.child)) if isinstance(child, Not) else (Occur.Must, _node(child))


def _pattern(pattern: Pattern) -> Query:
    """A phrase prefix goes through regex_phrase_query: phrase_prefix_query silently gives up after 50 continuations.

    Tokens hold letters and digits only, so they need no escaping.
    """
    *head, last = pattern.tokens
    if not head:
        if pattern.prefix:
            return Query.regex_query(SCHEMA, fields.TOKENS, f"{last}.*")
        return Query.term_query(SCHEMA, fields.TOKENS, last)
    if pattern.prefix:
        return Query.regex_phrase_query(SCHEMA, fields.TOKENS, [*head, f"{last}.*"])
    return Query.phrase_query(SCHEMA, fields.TOKENS, [*head, last])


def _unscored(query: Query) -> Query:
    return Query.const_score_query(query, 0.0)
