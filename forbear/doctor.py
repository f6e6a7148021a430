"""What `forbear doctor` looks at: packages, weights, engines, the data folder. It mends nothing and prints nothing."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from pipeline.errors import Unavailable
from pipeline.settings import Settings

if TYPE_CHECKING:
    from forbear.wiring import Application


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing looked at. `required` ones make the command fail; `advice` says what to do."""

    name: str
    ok: bool
    found: str
    advice: str = ""
    required: bool = True


_PACKAGES = (
    "faster-whisper",
    "ctranslate2",
    "torch",
    "transformers",
    "av",
    "pydub",
    "fastapi",
    "sqlalchemy",
    "dbos",
    "tantivy",
)


def diagnose(settings: Settings, *, audit_head: str = "") -> list[Check]:
    """Every check, in the order in which they are worth reading.

    `audit_head` is a head of the audit log that was kept elsewhere: a log that no longer holds it was cut off.
    """
    return [
        _python(),
        *_packages(),
        _weights(settings),
        _device(settings),
        *_data(settings, audit_head),
        _engine(),
    ]


def _python() -> Check:
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Check(name="Python", ok=ok, found=found, advice="" if ok else "Use Python 3.11, 3.12 or 3.13.")


def _packages() -> Iterator[Check]:
    for name in _PACKAGES:
        try:
            yield Check(name=name, ok=True, found=version(name))
        except PackageNotFoundError:
            yield Check(name=name, ok=False, found="not installed", advice="Run make setup.")


def _weights(settings: Settings) -> Check:
    from models.weights import report_whisper

    report = report_whisper(settings.asr_model, settings.cache)
    checked = {True: ", SHA-256 as published", False: ", SHA-256 is wrong", None: ""}[report.intact]
    return Check(
        name="speech weights",
        ok=report.found and report.intact is not False,
        found=f"{report.name} from {report.source}{checked}" if report.found else f"{report.name} not found",
        advice=report.advice,
    )


def _device(settings: Settings) -> Check:
    try:
        import ctranslate2

        gpus = ctranslate2.get_cuda_device_count()
    except Exception:
        gpus = 0
    found = f"{gpus} CUDA device(s)" if gpus else "CPU"
    advice = ""
    if gpus and settings.asr_model == "base":
        advice = (
            "With a GPU, large-v3-turbo hears far better: FORBEAR_ASR_MODEL=large-v3-turbo FORBEAR_ASR_DOWNLOAD=true"
        )
    return Check(name="recognition runs on", ok=True, found=found, advice=advice, required=False)


def _data(settings: Settings, audit_head: str) -> Iterator[Check]:
    folder = settings.data
    if not folder.exists():
        yield Check(name="data folder", ok=True, found=f"{folder} (made at first use)", required=False)
        if audit_head:
            yield Check(name="audit log", ok=False, found="none is here", advice="Name the data folder with --data.")
        return
    writable = os.access(folder, os.W_OK)
    free = shutil.disk_usage(folder).free / 1e9
    yield Check(
        name="data folder",
        ok=writable,
        found=f"{folder}, {free:.0f} GB free",
        advice="" if writable else "Make it writable for the user that runs Forbear.",
    )
    mode = folder.stat().st_mode & 0o077
    yield Check(
        name="data folder's mode",
        ok=mode == 0,
        found=oct(folder.stat().st_mode & 0o777),
        advice="" if mode == 0 else f"Others can look into it: chmod 700 {folder}",
        required=False,
    )
    from forbear.supervisor import alive
    from forbear.wiring import build_application

    application = build_application(settings)
    database = (
        "SQLite"
        if application.database.is_sqlite
        else application.database.engine.url.render_as_string(hide_password=True)
    )
    yield Check(name="database", ok=True, found=database)
    yield _audit(application, audit_head)
    yield Check(
        name="workers",
        ok=True,
        found="a Forbear is running here" if alive(folder) else "none running (forbear serve starts them)",
        required=False,
    )
    yield _index(application)


def _index(application: Application) -> Check:
    engine = "Elasticsearch" if application.settings.elasticsearch_url else "embedded"
    try:
        utterances = application.index.count()
    except Unavailable as error:
        return Check(name="search index", ok=False, found=engine, advice=error.message, required=False)
    pending = application.indexing.pending()
    waiting = f"{pending} calls waiting to be indexed" if pending else "up to date"
    return Check(name="search index", ok=True, found=f"{engine}, {utterances} utterances, {waiting}", required=False)


def _audit(application: Application, kept_head: str) -> Check:
    broken = application.audit_broken_at()
    if broken is not None:
        wrong = f"line {broken} was altered"
    elif kept_head and not application.audit_holds(kept_head):
        wrong = f"the line {kept_head} is gone: the log was cut off, or this is another one"
    else:
        return Check(name="audit log", ok=True, found=f"chain unbroken, ends with {application.audit_head()}")
    advice = "Keep the data folder as it is and tell whoever answers for it; compare with a backup."
    return Check(name="audit log", ok=False, found=wrong, advice=advice)


def _engine() -> Check:
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    return Check(
        name="Chromium",
        ok=True,
        found=chromium or "not found",
        advice="" if chromium else "Only the browser tests and screenshots need it.",
        required=False,
    )
