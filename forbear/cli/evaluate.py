"""`forbear evaluate`: how well detection and policy do on turns, texts and calls whose truth is known."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forbear.cli.app import AsJson, app
from forbear.cli.output import console, note, print_json, say
from pipeline.errors import ForbearError, InvalidInput
from pipeline.records import Jurisdiction

if TYPE_CHECKING:
    from pipeline.evaluation.calls import CallScore
    from pipeline.evaluation.predictions import Prediction, Predictor
    from pipeline.evaluation.recordings import KnownCall
    from pipeline.evaluation.turns import LabelledTurn, Turns
    from pipeline.settings import Settings

LONG = 500
"""From so many turns on there is a progress bar."""
_YAML = (".yaml", ".yml")


@app.command()
def evaluate(
    path: Annotated[
        Path,
        typer.Argument(
            help="Turns (FILE.jsonl), categories with utterances (FILE.yaml), or a folder of calls with truth.",
            show_default=False,
        ),
    ],
    detectors: Annotated[str, typer.Option(help="Which detectors look, with commas between.")] = "rules",
    predictions: Annotated[
        Path | None, typer.Option(help="Write what is predicted of each turn to this file, a JSON object a line.")
    ] = None,
    jurisdiction: Annotated[
        Jurisdiction | None,
        typer.Option(help="Judge under this law; else turns under all, calls under their own.", case_sensitive=False),
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Of calls: judge the true text, not the recording.")] = False,
    as_json: AsJson = False,
) -> None:
    """Score detection and policy against the truth. Keeps nothing: no data folder is made or read."""
    from forbear.wiring import build_predictor
    from pipeline.settings import load_settings

    if not path.exists():
        raise InvalidInput(f"{path}: no such file or folder", code="no_such_path")
    if path.is_dir() and predictions is not None:
        raise InvalidInput("--predictions is for turns; a folder holds whole calls", code="wrong_option")
    if not path.is_dir() and text:
        raise InvalidInput("--text is for a folder of calls", code="wrong_option")
    settings = load_settings()
    names = [name.strip() for name in detectors.split(",") if name.strip()]
    predictor = build_predictor(settings, detectors=names, jurisdiction=jurisdiction)
    if path.is_dir():
        _evaluate_calls(path, predictor, settings, names, jurisdiction, text=text, as_json=as_json)
    else:
        _evaluate_turns(path, predictor, predictions, as_json=as_json)


def _evaluate_turns(path: Path, predictor: Predictor, out: Path | None, *, as_json: bool) -> None:
    from forbear.cli import evaluation_tables
    from pipeline.evaluation.scoring import score_turns

    if out is not None and (not out.parent.is_dir() or out.is_dir() or (out.exists() and out.samefile(path))):
        raise InvalidInput(f"{out}: predictions can't be written there", code="bad_output")
    given = _read(path)
    for bad in given.bad:
        note(f"not read  {path.name}, line {bad.number}: {bad.reason}")
    if not given.turns:
        raise InvalidInput(f"{path.name} holds no turn that could be read", code="nothing_read")
    found = _predicted(predictor, given.turns, quiet=as_json or len(given.turns) < LONG)
    if out is not None:
        _write(out, found)
    scores = score_turns(given.turns, found)
    if as_json:
        print_json(
            {
                "turns": len(given.turns),
                "labelled": sum(turn.labels is not None for turn in given.turns),
                "bad_lines": [{"line": bad.number, "reason": bad.reason} for bad in given.bad],
                "scores": {score.lang: evaluation_tables.turn_score_json(score) for score in scores},
            }
        )
        return
    for table in evaluation_tables.turn_tables(scores):
        console().print(table)
    unlabelled = sum(turn.labels is None for turn in given.turns)
    say(
        f"{len(given.turns)} turns"
        + (f", {unlabelled} without labels" if unlabelled else "")
        + (f", {len(given.bad)} lines not read" if given.bad else "")
        + (f"; predictions in {out}" if out else "")
    )


def _read(path: Path) -> Turns:
    from pipeline.evaluation.texts import read_texts
    from pipeline.evaluation.turns import read_turns

    try:
        return read_texts(path) if path.suffix.lower() in _YAML else read_turns(path)
    except OSError as error:
        raise InvalidInput(f"{path}: can't be read: {error.strerror}", code="unreadable") from None


def _predicted(predictor: Predictor, turns: Sequence[LabelledTurn], *, quiet: bool) -> list[Prediction]:
    with _progress("turns", len(turns), quiet=quiet) as tell:
        found = []
        for number, turn in enumerate(turns, 1):
            found.append(predictor(turn))
            tell(number, "turns")
        return found


def _write(out: Path, found: Sequence[Prediction]) -> None:
    from pipeline.evaluation.predictions import as_json_line

    try:
        out.write_text("".join(as_json_line(each) + "\n" for each in found), encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{out}: can't be written: {error.strerror}", code="bad_output") from None


def _evaluate_calls(
    folder: Path,
    predictor: Predictor,
    settings: Settings,
    detectors: Sequence[str],
    jurisdiction: Jurisdiction | None,
    *,
    text: bool,
    as_json: bool,
) -> None:
    from forbear.cli import evaluation_tables
    from pipeline.evaluation.calls import table
    from pipeline.evaluation.recordings import known_calls

    known = known_calls(folder)
    bad = [(name, reason) for name, reason in known.bad]
    calls = known.calls
    if jurisdiction is not None:
        calls = tuple(
            replace(call, truth=replace(call.truth, context=replace(call.truth.context, jurisdiction=jurisdiction)))
            for call in calls
        )
    if text:
        scores = _judged_texts(calls, predictor)
    else:
        scores = _judged_recordings(calls, settings, detectors, bad, quiet=as_json)
    for name, reason in bad:
        note(f"not judged  {name}: {reason}")
    if not scores:
        raise InvalidInput(f"{folder} holds no call with truth that could be judged", code="nothing_read")
    if as_json:
        print_json(evaluation_tables.call_scores_json(scores, bad))
    else:
        say(table(scores))


def _judged_texts(calls: Sequence[KnownCall], predictor: Predictor) -> list[CallScore]:
    from pipeline.evaluation.calls import score, transcript_of

    scores = []
    for call in calls:
        truth, spoken = call.truth, transcript_of(call.truth)
        judgement = predictor.judge(
            transcript=spoken,
            signals=predictor.detect(spoken),
            context=truth.context,
            duration_ms=truth.duration_ms,
        )
        scores.append(score(truth, judgement))
    return scores


def _judged_recordings(
    calls: Sequence[KnownCall],
    settings: Settings,
    detectors: Sequence[str],
    bad: list[tuple[str, str]],
    *,
    quiet: bool,
) -> list[CallScore]:
    """Each recording through every stage; one that can't be judged joins `bad`, with its reason."""
    from forbear.wiring import build_stages
    from pipeline.evaluation.calls import score
    from pipeline.evaluation.recordings import judge_recording
    from pipeline.records import Stage

    bad.extend((call.truth.id, "no recording of this name lies beside it") for call in calls if call.audio is None)
    present = [(call.truth, call.audio) for call in calls if call.audio is not None]
    scores: list[CallScore] = []
    if not present:
        return scores
    with (
        TemporaryDirectory(prefix="forbear-evaluate-") as scratch,
        build_stages(settings, detectors=detectors) as stages,
        _progress("calls", len(present), quiet=quiet) as tell,
    ):
        for number, (truth, audio) in enumerate(present):

            def stage_began(stage: Stage, part: float | None, number: int = number, name: str = truth.id) -> None:
                tell(number + (part or 0.0), f"{name} {stage}")

            with TemporaryDirectory(dir=scratch) as folder:
                try:
                    judgement = judge_recording(truth, audio, stages, Path(folder), stage_began)
                    scores.append(score(truth, judgement))
                except ForbearError as error:
                    bad.append((truth.id, f"{error.message} [{error.code}]"))
            tell(number + 1, "calls")
            if not quiet and not sys.stderr.isatty():
                note(f"judged {number + 1} of {len(present)}")
    return scores


@contextmanager
def _progress(what: str, total: int, *, quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """A bar on a terminal; gives a function that is told how many are done and what is being done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, doing: bar.update(task, completed=done, description=doing)
