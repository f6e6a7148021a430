"""`forbear policy`: lint, test, explain, diff, what-if, publish; and the versions that there are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forbear.cli.app import AsJson, Data, app, application_of, operator
from forbear.cli.output import clock, console, note, print_json, say

if TYPE_CHECKING:
    from pipeline.policy.pack import Pack
    from pipeline.services.policies import PolicyVersion
    from pipeline.services.regression import CaseReport
    from pipeline.whatif import WhatIf

policies = typer.Typer(help="Rules: lint, test, explain, compare, try out and publish them.", no_args_is_help=True)
app.add_typer(policies, name="policy")

Packs = Annotated[
    list[str] | None,
    typer.Argument(help="Pack files, or names of packs; all that ship when left out.", show_default=False),
]


@policies.command("list")
def list_versions(data: Data = None, as_json: AsJson = False) -> None:
    """List the packs in force and every version that was brought."""
    from rich.table import Table

    service = application_of(data).policies
    packs, versions = service.packs(operator()), service.history(operator())
    if as_json:
        in_force = [{"pack": p.name, "jurisdiction": p.jurisdiction, "version": p.version} for p in packs]
        print_json({"in_force": in_force, "versions": [_version(v) for v in versions]})
        return
    table = Table("jurisdiction", "pack", "version", "rules", "clauses", box=None, pad_edge=False, header_style="dim")
    for pack in packs:
        table.add_row(pack.jurisdiction, pack.name, pack.version, str(len(pack.rules)), str(len(pack.clauses)))
    console().print(table)
    if versions:
        table = Table(
            "id", "pack", "version", "state", "brought", "by", "note", box=None, pad_edge=False, header_style="dim"
        )
        for v in versions:
            table.add_row(str(v.id), v.pack, v.version, v.state, f"{v.created_at:%Y-%m-%d %H:%M}", v.created_by, v.note)
        say("")
        console().print(table)


@policies.command()
def lint(packs: Packs = None) -> None:
    """Read packs and say what is wrong with them, by file and line. Exit code 2 when something is."""
    from pipeline.errors import ForbearError
    from pipeline.policy.source import BadPolicy

    bad = 0
    for name in packs or _shipped():
        try:
            pack = _read(name)
        except BadPolicy as error:
            bad += 1
            note(error.message)
        except ForbearError as error:
            bad += 1
            note(f"{name}: {error.message}")
        else:
            entries = sum(len(lexicon.entries) for lexicon in pack.lexicons)
            over = f" over {', '.join(pack.extends)}" if pack.extends else ""
            counts = f"{len(pack.rules)} rules, {entries} entries, {len(pack.clauses)} clauses"
            say(f"ok  {pack.name} {pack.version}{over}: {counts}")
    if bad:
        raise typer.Exit(2)


@policies.command()
def test(packs: Packs = None, data: Data = None, as_json: AsJson = False) -> None:
    """Run the regression cases of packs. Exit code 1 when one fails that is no known gap."""
    application = application_of(data)
    reports = [application.policies.run_cases(_read(name)) for name in packs or _shipped()]
    if as_json:
        print_json([_cases(report) for report in reports])
    else:
        for report in reports:
            _print_cases(report)
    if any(report.failed for report in reports):
        raise typer.Exit(1)


@policies.command()
def explain(
    call: Annotated[str, typer.Argument(help="The call's id, or the source system's call_id.")],
    everything: Annotated[bool, typer.Option("--all", help="Also rules of which no condition saw anything.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say of a call which rules hit and why, and why others did not, condition by condition."""
    from forbear.cli.calls import named
    from forbear.cli.traces import print_traces, traces_as_json

    application = application_of(data, must_exist=True)
    detail = named(application, call)
    explanation = application.policies.explain(operator(), detail.summary.id)
    if as_json:
        print_json(traces_as_json(explanation))
        return
    print_traces(explanation, everything=everything)


@policies.command("try")
def try_dialogue(
    pack: Annotated[str, typer.Argument(help="A pack: file, name, or id of a version.")],
    file: Annotated[
        Path | None, typer.Argument(help="Lines of “agent: …” and “customer: …”; - reads them here.")
    ] = None,
    fact: Annotated[
        list[str] | None, typer.Option(help="A fact that is true, such as suit_filed; repeat for more.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also rules of which no condition saw anything.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Judge a written dialogue; nothing is kept."""
    from forbear.cli.traces import print_traces, traces_as_json
    from pipeline.errors import InvalidInput
    from pipeline.policy.facts import facts
    from pipeline.policy.source import suggestion
    from pipeline.stages.dialogue import read_dialogue

    for name in fact or ():
        if name not in facts():
            raise InvalidInput(f"There is no account fact '{name}'{suggestion(name, facts())}", code="unknown_fact")
    if file is not None and str(file) != "-" and not file.is_file():
        raise InvalidInput(f"There is no file {file}.", code="no_such_file")
    text = sys.stdin.read() if file is None or str(file) == "-" else file.read_text(encoding="utf-8")
    lines = read_dialogue(text)
    tried = _read(pack) if Path(pack).is_file() else pack
    explanation = application_of(data).policies.try_dialogue(operator(), tried, lines, dict.fromkeys(fact or (), True))
    if as_json:
        print_json(traces_as_json(explanation))
        return
    print_traces(explanation, everything=everything)


@policies.command()
def diff(
    old: Annotated[str, typer.Argument(help="A pack: file, name, or id of a version.")],
    new: Annotated[str, typer.Argument(help="Another.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say what changed from one pack to another: rules, clauses, entries, field by field."""
    from dataclasses import asdict

    from rich.text import Text

    from pipeline.policy.differences import differences

    found = differences(_any_pack(old, data), _any_pack(new, data))
    if as_json:
        print_json([asdict(one) for one in found])
        return
    styles = {"added": "green", "removed": "red", "changed": "yellow"}
    out = console()
    for one in found:
        out.print(Text.assemble((f"{one.change:8}", styles[one.change]), f" {one.kind} {one.id}"))
        for field, before, after in one.details:
            out.print(
                Text.assemble((f"           {field}: ", "dim"), (before or "–", "red"), " → ", (after or "–", "green"))
            )
    say(f"{len(found)} differences" if found else "No difference.")


@policies.command()
def draft(
    pack: Annotated[Path, typer.Argument(help="A pack file.")],
    remark: Annotated[str, typer.Option("--note", help="What this version is for.")] = "",
    data: Data = None,
) -> None:
    """Keep a pack as a draft, with all its files."""
    version = application_of(data).policies.draft(operator(), _file(pack), note=remark)
    say(f"{version.id}  {version.pack} {version.version} is kept as a {version.state}.")


@policies.command()
def whatif(
    pack: Annotated[str, typer.Argument(help="A pack file, or the id of a version.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Judge the whole archive by a candidate, read-only, and say what would change."""
    import time
    from dataclasses import asdict

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    application = application_of(data, must_exist=True)
    id = _draft_id(application, pack)
    began = time.monotonic()
    columns = (TextColumn("judging"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("judging", total=None)
        report = application.policies.whatif(
            operator(), id, lambda done, of: bar.update(task, completed=done, total=of)
        )
    if as_json:
        print_json({**asdict(report), "examples": len(report.examples)})
        return
    _print_whatif(report)
    say(f"{report.calls} calls judged in {time.monotonic() - began:.1f} s; nothing was changed.")
    say(f"Put it in force: forbear policy publish {id}      Give it up: forbear policy discard {id}")


@policies.command()
def publish(
    pack: Annotated[str, typer.Argument(help="A pack file, or the id of a draft.")],
    remark: Annotated[str, typer.Option("--note", help="What this version is for.")] = "",
    data: Data = None,
) -> None:
    """Test a pack and put it in force; refused, with the case's name, when a locked case changes."""
    application = application_of(data)
    id = _draft_id(application, pack, remark)
    version = application.policies.publish(operator(), id)
    say(f"{version.pack} {version.version} is in force in {version.jurisdiction} for every call judged from now on.")
    say("Earlier findings stay and name the version that made them. To judge every call again: forbear reprocess --all")


@policies.command()
def schema() -> None:
    """Print the JSON Schema of pack files, for editors that complete and check while one types."""
    from pipeline.policy.schema import pack_schema

    print_json(pack_schema())


@policies.command()
def discard(id: Annotated[int, typer.Argument(help="The id of a draft.")], data: Data = None) -> None:
    """Give a draft up."""
    version = application_of(data, must_exist=True).policies.discard(operator(), id)
    say(f"{version.pack} {version.version} is discarded.")


@policies.command()
def withdraw(jurisdiction: Annotated[str, typer.Argument(help="CN, TW, US, UK or HK.")], data: Data = None) -> None:
    """Put the shipped pack of a jurisdiction back in force."""
    from pipeline.errors import InvalidInput
    from pipeline.records import Jurisdiction

    if jurisdiction.upper() not in tuple(Jurisdiction):
        raise InvalidInput(f"'{jurisdiction}' is not one of {', '.join(Jurisdiction)}.", code="no_such_jurisdiction")
    application_of(data, must_exist=True).policies.withdraw(operator(), Jurisdiction(jurisdiction.upper()))
    say(f"The shipped pack is in force in {jurisdiction.upper()} again.")


# --- reading what was named ---


def _shipped() -> list[str]:
    from pipeline.policy.pack import PACKS_DIR

    return [str(path) for path in sorted(PACKS_DIR.glob("*.yaml"))]


def _file(path: Path) -> Path:
    from pipeline.errors import InvalidInput

    if not path.is_file():
        raise InvalidInput(f"There is no file {path}.", code="no_such_file")
    return path


def _read(name: str) -> Pack:
    """A pack by its file or by the name of a shipped one."""
    from pipeline.policy.pack import PACKS_DIR, read_pack

    shipped = PACKS_DIR / f"{name}.yaml"
    return read_pack(shipped if shipped.is_file() and "/" not in name else _file(Path(name)))


def _any_pack(name: str, data: Path | None) -> Pack:
    if Path(name).is_file():
        return _read(name)
    return application_of(data).policies.pack(operator(), name)


def _draft_id(application: Any, pack: str, remark: str = "") -> int:
    if pack.isdigit():
        return int(pack)
    version = application.policies.draft(operator(), _file(Path(pack)), note=remark)
    return int(version.id)


# --- printing ---


def _version(version: PolicyVersion) -> dict[str, Any]:
    return {
        "id": version.id,
        "pack": version.pack,
        "jurisdiction": version.jurisdiction,
        "version": version.version,
        "state": version.state,
        "note": version.note,
        "created_at": version.created_at.isoformat(),
        "created_by": version.created_by,
        "published_at": version.published_at.isoformat() if version.published_at else None,
        "published_by": version.published_by,
    }


def _cases(report: CaseReport) -> dict[str, Any]:
    from dataclasses import asdict

    return {"pack": report.pack, "version": report.pack_version, "results": [asdict(r) for r in report.results]}


def _print_cases(report: CaseReport) -> None:
    gaps = sum(r.known_gap for r in report.results)
    about = f", {gaps} known gaps" if gaps else ""
    say(f"{report.pack} {report.pack_version}: {report.passed} of {len(report.results)} cases pass{about}")
    for result in report.failed:
        locked = " (locked)" if result.locked else ""
        note(f"  {result.place}: {result.name}{locked}: {'; '.join(result.wrong)}")


def _print_whatif(report: WhatIf) -> None:
    from rich.table import Table

    for title, counted in (("category", report.by_category), ("team", report.by_team)):
        table = Table(title, "added", "removed", "changed", "kept", box=None, pad_edge=False, header_style="dim")
        for name, c in counted.items():
            if c.added or c.removed or c.changed:
                table.add_row(name or "no team", f"+{c.added}", f"-{c.removed}", str(c.changed), str(c.kept))
        console().print(table)
        say("")
    say(
        f"flagged calls {report.flagged_before} → {report.flagged_after} "
        f"({len(report.newly_flagged)} more, {len(report.no_longer_flagged)} no longer); "
        f"review {report.hours_before:.1f} h → {report.hours_after:.1f} h"
    )
    for change in report.examples[:10]:
        finding = change.after or change.before
        what = "changed" if change.before and change.after else "added" if change.after else "removed"
        if finding is not None:
            at = clock(finding.place[0]) if finding.place else "–"
            say(f"  {what:8} {change.call}  {at}  {finding.category}  {finding.rule}")
