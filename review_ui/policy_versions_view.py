"""Versions of policy packs as values: the history, one version with its tests, and what it would change, drawn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from pipeline.policy.pack import Pack
from pipeline.records import Finding
from pipeline.services.policies import PolicyState, PolicyVersion
from pipeline.services.regression import CaseReport, CaseResult
from pipeline.services.views import Actor, Permission
from pipeline.whatif import REVIEW_MINUTES, Counted, FindingChange, WhatIf
from review_ui.findings_view import short_pack, tone_of
from review_ui.language import Words
from review_ui.reader import Moment, Reader, clock

SHOWN_CALLS = 24
_MISSING = re.compile(r"(\S+) as (\w+) is not found")
_FORBIDDEN = re.compile(r"(\S+) is found as (\w+)")
HALF = 100
"""Half the width of the drawing of a row: what was removed lies left of it, what was added right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionRow:
    """A line of the history."""

    id: int
    href: str
    pack: str
    region: str
    version: str
    version_whole: str
    state: str
    state_name: str
    note: str
    created: Moment
    created_by: str
    published: Moment | None
    published_by: str
    tests: str
    tests_failed: bool
    whatif: str
    diff_href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionsPage:
    rows: tuple[VersionRow, ...]
    in_force: tuple[tuple[str, str, str], ...]
    """Region, pack with version, and address of the packs in force."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseRow:
    name: str
    place: str
    result: str
    result_name: str
    locked: bool
    wrong: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A row of the picture: numbers as text, and where its bars lie in a box that is twice HALF wide."""

    name: str
    href: str
    added: str
    removed: str
    changed: str
    kept: str
    removed_x: str
    removed_width: str
    added_width: str
    changed_x: str
    changed_width: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """How much there is before and after: flagged calls and the hours that their review takes."""

    name: str
    calls: str
    hours: str
    width: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeRow:
    """One finding that is not the same under the version."""

    kind: str
    kind_name: str
    category: str
    tone: str
    before: str
    after: str
    call: str
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CallLink:
    text: str
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CallList:
    """Calls that are flagged only before or only after; `folded` are those beyond the first."""

    title: str
    shown: tuple[CallLink, ...]
    folded: tuple[CallLink, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class WhatIfView:
    """The report as a picture and as tables; what is told of teams and single calls only to who may see all of them."""

    summary: str
    levels: tuple[Level, ...]
    difference: str
    categories: tuple[Bar, ...]
    teams: tuple[Bar, ...]
    calls: tuple[CallList, ...]
    examples: tuple[ChangeRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionPage:
    """`refused` is what to say where publishing was just refused; `blocking` names the cases that forbid it."""

    row: VersionRow
    browse_href: str
    may_publish: bool
    may_discard: bool
    again: bool
    refused: bool
    blocking: tuple[CaseRow, ...]
    cases: tuple[CaseRow, ...]
    cases_summary: str
    whatif: WhatIfView | None


def versions_page(versions: Iterable[PolicyVersion], packs: Iterable[Pack], reader: Reader) -> VersionsPage:
    """The history, the latest first, under what is in force."""
    words = reader.words
    return VersionsPage(
        rows=tuple(version_row(version, reader) for version in versions),
        in_force=tuple(
            (
                words(f"jurisdiction.{pack.jurisdiction}"),
                short_pack(pack.name, pack.version),
                "/policy?" + urlencode({"pack": pack.name}),
            )
            for pack in packs
        ),
    )


def version_row(version: PolicyVersion, reader: Reader, *, against: str = "") -> VersionRow:
    """A version; `against` is the pack that it is compared with, by default the shipped one of its jurisdiction."""
    words, tests, whatif = reader.words, version.tests, version.whatif
    older = against or version.jurisdiction.lower()
    return VersionRow(
        id=version.id,
        href=f"/policy/versions/{version.id}",
        pack=version.pack,
        region=words(f"jurisdiction.{version.jurisdiction}"),
        version=version.version.partition("+")[0],
        version_whole=version.version,
        state=version.state.value,
        state_name=words(f"policy.version.{version.state}"),
        note=version.note,
        created=reader.moment(version.created_at),
        created_by=version.created_by,
        published=reader.moment(version.published_at) if version.published_at else None,
        published_by=version.published_by or "",
        tests=words("policy.tests.of", passed=tests.passed, n=len(tests.results)) if tests else "",
        tests_failed=bool(tests and tests.failed),
        whatif=_total(whatif, words) if whatif else "",
        diff_href="/policy/diff?" + urlencode({"a": older, "b": str(version.id)}),
    )


def version_page(
    version: PolicyVersion, actor: Actor, reader: Reader, *, against: str = "", refused: bool = False
) -> VersionPage:
    """One version. What may be done with it depends on its state, and on who asks."""
    admin = Permission.ADMIN in actor.permissions
    open_ = version.state in (PolicyState.DRAFT, PolicyState.TESTED)
    tests = version.tests
    return VersionPage(
        row=version_row(version, reader, against=against),
        browse_href="/policy?" + urlencode({"pack": str(version.id)}),
        may_publish=admin and (open_ or version.state is PolicyState.REPLACED),
        may_discard=admin and open_,
        again=version.state is PolicyState.REPLACED,
        refused=refused and bool(tests and tests.blocking),
        blocking=tuple(_case(result, reader.words) for result in tests.blocking) if tests else (),
        cases=_cases(tests, reader.words) if tests else (),
        cases_summary=_cases_summary(tests, reader.words) if tests else "",
        whatif=whatif_view(version.whatif, reader, everything=actor.teams is None) if version.whatif else None,
    )


def whatif_view(report: WhatIf, reader: Reader, *, everything: bool) -> WhatIfView:
    """The report of a version; without `everything` nothing is told of teams and single calls."""
    words = reader.words
    top = max(report.flagged_before, report.flagged_after, 1)
    levels = (
        ("before", report.flagged_before, report.hours_before),
        ("after", report.flagged_after, report.hours_after),
    )
    return WhatIfView(
        summary=words("policy.whatif.summary", n=report.calls, minutes=f"{REVIEW_MINUTES:g}"),
        levels=tuple(
            Level(
                name=words(f"policy.whatif.{name}"),
                calls=f"{flagged:,}",
                hours=words("policy.whatif.hours", hours=f"{hours:.1f}"),
                width=f"{2 * HALF * flagged / top:.2f}",
            )
            for name, flagged, hours in levels
        ),
        difference=words(
            "policy.whatif.difference",
            calls=f"{report.flagged_after - report.flagged_before:+,}",
            hours=f"{report.hours_after - report.hours_before:+.1f}",
        ),
        categories=bars(
            [
                (words.category(key), "/policy?" + urlencode({"category": key}), counted)
                for key, counted in _by_change(report.by_category)
            ]
        ),
        teams=bars([(name or words("policy.whatif.no_team"), "", c) for name, c in _by_change(report.by_team)])
        if everything
        else (),
        calls=tuple(
            _call_list(words(f"policy.whatif.{kind}", n=len(calls)), calls)
            for kind, calls in (("newly", report.newly_flagged), ("no_longer", report.no_longer_flagged))
            if calls
        )
        if everything
        else (),
        examples=tuple(_change(change, words) for change in report.examples) if everything else (),
    )


def bars(rows: Sequence[tuple[str, str, Counted]]) -> tuple[Bar, ...]:
    """Rows of the picture, all on one scale: removed to the left, added and then changed to the right."""
    top = max((max(c.removed, c.added + c.changed) for _, _, c in rows), default=0) or 1
    scale = HALF / top
    return tuple(
        Bar(
            name=name,
            href=href,
            added=f"+{c.added:,}" if c.added else "",
            removed=f"−{c.removed:,}" if c.removed else "",
            changed=f"{c.changed:,}" if c.changed else "",
            kept=f"{c.kept:,}",
            removed_x=f"{HALF - c.removed * scale:.2f}",
            removed_width=f"{c.removed * scale:.2f}",
            added_width=f"{c.added * scale:.2f}",
            changed_x=f"{HALF + c.added * scale:.2f}",
            changed_width=f"{c.changed * scale:.2f}",
        )
        for name, href, c in rows
    )


def _by_change(counted: Mapping[str, Counted]) -> list[tuple[str, Counted]]:
    """Those that change, most first; what stays as it is has no bar."""
    moved = [(key, c) for key, c in counted.items() if c.added or c.removed or c.changed]
    return sorted(moved, key=lambda pair: -(pair[1].added + pair[1].removed + pair[1].changed))


def _total(report: WhatIf, words: Words) -> str:
    total = report.total
    return words("policy.whatif.total", added=f"+{total.added:,}", removed=f"−{total.removed:,}", changed=total.changed)


def _cases(report: CaseReport, words: Words) -> tuple[CaseRow, ...]:
    """What blocks first, then what fails, then known gaps, then what passes."""
    order = {"blocks": 0, "fails": 1, "gap": 2, "passes": 3}
    return tuple(sorted((_case(result, words) for result in report.results), key=lambda row: order[row.result]))


def _case(result: CaseResult, words: Words) -> CaseRow:
    if result.passed:
        state = "passes"
    elif result.blocks:
        state = "blocks"
    else:
        state = "gap" if result.known_gap else "fails"
    return CaseRow(
        name=result.name,
        place=result.place,
        result=state,
        result_name=words(f"policy.case.{state}"),
        locked=result.locked,
        wrong=tuple(_wrong(line, words) for line in result.wrong),
    )


def _wrong(line: str, words: Words) -> str:
    """What the service says of a case, in the reader's language; as it stands where it is worded otherwise."""
    if found := _MISSING.fullmatch(line):
        return words("policy.case.missing", name=words.category(found[1]), status=words.named("status", found[2]))
    if found := _FORBIDDEN.fullmatch(line):
        return words("policy.case.forbidden", name=words.category(found[1]), status=words.named("status", found[2]))
    return line


def _cases_summary(report: CaseReport, words: Words) -> str:
    gaps = sum(r.known_gap and not r.passed for r in report.results)
    text = words("policy.tests.of", passed=report.passed, n=len(report.results))
    return words("join.list").join([text, words("policy.tests.gaps", n=gaps)]) if gaps else text


def _call_list(title: str, calls: Sequence[str]) -> CallList:
    links = tuple(CallLink(text=call[:10], href=f"/calls/{call}") for call in calls)
    return CallList(title=title, shown=links[:SHOWN_CALLS], folded=links[SHOWN_CALLS:])


def _change(change: FindingChange, words: Words) -> ChangeRow:
    kind = "added" if change.before is None else "removed" if change.after is None else "changed"
    finding = change.after or change.before
    place = finding.place if finding else None
    start = f"?t={place[0] / 1000:g}" if place else ""
    at = f" · {clock(place[0])}" if place else ""
    return ChangeRow(
        kind=kind,
        kind_name=words(f"policy.change.{kind}"),
        category=words.category(change.category),
        tone=tone_of(finding) if finding else "",
        before=_standing(change.before, words),
        after=_standing(change.after, words),
        call=f"{change.call[:10]}{at}",
        href=f"/calls/{change.call}{start}",
    )


def _standing(finding: Finding | None, words: Words) -> str:
    if finding is None:
        return ""
    return f"{words(f'severity.{finding.severity}')} · {words(f'status.{finding.status}')}"
