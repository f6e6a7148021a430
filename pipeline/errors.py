"""What can go wrong, as one tree; it knows neither HTTP nor the terminal.

    ForbearError
    ├── InvalidInput          the caller can mend it: bad value, bad row, bad file
    │   ├── RefusedFile       a file that is not taken in (code says why)
    │   └── BadMetadata       a metadata row or object that can't be read
    ├── NotFound              no such thing, or none this actor may see
    ├── Forbidden             the actor lacks the permission
    ├── Conflict              the thing is in a state that forbids the action
    ├── StageFailed           a call can't be processed; final, shown with its code, retryable by a person
    │   └── DecodeFailed      no audio could be decoded
    ├── Unavailable           a part is missing or not running (weights, a server); says what to install or start
    └── ConfigError           a setting is wrong; names it

The class decides behaviour (status, exit code, retry); `code` is stable and for machines; the message is for people,
says what to do, and never holds words of a transcript. `reason` is what a library said of it, which may name hosts and
accounts: for the operator's terminal and the log alone.
"""

from __future__ import annotations


class ForbearError(Exception):
    """Base of every error this application raises on purpose."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.reason = reason


class InvalidInput(ForbearError):
    """The input is wrong and the caller can mend it."""

    code = "invalid_input"


class RefusedFile(InvalidInput):
    """A file that is not taken in: `empty_file`, `not_audio`, `too_large`, `call_id_taken`, `unreadable`."""

    code = "refused_file"


class BadMetadata(InvalidInput):
    """A metadata row or object that can't be read; names the file, the row and the key."""

    code = "bad_metadata"


class NotFound(ForbearError):
    """There is no such thing, or none that this actor may see."""

    code = "not_found"


class Forbidden(ForbearError):
    """The actor lacks the permission."""

    code = "forbidden"


class Conflict(ForbearError):
    """The thing is in a state that forbids the action."""

    code = "conflict"


class StageFailed(ForbearError):
    """A call can't be processed further; trying again without a change would fail again."""

    code = "stage_failed"


class DecodeFailed(StageFailed):
    """No audio was decoded: `no_audio_stream`, `decode_error`, `decode_crashed`, `decode_timeout`, `decode_memory`."""

    code = "decode_error"


class Unavailable(ForbearError):
    """A part is missing or not running; the message says what to install or start."""

    code = "unavailable"


class ConfigError(ForbearError):
    """A setting is wrong; the message names it."""

    code = "config_error"
