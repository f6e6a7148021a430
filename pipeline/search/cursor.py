"""Where the next page begins, as an opaque text that only fits the question it was made for.

Each engine has a value of its own for the place. A cursor grants nothing: the scope is asked again with every page.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TypeVar

from pipeline.encoding import decode, digest_of, encode
from pipeline.errors import InvalidInput
from pipeline.search.base import Scope, SearchQuery

Place = TypeVar("Place")


def make(place: object, query: SearchQuery, scope: Scope) -> str:
    """The text for `place`, a frozen dataclass of plain values."""
    body = _fingerprint(query, scope) + encode(place)
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def read(kind: type[Place], query: SearchQuery, scope: Scope) -> Place | None:
    """What `make` was given, or None on a first page; raises InvalidInput (`bad_cursor`) for any other text."""
    if query.cursor is None:
        return None
    fingerprint = _fingerprint(query, scope)
    try:
        body = base64.b64decode(query.cursor + "=" * (-len(query.cursor) % 4), altchars=b"-_", validate=True)
        if body.startswith(fingerprint):
            return decode(kind, body[len(fingerprint) :])
    except ValueError:
        pass  # neither base64 nor the place it should hold: the same answer as for another question's cursor
    raise InvalidInput("This page marker is of another search; start again at the first page.", code="bad_cursor")


def _fingerprint(query: SearchQuery, scope: Scope) -> bytes:
    """Equal for equal questions, whatever the size of their pages."""
    question = json.loads(encode(replace(query, cursor=None, limit=1)))
    for value in question.values():
        if isinstance(value, list):
            value.sort()
    return digest_of(question, sorted(scope.teams) if scope.teams is not None else None)[:16].encode()
