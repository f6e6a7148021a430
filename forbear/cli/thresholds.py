"""`forbear thresholds`: what a threshold costs in hours of review and in violating calls where nothing is found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forbear.cli.app import AsJson, app
from forbear.cli.output import console, note, print_json, say
from pipeline.errors import InvalidInput

if TYPE_CHECKING:
    from pipeline.evaluation.judged import JudgedTurn
    from pipeline.evaluation.thresholds import Point, Work

_CAPACITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*h(?:ours)?\s*/\s*w(?:eek)?\s*", re.IGNORECASE)


@app.command()
def thresholds(
    path: Annotated[
        Path | None,
        typer.Argument(help="Turns with labels (FILE.jsonl), or nothing for those that come with Forbear."),
    ] = None,
    capacity: Annotated[str, typer.Option(help="Reviewers' hours there are, such as 40h/week.")] = "",
    calls: Annotated[int, typer.Option(help="Calls a week.")] = 5_000,
    turns: Annotated[int, typer.Option(help="An agent's turns in a call.")] = 25,
    violating: Annotated[float, typer.Option(help="Share of calls that hold a violation.")] = 0.03,
    violations: Annotated[int, typer.Option(help="Violations in a call that holds any.")] = 3,
    minutes: Annotated[float, typer.Option(help="Minutes that a call with a finding takes to review.")] = 2.0,
    missed_minutes: Annotated[
        float, typer.Option(help="Minutes of review that finding one more violating call would be worth.")
    ] = 120.0,
    plot: Annotated[Path | None, typer.Option(help="Draw the trade-off to this file (SVG).")] = None,
    as_json: AsJson = False,
) -> None:
    """Weigh missed violations against hours of review, and say which thresholds a pack should set."""
    from dataclasses import asdict

    from forbear.wiring import build_predictor
    from pipeline.evaluation.judged import TRADITIONAL, by_language
    from pipeline.evaluation.shipped import shipped_turns
    from pipeline.evaluation.thresholds import Work, by_group, recommended, self_harm, trade_off
    from pipeline.evaluation.turns import Turns, read_turns
    from pipeline.settings import load_settings

    hours = _hours(capacity)
    work = Work(
        calls=calls,
        turns=turns,
        violating=violating,
        violations=violations,
        minutes=minutes,
        missed_minutes=missed_minutes,
    )
    if path is not None and not path.is_file():
        raise InvalidInput(f"{path}: no such file", code="no_such_path")
    if plot is not None and not plot.absolute().parent.is_dir():
        raise InvalidInput(f"{plot}: there is no such folder", code="bad_output")
    if path is None:
        read = Turns(turns=shipped_turns())
    else:
        read = read_turns(path)
        for bad in read.bad:
            note(f"not read  {path.name}, line {bad.number}: {bad.reason}")
    settings = load_settings()
    if "text" not in settings.detectors:
        note("Without the text model a pack's thresholds decide nothing: what the lexicons claim counts from 0.6.")
    found = list(build_predictor(settings).predict_many(read.turns))
    judged = [each for lang, rows in by_language(read.turns, found).items() if lang != TRADITIONAL for each in rows]
    points = trade_off(judged, work)
    best = recommended(points, work, hours)
    groups, harm = by_group(judged, work), self_harm(judged)
    if plot is not None:
        from forbear.cli.trade_off_plot import trade_off_svg

        plot.write_text(trade_off_svg(points, best, hours), encoding="utf-8")
    if as_json:
        print_json(
            {
                "turns": len(judged),
                "bad_lines": [{"line": bad.number, "reason": bad.reason} for bad in read.bad],
                "points": [{**asdict(point), "cost_hours": point.cost(work)} for point in points],
                "recommended": best.threshold,
                "by_group": dict(groups),
                "self_harm": None
                if harm is None
                else dict(zip(("threshold", "found", "of", "wrong"), harm, strict=True)),
            }
        )
        return
    console().print(_table(points, best, hours, work))
    _advise(judged, best, groups, harm, hours)
    if plot is not None:
        say(f"drawn in {plot}")


def _hours(capacity: str) -> float | None:
    if not capacity:
        return None
    match = _CAPACITY.fullmatch(capacity)
    if match is None or float(match[1]) <= 0:
        raise InvalidInput(
            "--capacity is written as 40h/week: hours of review there are in a week", code="bad_capacity"
        )
    return float(match[1])


def _table(points: Sequence[Point], best: Point, hours: float | None, work: Work) -> Any:
    from rich.table import Table

    title = (
        f"A week of {work.calls:,} calls, {work.violating:.1%} of them violating, "
        "if each in which something is found is reviewed"
    )
    table = Table(title=title, title_justify="left", caption_justify="left")
    for head in (
        "from",
        "recall of turns",
        "alarms on turns",
        "hours of review",
        "wrong of found",
        "missed calls",
        "cost in hours",
        "",
    ):
        table.add_column(head, justify="left" if not head else "right")
    for point in points:
        over = hours is not None and point.hours > hours
        mark = "◀ recommended" if point is best else "over capacity" if over else ""
        table.add_row(
            f"{point.threshold:.2f}",
            f"{point.recall:.3f}",
            f"{point.alarm_rate:.3f}",
            f"{point.hours:.1f}",
            f"{point.false_share:.0%}",
            f"{point.missed:.1f}",
            f"{point.cost(work):.1f}",
            mark,
            style="bold" if point is best else "dim" if over else None,
        )
    return table


def _advise(
    judged: Sequence[JudgedTurn],
    best: Point,
    groups: Mapping[str, float],
    harm: tuple[float, int, int, int] | None,
    hours: float | None,
) -> None:
    from pipeline.evaluation.groups import GROUPS
    from pipeline.policy.categories import CRITICAL_DISTRESS

    if hours is not None and best.hours > hours:
        say(f"No threshold fits into {hours:g} hours a week; {best.threshold:.2f} takes the fewest: {best.hours:.1f}.")
    say(f"From {len(judged)} turns with known truth. For a pack:")
    # A pack's `pressure` is not about contact.* and privacy.*, which are weighed with it here.
    lines = [f"{prefix}: {value:g}" for group, value in groups.items() for prefix in GROUPS[group]]
    if harm is not None:
        lines += [f"{key}: {harm[0]:g}" for key in sorted(CRITICAL_DISTRESS)]
    say(f"  thresholds: {{{', '.join(lines)}}}")
    if harm is not None:
        say(
            f"Self-harm comes first: from {harm[0]:g} on {harm[1]} of {harm[2]} are found, with {harm[3]} wrong alarms."
        )
