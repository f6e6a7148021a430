"""The search page as values: hits grouped by call, facets to narrow by, and when it was said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from pipeline.records import Distress, Transcript, Utterance
from pipeline.search.base import Hit, SearchPage, Sort
from review_ui.language import Words
from review_ui.queue_view import masked
from review_ui.reader import Moment, Reader, clock
from review_ui.search_asked import FACETS, SearchAsked
from review_ui.transcript_view import speaker_name

SHOWN_VALUES = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class FacetValue:
    text: str
    count: int
    href: str
    chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Facet:
    """Values beyond the first few are folded away."""

    title: str
    values: tuple[FacetValue, ...]
    folded: tuple[FacetValue, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    text: str
    hit: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class HitView:
    href: str
    context_href: str
    clock: str
    start_s: str
    end_s: str
    role: str
    who: str
    lang: str
    stretches: tuple[Stretch, ...]
    categories: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CallHits:
    """The hits of one call that stand together in the list."""

    id: str
    href: str
    audio_href: str
    tone: str
    severity: str
    distress: str
    account: str
    account_whole: str
    agent: str
    team: str
    when: Moment | None
    hits: tuple[HitView, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One stretch of days. `x` counts bars; `height` is of 100."""

    x: int
    height: int
    count: int
    text: str
    title: str
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchPageView:
    """`detail` is the service's own sentence, in English, where the pages have no words for what is wrong."""

    text: str
    hidden: tuple[tuple[str, str], ...]
    asked: bool
    problem: str
    detail: str
    summary: str
    date_from: str
    date_to: str
    clear_href: str
    sorts: tuple[FacetValue, ...]
    facets: tuple[Facet, ...]
    bars: tuple[Bar, ...]
    bars_title: str
    calls: tuple[CallHits, ...]
    more_href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ContextLine:
    clock: str
    role: str
    who: str
    lang: str
    text: str
    hit: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ContextView:
    """A found utterance between those around it."""

    lines: tuple[ContextLine, ...]


def search_page(
    asked: SearchAsked, found: SearchPage | None, reader: Reader, *, problem: str = "", detail: str = ""
) -> SearchPageView:
    """The page for what was asked; `found` None before anything is asked, `problem` when it can't be."""
    words = reader.words
    page = found or SearchPage()
    bars, bars_title = _bars(asked, page.histogram, words)
    return SearchPageView(
        text=asked.text,
        hidden=tuple((name, value) for name, values in asked.chosen.items() for value in values),
        asked=not asked.empty,
        problem=problem,
        detail=detail,
        summary=words("search.summary", n=page.total_hits, calls=page.total_calls) if found else "",
        date_from=asked.date_from.isoformat() if asked.date_from else "",
        date_to=asked.date_to.isoformat() if asked.date_to else "",
        clear_href=SearchAsked(text=asked.text).href() if asked.narrowed else "",
        sorts=tuple(
            FacetValue(text=words(f"search.sort.{s}"), count=0, href=asked.sorted_by(s).href(), chosen=s is asked.sort)
            for s in Sort
        ),
        facets=tuple(_facets(asked, page, words)),
        bars=bars,
        bars_title=bars_title,
        calls=tuple(_calls(page.hits, asked, reader)),
        more_href=asked.href(cursor=page.next_cursor) if page.next_cursor else "",
    )


def context_view(transcript: Transcript, index: int, words: Words, *, around: int = 2) -> ContextView:
    """The utterance of this index with its neighbours."""
    place = next((i for i, u in enumerate(transcript.utterances) if u.index == index), 0)
    near = transcript.utterances[max(0, place - around) : place + around + 1]
    return ContextView(lines=tuple(_context_line(u, words, hit=u.index == index) for u in near))


def _context_line(utterance: Utterance, words: Words, *, hit: bool) -> ContextLine:
    return ContextLine(
        clock=clock(utterance.start_ms),
        role=utterance.role.value,
        who=speaker_name(utterance.role, utterance.speaker, words),
        lang=utterance.lang,
        text=words.readable(utterance.text),
        hit=hit,
    )


def _facets(asked: SearchAsked, page: SearchPage, words: Words) -> Iterator[Facet]:
    for index_field, name in FACETS.items():
        counts = dict(page.facets.get(index_field, ()))
        chosen = asked.chosen.get(name, ())
        # A chosen value stays in sight, or it could not be taken back.
        values = [
            FacetValue(
                text=_value_name(name, value, words),
                count=counts.get(value, 0),
                href=asked.toggled(name, value).href(),
                chosen=value in chosen,
            )
            for value in [*chosen, *(v for v in counts if v not in chosen)]
        ]
        if len(values) > 1 or chosen:
            title = words(f"facet.{name}")
            yield Facet(title=title, values=tuple(values[:SHOWN_VALUES]), folded=tuple(values[SHOWN_VALUES:]))


def _value_name(name: str, value: str, words: Words) -> str:
    if name == "category":
        return words.category(value)
    return words.named("distress_level" if name == "distress" else name, value)


def _calls(hits: Sequence[Hit], asked: SearchAsked, reader: Reader) -> Iterator[CallHits]:
    words = reader.words
    for call, members in groupby(hits, key=lambda hit: hit.document.call_id):
        group = list(members)
        first = group[0].document
        yield CallHits(
            id=call,
            href=f"/calls/{call}",
            audio_href=f"/api/v1/calls/{call}/audio",
            tone=first.severity.value if first.flagged and first.severity else "",
            severity=words(f"severity.{first.severity}") if first.flagged and first.severity else "",
            distress="" if first.distress is Distress.NONE else words(f"distress.{first.distress}"),
            account=masked(first.account_ref),
            account_whole=first.account_ref or "",
            agent=first.agent_id or "",
            team=first.team or "",
            when=reader.moment(first.started_at) if first.started_at else None,
            hits=tuple(_hit(hit, words) for hit in group),
        )


def _hit(hit: Hit, words: Words) -> HitView:
    document = hit.document
    seconds = f"{document.start_ms / 1000:.2f}"
    return HitView(
        href=f"/calls/{document.call_id}?t={seconds}#u{document.utterance}",
        context_href=f"/search/context?call={document.call_id}&utterance={document.utterance}",
        clock=clock(document.start_ms),
        start_s=seconds,
        end_s=f"{document.end_ms / 1000:.2f}",
        role=document.role.value,
        who=words(f"role.{document.role}"),
        lang=document.lang,
        stretches=tuple(
            Stretch(text=words.readable(text), hit=found) for text, found in _stretches(document.text, hit.highlights)
        ),
        categories=tuple(words.category(c) for c in document.categories),
    )


def _stretches(text: str, highlights: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    done = 0
    for start, end in highlights:
        if start > done:
            yield text[done:start], False
        yield text[start:end], True
        done = end
    if done < len(text):
        yield text[done:], False


_MOST_BARS = 62


def _bars(asked: SearchAsked, histogram: Sequence[tuple[date, int]], words: Words) -> tuple[tuple[Bar, ...], str]:
    """Days, weeks or months, whichever gives few enough bars; gaps are bars of no height, for time to be even."""
    if not histogram:
        return (), ""
    first, last = histogram[0][0], histogram[-1][0]
    days = (last - first).days + 1
    unit = "day" if days <= _MOST_BARS else "week" if days <= 7 * _MOST_BARS else "month"
    counts: dict[date, int] = {}
    for day, count in histogram:
        start = _start(day, unit)
        counts[start] = counts.get(start, 0) + count
    top = max(counts.values())
    starts = list(_starts(_start(first, unit), last, unit))
    bars = tuple(
        Bar(
            x=x,
            height=max(2, round(100 * counts[start] / top)) if start in counts else 0,
            count=counts.get(start, 0),
            text=_span(start, unit),
            title=words("search.bar", when=_span(start, unit), n=counts.get(start, 0)),
            href=asked.between(start, _next(start, unit) - timedelta(days=1)).href(),
        )
        for x, start in enumerate(starts)
    )
    return bars, words(f"search.per_{unit}")


def _start(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


def _next(start: date, unit: str) -> date:
    if unit == "month":
        return (start.replace(day=28) + timedelta(days=4)).replace(day=1)
    return start + timedelta(days=7 if unit == "week" else 1)


def _starts(start: date, last: date, unit: str) -> Iterator[date]:
    while start <= last:
        yield start
        start = _next(start, unit)


def _span(start: date, unit: str) -> str:
    return f"{start:%Y-%m}" if unit == "month" else start.isoformat()
