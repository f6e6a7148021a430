"""`forbear calls import`, `completeness`, `unrecorded`: the calls that a dialler knows of, beside the recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forbear.cli import export
from forbear.cli.app import AsJson, Data, application_of, operator
from forbear.cli.calls import calls_app, told
from forbear.cli.output import SEVERITY_STYLE, console, note, print_json, say
from pipeline.errors import InvalidInput

if TYPE_CHECKING:
    from pipeline.services.completeness import Incomplete

SECTIONS = (
    ("no_recording", "without_recording", "Calls without a recording"),
    ("no_call_record", "without_call_record", "Recordings without a call record"),
    ("truncated", "truncated", "Truncated audio"),
    ("outcome", "outcome", "Outcome against content"),
)
"""The parts of a completeness report: the gap, its key in JSON, its title."""


@calls_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV with the keys of the metadata, `answered` and `party`.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take in a dialler's export: every call, recorded or not. The same export twice is one; bad rows are reported."""
    if not file.is_file():
        raise InvalidInput(f"{file}: no such file. It is a CSV with a row a call.", code="no_such_path")
    application = application_of(data)
    done = application.attempts.import_csv(operator(), file)
    for row in done.bad_rows:
        note(f"not taken  {file.name}, row {row.number}: {row.reason} [bad_metadata]")
    if as_json:
        print_json(
            {
                "accepted": done.accepted,
                "updated": done.updated,
                "duplicate": done.duplicates,
                "flagged": done.flagged,
                "bad_rows": [{"row": row.number, "reason": row.reason} for row in done.bad_rows],
            }
        )
    else:
        counts = ((done.accepted, "accepted"), (done.updated, "updated"), (done.duplicates, "duplicate"))
        told_of = [f"{number} {word}" for number, word in (*counts, (len(done.bad_rows), "not taken")) if number]
        say(", ".join(told_of) or "the file holds no calls")
        if done.flagged:
            say(f"{done.flagged} of them without a recording are flagged: forbear calls unrecorded --flagged")
    if done.bad_rows and not done.accepted + done.updated + done.duplicates:
        raise typer.Exit(2)


@calls_app.command()
def unrecorded(
    flagged: Annotated[
        bool | None, typer.Option("--flagged/--unflagged", help="Only these.", show_default=False)
    ] = None,
    account: Annotated[str | None, typer.Option(help="Only calls of this account.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List the calls that have no recording, with what the other calls of their accounts make of them."""
    from rich.text import Text

    application = application_of(data, must_exist=True)
    found = list(application.attempts.all(operator(), flagged=flagged, account=account))
    if as_json:
        print_json([export.attempt(attempt) for attempt in found])
        return
    out = console()
    for attempt in found:
        severity = attempt.severity.value if attempt.severity else ""
        out.print(
            Text.assemble(
                f"{attempt.id}  {_when(attempt.context.started_at)}  ",
                (f"{severity:8}", SEVERITY_STYLE.get(severity, "dim")),
                f"  {attempt.context.account_ref or ''}  {attempt.context.outcome or ''}",
            )
        )
        for one in attempt.findings:
            out.print(f"    {one.reason_en} ({one.status.value})", markup=False)
            for line in told(one):
                out.print(f"    {line}", markup=False, style="dim")
    say(f"{len(found)} calls without a recording, {sum(attempt.flagged for attempt in found)} flagged")


@calls_app.command()
def completeness(data: Data = None, as_json: AsJson = False) -> None:
    """Compare recordings with call records: what is missing, cut short, or contradicts its outcome."""
    application = application_of(data, must_exist=True)
    report = application.completeness.report(operator())
    parts = [(key, title, [found for found in report.gaps if found.gap == gap]) for gap, key, title in SECTIONS]
    if as_json:
        print_json(
            {
                "calls": report.calls,
                "call_records": report.call_records,
                "matched": report.matched,
                "unanswered": report.unanswered,
                **{key: [_as_json(found) for found in gaps] for key, _, gaps in parts},
            }
        )
        return
    out = console()
    say(f"{report.calls} calls with a recording, {report.call_records} call records, {report.matched} of them the same")
    if not report.call_records:
        say("No call records are here to compare with: forbear calls import FILE.csv")
    for _, title, gaps in parts:
        say(f"\n{title}: {len(gaps)}")
        for found in gaps:
            name = found.call_id or found.file or ""
            detail = f"  {found.detail}" if found.detail else ""
            line = f"  {found.call or found.attempt}  {_when(found.started_at)}  {name}{detail}"
            out.print(line, markup=False)


def _as_json(found: Incomplete) -> dict[str, Any]:
    return {
        "reason": found.reason,
        "detail": found.detail or None,
        "call": found.call,
        "call_record": found.attempt,
        "call_id": found.call_id,
        "file": found.file,
        "account_ref": found.account_ref,
        "agent_id": found.agent_id,
        "started_at": found.started_at.isoformat() if found.started_at else None,
    }


def _when(moment: Any) -> str:
    return moment.strftime("%Y-%m-%d %H:%M") if moment else "               –"
