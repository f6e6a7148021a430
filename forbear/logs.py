"""Logs of this application: JSON lines in the data folder, without anything a customer or a collector said.

Both structlog and the standard logging module end here. What could carry words of a call is taken out before it is
written: fields named after text, long runs of digits, and the messages of foreign exceptions, which like to quote what
they failed on; their type and the lines of code they came through stay.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import structlog

from pipeline.errors import ForbearError
from pipeline.store.folders import private_folder

_SAID = frozenset({"text", "texts", "words", "word", "quote", "transcript", "utterance", "utterances", "query", "body"})
_SECRET = frozenset({"password", "secret", "token", "cookie", "authorization", "link", "key"})
_DIGITS = re.compile(r"(?<![0-9A-Za-z])\+?\d(?:[ .-]?\d){6,}(?![0-9A-Za-z])")
_LIBRARIES = ("dbos", "sqlalchemy", "alembic", "uvicorn", "faster_whisper", "libav", "transformers", "asyncio")

_Event = MutableMapping[str, Any]


class _LogFile(RotatingFileHandler):
    """Told from the handlers of others, which stay where they are."""


def set_up_logging(folder: Path, name: str, level: str = "INFO") -> None:
    """Sends all logging of this process to `folder/name.log`; nothing goes to the terminal."""
    private_folder(folder)  # and the data folder above it, where this is the first to need it
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        bare_exception,
        redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    path = folder / f"{name}.log"
    handler = _LogFile(path, maxBytes=10_000_000, backupCount=5, encoding="utf-8", delay=True)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=_type_only),
            ],
        )
    )
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, _LogFile)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level)
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))


def bare_exception(_logger: Any, _method: str, event: _Event) -> _Event:
    """Replaces an exception by its type, its code and the lines it came through."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else None
    if error is not None:
        event["error"] = type(error).__name__
        if isinstance(error, ForbearError):
            event["code"], event["reason"] = error.code, f"{error.message} {error.reason}".strip()
        frames = traceback.extract_tb(error.__traceback__)
        event["at"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    event.pop("exc_text", None)
    event.pop("stack_info", None)
    return event


def redact(_logger: Any, _method: str, event: _Event) -> _Event:
    """Takes out fields that hold what was said or what opens a door, and long runs of digits everywhere."""
    for name, value in list(event.items()):
        if name in ("timestamp", "_record", "_from_structlog"):
            continue
        if name.lower() in _SAID or name.lower() in _SECRET:
            event[name] = "[removed]"
        else:
            event[name] = _clean(value)
    return event


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _DIGITS.sub("[digits]", value)
    if isinstance(value, dict):
        return {k: "[removed]" if str(k).lower() in _SAID | _SECRET else _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(v) for v in value]
    if isinstance(value, BaseException):
        return type(value).__name__
    return value


def _type_only(value: Any) -> str:
    return str(value) if isinstance(value, Path) else f"<{type(value).__name__}>"
