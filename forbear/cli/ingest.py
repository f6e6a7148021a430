"""`forbear ingest`: files, folders and globs into the data folder, and the wait until they are judged."""

from __future__ import annotations

import glob
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forbear.cli.app import AsJson, Data, app, application_of, operator
from forbear.cli.output import note, print_json, say
from pipeline.errors import BadMetadata, InvalidInput
from pipeline.records import CallStatus
from pipeline.services.views import CallFilter, IntakeResult, Outcome

if TYPE_CHECKING:
    from forbear.wiring import Application

BULK = 20
"""More files than this in one command stand behind single uploads in the queue."""

_NOT_AUDIO = frozenset(
    (
        ".json",
        ".jsonl",
        ".csv",
        ".tsv",
        ".txt",
        ".md",
        ".yaml",
        ".yml",
        ".xml",
        ".html",
        ".pdf",
        ".log",
        ".ini",
        ".toml",
    )
)
"""In a folder these are papers beside the recordings, not recordings; named one by one, they are tried and refused."""


@dataclass
class Plan:
    """What the command was asked to take in: each file with its metadata, and what could not be read."""

    files: dict[Path, Mapping[str, Any] | None] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    missing_paths: int = 0


def _in_folder(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path.suffix.lower() not in _NOT_AUDIO:
            yield path


def _expand(given: str) -> list[Path]:
    path = Path(given).expanduser()
    if path.is_dir():
        return list(_in_folder(path))
    if path.exists():
        return [path]
    return [
        match
        for name in sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
        for match in ([Path(name)] if Path(name).is_file() else _in_folder(Path(name)))
        if not match.name.startswith(".")
    ]


def _plan(paths: list[str], metadata: Path | None) -> Plan:
    from pipeline.services.metadata import read_csv, sidecar

    plan = Plan()
    for given in paths:
        found = _expand(given)
        if not found:
            empty = Path(given).is_dir()
            plan.problems.append(
                f"{given}: {'the folder holds no recordings' if empty else 'no such file or folder'} [no_such_path]"
            )
            plan.missing_paths += 1
        plan.files.update(dict.fromkeys(found))
    by_name: dict[str, list[Path]] = {}
    for path in plan.files:
        by_name.setdefault(path.name, []).append(path)

    if metadata is not None:
        if not metadata.is_file():
            raise InvalidInput(f"{metadata}: no such metadata file. It is a CSV whose first column is `file`.")
        for row in read_csv(metadata):
            targets = [p for p in (metadata.parent / row.file, Path(row.file)) if p in plan.files] if row.file else []
            targets = targets or by_name.get(Path(row.file).name if row.file else "", [])
            if row.error is not None:
                plan.problems.append(
                    f"{metadata.name}, row {row.number}, {row.file or 'no file'}: {row.error} [bad_metadata]"
                )
                for path in targets:
                    del plan.files[path]
                by_name.pop(Path(row.file).name if row.file else "", None)
            elif not targets:
                plan.problems.append(
                    f"{metadata.name}, row {row.number}: {row.file} is not among the files given [no_such_file]"
                )
            else:
                for path in targets[:1]:
                    plan.files[path] = row.values
    for path, values in list(plan.files.items()):
        if values is None:
            try:
                plan.files[path] = sidecar(path)
            except BadMetadata as error:
                plan.problems.append(f"{path.name}: {error.message} [{error.code}]")
                del plan.files[path]
    return plan


def _line(result: IntakeResult) -> str:
    match result.outcome:
        case Outcome.ACCEPTED:
            return f"accepted   {result.file}  {result.id}"
        case Outcome.UPDATED:
            return f"updated    {result.file}  {result.id}  its metadata changed; it is judged again"
        case Outcome.DUPLICATE:
            state = f", refused: {result.failure.code}" if result.failure else ""
            return f"duplicate  {result.file}  is the recording {result.same_as} ({result.id}{state})"
        case Outcome.REFUSED:
            assert result.failure is not None
            return f"refused    {result.file}  {result.failure.message} [{result.failure.code}]"


def take_in(
    application: Application,
    files: Mapping[Path, Mapping[str, Any] | None],
    *,
    quiet: bool,
    audio_format: str | None = None,
) -> list[IntakeResult]:
    """Give every file to intake, a line each."""
    actor = operator()
    results = []
    for path, values in files.items():
        if audio_format:
            values = {**(values or {}), "format": audio_format}
        result = application.intake.accept(actor, path, file_name=path.name, metadata=values, bulk=len(files) > BULK)
        results.append(result)
        if not quiet:
            say(_line(result))
    return results


def unfinished(application: Application) -> set[str]:
    """Calls that are queued or running now."""
    waiting = CallFilter(statuses=frozenset({CallStatus.QUEUED, CallStatus.RUNNING}))
    return {call.id for call in application.calls.all(operator(), waiting)}


def wait_for(application: Application, ids: set[str], *, quiet: bool = False) -> None:
    """Show progress until none of the calls is queued or running; starts workers when none is alive here."""
    from forbear.supervisor import Supervisor, alive

    settings = application.settings
    if alive(settings.data):
        if not quiet:
            note("A Forbear is running on this data folder; its workers do the work.")
        _watch(application, ids, quiet=quiet)
        return
    with Supervisor(settings) as supervisor:
        _watch(application, ids, quiet=quiet, check=supervisor.check)
        # The index lags by a moment; a search right after the command should find what it brought.
        deadline = time.monotonic() + 20
        while application.indexing.pending() and time.monotonic() < deadline:
            time.sleep(0.1)


def _watch(application: Application, ids: set[str], *, quiet: bool, check: Any = None) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    err = Console(stderr=True)
    with Progress(*columns, console=err, disable=quiet, transient=not sys.stderr.isatty()) as bar:
        task = bar.add_task("processing", total=len(ids))
        printed = 0
        while True:
            if check is not None:
                check()
            waiting = CallFilter(statuses=frozenset({CallStatus.QUEUED, CallStatus.RUNNING}))
            left = {call.id: call for call in application.calls.all(operator(), waiting) if call.id in ids}
            running = [c for c in left.values() if c.status is CallStatus.RUNNING]
            part = sum(c.progress or 0.0 for c in running)
            doing = ", ".join(f"{c.file} {c.stage.value if c.stage else ''}" for c in running[:2])
            bar.update(task, completed=len(ids) - len(left) + part, description=doing or "processing")
            done = len(ids) - len(left)
            if not quiet and not sys.stderr.isatty() and done > printed:
                note(f"processed {done} of {len(ids)}")
                printed = done
            if not left:
                return
            time.sleep(0.3)


@app.command()
def ingest(
    paths: Annotated[list[str], typer.Argument(help="Files, folders or globs.", show_default=False)],
    metadata: Annotated[
        Path | None,
        typer.Option("--metadata", help="A CSV whose first column is `file`. Else NAME.json beside NAME.opus."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until everything is processed.")] = False,
    audio_format: Annotated[
        str | None,
        typer.Option("--format", help="Of headerless audio: encoding/rate/channels, such as mulaw/8000/1."),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take recordings in. The same file twice is one recording; a bad file or row is reported and the rest goes on."""
    plan = _plan(paths, metadata)
    application = application_of(data)
    results = take_in(application, plan.files, quiet=as_json, audio_format=audio_format)
    for problem in plan.problems:
        note(f"not taken  {problem}")
    failed = [r for r in results if r.outcome is Outcome.REFUSED]
    if wait:
        wait_for(application, unfinished(application), quiet=as_json)
    counts = Counter(r.outcome.value for r in results)
    ended = _ended(application, results) if wait else {}
    if as_json:
        print_json(
            {
                "files": [
                    {
                        "file": r.file,
                        "outcome": r.outcome.value,
                        "id": r.id,
                        "recording": r.recording_sha256,
                        "same_as": r.same_as,
                        "error": r.failure.code if r.failure else None,
                        "error_message": r.failure.message if r.failure else None,
                    }
                    for r in results
                ],
                "problems": plan.problems,
                "failed": {r.file: r.failure.code for r in failed if r.failure} | ended,
            }
        )
    else:
        say(", ".join(f"{n} {word}" for word, n in counts.items()) or "nothing was taken in")
        reasons = {r.file: f"{r.failure.message} [{r.failure.code}]" for r in failed if r.failure} | ended
        if reasons:
            say(f"{len(reasons)} failed:")
            for name, reason in reasons.items():
                say(f"  {name}: {reason}")
        if not wait and counts[Outcome.ACCEPTED.value] + counts[Outcome.UPDATED.value]:
            say("They are processed as soon as a worker runs: forbear serve, or forbear ingest --wait.")
    if plan.missing_paths or (plan.problems and not results):
        raise typer.Exit(2)


def _ended(application: Application, results: list[IntakeResult]) -> dict[str, str]:
    """File name to reason, of the calls of this command that failed in processing."""
    ids = {r.id for r in results if r.outcome is not Outcome.REFUSED}
    failed = application.calls.all(operator(), CallFilter(statuses=frozenset({CallStatus.FAILED})))
    return {c.file: f"{c.failure.message} [{c.failure.code}]" for c in failed if c.id in ids and c.failure}
