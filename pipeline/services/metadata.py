"""What a source system says about a call, read from a CSV, a sidecar or an upload; knows no database and no audio.

The same keys in all three. Absent, empty and null all mean "not said". Unknown keys are kept under `extra`.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.errors import BadMetadata
from pipeline.policy.facts import misfit
from pipeline.records import CallContext, Channels, CollectorType, Direction, Jurisdiction

E = TypeVar("E", bound=StrEnum)

_TEXT_LIMIT = 200
_JSON_LIMIT = 65_536
_SIDECAR_LIMIT = 4_000_000

# Country code and the most digits of a national number, to tell "8613…" from a number that starts with 86.
_NUMBERING: Mapping[Jurisdiction, tuple[str, int]] = {
    Jurisdiction.CN: ("86", 11),
    Jurisdiction.TW: ("886", 9),
    Jurisdiction.HK: ("852", 8),
    Jurisdiction.US: ("1", 10),
    Jurisdiction.UK: ("44", 10),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """`context` of the call, and the encoding of a headerless file ("mulaw/8000/1"), where it is named."""

    context: CallContext
    audio_format: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvRow:
    """A row of a metadata CSV; the header is row 1. Either `values` or `error` is given."""

    number: int
    file: str
    values: Mapping[str, Any] | None = None
    error: str | None = None


def parse_metadata(values: Mapping[str, Any], *, key: bytes, jurisdiction: Jurisdiction) -> Metadata:
    """Reads the known keys and keeps the others; raises BadMetadata naming the key that can't be read.

    `key` hashes the number, `jurisdiction` is where a national number belongs when the call names no other place.
    """
    given = {str(k).strip(): v for k, v in values.items()}
    given = {k: v for k, v in given.items() if k and v is not None and not (isinstance(v, str) and not v.strip())}
    given.pop("file", None)
    read: dict[str, Any] = {}
    for name, reader in _READERS.items():
        if name in given:
            try:
                read[name] = reader(given.pop(name))
            except (ValueError, OverflowError) as error:
                raise BadMetadata(f"{name}: {error}.") from None
    audio_format = read.pop("format", None)
    if number := read.pop("number", None):
        read["number_hash"] = _number_hash(number, key, read.get("jurisdiction") or jurisdiction)
    try:
        extra = _plain_json(given)
    except ValueError as error:
        raise BadMetadata(f"A key that is not known here can't be kept: {error}.") from None
    context = CallContext(**read, extra=extra)
    if context.started_at and context.ended_at and context.ended_at < context.started_at:
        raise BadMetadata("ended_at: it lies before started_at.")
    return Metadata(context=context, audio_format=audio_format)


def merge(old: CallContext, new: CallContext) -> tuple[CallContext, tuple[str, ...]]:
    """`old` with what `new` says, and the names of what changed; what `new` does not say stays as it was."""
    changed: list[str] = []
    values: dict[str, Any] = {}
    for name in (f.name for f in fields(CallContext)):
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(after, Mapping):
            differing = sorted(k for k, v in after.items() if k not in before or before[k] != v)
            changed += [f"{name}.{k}" for k in differing]
            values[name] = {**before, **after}
        elif after is not None and after != before:
            changed.append(name)
            values[name] = after
    return replace(old, **values), tuple(changed)


def read_csv(path: Path, *, about_files: bool = True) -> Iterator[CsvRow]:
    """The rows of a metadata CSV (UTF-8, first column `file`); a bad row has its reason, and the rest goes on.

    One that is not `about_files` has the column anywhere or not at all. Raises BadMetadata when the file is not such a
    CSV at all.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadMetadata(f"{path.name} is not UTF-8; save it as “CSV UTF-8”.") from None
    except OSError as error:
        raise BadMetadata(f"{path.name} can't be read: {error.strerror}.") from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(rows, [])]
    except csv.Error as error:
        raise BadMetadata(f"{path.name} is not a CSV: {error}.") from None
    if about_files and (not header or header[0] != "file"):
        raise BadMetadata(f"{path.name}: the first column must be `file`.")
    if not any(header):
        raise BadMetadata(f"{path.name}: the first row must name the columns.")
    if doubled := sorted({name for name in header if name and header.count(name) > 1}):
        raise BadMetadata(f"{path.name}: the column {', '.join(doubled)} is there twice.")
    return _csv_rows(rows, header, about_files=about_files)


def _csv_rows(rows: Iterator[list[str]], header: list[str], *, about_files: bool) -> Iterator[CsvRow]:
    file_at = header.index("file") if "file" in header else None
    number = 1
    while True:
        number += 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield CsvRow(number=number, file="", error=f"the row is not CSV ({error})")
            continue
        if not any(cell.strip() for cell in cells):
            continue
        file = cells[file_at].strip() if file_at is not None and file_at < len(cells) else ""
        if about_files and not file:
            yield CsvRow(number=number, file="", error="the column `file` is empty")
        elif len(cells) > len(header):
            error_text = f"it has {len(cells)} cells under {len(header)} columns; quote cells that hold commas"
            yield CsvRow(number=number, file=file, error=error_text)
        else:
            values = {name: cell for name, cell in zip(header, cells, strict=False) if name != "file"}
            yield CsvRow(number=number, file=file, values=values)


def sidecar(path: Path) -> Mapping[str, Any] | None:
    """The metadata in NAME.json beside NAME.opus: its object, or the object under its key `meta`; None without one.

    Raises BadMetadata when it is there and can't be read.
    """
    beside = path.with_suffix(".json")
    if beside == path or not beside.is_file():
        return None
    try:
        if beside.stat().st_size > _SIDECAR_LIMIT:
            raise BadMetadata(f"{beside.name} is larger than {_SIDECAR_LIMIT:,} bytes.")
        value = json.loads(beside.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise BadMetadata(f"{beside.name} can't be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise BadMetadata(f"{beside.name} is not JSON in UTF-8.") from None
    if isinstance(value, dict) and isinstance(value.get("meta"), dict):
        value = value["meta"]
    if not isinstance(value, dict):
        raise BadMetadata(f"{beside.name} is JSON, but not an object.")
    return value


def file_label(name: str) -> str:
    """What a file is called, without folder, control or invisible characters, at most 255; never a path."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    base = base.encode("utf-8", "replace").decode()
    shown = "".join(c for c in base if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp")).strip()
    if len(shown) > 255:
        suffix = re.search(r"\.\w{1,8}$", shown)
        end = suffix[0] if suffix else ""
        shown = shown[: 255 - len(end)] + end
    return shown or "unnamed"


# --- reading one value; ValueError says what is wrong with it, never what it was ---


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("it takes a text")
    text = str(value).strip()
    if len(text) > _TEXT_LIMIT:
        raise ValueError(f"it is longer than {_TEXT_LIMIT} characters")
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
        raise ValueError("it holds control characters")
    return text


def _one_of(kind: type[E], fold: Callable[[str], str]) -> Callable[[Any], E]:
    def read(value: Any) -> E:
        try:
            return kind(fold(_text(value)))
        except ValueError:
            raise ValueError(f"it takes one of {', '.join(kind)}") from None

    return read


def _time(value: Any) -> datetime:
    try:
        time = datetime.fromisoformat(_text(value))
    except ValueError:
        raise ValueError("it takes a time such as 2025-03-01T09:30:00+08:00") from None
    if time.tzinfo is None:
        raise ValueError("it needs its offset from UTC, such as +08:00 or Z")
    if not 1970 <= time.astimezone(UTC).year <= 2200:
        raise ValueError("its year is out of range")
    return time


def _zone(value: Any) -> str:
    name = _text(value)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("it takes a time zone such as Asia/Shanghai") from None
    return name


def _days(value: Any) -> int:
    text = _text(value)
    if not re.fullmatch(r"[+-]?\d{1,6}(\.0+)?", text):
        raise ValueError("it takes a whole number of days")
    return int(float(text))


def _number(value: Any) -> str:
    text = unicodedata.normalize("NFKC", _text(value))
    digits = "".join(str(unicodedata.digit(c)) for c in text if unicodedata.digit(c, None) is not None)
    if not 3 <= len(digits) <= 20:
        raise ValueError("it takes a telephone number")
    return f"+{digits}" if text.startswith("+") else digits


def _facts(value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("it is not JSON") from None
    if not isinstance(value, Mapping):
        raise ValueError("it takes a JSON object")
    known = _plain_json(value)
    if (wrong := misfit(known)) is not None:
        raise ValueError(f"{wrong.name} takes {wrong.takes}")
    return known


def _plain_json(value: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError):
        raise ValueError("it is not plain JSON") from None
    if size > _JSON_LIMIT:
        raise ValueError(f"it is larger than {_JSON_LIMIT:,} bytes")
    plain: Mapping[str, Any] = json.loads(text)
    return plain


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "call_id": _text,
    "account_ref": _text,
    "party_ref": _text,
    "debt_ref": _text,
    "number": _number,
    "agent_id": _text,
    "team": _text,
    "direction": _one_of(Direction, str.lower),
    "started_at": _time,
    "ended_at": _time,
    "customer_tz": _zone,
    "jurisdiction": _one_of(Jurisdiction, str.upper),
    "collector_type": _one_of(CollectorType, lambda text: text.lower().replace("-", "_")),
    "product": _text,
    "days_past_due": _days,
    "outcome": _text,
    "channels": _one_of(Channels, lambda text: text.lower().replace("_", "-")),
    "facts": _facts,
    "format": _text,
}


def _number_hash(number: str, key: bytes, jurisdiction: Jurisdiction) -> str:
    return hmac.new(key, b"number:" + _international(number, jurisdiction).encode(), hashlib.sha256).hexdigest()


def _international(number: str, jurisdiction: Jurisdiction) -> str:
    """The digits with the country code, so that one telephone written in several ways has one hash."""
    if number.startswith("+"):
        return number[1:]
    if number.startswith("00") and len(number) > 4:
        return number[2:]
    code, longest = _NUMBERING[jurisdiction]
    if number.startswith(code) and len(number) > longest:
        return number
    return code + number.removeprefix("0")
