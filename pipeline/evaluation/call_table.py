"""Scores of calls as plain text."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.evaluation.calls import CallScore, Totals, totals_by_language


def table(scores: Sequence[CallScore]) -> str:
    """The scores as plain text, a line a call, then the totals by language."""
    head = f"{'call':<12} {'truth':<6} {'flag':<6} {'':<3} {'distress':<18} {'turns':>7} {'findings':>9}  flagged by"
    lines = [head]
    for s in scores:
        distress = f"{s.expected_distress}>{s.distress}"
        met, on = f"{s.conduct_turns_met}/{s.conduct_turns}", f"{s.findings_on_conduct}/{s.findings}"
        right = "" if s.flag_right else "(!)"
        lines.append(
            f"{s.id:<12} {_yes(s.expected_flag):<6} {_yes(s.flagged):<6} {right:<3} {distress:<18} {met:>7} {on:>9}  "
            + _flagging(s)
        )
    totals = totals_by_language(scores)
    lines.append(f"{'':<22}" + "".join(f" {lang:>14}" for lang in totals))
    for name in Totals.__slots__:
        shares = "".join(f" {_share(getattr(each, name)):>14}" for each in totals.values())
        lines.append(f"{name.replace('_', ' '):<22}{shares}")
    return "\n".join(lines)


def _flagging(score: CallScore) -> str:
    return ", ".join(score.flagged_by) or ("two possible ones together" if score.flagged else "")


def _share(pair: tuple[int, int]) -> str:
    found, of = pair
    return f"{found}/{of}" + (f" {found / of:.0%}" if of else "")


def _yes(value: bool) -> str:
    return "yes" if value else "no"
