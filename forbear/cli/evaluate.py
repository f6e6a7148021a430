"""`forbear evaluate`: how well detection and policy do on turns, texts and calls whose truth is known."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from forbear.cli.app import AsJson, app
from forbear.cli.evaluate_turns import MISSES, Wanted, evaluate_turns
from forbear.cli.output import note, print_json, say
from forbear.cli.progress import progress
from pipeline.errors import ForbearError, InvalidInput
from pipeline.records import Jurisdiction

if TYPE_CHECKING:
    from pipeline.evaluation.calls import CallScore
    from pipeline.evaluation.predictions import Predictor
    from pipeline.evaluation.recordings import KnownCall
    from pipeline.evaluation.truth import CallTruth
    from pipeline.settings import Settings


@app.command()
def evaluate(
    path: Annotated[
        Path,
        typer.Argument(
            help="Turns (FILE.jsonl), categories with utterances (FILE.yaml), or a folder of calls with truth.",
            show_default=False,
        ),
    ],
    detectors: Annotated[
        str | None,
        typer.Option(help="Which detectors look, with commas between; else those of the settings.", show_default=False),
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Write what is predicted of each turn to this file, a JSON object a line.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw how often what was called likely was true, as FILE.svg.")
    ] = None,
    misses: Annotated[
        int | None,
        typer.Option(
            help=f"Show so many of the costliest misses of each language, with their words; 0 for none. Else {MISSES}.",
            min=0,
            show_default=False,
        ),
    ] = None,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Also each detector alone and each left out, a table a language.")
    ] = False,
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
    settings = load_settings()
    names = list(settings.detectors) if detectors is None else _names(detectors)

    def build(wanted: Sequence[str]) -> Predictor:
        return build_predictor(settings, detectors=wanted, jurisdiction=jurisdiction)

    if path.is_dir():
        asked = {"--predictions": predictions, "--plot": plot, "--misses": misses, "--ablation": ablation or None}
        for option, value in asked.items():
            if value is not None:
                raise InvalidInput(f"{option} is for turns; a folder holds whole calls", code="wrong_option")
        _evaluate_calls(path, build(names), settings, names, jurisdiction, text=text, as_json=as_json)
        return
    if text:
        raise InvalidInput("--text is for a folder of calls", code="wrong_option")
    if ablation and len(set(names)) < 2:
        raise InvalidInput("--ablation takes detectors apart; name two or more", code="wrong_option")
    wanted = Wanted(
        predictions=predictions,
        plot=plot,
        misses=MISSES if misses is None else misses,
        ablation=ablation,
        as_json=as_json,
    )
    evaluate_turns(path, build, names, wanted)


def _names(detectors: str) -> list[str]:
    return [name.strip() for name in detectors.split(",") if name.strip()]


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
    from pipeline.evaluation.call_table import table
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
        scores = _judged_recordings(calls, predictor, settings, detectors, bad, quiet=as_json)
    for name, reason in bad:
        note(f"not judged  {name}: {reason}")
    if not scores:
        raise InvalidInput(f"{folder} holds no call with truth that could be judged", code="nothing_read")
    if as_json:
        print_json(evaluation_tables.call_scores_json(scores, bad))
    else:
        say(table(scores))


def _judged_texts(calls: Sequence[KnownCall], predictor: Predictor) -> list[CallScore]:
    from pipeline.evaluation.calls import score
    from pipeline.evaluation.truth import transcript_of

    scores = []
    for call in calls:
        truth, spoken = call.truth, transcript_of(call.truth)
        judgement = predictor.judge(
            transcript=spoken,
            signals=predictor.detect(spoken),
            context=truth.context,
            duration_ms=truth.duration_ms,
        )
        scores.append(score(truth, judgement, flag_possible_over=_flag_possible_over(predictor, truth)))
    return scores


def _judged_recordings(
    calls: Sequence[KnownCall],
    predictor: Predictor,
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
        progress("calls", len(present), quiet=quiet) as tell,
    ):
        for number, (truth, audio) in enumerate(present):

            def stage_began(stage: Stage, part: float | None, number: int = number, name: str = truth.id) -> None:
                tell(number + (part or 0.0), f"{name} {stage}")

            with TemporaryDirectory(dir=scratch) as folder:
                try:
                    judgement = judge_recording(truth, audio, stages, Path(folder), stage_began)
                    over = _flag_possible_over(predictor, truth)
                    scores.append(score(truth, judgement, flag_possible_over=over))
                except ForbearError as error:
                    bad.append((truth.id, f"{error.message} [{error.code}]"))
            tell(number + 1, "calls")
            if not quiet and not sys.stderr.isatty():
                note(f"judged {number + 1} of {len(present)}")
    return scores


def _flag_possible_over(predictor: Predictor, truth: CallTruth) -> float:
    return predictor.judge.registry.pack_for(truth.context).flag_possible_over
