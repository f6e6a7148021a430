"""Calls written as signals, one utterance a line, and rules written as YAML: to test conditions without any text."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from pipeline.policy.evaluating import Answer, Evidenced, Position, answer
from pipeline.policy.rules import Rule, read_rule
from pipeline.policy.source import read
from pipeline.records import CallContext, Citation, ModelStamp, Role, Signal, Span

STEP_MS = 5_000
CLAUSES: dict[str, dict[str, Citation]] = {}


def call(*lines: str, facts: dict[str, Any] | None = None, **context: Any) -> Evidenced:
    """Lines such as "agent: cue.demand 0.8 quoted, threat.veiled" or "customer:"; five seconds each."""
    positions, signals = [], []
    for index, line in enumerate(lines):
        role, _, said = line.partition(":")
        start = index * STEP_MS
        positions.append(Position(role=Role(role), words=((start, start + STEP_MS - 500),)))
        for part in filter(None, map(str.strip, said.split(","))):
            category, *rest = part.split()
            probability = float(rest.pop(0)) if rest and rest[0][0].isdigit() else 0.9
            signals.append(
                Signal(
                    category=category,
                    detector="lexicon",
                    span=Span(utterance=index, word_start=0, word_end=1),
                    score=probability,
                    probability=probability,
                    model=ModelStamp(name="lexicon", version="1"),
                    features=tuple(rest),
                )
            )
    return Evidenced(
        positions=positions,
        signals=signals,
        context=CallContext(facts=facts or {}, **context),
        duration_ms=len(lines) * STEP_MS,
    )


def rule(tmp_path: Path, text: str) -> Rule:
    """The rule of a YAML text."""
    path = tmp_path / "rule.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    return read_rule("r", read(path), "test", CLAUSES)


def answers(found: Rule, seen: Evidenced) -> dict[str, Answer]:
    return answer(found.conditions, seen, traced=True)


def utterances(given: Answer) -> list[int]:
    return [signal.span.utterance for signal in given.hits]
