"""What a search found, by call and over time."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from starlette.datastructures import QueryParams

from pipeline.records import (
    Role,
)
from pipeline.search.base import Hit, SearchPage, UtteranceDocument
from review_ui.search_asked import search_asked_of
from review_ui.search_view import search_page
from tests.unit.shown import reader


def _hit(call: str, index: int, text: str, *highlights: tuple[int, int]) -> Hit:
    document = UtteranceDocument(
        id=f"{call}.{index}",
        call_id=call,
        utterance=index,
        role=Role.AGENT,
        lang="zh",
        start_ms=61_500,
        end_ms=63_000,
        text=text,
    )
    return Hit(document=document, highlights=highlights)


def test_hits_stand_by_call_with_what_was_found_lit() -> None:
    found = SearchPage(
        hits=(
            _hit("c1", 3, "我要起诉你", (2, 4)),
            _hit("c1", 5, "打[phone]起诉", (8, 10)),
            _hit("c2", 0, "起诉", (0, 2)),
        ),
        total_hits=3,
        total_calls=2,
        facets={"role": (("agent", 3),), "team": (("east", 2), ("west", 1))},
        histogram=((date(2026, 1, 1), 1), (date(2026, 1, 4), 2)),
    )
    page = search_page(search_asked_of(QueryParams("q=起诉&role=agent")), found, reader())
    assert [(call.id, len(call.hits)) for call in page.calls] == [("c1", 2), ("c2", 1)]
    first, second = page.calls[0].hits
    assert [(s.text, s.hit) for s in first.stretches] == [("我要", False), ("起诉", True), ("你", False)]
    assert second.stretches[0].text == "打[phone number]"
    assert first.href == "/calls/c1?t=61.50#u3"
    assert [facet.title for facet in page.facets] == ["Said by", "Team"]
    assert page.facets[0].values[0].chosen
    assert [(bar.count, bar.height) for bar in page.bars] == [(1, 50), (0, 0), (0, 0), (2, 100)]


@pytest.mark.parametrize(("days", "bars"), [(10, 11), (100, 16), (1000, 34)])
def test_a_histogram_never_has_too_many_bars(days: int, bars: int) -> None:
    first = date(2023, 1, 2)
    found = SearchPage(histogram=((first, 1), (first + timedelta(days=days), 1)), total_hits=2)
    page = search_page(search_asked_of(QueryParams("q=x")), found, reader())
    assert abs(len(page.bars) - bars) <= 1
    assert sum(bar.count for bar in page.bars) == 2
