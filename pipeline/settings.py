"""Every setting, from the environment, once. The only module that reads it.

A setting NAME is read from FORBEAR_NAME. Secrets never live here: they are files of mode 0600 inside the data folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from models.weights import TEXT_MODEL
from pipeline.errors import ConfigError
from pipeline.records import Jurisdiction

_LINE_LIMIT = 80
"""The longest crisis line, with whose it is."""


def _default_data_dir() -> Path:
    return Path.cwd() / "forbear-data"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What can be set; the defaults run everything on one machine with embedded parts only."""

    data: Path
    """The data folder."""
    database_url: str = ""
    """SQLAlchemy URL; empty means SQLite inside the data folder."""
    elasticsearch_url: str = ""
    """Address of Elasticsearch; empty means the embedded search index inside the data folder."""
    elasticsearch_index: str = "forbear-utterances"
    """What the names of its index and alias begin with: one for each installation on a cluster."""
    elasticsearch_api_key: str = ""
    elasticsearch_ca_certs: str = ""
    """PEM file with the authorities whose certificates Elasticsearch may have; empty means the system's."""
    asr_model: str = "base"
    """Whisper weights: a folder, or a name such as base or large-v3-turbo."""
    asr_device: str = "auto"
    """auto, cpu or cuda."""
    asr_compute_type: str = "auto"
    """auto, int8, float16, float32."""
    asr_threads: int = 0
    """Threads of recognition; 0 means the number of cores."""
    asr_download: bool = False
    """Whether weights may be fetched from the model hub."""
    text_model: str = ""
    """Folder of another text model, as `make train` writes one; empty means the one that comes with Forbear."""
    detectors: tuple[str, ...] = ("rules", "text", "acoustic")
    """What looks for signals in calls: rules (the packs' lexicons), text (the text model), acoustic (how it sounds)."""
    languages: tuple[str, ...] = ("zh", "en")
    """Languages recognition may choose from."""
    script: str = "simplified"
    """Chinese output: simplified or traditional."""
    workers: int = 1
    """Worker processes of one supervisor."""
    upload_limit: int = 1_000_000_000
    """Largest upload in bytes."""
    max_attempts: int = 3
    """How often a call may take its worker down before it is failed."""
    default_jurisdiction: str = "CN"
    """Policy pack of calls that name no jurisdiction."""
    crisis_line: tuple[str, ...] = ()
    """Crisis lines to show: one for the default jurisdiction, or several as CN=… and so on."""
    clip_limit_ms: int = 600_000
    """Longest clip that can be cut out of a call."""
    session_hours: int = 12
    """How long a sign-in lasts."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""
    cache: Path = Path.home() / ".cache" / "forbear"
    """Joined and fetched weights; outside the data folder, so that several data folders share them."""

    @property
    def text_dir(self) -> Path:
        """Where the text model lies."""
        return Path(self.text_model).expanduser() if self.text_model else TEXT_MODEL

    @property
    def media_dir(self) -> Path:
        return self.data / "media"

    @property
    def artifacts_dir(self) -> Path:
        return self.data / "artifacts"

    @property
    def index_dir(self) -> Path:
        return self.data / "index"

    @property
    def tmp_dir(self) -> Path:
        return self.data / "tmp"

    @property
    def crisis_lines(self) -> Mapping[Jurisdiction, str]:
        """The crisis line that the deployer entered for each jurisdiction; raises ConfigError."""
        lines: dict[Jurisdiction, str] = {}
        for entry in self.crisis_line:
            place, given, line = entry.rpartition("=")
            try:
                jurisdiction = Jurisdiction((place if given else self.default_jurisdiction).strip().upper())
            except ValueError:
                raise ConfigError(
                    f"FORBEAR_CRISIS_LINE names no jurisdiction in {entry!r}; say one of {', '.join(Jurisdiction)}."
                ) from None
            if not any(c.isdigit() for c in line) or len(line.strip()) > _LINE_LIMIT:
                raise ConfigError(f"FORBEAR_CRISIS_LINE holds {entry!r}; say a number, such as 116 123 or UK=116 123.")
            lines[jurisdiction] = line.strip()
        return lines

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data / 'forbear.db'}"


def load_settings(
    environ: Mapping[str, str] | None = None, *, data: Path | None = None, otherwise: Path | None = None
) -> Settings:
    """Settings from the environment; raises ConfigError that names the variable.

    `data` wins over FORBEAR_DATA, and where neither is given it is `otherwise`, else ./forbear-data.
    """
    environ = os.environ if environ is None else environ
    hints = get_type_hints(Settings)
    values: dict[str, Any] = {"data": data or Path(environ.get("FORBEAR_DATA") or otherwise or _default_data_dir())}
    for f in fields(Settings):
        name = f"FORBEAR_{f.name.upper()}"
        raw = environ.get(name)
        if f.name != "data" and raw is not None:
            values[f.name] = _parse(name, raw, hints[f.name])
    for name in ("data", "cache"):
        if name in values:
            values[name] = Path(values[name]).expanduser().resolve()
    settings = Settings(**values)
    _ = settings.crisis_lines  # A wrong number would be seen only when somebody is in danger.
    return settings


def worker_environment() -> dict[str, str]:
    """What a worker process is started with: this environment, and few heaps of glibc.

    Recognition frees what other threads allocated; with a heap a thread that lies about as a tenth more memory.
    """
    return {"MALLOC_ARENA_MAX": "2", **os.environ}


def _parse(name: str, raw: str, kind: Any) -> Any:
    if kind is bool:
        if raw.lower() in ("1", "true", "yes", "on"):
            return True
        if raw.lower() in ("0", "false", "no", "off", ""):
            return False
        raise ConfigError(f"{name} is {raw!r}; say true or false.")
    if kind is int:
        try:
            return int(raw)
        except ValueError:
            raise ConfigError(f"{name} is {raw!r}; it takes a whole number.") from None
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in raw.split(",") if part.strip())
    return raw
