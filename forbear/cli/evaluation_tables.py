"""Scores as tables for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.evaluation.calls import CallScore
    from pipeline.evaluation.scoring import Counts, Interval, Share, TurnScore

CONFUSED = 12
"""So many of the most frequent confusions of a language are shown."""
MISSED = 6
"""And so many categories each that were missed without another, or decided where there was none."""


def turn_tables(scores: Sequence[TurnScore]) -> Iterator[Any]:
    """Languages, groups, mistakes and categories, a table each; nothing where no turn has labels."""
    if scores:
        yield _languages(scores)
        yield _groups(scores)
        # Traditional Chinese is part of zh: its categories and mistakes would stand twice.
        whole = [score for score in scores if score.lang != "zh-Hant"]
        yield _categories(whole)
        yield _mistakes(whole)


def turn_score_json(score: TurnScore) -> dict[str, Any]:
    """A score with everything that is computed from its counts."""
    return {
        "turns": score.turns,
        "macro_f1": score.macro_f1,
        "macro_f1_interval": score.macro_f1_interval,
        "groups": {name: _counts_json(counts) for name, counts in score.groups.items()},
        "alarms": _share_json(score.alarms),
        "alarms_over_all": _share_json(score.alarms_over_all),
        "marked_hard_negatives": _share_json(score.hard_negatives),
        "exact": _share_json(score.exact),
        "categories": {name: _counts_json(counts) for name, counts in score.categories.items()},
        "mistakes": [asdict(mistake) for mistake in score.mistakes],
    }


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


def _groups(scores: Sequence[TurnScore]) -> Any:
    table = _table("By group", "language", "group", *_COUNTS, left=("language", "group"))
    for score in scores:
        for name, counts in score.groups.items():
            table.add_row(
                score.lang, name, *_rates(counts), str(counts.labelled), str(counts.decided), str(counts.right)
            )
    return table


def _categories(scores: Sequence[TurnScore]) -> Any:
    """A line a category, the languages beside each other."""
    from pipeline.evaluation.scoring import Counts

    nothing = Counts(labelled=0, decided=0, right=0)
    heads = [head for score in scores for head in (score.lang, "precision", "recall", "F1")]
    table = _table("By category; after the language: labelled, decided, right", "category", *heads, left=("category",))
    for name in sorted({name for score in scores for name in score.categories}):
        cells: list[str] = []
        for score in scores:
            counts = score.categories.get(name, nothing)
            cells += [f"{counts.labelled:>3} {counts.decided:>3} {counts.right:>3}", *_rates(counts)]
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


_COUNTS = ("precision", "recall", "F1", "labelled", "decided", "right")


def _table(title: str, *heads: str, left: Sequence[str] = ()) -> Any:
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="dim")
    for head in heads:
        table.add_column(head, justify="left" if head in left else "right", no_wrap=True)
    return table


def _rates(counts: Counts) -> tuple[str, ...]:
    return tuple(map(_number, (counts.precision, counts.recall, counts.f1)))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _range(interval: Interval | None) -> str:
    return "–" if interval is None else f"{interval[0]:.3f}–{interval[1]:.3f}"


def _share(share: Share) -> str:
    return f"{share.found}/{share.of}" + ("" if share.value is None else f" ({share.value:.1%})")


def _counts_json(counts: Counts) -> dict[str, Any]:
    return {**asdict(counts), "precision": counts.precision, "recall": counts.recall, "f1": counts.f1}


def _share_json(share: Share) -> dict[str, Any]:
    return {**asdict(share), "share": share.value, "interval": share.interval}
