"""The trade-off between hours of review and violating calls missed, drawn as a small SVG. Numbers in, text out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.evaluation.thresholds import Point

_WIDTH, _HEIGHT = 560, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 30, 52
# Embedded by <img> too, a drawing follows the reader's scheme by itself.
_STYLE = """
 svg { color-scheme: light dark; }
 .paper { fill: #ffffff; } .text { fill: #24292f; } .faint { fill: #57606a; } .grid { stroke: #d8dee4; }
 .line { stroke: #0a5fb4; fill: none; stroke-width: 2; } .dot { fill: #0a5fb4; } .best { fill: #b45309; }
 .limit { stroke: #b45309; stroke-dasharray: 5 4; }
 @media (prefers-color-scheme: dark) {
  .paper { fill: #0d1117; } .text { fill: #e6edf3; } .faint { fill: #9198a1; } .grid { stroke: #2b323b; }
  .line { stroke: #79b8ff; } .dot { fill: #79b8ff; } .best { fill: #f0a35e; } .limit { stroke: #f0a35e; }
 }
""".strip("\n")


def trade_off_svg(points: Sequence[Point], best: Point, capacity_hours: float | None) -> str:
    """Missed calls over hours of review, a dot a threshold; the recommended one is marked, capacity is a line."""
    most_hours = max([p.hours for p in points] + ([capacity_hours] if capacity_hours else [])) * 1.05 or 1.0
    most_missed = max(p.missed for p in points) * 1.1 or 1.0

    def at(hours: float, missed: float) -> tuple[float, float]:
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * hours / most_hours
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * missed / most_missed
        return round(x, 1), round(y, 1)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
        ' font-family="system-ui, sans-serif" font-size="11" role="img" aria-labelledby="title">',
        '<title id="title">Hours of review a week beside violating calls missed, by threshold</title>',
        f"<style>\n{_STYLE}\n</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{_HEIGHT}"/>',
    ]
    left, bottom = at(0, 0)
    for missed in _round_steps(most_missed):
        _, y = at(0, missed)
        lines += [
            f'<line class="grid" x1="{left}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}"/>',
            f'<text class="faint" x="{left - 7}" y="{y + 4}" text-anchor="end">{missed:g}</text>',
        ]
    for hours in _round_steps(most_hours):
        x, _ = at(hours, 0)
        lines.append(f'<text class="faint" x="{x}" y="{bottom + 16}" text-anchor="middle">{hours:g}</text>')
    path = " ".join(
        f"{'M' if n == 0 else 'L'}{x} {y}" for n, (x, y) in enumerate(at(p.hours, p.missed) for p in points)
    )
    lines.append(f'<path class="line" d="{path}"/>')
    for point in points:
        x, y = at(point.hours, point.missed)
        kind, radius = ("best", 6) if point is best else ("dot", 3)
        told = f"from {point.threshold:.2f}: {point.hours:.1f} hours, {point.missed:.1f} calls missed"
        lines.append(f'<circle class="{kind}" cx="{x}" cy="{y}" r="{radius}"><title>{told}</title></circle>')
    x, y = at(best.hours, best.missed)
    lines.append(
        f'<text class="text" x="{x + 10}" y="{y - 8}">from {best.threshold:.2f}: {best.hours:.1f} hours</text>'
    )
    if capacity_hours:
        x, _ = at(capacity_hours, 0)
        lines += [
            f'<line class="limit" x1="{x}" y1="{_TOP}" x2="{x}" y2="{_HEIGHT - _BOTTOM}"/>',
            f'<text class="text" x="{x}" y="{_TOP - 7}" text-anchor="middle">{capacity_hours:g} hours</text>',
        ]
    middle_x, middle_y = (_LEFT + _WIDTH - _RIGHT) / 2, (_TOP + _HEIGHT - _BOTTOM) / 2
    lines += [
        f'<text class="text" x="{middle_x}" y="{_HEIGHT - 14}" text-anchor="middle">hours of review a week</text>',
        f'<text class="text" transform="translate(16 {middle_y}) rotate(-90)" text-anchor="middle">'
        "violating calls missed a week</text>",
        "</svg>",
        "",
    ]
    return "\n".join(lines)


def _round_steps(most: float) -> list[float]:
    """Four to nine round numbers from 0 to at most `most`, as a reader would mark an axis."""
    power = 10.0 ** math.floor(math.log10(most / 4))
    step = next(times * power for times in (5, 2, 1) if times * power <= most / 4)
    return [round(n * step, 6) for n in range(math.floor(most / step) + 1)]
