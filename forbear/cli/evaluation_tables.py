"""Scores as tables for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.evaluation.ablation import Trial
    from pipeline.evaluation.calls import CallScore
    from pipeline.evaluation.misses import Miss
    from pipeline.evaluation.scoring import Counts, Interval, Share, TurnScore

    Ablation = Sequence[tuple[Trial, Sequence[TurnScore]]]

CONFUSED = 12
"""So many of the most frequent confusions of a language are shown."""
MISSED = 6
"""And so many categories each that were missed without another, or decided where there was none."""


_BAR = 24
"""Cells of a bar that stands for a share of 1."""


def turn_tables(scores: Sequence[TurnScore]) -> Iterator[Any]:
    """Languages, self-harm, groups, calibration, categories and mistakes; nothing where no turn has labels."""
    from pipeline.evaluation.judged import TRADITIONAL

    if scores:
        # What is part of zh would stand twice in what goes into detail.
        whole = [score for score in scores if score.lang != TRADITIONAL]
        yield _languages(scores)
        yield _self_harm(scores)
        yield _groups(scores)
        yield _categories(whole)
        yield _mistakes(whole)
        yield _calibration(scores)
        yield _bins(whole)


def miss_tables(misses: Mapping[str, Sequence[Miss]]) -> Iterator[Any]:
    """The costliest misses of each language that has any."""
    return (_misses(lang, found) for lang, found in misses.items() if found)


def ablation_tables(ablation: Ablation) -> Iterator[Any]:
    """A table a language, a line a trial."""
    langs = dict.fromkeys(score.lang for _, scores in ablation for score in scores)
    return (_ablation(lang, ablation) for lang in langs)


def turn_score_json(score: TurnScore) -> dict[str, Any]:
    """A score with everything that is computed from its counts."""
    return {
        "turns": score.turns,
        **_trial_score_json(score),
        "groups": {name: _rates_json(counts, score) for name, counts in score.groups.items()},
        "alarms_over_all": _share_json(score.alarms_over_all),
        "marked_hard_negatives": _share_json(score.hard_negatives),
        "exact": _share_json(score.exact),
        "categories": {name: _rates_json(counts, score) for name, counts in score.categories.items()},
        "mistakes": [asdict(mistake) for mistake in score.mistakes],
        "calibration": asdict(score.calibration),
    }


def miss_json(miss: Miss) -> dict[str, Any]:
    return asdict(miss)


def ablation_json(ablation: Ablation) -> list[dict[str, Any]]:
    """Each trial; `nothing_to_hear` says that it has no scores because its detectors need sound."""
    return [
        {
            "name": trial.name,
            "detectors": list(trial.detectors),
            "nothing_to_hear": not trial.reading,
            "scores": {
                score.lang: {
                    **_trial_score_json(score),
                    "expected_calibration_error": score.calibration.error,
                    "brier": score.calibration.brier,
                    "brier_of_decisions": score.calibration.brier_of_decisions,
                }
                for score in scores
            },
        }
        for trial, scores in ablation
    ]


def call_scores_json(scores: Sequence[CallScore], bad: Iterable[tuple[str, str]]) -> dict[str, Any]:
    from pipeline.evaluation.calls import totals_by_language

    return {
        "calls": [{**asdict(score), "flag_right": score.flag_right} for score in scores],
        "totals": {
            lang: {name: {"found": found, "of": of} for name, (found, of) in asdict(totals).items()}
            for lang, totals in totals_by_language(scores).items()
        },
        "not_judged": [{"name": name, "reason": reason} for name, reason in bad],
    }


def _languages(scores: Sequence[TurnScore]) -> Any:
    marked = any(score.hard_negatives.of for score in scores)
    heads = ["language", "turns", "macro F1", "95%", "alarms", "95%", "alarms over all", "exact category"]
    table = _table("By language", *heads, *(["marked hard negatives"] if marked else []), left=("language",))
    for score in scores:
        table.add_row(
            score.lang,
            str(score.turns),
            _number(score.macro_f1),
            _range(score.macro_f1_interval),
            _share(score.alarms),
            _range(score.alarms.interval),
            _share(score.alarms_over_all),
            _share(score.exact),
            *([_share(score.hard_negatives)] if marked else []),
        )
    return table


def _self_harm(scores: Sequence[TurnScore]) -> Any:
    table = _table("Self-harm", "language", "recall", "95%", left=("language",))
    for score in scores:
        table.add_row(score.lang, _share(score.self_harm), _range(score.self_harm.interval))
    return table


def _groups(scores: Sequence[TurnScore]) -> Any:
    heads = ("precision", "recall", "F1", "95%", "labelled", "decided", "right")
    table = _table("By group", "language", "group", *heads, left=("language", "group"))
    for score in scores:
        for name, counts in score.groups.items():
            table.add_row(
                score.lang, name, *_rates(counts, score), str(counts.labelled), str(counts.decided), str(counts.right)
            )
    return table


def _categories(scores: Sequence[TurnScore]) -> Any:
    """A line a category, the languages beside each other."""
    from pipeline.evaluation.scoring import Counts

    nothing = Counts(labelled=0, decided=0, right=0)
    heads = [head for score in scores for head in (score.lang, "P", "R", "F1", "95%")]
    title = "By category; under the language: labelled, decided, right; P precision, R recall"
    table = _table(title, "category", *heads, left=("category",))
    for name in sorted({name for score in scores for name in score.categories}):
        cells: list[str] = []
        for score in scores:
            counts = score.categories.get(name, nothing)
            cells += [f"{counts.labelled:>3} {counts.decided:>3} {counts.right:>3}", *_rates(counts, score)]
        table.add_row(name, *cells)
    return table


def _mistakes(scores: Sequence[TurnScore]) -> Any:
    """What was taken for something else, then what was missed or made up altogether."""
    table = _table(
        "Most frequent mistakes", "language", "times", "labelled", "decided", left=("language", "labelled", "decided")
    )
    for score in scores:
        confused = [m for m in score.mistakes if m.labelled and m.decided]
        missed = [m for m in score.mistakes if not m.decided]
        invented = [m for m in score.mistakes if not m.labelled]
        for mistake in (*confused[:CONFUSED], *missed[:MISSED], *invented[:MISSED]):
            table.add_row(score.lang, str(mistake.count), mistake.labelled or "nothing", mistake.decided or "nothing")
    return table


def _calibration(scores: Sequence[TurnScore]) -> Any:
    from models.metrics import LEAST

    heads = ("language", "calibration error", f"over pairs from {LEAST:g}", "Brier", "of 0/1 decisions", "over pairs")
    table = _table("Calibration, over pairs of a turn and a group", *heads, left=("language",))
    for score in scores:
        found = score.calibration
        table.add_row(
            score.lang,
            _number(found.error),
            str(found.likely),
            _fine(found.brier),
            _fine(found.brier_of_decisions),
            str(found.pairs),
        )
    return table


def _bins(scores: Sequence[TurnScore]) -> Any:
    heads = ("language", "pairs", "said", "true", "bar: true, | said")
    table = _table("Reliability", *heads, left=("language", heads[-1]))
    for score in scores:
        for each in score.calibration.bins:
            bar = _bar(each.share, each.probability)
            table.add_row(score.lang, str(each.count), f"{each.probability:.2f}", f"{each.share:.2f}", bar)
    return table


def _bar(share: float, mark: float) -> str:
    """A bar of a share on a line that shows where it ends, with a mark across it."""
    cells = ["█" if cell < round(share * _BAR) else "·" for cell in range(_BAR)]
    cells[min(_BAR - 1, int(mark * _BAR))] = "|"
    return "".join(cells)


def _misses(lang: str, misses: Sequence[Miss]) -> Any:
    from rich.text import Text

    from pipeline.evaluation.misses import shown

    heads = ("cost", "what", "id", "speaker", "labelled", "decided", "prob.", "text")
    table = _table(f"Costliest misses, {lang}", *heads, left=("what", "id", "speaker", "labelled", "decided", "text"))
    for column in table.columns:
        if column.header in ("id", "text"):
            column.no_wrap, column.overflow = False, "fold"
    for miss in misses:
        labelled, decided = (Text("\n".join(keys) or "nothing") for keys in (miss.labels, miss.decided))
        row = (str(miss.kind), Text(shown(str(miss.id))), str(miss.role), labelled, decided, f"{miss.probability:.2f}")
        table.add_row(f"{miss.cost:.2f}", *row, Text(miss.text))
    return table


def _ablation(lang: str, ablation: Ablation) -> Any:
    heads = ("macro F1", "95%", "alarms", "95%", "self-harm recall", "95%", "calibration error", "Brier")
    deaf = ", ".join(trial.name for trial, _ in ablation if not trial.reading)
    remark = f"; {deaf} has nothing to hear in text, and changes nothing beside others" if deaf else ""
    table = _table(f"Ablation, {lang}{remark}", "detectors", *heads, left=("detectors",))
    for trial, scores in ablation:
        score = next((each for each in scores if each.lang == lang), None)
        if score is None:
            table.add_row(trial.name, "nothing to hear", *["–"] * (len(heads) - 1))
            continue
        table.add_row(
            trial.name,
            _number(score.macro_f1),
            _range(score.macro_f1_interval),
            _share(score.alarms),
            _range(score.alarms.interval),
            _share(score.self_harm),
            _range(score.self_harm.interval),
            _number(score.calibration.error),
            _fine(score.calibration.brier),
        )
    return table


def _table(title: str, *heads: str, left: Sequence[str] = ()) -> Any:
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="dim")
    for head in heads:
        table.add_column(head, justify="left" if head in left else "right", no_wrap=True)
    return table


def _rates(counts: Counts, score: TurnScore) -> tuple[str, ...]:
    from pipeline.evaluation.scoring import f1_interval

    rates = map(_number, (counts.precision, counts.recall, counts.f1))
    return (*rates, _range(f1_interval(counts, score.turns)))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _fine(value: float | None) -> str:
    """Brier scores differ late: most pairs are plainly nothing."""
    return "–" if value is None else f"{value:.4f}"


def _range(interval: Interval | None) -> str:
    return "–" if interval is None else f"{interval[0]:.3f}–{interval[1]:.3f}"


def _share(share: Share) -> str:
    return f"{share.found}/{share.of}" + ("" if share.value is None else f" ({share.value:.1%})")


def _trial_score_json(score: TurnScore) -> dict[str, Any]:
    """What is told of every trial of an ablation, and of a score as well."""
    return {
        "macro_f1": score.macro_f1,
        "macro_f1_interval": score.macro_f1_interval,
        "alarms": _share_json(score.alarms),
        "self_harm": _share_json(score.self_harm),
    }


def _rates_json(counts: Counts, score: TurnScore) -> dict[str, Any]:
    from pipeline.evaluation.scoring import f1_interval

    rates = {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}
    return {**asdict(counts), **rates, "f1_interval": f1_interval(counts, score.turns)}


def _share_json(share: Share) -> dict[str, Any]:
    return {**asdict(share), "share": share.value, "interval": share.interval}
