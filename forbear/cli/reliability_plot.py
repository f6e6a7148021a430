"""Calibration drawn as a small SVG: what was said beside what was true, a panel a language. Numbers in, text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.evaluation.calibration import Calibration

_SIDE = 240
"""Of a panel's square, in pixels."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 22, 44, 52
_WIDTH = _LEFT + _SIDE + _RIGHT
_HEIGHT = _TOP + _SIDE + _BOTTOM
_LEAST_RADIUS, _MOST_RADIUS = 3.0, 8.0
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
# Embedded by <img> too, a drawing follows the reader's scheme by itself.
_STYLE = """
 svg { color-scheme: light dark; }
 .paper { fill: #ffffff; } .text { fill: #24292f; } .faint { fill: #57606a; }
 .grid { stroke: #d8dee4; } .frame { stroke: #57606a; fill: none; }
 .even { stroke: #57606a; stroke-dasharray: 5 4; } .gap { stroke: #0a5fb4; stroke-opacity: 0.55; }
 .dot { fill: #0a5fb4; fill-opacity: 0.8; stroke: #ffffff; }
 @media (prefers-color-scheme: dark) {
  .paper { fill: #0d1117; } .text { fill: #e6edf3; } .faint { fill: #9198a1; }
  .grid { stroke: #2b323b; } .frame { stroke: #9198a1; } .even { stroke: #9198a1; }
  .gap { stroke: #79b8ff; } .dot { fill: #79b8ff; stroke: #0d1117; }
 }
""".strip("\n")


def reliability_svg(panels: Sequence[tuple[str, Calibration]]) -> str:
    """The languages beside each other; a dot's area grows with the pairs in its bin, and its gap to the diagonal is the
    error."""
    width = _WIDTH * len(panels)
    told = "; ".join(_told(lang, calibration) for lang, calibration in panels)
    most = max((each.count for _, calibration in panels for each in calibration.bins), default=1)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" width="{width}" height="{_HEIGHT}"'
        ' font-family="system-ui, sans-serif" font-size="11" role="img" aria-labelledby="title told">',
        '<title id="title">Reliability: how often what was called likely was true</title>',
        f'<desc id="told">{told}</desc>',
        f"<style>\n{_STYLE}\n</style>",
        f'<rect class="paper" width="{width}" height="{_HEIGHT}"/>',
    ]
    for place, (lang, calibration) in enumerate(panels):
        lines += [f'<g transform="translate({place * _WIDTH} 0)">', *_panel(lang, calibration, most), "</g>"]
    return "\n".join([*lines, "</svg>", ""])


def _panel(lang: str, calibration: Calibration, most: int) -> Iterator[str]:
    middle_x, middle_y = _LEFT + _SIDE / 2, _TOP + _SIDE / 2
    yield f'<text class="text" x="{_LEFT}" y="20" font-size="14" font-weight="600">{lang}</text>'
    yield f'<text class="faint" x="{_LEFT}" y="35">{_figures(calibration)}</text>'
    for tick in _TICKS:
        x, y = _at(tick, tick)
        yield f'<line class="grid" x1="{x}" y1="{_TOP}" x2="{x}" y2="{_TOP + _SIDE}"/>'
        yield f'<line class="grid" x1="{_LEFT}" y1="{y}" x2="{_LEFT + _SIDE}" y2="{y}"/>'
        yield f'<text class="faint" x="{x}" y="{_TOP + _SIDE + 16}" text-anchor="middle">{tick:g}</text>'
        yield f'<text class="faint" x="{_LEFT - 7}" y="{y + 4:g}" text-anchor="end">{tick:g}</text>'
    yield f'<rect class="frame" x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}"/>'
    yield f'<line class="even" x1="{_LEFT}" y1="{_TOP + _SIDE}" x2="{_LEFT + _SIDE}" y2="{_TOP}"/>'
    label = f'class="text" text-anchor="middle" x="{middle_x:g}"'
    yield f'<text {label} y="{_TOP + _SIDE + 36}">probability that was said</text>'
    yield (
        f'<text class="text" text-anchor="middle" transform="translate(16 {middle_y:g}) rotate(-90)">'
        "share that was true</text>"
    )
    if not calibration.bins:
        yield f'<text {label} y="{middle_y:g}">nothing was called likely</text>'
    for each in calibration.bins:
        x, y = _at(each.probability, each.share)
        _, even = _at(each.probability, each.probability)
        radius = max(_LEAST_RADIUS, _MOST_RADIUS * sqrt(each.count / most))
        told = f"{each.count} pairs: said {each.probability:.2f}, true {each.share:.2f}"
        yield f'<line class="gap" x1="{x}" y1="{even}" x2="{x}" y2="{y}"/>'
        yield f'<circle class="dot" cx="{x}" cy="{y}" r="{radius:.1f}"><title>{told}</title></circle>'


def _at(probability: float, share: float) -> tuple[float, float]:
    return round(_LEFT + _SIDE * probability, 1), round(_TOP + _SIDE * (1 - share), 1)


def _told(lang: str, calibration: Calibration) -> str:
    return f"{lang}: {_figures(calibration)}"


def _figures(calibration: Calibration) -> str:
    error = "no calibration error" if calibration.error is None else f"calibration error {calibration.error:.3f}"
    return f"{error} over {calibration.likely} of {calibration.pairs} pairs"
