"""How a call went as a whole: patterns of steps in order, good and bad ones. Looks at signals, never at text.

A pattern says more than its parts: hardship met with a plan, or a threat to sue followed by anger and a complaint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.policy.categories import CUES, categories
from pipeline.policy.conditions import SURE, keys_of
from pipeline.policy.evaluating import Evidenced
from pipeline.policy.features import EVASIVE
from pipeline.policy.source import Node
from pipeline.records import CallOutcome, OutcomeStep, Polarity, Role, Signal


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One of `signals`, after the step before; or, with `within_turns`, none of them in so many turns of the collector.

    An `optional` step may be passed over.
    """

    signals: tuple[str, ...]
    optional: bool = False
    within_turns: int | None = None

    @property
    def is_absence(self) -> bool:
        return self.within_turns is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    id: str
    polarity: Polarity
    name_zh: str
    name_en: str
    steps: tuple[Step, ...]


def read_patterns(nodes: Mapping[str, Node]) -> tuple[Pattern, ...]:
    """The patterns of a pack.

    A step is a list of signals, {any: […], optional: true} or {none: […], within_turns: n}.
    """
    found = []
    for name, raw in nodes.items():
        f = raw.fields(("polarity", "name_zh", "name_en", "steps"))
        steps = tuple(_step(part) for part in f["steps"].sequence())
        if not steps or steps[0].is_absence or all(step.optional for step in steps):
            f["steps"].fail("a pattern begins with something said and has at least one step that is not optional.")
        found.append(
            Pattern(
                id=name,
                polarity=f["polarity"].one_of(Polarity),
                name_zh=f["name_zh"].text(),
                name_en=f["name_en"].text(),
                steps=steps,
            )
        )
    return tuple(found)


def _step(node: Node) -> Step:
    if node.is_text or node.is_sequence:
        return Step(signals=keys_of(node))
    if "none" in node.mapping():
        f = node.fields(("none", "within_turns"))
        return Step(signals=keys_of(f["none"]), within_turns=f["within_turns"].whole(1, 1000))
    f = node.fields(("any",), ("optional",))
    return Step(signals=keys_of(f["any"]), optional="optional" in f and f["optional"].flag())


def outcomes_of(patterns: Iterable[Pattern], seen: Evidenced) -> tuple[CallOutcome, ...]:
    """The patterns that the call holds from their first to their last step."""
    found = []
    for pattern in patterns:
        steps = _matched(pattern, seen)
        if steps is not None:
            found.append(
                CallOutcome(
                    pattern=pattern.id,
                    polarity=pattern.polarity,
                    name_zh=pattern.name_zh,
                    name_en=pattern.name_en,
                    steps=steps,
                )
            )
    return tuple(found)


def _matched(pattern: Pattern, seen: Evidenced) -> tuple[OutcomeStep, ...] | None:
    """The earliest hit of each step in order, or None where a step that is needed is not there."""
    place, turn = -1, -1
    steps: list[OutcomeStep] = []
    taken: list[Signal] = []
    for step in pattern.steps:
        hits = [s for s in seen.of(step.signals) if _counts(s.category, s.probability, s.features, seen.role_of(s))]
        if step.within_turns is not None:
            last = turn + 2 * step.within_turns
            if any(turn < seen.turn_of(s) <= last for s in hits) or not _spoken_after(seen, turn):
                return None
            continue
        # One utterance may hold several steps: understanding and an offer in one breath.
        following = next((s for s in hits if s.span.utterance >= place and s not in taken), None)
        if following is None:
            if step.optional:
                continue
            return None
        taken.append(following)
        place, turn = following.span.utterance, seen.turn_of(following)
        steps.append(OutcomeStep(category=following.category, span=following.span))
    return tuple(steps)


def _counts(category: str, probability: float, features: Iterable[str], role: Role) -> bool:
    expected = _ROLES.get(category)
    return probability >= SURE and EVASIVE.isdisjoint(features) and (expected is None or role is expected)


def _spoken_after(seen: Evidenced, turn: int) -> bool:
    """Whether the collector had two chances to say it."""
    inside = [p for t, p in zip(seen.turns, seen.positions, strict=True) if t > turn and p.role is Role.AGENT]
    return len(inside) >= 2


_ROLES: Mapping[str, Role] = {
    **{key: about.role for key, about in categories().items()},
    **{key: cue.role for key, cue in CUES.items()},
}
