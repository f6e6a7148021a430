"""Decode: from the bytes as received to one derived FLAC and its peaks, in a child process that may be lost.

The child is kept for many files and replaced after a crash, a time-out, too much memory or `files_per_child` files.
This side never opens a recording, so no file can take the worker down. Knows no call and no storage.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NoReturn, Self

from pipeline import errors, records

_WATCH_S = 0.1 if sys.platform == "linux" else 1.0  # elsewhere a look at its memory is a process of its own
_START_S = 60.0
_STOP_S = 2.0
_BASE_ADDRESS_SPACE_BYTES = 2 << 30
"""Room for libraries and thread stacks, which take addresses and hardly any memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodeLimits:
    """What one recording may cost: `stall_s` without a second of audio, `timeout_s` in all, `memory_bytes` resident."""

    timeout_s: float = 1800.0
    stall_s: float = 60.0
    memory_bytes: int = 1 << 30
    files_per_child: int = 200
    max_duration_ms: int = 24 * 3_600_000


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodedAudio:
    """What the two output files hold; `damage` is None for a whole recording."""

    duration_ms: int
    channels: int
    sample_rate_hz: int
    codec: str
    damage: records.Damage | None


class Decoder:
    """Decodes one recording at a time; safe to share between threads. Close it, or use it as a context manager."""

    def __init__(self, limits: DecodeLimits | None = None) -> None:
        self.limits = limits or DecodeLimits()
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def child_pid(self) -> int | None:
        """The process id of the living child, None before the first file and after a loss."""
        return self._child.pid if self._child else None

    def close(self) -> None:
        """End the child; a later call starts another."""
        with self._lock:
            self._drop(kill=False)

    def __call__(self, source: Path, recording: records.Recording, out_flac: Path, out_peaks: Path) -> DecodedAudio:
        """Decode `source` into `out_flac` and `out_peaks`, which appear whole or not at all.

        Raises errors.DecodeFailed, `no_audio_stream`, `decode_error`, `decode_crashed`, `decode_timeout` or
        `decode_memory`, and errors.Unavailable where no child can be started.
        """
        flac, peaks = (path.with_name(f".{path.name}.{os.getpid()}.part") for path in (out_flac, out_peaks))
        job = {
            "source": str(source.absolute()),
            "media_type": recording.media_type,
            "audio_format": recording.audio_format,
            "flac": str(flac.absolute()),
            "peaks": str(peaks.absolute()),
            "max_duration_ms": self.limits.max_duration_ms,
        }
        with self._lock:
            try:
                decoded = self._decode(job)
                flac.replace(out_flac)
                peaks.replace(out_peaks)
                for folder in {out_flac.parent, out_peaks.parent}:
                    _sync_folder(folder)
            finally:
                flac.unlink(missing_ok=True)
                peaks.unlink(missing_ok=True)
        damage = decoded.pop("damage")
        return DecodedAudio(
            **decoded, damage=records.Damage(decoded_ms=damage[0], expected_ms=damage[1]) if damage else None
        )

    def _decode(self, job: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._attempt(job)
        except _ChildLost:
            # Once more in a fresh child: the first may have been ended from outside, by no fault of the file.
            self._drop(kill=True)
        try:
            return self._attempt(job)
        except _ChildLost as lost:
            self._drop(kill=True)
            raise errors.DecodeFailed(
                f"Decoding the file crashed twice ({lost}); convert it to WAV or FLAC and try again.",
                code="decode_crashed",
            ) from None

    def _attempt(self, job: dict[str, Any]) -> dict[str, Any]:
        if self._child is None or not self._child.alive:
            self._drop(kill=True)
            self._child = _Child(_BASE_ADDRESS_SPACE_BYTES + self.limits.memory_bytes)
            self._child.wait_ready(_START_S)
        child = self._child
        child.files += 1
        child.ask(job)
        started = heard = time.monotonic()
        while True:
            message = child.answer(_WATCH_S)
            now = time.monotonic()
            if message is not None:
                heard = now
                if "decoded" in message:
                    self._retire(child)
                    return dict(message["decoded"])
                if "failed" in message:
                    self._retire(child)
                    raise errors.DecodeFailed(message["failed"]["message"], code=message["failed"]["code"])
            if now - started > self.limits.timeout_s or now - heard > self.limits.stall_s:
                self._give_up("decode_timeout", "Decoding the file takes too long; it is damaged or far too long.")
            if resident_bytes(child.pid) > self.limits.memory_bytes:
                self._give_up("decode_memory", "Decoding the file needs more memory than a recording may use.")

    def _retire(self, child: _Child) -> None:
        if child.files >= self.limits.files_per_child:
            self._drop(kill=False)

    def _give_up(self, code: str, message: str) -> NoReturn:
        self._drop(kill=True)
        raise errors.DecodeFailed(message, code=code)

    def _drop(self, *, kill: bool) -> None:
        child, self._child = self._child, None
        if child:
            child.stop(kill=kill)


class _ChildLost(Exception):
    """The child ended, or its pipe did, before it answered."""


@dataclass(slots=True)
class _Child:
    """One decoding process and the two pipes to it."""

    address_space_bytes: int
    files: int = 0
    _process: subprocess.Popen[bytes] = field(init=False)
    _errors: IO[bytes] = field(init=False)
    _selector: selectors.BaseSelector = field(init=False)
    _buffer: bytes = b""

    def __post_init__(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.stages.decode_child", str(self.address_space_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            cwd=Path(__file__).resolve().parents[2],  # where `pipeline` is, installed or not
        )
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def _out(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until the child has loaded its libraries; raises errors.Unavailable when it can't."""
        try:
            if self.answer(timeout_s):
                return
            reason = "no answer"
        except _ChildLost as lost:
            if (self._process.returncode or 0) < 0:  # killed from outside: nothing is wrong with the installation
                raise
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").strip().splitlines()
            reason = lines[-1][:300] if lines else str(lost)
        raise errors.Unavailable(f"The decoder can't start ({reason}); run `forbear doctor`.", code="decoder_missing")

    def ask(self, job: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
        except OSError:
            raise _ChildLost(self._ending()) from None

    def answer(self, timeout_s: float) -> dict[str, Any] | None:
        """The next line, or None when none came in time."""
        if b"\n" not in self._buffer:
            if not self._selector.select(timeout_s):
                return None
            data = os.read(self._out.fileno(), 65_536)
            if not data:
                raise _ChildLost(self._ending())
            self._buffer += data
        line, found, rest = self._buffer.partition(b"\n")
        if not found:
            return None
        self._buffer = rest
        message: dict[str, Any] = json.loads(line)
        return message

    def stop(self, *, kill: bool) -> None:
        """End the process; without `kill` it may leave by itself first."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if kill:
            self._process.kill()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._selector.close()
        self._out.close()
        self._errors.close()

    def _ending(self) -> str:
        try:
            code = self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            return "no longer answering"
        return f"signal {-code}" if code < 0 else f"exit status {code}"


def resident_bytes(pid: int) -> int:
    """Memory that a process holds now; 0 when it is gone."""
    try:
        if sys.platform == "linux":
            pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
            return int(pages) * os.sysconf("SC_PAGE_SIZE")
        shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return int(shown.stdout.strip() or 0) * 1024
    except (OSError, ValueError, IndexError):
        return 0


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
