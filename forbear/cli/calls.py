"""`forbear calls`, `show`, `search`, `reprocess`, `delete`: what was found, on the terminal."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forbear.cli import export
from forbear.cli.app import AsJson, Data, app, application_of, operator, remember
from forbear.cli.output import SEVERITY_STYLE, clock, console, note, print_json, say
from pipeline.errors import NotFound
from pipeline.records import CallStatus, Distress, Finding, MetadataEvidence, Severity
from pipeline.services.views import CallDetail, CallFilter, CallSummary

if TYPE_CHECKING:
    from forbear.wiring import Application

Original = Annotated[bool, typer.Option("--original", help="Show unredacted text; leaves a line in the audit log.")]


def table_of(calls: Iterable[CallSummary], title: str | None = None) -> Any:
    """The table of calls: what a person reads first."""
    from rich.table import Table
    from rich.text import Text

    from pipeline.policy.categories import category

    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="dim")
    for name, justify in (
        ("call", "left"),
        ("file", "left"),
        ("status", "left"),
        ("flag", "left"),
        ("what", "left"),
        ("distress", "left"),
        ("length", "right"),
        ("collector", "left"),
        ("when", "left"),
    ):
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name != "what")  # type: ignore[arg-type]
    for call in calls:
        severity = call.severity.value if call.flagged and call.severity else ""
        names = [
            category(m.category).name_en + (" (possible)" if m.status.value == "possible" else "")
            for m in call.marks[:3]
        ]
        what = ", ".join(names) + (f" +{len(call.marks) - 3}" if len(call.marks) > 3 else "")
        if call.failure:
            what = f"{call.failure.message} [{call.failure.code}]"
        elif call.damage:
            expected = "?" if call.damage.expected_ms is None else f"{call.damage.expected_ms / 1000:.0f}"
            what = f"{what + '; ' if what else ''}damage: decoded {call.damage.decoded_ms / 1000:.0f} of {expected} s"
        distress = "" if call.distress is Distress.NONE else call.distress.value
        when = call.context.started_at.strftime("%Y-%m-%d %H:%M") if call.context.started_at else ""
        table.add_row(
            call.id, call.file, call.status.value,
            Text(severity or ("no" if call.status is CallStatus.DONE else ""), SEVERITY_STYLE.get(severity, "dim")),
            what, Text(distress, style="magenta" if distress else ""), clock(call.duration_ms),
            call.context.agent_id or "", when,
        )  # fmt: skip
    return table


calls_app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
app.add_typer(calls_app, name="calls")


@calls_app.callback(invoke_without_command=True)
def calls(
    context: typer.Context,
    flagged: Annotated[
        bool | None, typer.Option("--flagged/--unflagged", help="Only these.", show_default=False)
    ] = None,
    status: Annotated[CallStatus | None, typer.Option(help="Only calls in this state.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="Only calls of this severity.")] = None,
    distress: Annotated[Distress | None, typer.Option(help="Only calls with this distress.")] = None,
    team: Annotated[str | None, typer.Option(help="Only calls of this team.")] = None,
    findings: Annotated[bool, typer.Option("--findings", help="With --json: add findings and utterances.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    original: Original = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List the calls, all of them, newest first. Its commands are about the call records of a dialler."""
    if context.invoked_subcommand is not None:
        remember(data)
        return
    application = application_of(data, must_exist=True)
    wanted = CallFilter(
        flagged=flagged,
        statuses=frozenset({status} if status else ()),
        severities=frozenset({severity} if severity else ()),
        distress=frozenset({distress} if distress else ()),
        teams=frozenset({team} if team else ()),
    )
    actor = operator()
    found = list(application.calls.all(actor, wanted))
    if as_json:
        if findings:
            print_json([export.detail(application.calls.get(actor, c.id, original=original)) for c in found])
        else:
            print_json([export.summary(c) for c in found])
    elif as_csv:
        rows = list(export.flat(export.summary(c) for c in found))
        if rows:
            writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    elif found:
        console().print(table_of(found))
        bad = sum(c.flagged for c in found)
        say(f"{len(found)} calls, {bad} flagged")
    else:
        say("No calls. Take recordings in: forbear ingest PATH")


def named(application: Application, call: str, *, original: bool = False) -> CallDetail:
    """The call that was named; who sits at a terminal may be told which of several names was wrong."""
    try:
        return application.calls.get(operator(), call, original=original)
    except NotFound as error:
        raise NotFound(f"{call}: {error.message}", code=error.code) from None


@app.command()
def show(
    call: Annotated[str, typer.Argument(help="The call's id, the source system's call_id, or the start of an id.")],
    original: Original = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show one call: findings with their clauses, then the transcript."""
    from rich.text import Text

    from pipeline.policy.categories import category

    application = application_of(data, must_exist=True)
    detail = named(application, call, original=original)
    if as_json:
        print_json(export.detail(detail))
        return
    out = console()
    out.print(table_of([detail.summary]))
    for found in sorted(detail.findings, key=lambda f: -f.severity.rank):
        one = export.finding(found, detail.transcript)
        at = clock(one["start_ms"]) if one["start_ms"] is not None else "--:--"
        name = category(found.category).name_en
        out.print(
            Text.assemble(
                "\n",
                (f"{found.severity.value:8}", SEVERITY_STYLE[found.severity.value]),
                f" {at}  {name}",
                (f"  {found.status.value}", "dim"),
            )
        )
        if one["quote"]:
            out.print(f"         “{one['quote']}”", markup=False)
        if found.reason_en:
            out.print(f"         {found.reason_en}", markup=False, style="dim")
        for line in told(found):
            out.print(f"         {line}", markup=False, style="dim")
        for clause in found.clauses:
            unverified = " (unverified)" if clause.status == "memory" else ""
            out.print(f"         {clause.cite}{unverified}", markup=False, style="dim")
        probability = "" if found.probability is None else f", probability {found.probability:.2f}"
        out.print(
            f"         rule {found.rule}, {found.pack} {found.pack_version}{probability}", markup=False, style="dim"
        )
    if detail.transcript:
        out.print()
        for u in detail.transcript.utterances:
            out.print(f"{clock(u.start_ms)}  {u.role.value:8}  {u.text}", markup=False)


def told(found: Finding) -> Iterator[str]:
    """What a finding that rests on metadata rests on, in lines."""
    if isinstance(found.evidence, MetadataEvidence):
        if found.evidence.facts:
            yield ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in found.evidence.facts.items())
        if found.evidence.calls:
            yield f"with {', '.join(found.evidence.calls)}"


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(help='Words, "a phrase", -without, this OR that.')],
    limit: Annotated[int, typer.Option(min=1, max=200, help="Hits to print.")] = 20,
    flagged: Annotated[
        bool | None, typer.Option("--flagged/--unflagged", show_default=False, help="Only these.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Search what was said, in redacted text."""
    from rich.text import Text

    from pipeline.search.base import SearchQuery

    application = application_of(data, must_exist=True)
    page = application.search.query(operator(), SearchQuery(text=" ".join(words), flagged=flagged, limit=limit))
    if as_json:
        print_json(
            {
                "total": page.total_hits,
                "hits": [
                    {
                        "call": h.document.call_id,
                        "start_ms": h.document.start_ms,
                        "end_ms": h.document.end_ms,
                        "role": h.document.role,
                        "text": h.document.text,
                        "highlights": h.highlights,
                    }
                    for h in page.hits
                ],
            }
        )
        return
    out = console()
    for hit in page.hits:
        said = hit.document
        text = Text(said.text)
        for start, end in hit.highlights:
            text.stylize("bold reverse", start, end)
        out.print(Text.assemble((f"{said.call_id}  {clock(said.start_ms)}  {said.role:8}  ", "dim"), text))
    say(f"{page.total_hits} hits in {page.total_calls} calls" if page.hits else "Nothing found.")


@app.command()
def reprocess(
    call: Annotated[str | None, typer.Argument(help="One call; without it, with --all, every call.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every call.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Every failed call.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until everything is processed.")] = False,
    data: Data = None,
) -> None:
    """Process calls again; stages whose inputs did not change are not repeated."""
    from forbear.cli.ingest import unfinished, wait_for
    from pipeline.errors import InvalidInput

    if (call is not None) + everything + failed != 1:
        raise InvalidInput("Name one call, or say --all or --failed.")
    application = application_of(data, must_exist=True)
    actor = operator()
    if call is not None:
        ids = [named(application, call).summary.id]
    else:
        states = frozenset({CallStatus.FAILED}) if failed else frozenset({CallStatus.DONE, CallStatus.FAILED})
        ids = [c.id for c in application.calls.all(actor, CallFilter(statuses=states))]
    queued = 0
    for one in ids:
        try:
            application.calls.reprocess(actor, one)
            queued += 1
        except Exception as error:
            if call is not None:
                raise
            note(f"{one}: {error}")
    say(f"{queued} calls are to be processed again.")
    if wait:
        wait_for(application, unfinished(application))


@app.command()
def delete(
    call: Annotated[str, typer.Argument(help="The call's id, or the source system's call_id.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data: Data = None,
) -> None:
    """Delete a call with its recording, transcript and findings; the audit log keeps that it was deleted."""
    application = application_of(data, must_exist=True)
    actor = operator()
    found = named(application, call)
    if not yes:
        typer.confirm(f"Delete {found.summary.id} ({found.summary.file}) for good?", abort=True)
    application.calls.delete(actor, found.summary.id)
    say(f"deleted {found.summary.id}")


def print_calls(calls: Iterable[CallSummary], title: str | None = None) -> None:
    console().print(table_of(calls, title))


__all__ = ["Path", "calls", "delete", "print_calls", "reprocess", "search", "show"]
