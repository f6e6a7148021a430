"""`forbear evaluate` of turns and texts: predicted together, scored, drawn, and taken apart by detector."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from forbear.cli.output import console, note, print_json, say
from forbear.cli.progress import progress
from pipeline.errors import InvalidInput

if TYPE_CHECKING:
    from pipeline.evaluation.misses import Miss
    from pipeline.evaluation.predictions import Prediction, Predictor
    from pipeline.evaluation.scoring import TurnScore
    from pipeline.evaluation.turns import LabelledTurn, Turns

    Build = Callable[[Sequence[str]], Predictor]

LONG = 500
"""From so many turns on there is a progress bar."""
MISSES = 10
"""So many of the costliest misses of a language are shown, if nothing else is said."""
_YAML = (".yaml", ".yml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What the person asked for beside the figures."""

    predictions: Path | None
    plot: Path | None
    misses: int
    ablation: bool
    as_json: bool


def evaluate_turns(path: Path, build: Build, detectors: Sequence[str], wanted: Wanted) -> None:
    """`build` makes what judges turns out of the names of detectors; raises InvalidInput."""
    from forbear.cli import evaluation_tables
    from pipeline.evaluation.ablation import trials
    from pipeline.evaluation.scoring import score_turns

    _check_outputs(path, wanted)
    # Before anything is read: a detector that is not there is told at once.
    predictor = build(detectors)
    given = _read(path)
    for bad in given.bad:
        note(f"not read  {path.name}, line {bad.number}: {bad.reason}")
    if not given.turns:
        raise InvalidInput(f"{path.name} holds no turn that could be read", code="nothing_read")
    if all(turn.labels is None for turn in given.turns) and (wanted.plot is not None or wanted.ablation):
        raise InvalidInput("--plot and --ablation need turns with labels; these have none", code="wrong_option")
    quiet = wanted.as_json or len(given.turns) < LONG
    found = _predicted(predictor, given.turns, "turns", quiet=quiet)
    if wanted.predictions is not None:
        _write_predictions(wanted.predictions, found)
    scores = score_turns(given.turns, found)
    if wanted.plot is not None:
        _draw(wanted.plot, scores)
    misses = dict(_misses(given.turns, found, wanted.misses))
    ablation = None
    if wanted.ablation:
        planned = trials(detectors)
        whole = planned[0].reading
        others = [trial.reading for trial in planned if trial.reading not in ((), whole)]
        scored = {whole: scores, **dict(_tried(build, given.turns, others, quiet=quiet))}
        ablation = [(trial, scored.get(trial.reading, ())) for trial in planned]
    if wanted.as_json:
        print_json(
            {
                "turns": len(given.turns),
                "labelled": sum(turn.labels is not None for turn in given.turns),
                "bad_lines": [{"line": bad.number, "reason": bad.reason} for bad in given.bad],
                "detectors": list(detectors),
                "scores": {score.lang: evaluation_tables.turn_score_json(score) for score in scores},
                "misses": {lang: [evaluation_tables.miss_json(miss) for miss in each] for lang, each in misses.items()},
                **({"ablation": evaluation_tables.ablation_json(ablation)} if ablation is not None else {}),
            }
        )
        return
    tables = [*evaluation_tables.turn_tables(scores), *evaluation_tables.miss_tables(misses)]
    for table in [*tables, *evaluation_tables.ablation_tables(ablation or [])]:
        console().print(table)
    unlabelled = sum(turn.labels is None for turn in given.turns)
    say(
        f"{len(given.turns)} turns, judged by {', '.join(detectors)}"
        + (f", {unlabelled} without labels" if unlabelled else "")
        + (f", {len(given.bad)} lines not read" if given.bad else "")
        + (f"; predictions in {wanted.predictions}" if wanted.predictions else "")
        + (f"; plot in {wanted.plot}" if wanted.plot else "")
    )


def _check_outputs(path: Path, wanted: Wanted) -> None:
    for out, what in ((wanted.predictions, "predictions"), (wanted.plot, "the plot")):
        if out is not None and (not out.parent.is_dir() or out.is_dir() or (out.exists() and out.samefile(path))):
            raise InvalidInput(f"{out}: {what} can't be written there", code="bad_output")
    if wanted.plot is not None and wanted.plot.suffix.lower() != ".svg":
        raise InvalidInput(f"{wanted.plot}: the plot is an SVG; name it FILE.svg", code="bad_output")
    if wanted.plot is not None and wanted.plot == wanted.predictions:
        raise InvalidInput(f"{wanted.plot}: predictions and plot can't be one file", code="bad_output")


def _read(path: Path) -> Turns:
    from pipeline.evaluation.texts import read_texts
    from pipeline.evaluation.turns import read_turns

    try:
        return read_texts(path) if path.suffix.lower() in _YAML else read_turns(path)
    except OSError as error:
        raise InvalidInput(f"{path}: can't be read: {error.strerror}", code="unreadable") from None


def _predicted(predictor: Predictor, turns: Sequence[LabelledTurn], what: str, *, quiet: bool) -> list[Prediction]:
    with progress(what, len(turns), quiet=quiet) as tell:
        found = []
        for number, prediction in enumerate(predictor.predict_many(turns), 1):
            found.append(prediction)
            tell(number, what)
        return found


def _misses(
    turns: Sequence[LabelledTurn], found: Sequence[Prediction], count: int
) -> Iterator[tuple[str, Sequence[Miss]]]:
    from pipeline.evaluation.judged import TRADITIONAL, by_language
    from pipeline.evaluation.misses import costliest

    for lang, judged in by_language(turns, found).items() if count else ():
        if lang != TRADITIONAL:
            yield lang, costliest(judged, count)


def _tried(
    build: Build, turns: Sequence[LabelledTurn], trials: Sequence[tuple[str, ...]], *, quiet: bool
) -> Iterator[tuple[tuple[str, ...], Sequence[TurnScore]]]:
    """The scores of each different set of detectors."""
    from pipeline.evaluation.scoring import score_turns

    for detectors in dict.fromkeys(trials):
        yield detectors, score_turns(turns, _predicted(build(detectors), turns, " + ".join(detectors), quiet=quiet))


def _write_predictions(out: Path, found: Sequence[Prediction]) -> None:
    from pipeline.evaluation.predictions import as_json_line

    _write(out, "".join(as_json_line(each) + "\n" for each in found))


def _draw(out: Path, scores: Sequence[TurnScore]) -> None:
    from forbear.cli.reliability_plot import reliability_svg
    from pipeline.evaluation.judged import TRADITIONAL

    _write(out, reliability_svg([(score.lang, score.calibration) for score in scores if score.lang != TRADITIONAL]))


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{out}: can't be written: {error.strerror}", code="bad_output") from None
