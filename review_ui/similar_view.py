"""The training turns that are most like what a finding rests on: invented text, never words of a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.datasets.dialogues import Example, domain_example
from pipeline.errors import NotFound
from pipeline.records import Finding, Signal, WordsEvidence
from pipeline.services.views import CallDetail
from review_ui.language import Words


@dataclass(frozen=True, kw_only=True, slots=True)
class SimilarTurn:
    """`labels` are names of categories, none for a turn that only looks as if it held something."""

    role: str
    who: str
    text: str
    lang: str
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SimilarView:
    """`gone` where this installation no longer has the turns."""

    category: str
    call_href: str
    turns: tuple[SimilarTurn, ...]
    gone: str


def similar_view(
    detail: CallDetail,
    category: str,
    utterance: int,
    words: Words,
    example: Callable[[str], Example | None] = domain_example,
) -> SimilarView:
    """For the finding of a category in an utterance; raises NotFound where there is none."""
    signal = _claim(detail, category, utterance)
    found = [it for id in signal.nearest if (it := example(id)) is not None]
    return SimilarView(
        category=words.category(category),
        call_href=f"/calls/{detail.summary.id}#u{utterance}",
        turns=tuple(_turn(it, words) for it in found),
        gone="" if found else words("similar.gone"),
    )


def _claim(detail: CallDetail, category: str, utterance: int) -> Signal:
    for finding in detail.findings:
        if _is_about(finding, category, utterance) and (signal := detail.signal_of(finding)) is not None:
            return signal
    raise NotFound("This call has no such finding.", code="finding_not_found")


def _is_about(finding: Finding, category: str, utterance: int) -> bool:
    evidence = finding.evidence
    return finding.category == category and isinstance(evidence, WordsEvidence) and evidence.span.utterance == utterance


def _turn(example: Example, words: Words) -> SimilarTurn:
    return SimilarTurn(
        role=example.line.role,
        who=words(f"role.{example.line.role}"),
        text=words("quote", text=example.line.text),
        lang=example.lang,
        labels=tuple(words.category(label) for label in sorted(example.labels)),
    )
