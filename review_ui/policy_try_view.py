"""Trying a dialogue on a pack, as values: the form with what was asked, and what the pack made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time

from pipeline.policy.cases import Case
from pipeline.policy.conditions import Hours, Value
from pipeline.policy.facts import FactType, facts
from pipeline.policy.pack import Pack
from pipeline.records import CallContext, CollectorType, Transcript
from pipeline.stages.explain import Explanation
from review_ui.findings_view import FindingView, finding_views, short_pack
from review_ui.language import Words
from review_ui.outcomes_view import OutcomeView, outcome_views
from review_ui.policy_answers import Quotes
from review_ui.policy_sentences import Sentences
from review_ui.policy_trace_view import TraceView, trace_view
from review_ui.reader import Reader
from review_ui.transcript_view import Line, lines

_DAY = datetime(2026, 1, 15, tzinfo=UTC)
"""Some day: only the time of day matters to a dialogue."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """What is asked for: the dialogue as written, and what is known of the call."""

    pack: str
    text: str = ""
    case: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    collector_type: str = ""
    clock: str = ""

    def context(self, pack: Pack) -> CallContext:
        """The call that the dialogue is taken for."""
        began = None
        if self.clock:
            at = time.fromisoformat(self.clock)
            began = _DAY.replace(hour=at.hour, minute=at.minute)
        return CallContext(
            jurisdiction=pack.jurisdiction,
            collector_type=CollectorType(self.collector_type) if self.collector_type else None,
            started_at=began,
            customer_tz="UTC" if began else None,
            facts={
                name: value == "true" if value in ("true", "false") else value for name, value in self.facts.items()
            },
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    value: str
    text: str
    chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionGroup:
    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FactField:
    """A fact that rules of the pack look at; `options` are what it may be, the first that it is not known."""

    name: str
    text: str
    options: tuple[Option, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TriedView:
    """What the pack made of the dialogue."""

    summary: str
    tone: str
    lines: tuple[Line, ...]
    findings: tuple[FindingView, ...]
    outcomes: tuple[OutcomeView, ...]
    trace: TraceView


@dataclass(frozen=True, kw_only=True, slots=True)
class TryPage:
    """`detail` says in English which line the `problem` is in, where the problem is told in another language."""

    pack: str
    packs: tuple[Option, ...]
    cases: tuple[OptionGroup, ...]
    text: str
    facts: tuple[FactField, ...]
    collector_types: tuple[Option, ...]
    clock: str
    problem: str
    detail: str
    origin: str
    browse_href: str
    known: int
    """How many of the facts are told."""
    tried: TriedView | None


def tried_of_case(case: Case, pack: str) -> Tried:
    """A regression case in the form."""
    context = case.context
    local = context.started_at
    return Tried(
        pack=pack,
        case=f"{case.pack}:{case.name}",
        text="\n".join(f"{line.role}: {line.text}" for line in case.dialogue),
        facts={
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in context.facts.items()
            if value is not None and not isinstance(value, list)
        },
        collector_type=context.collector_type.value if context.collector_type else "",
        clock=f"{local:%H:%M}" if local else "",
    )


def text_of(transcript: Transcript) -> str:
    """A transcript as the form writes it."""
    return "\n".join(f"{u.role}: {u.text}" for u in transcript.utterances)


def facts_asked(pack: Pack) -> tuple[str, ...]:
    """Facts that the rules of a pack look at, in the order of the one list."""
    used: set[str] = set()
    for rule in pack.rules:
        used.update(rule.truth.lawful_if if rule.truth else ())
        for condition in rule.conditions.values():
            if isinstance(condition, Hours):
                used.update(condition.consent)
            elif isinstance(condition, Value) and condition.name.startswith("facts."):
                used.add(condition.name.removeprefix("facts."))
    return tuple(name for name in facts() if name in used)


def try_page(
    asked: Tried,
    pack: Pack,
    packs: Sequence[tuple[str, Pack]],
    cases: Iterable[tuple[str, Sequence[Case]]],
    reader: Reader,
    *,
    explanation: Explanation | None = None,
    problem: str = "",
    detail: str = "",
    origin: str = "",
) -> TryPage:
    """The form, and below it what came of it; `packs` by their addresses, `cases` by the title of their pack."""
    words = reader.words
    return TryPage(
        pack=asked.pack,
        packs=tuple(
            Option(
                value=name,
                text=f"{words(f'jurisdiction.{one.jurisdiction}')} · {short_pack(one.name, one.version)}",
                chosen=name == asked.pack,
            )
            for name, one in packs
        ),
        cases=tuple(
            OptionGroup(
                label=label,
                options=tuple(
                    Option(
                        value=f"{case.pack}:{case.name}",
                        text=case.name.replace("-", " "),
                        chosen=f"{case.pack}:{case.name}" == asked.case,
                    )
                    for case in listed
                ),
            )
            for label, listed in cases
            if listed
        ),
        text=asked.text,
        facts=tuple(_fact_field(name, asked, Sentences(words, pack)) for name in facts_asked(pack)),
        collector_types=_options(("", *CollectorType), asked.collector_type, "collector_type", words),
        clock=asked.clock,
        problem=problem,
        detail=detail,
        origin=origin,
        browse_href=f"/policy?pack={asked.pack}",
        known=sum(bool(value) for value in asked.facts.values()),
        tried=tried_view(explanation, reader, address=asked.pack) if explanation else None,
    )


def tried_view(explanation: Explanation, reader: Reader, *, address: str = "") -> TriedView:
    """What a pack made of a dialogue, line by line and rule by rule."""
    words, judgement, transcript = reader.words, explanation.judgement, explanation.transcript
    findings = tuple(
        replace(view, clip_href="")
        for view in finding_views(judgement.findings, transcript, words, call="", original=False)
    )

    def place(utterance: int, _ms: int) -> tuple[str, str]:
        return words("policy.line", n=utterance + 1), f"#l{utterance}"

    quotes = Quotes(transcript, transcript, words, place)
    tone = judgement.severity.value if judgement.flagged and judgement.severity else ""
    key = "policy.try.flagged" if judgement.flagged else "policy.try.not_flagged"
    severity = words(f"severity.{judgement.severity}") if judgement.severity else ""
    return TriedView(
        summary=words(key, n=len(findings), severity=severity),
        tone=tone,
        lines=tuple(line for line in lines(transcript, findings, reader, duration_ms=None) if not line.note),
        findings=findings,
        outcomes=outcome_views(judgement.outcomes, transcript, words, place),
        trace=trace_view(explanation.rules, judgement, Sentences(words, explanation.pack, address), quotes),
    )


def _fact_field(name: str, asked: Tried, sentences: Sentences) -> FactField:
    fact = facts()[name]
    values = ("true", "false") if fact.type is FactType.BOOLEAN else fact.values
    given = asked.facts.get(name, "")
    return FactField(
        name=name,
        text=sentences.fact(name),
        options=tuple(
            Option(
                value=value,
                text=sentences.words("policy.unknown")
                if not value
                else sentences.words(f"policy.{value}")
                if value in ("true", "false")
                else value,
                chosen=value == given,
            )
            for value in ("", *values)
        ),
    )


def _options(values: Iterable[str], chosen: str, prefix: str, words: Words) -> tuple[Option, ...]:
    return tuple(
        Option(
            value=str(value),
            text=words(f"{prefix}.{value}") if value else words("policy.unknown"),
            chosen=str(value) == chosen,
        )
        for value in values
    )
