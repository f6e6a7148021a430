"""The one way in which the values of `pipeline.records` become JSON and come back, and the keys made of it."""

from __future__ import annotations

import hashlib
import json
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")

_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Built once a type: building one takes longer than using it."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def encode(value: Any, kind: Any = None) -> bytes:
    """JSON of a value (or a tuple of them, with `kind` given)."""
    return _adapter(kind or type(value)).dump_json(value)


def decode(kind: type[T], data: bytes) -> T:
    """The value that `encode` wrote; raises pydantic.ValidationError on anything else."""
    result: T = _adapter(kind).validate_json(data)
    return result


def digest_of(*parts: Any) -> str:
    """SHA-256 over canonical JSON of the parts: the key of an artifact."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    return json.loads(encode(value))
