"""The drawing of calibration: well formed, labelled, and with its dots where they belong."""

from __future__ import annotations

from xml.etree import ElementTree

from forbear.cli.reliability_plot import reliability_svg
from models.metrics import Bin
from pipeline.evaluation.calibration import Calibration

SVG = "{http://www.w3.org/2000/svg}"


def calibration(*bins: Bin) -> Calibration:
    return Calibration(
        pairs=100,
        likely=sum(each.count for each in bins),
        error=0.05 if bins else None,
        brier=0.1,
        brier_of_decisions=0.2,
        bins=bins,
    )


def test_a_panel_a_language_with_axes_diagonal_and_dots() -> None:
    few, many = Bin(count=4, probability=0.25, share=0.5), Bin(count=16, probability=1.0, share=1.0)
    root = ElementTree.fromstring(reliability_svg([("zh", calibration(few, many)), ("en", calibration(few))]))
    panels = root.findall(f"{SVG}g")
    assert len(panels) == 2 and root.find(f"{SVG}title") is not None
    words = [text.text for text in panels[0].iter(f"{SVG}text")]
    assert {"zh", "probability that was said", "share that was true"} <= set(words)
    assert "calibration error 0.050 over 20 of 100 pairs" in words
    assert len([line for line in panels[0].iter(f"{SVG}line") if line.get("class") == "even"]) == 1
    frame = next(rect for rect in panels[0].iter(f"{SVG}rect") if rect.get("class") == "frame")
    left, top, side = (float(frame.get(key, "")) for key in ("x", "y", "width"))
    dots = [[float(dot.get(key, "")) for key in ("cx", "cy", "r")] for dot in panels[0].iter(f"{SVG}circle")]
    # Four times the pairs is twice the radius: the area tells.
    assert dots == [[left + side / 4, top + side / 2, 4.0], [left + side, top, 8.0]]


def test_readable_in_light_and_dark_and_without_anything_from_outside() -> None:
    drawn = reliability_svg([("en", calibration())])
    assert "prefers-color-scheme: dark" in drawn and "nothing was called likely" in drawn
    assert drawn.count("http") == 1  # the namespace
    ElementTree.fromstring(drawn)
