"""Conditions of rules as sentences in the reader's language: what is said, by whom, how sure, where, and unless what.

Knows how a condition reads, not whether a call meets it. Conditions are called by letters, because names in a pack are
for those who write it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from pipeline.policy.categories import CUES, categories
from pipeline.policy.conditions import ANYBODY, Anchor, Comparison, Condition, Hours, Missing, Said, Value
from pipeline.policy.facts import facts
from pipeline.policy.outcomes import Pattern, Step
from pipeline.policy.pack import Pack
from pipeline.policy.sounds import Measure, SoundEntry
from pipeline.records import Role
from review_ui.language import Words

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalName:
    """A category or cue that a condition waits for; only categories have a page."""

    key: str
    name: str
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditionView:
    """One condition: `lead` what it is about, then the signals of which one is enough, then what else must be so."""

    letter: str
    name: str
    lead: str
    signals: tuple[SignalName, ...]
    limits: tuple[str, ...]
    joiner: str
    stop: str

    @property
    def sentence(self) -> str:
        """All of it as one line of text."""
        said = self.joiner.join(signal.name for signal in self.signals)
        return self.stop.join(part for part in (f"{self.lead}{said}", *self.limits) if part)


@dataclass(frozen=True, slots=True)
class Sentences:
    """Makes the sentences of one pack in one language."""

    words: Words
    pack: Pack
    address: str = ""
    """How the pack is named in addresses; its own name when empty."""

    def condition(self, name: str, condition: Condition, letters: Mapping[str, str]) -> ConditionView:
        """One condition; `letters` tell what the conditions of its rule are called."""
        match condition:
            case Said():
                lead, signals, limits = self._said(condition, letters)
            case Missing():
                lead, signals, limits = self._missing(condition, letters)
            case Hours():
                lead, signals, limits = self._hours(condition)
            case Value():
                lead, signals, limits = self.value(condition), (), []
        return ConditionView(
            letter=letters[name],
            name=name,
            lead=lead,
            signals=self.signals(signals),
            limits=tuple(limits),
            joiner=self.words("policy.join.or"),
            stop=self.words("policy.join.limit"),
        )

    def signals(self, keys: Iterable[str]) -> tuple[SignalName, ...]:
        return tuple(SignalName(key=key, name=self.signal(key), href=self._href(key)) for key in keys)

    def signal(self, key: str) -> str:
        """The name of a category or a cue."""
        cue = CUES.get(key)
        return self.words.pick(cue.name_zh, cue.name_en) if cue else self.words.category(key)

    def fact(self, name: str) -> str:
        """What a fact of an account means; its name where nobody described it."""
        known = facts().get(name)
        return self.words.pick(known.zh, known.en) if known else name

    def value(self, value: Value) -> str:
        """A test of a fact or of the metadata."""
        is_fact = value.name.startswith("facts.")
        name = self.fact(value.name.removeprefix("facts.")) if is_fact else self.words.named("policy.about", value.name)
        if value.test is Comparison.KNOWN:
            return self.words(f"policy.value.known.{value.wanted[0]}", name=name)
        shown = self.words("join.list").join(self._wanted(value.name, wanted) for wanted in value.wanted)
        return self.words(f"policy.value.{value.test}", name=name, value=shown)

    def pattern(self, step: Step) -> str:
        """What a step of a call-level pattern asks for, before its signals."""
        if step.within_turns is not None:
            return self.words("policy.step.none", n=step.within_turns)
        return self.words("policy.step.optional") if step.optional else ""

    def pattern_name(self, pattern: Pattern) -> str:
        return self.words.pick(pattern.name_zh, pattern.name_en)

    def sound(self, entry: SoundEntry) -> str:
        """When a measure of an utterance is heard as something."""
        unit = f"policy.measure.{entry.measure}"
        bounds = [
            self.words(f"policy.sound.{side}", limit=self.words(f"{unit}.unit", value=_measured(entry.measure, limit)))
            for side, limit in (("over", entry.over), ("under", entry.under))
            if limit is not None
        ]
        return self.words(
            "policy.sound",
            who=self.words(f"policy.by.{entry.role}"),
            measure=self.words(unit),
            bounds=self.words("policy.join.and").join(bounds),
        )

    # --- kinds of conditions

    def _said(self, said: Said, letters: Mapping[str, str]) -> tuple[str, tuple[str, ...], list[str]]:
        heard = all(any(entry.category == key for entry in self.pack.sounds) for key in said.signals)
        lead = self.words("policy.heard" if heard else "policy.said", who=self._who(said.roles))
        limits = [self.words("policy.times", n=said.at_least)] if said.at_least > 1 else []
        needed = sorted({f"{said.from_probability(key):.2f}" for key in said.signals})
        limits.append(self.words("policy.sure", p="–".join(dict.fromkeys((needed[0], needed[-1])))))
        if said.excuses and not heard:
            limits.append(self.words("policy.excuses", features=self.features(said.excuses)))
        if said.requires:
            limits.append(self.words("policy.requires", features=self.features(said.requires)))
        scope = said.scope
        for side, ms, turns in (
            ("first", scope.first_ms, scope.first_turns),
            ("last", scope.last_ms, scope.last_turns),
        ):
            if ms is not None:
                limits.append(self.words(f"policy.part.{side}_s", n=_seconds(ms)))
            if turns is not None:
                limits.append(self.words(f"policy.part.{side}_turns", n=turns))
        if scope.after is not None:
            limits += self._anchored(scope.after, letters, side="after")
        if scope.before is not None:
            limits += self._anchored(scope.before, letters, side="before")
        if scope.not_after:
            limits.append(self.words("policy.not_after", names=self._names(scope.not_after, letters)))
        return lead, said.signals, limits

    def _missing(self, missing: Missing, letters: Mapping[str, str]) -> tuple[str, tuple[str, ...], list[str]]:
        who = self._who(missing.roles)
        where = self.words("policy.from_start")
        if missing.after is not None:
            where = self.words("policy.anchor.after", what=self._hit(missing.after, letters))
        limits = [self._reach(where, missing.within_turns, missing.within_ms)]
        limits.append(self.words("policy.counts_from", p=f"{missing.threshold:.2f}"))
        if missing.never:
            limits.append(self.words("policy.never", names=self._names(missing.never, letters)))
        if missing.at_least_ms:
            limits.append(self.words("policy.at_least_speech", who=who, n=_seconds(missing.at_least_ms)))
        return self.words("policy.missing", who=who), missing.signals, limits

    def _hours(self, hours: Hours) -> tuple[str, tuple[str, ...], list[str]]:
        lead = self.words("policy.hours", earliest=f"{hours.earliest:%H:%M}", latest=f"{hours.latest:%H:%M}")
        return lead, (), [self.words("policy.consent", fact=self.fact(name)) for name in hours.consent]

    # --- parts of sentences

    def features(self, names: Iterable[str]) -> str:
        """Ways of saying a thing, the usual ones first."""
        order = ("quoted", "negated", "joke", "question", "hypothetical", "mishearing", "unsure")
        known = sorted(names, key=lambda name: order.index(name) if name in order else len(order))
        return self.words("policy.join.features").join(self.words.named("policy.feature", name) for name in known)

    def _who(self, roles: frozenset[Role]) -> str:
        if roles == ANYBODY:
            return self.words("policy.by.anybody")
        # Somebody whose role is not known counts as well, and makes it only possible; that is so everywhere.
        named = [role for role in Role if role in roles - {Role.UNKNOWN}] or [Role.UNKNOWN]
        return self.words("policy.join.or").join(self.words(f"policy.by.{role}") for role in named)

    def _anchored(self, anchor: Anchor, letters: Mapping[str, str], *, side: str) -> list[str]:
        where = self.words(f"policy.anchor.{side}", what=self._hit(anchor, letters))
        reach = self._reach(where, anchor.within_turns, anchor.within_ms)
        if not anchor.unless:
            return [reach]
        return [self.words("policy.unless", text=reach, names=self._names(anchor.unless, letters))]

    def _hit(self, anchor: Anchor, letters: Mapping[str, str]) -> str:
        letter = letters[anchor.of]
        if anchor.hit is None:
            return letter
        if anchor.hit in (1, -1):
            return self.words("policy.hit.first" if anchor.hit == 1 else "policy.hit.last", what=letter)
        return self.words("policy.hit.nth", what=letter, n=anchor.hit)

    def _reach(self, where: str, turns: int | None, ms: int | None) -> str:
        if turns is not None:
            return self.words("policy.reach.turns", n=turns, where=where)
        return self.words("policy.reach.time", n=_seconds(ms), where=where) if ms is not None else where

    def _names(self, names: Iterable[str], letters: Mapping[str, str]) -> str:
        return self.words("policy.join.or").join(letters[name] for name in names)

    def _wanted(self, name: str, value: str) -> str:
        if value in ("true", "false"):
            return self.words(f"policy.{value}")
        return self.words.named(name.removeprefix("facts."), value)

    def _href(self, key: str) -> str:
        if key not in categories():
            return ""
        return "/policy?" + urlencode({"pack": self.address or self.pack.name, "category": key})


def letters_of(conditions: Mapping[str, Condition]) -> dict[str, str]:
    """A letter for each condition of a rule, in the order in which they are answered."""
    return {
        name: LETTERS[place % 26] + (str(place // 26) if place >= 26 else "") for place, name in enumerate(conditions)
    }


def _measured(measure: Measure, limit: float) -> str:
    """Lengths are measured in milliseconds and read in seconds."""
    return f"{limit / 1000:g}" if measure.endswith("_ms") else f"{limit:g}"


def _seconds(ms: int) -> str:
    return f"{ms / 1000:g}"
