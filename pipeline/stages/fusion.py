"""Claims of several detectors about one utterance become one signal a category, with a probability to believe.

Without a text model the clearest claim of the packs stands. With one, a curve for each language and group weighs what
the lexicon and the model say of the group (`models.calibration`); within a group the categories keep their proportions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.calibration import RULES_AND_TEXT, Calibration, load
from models.calibration import TEXT as TEXT_ALONE
from models.errors import WeightsCorrupt
from models.weights import CALIBRATION
from pipeline.policy.categories import CRITICAL_DISTRESS, PRESENT_DISTRESS, Kind, categories, reported_group
from pipeline.policy.features import DOUBTED, EVASIVE, MISHEARING, NEGATED, QUOTED, UNSURE
from pipeline.records import CarriedWord, Role, Signal, Utterance
from pipeline.stages.text_detector import TEXT, least

LEXICON, VOICE = "lexicon", "voice"
"""Names of the parts of a probability, beside `text`."""
CUSTOMER_VOICE = frozenset({"cue.voice_raised", "cue.voice_trembling", "cue.voice_crying"})
"""Cues that may speak for a customer's distress, never about an agent."""
SELF_HARM = "self_harm"
GOOD = "good"


def calibrated_group(category: str) -> str:
    """Whose curve a category is weighed by: its group's, or that of self-harm, which has its own."""
    if category in CRITICAL_DISTRESS:
        return SELF_HARM
    return reported_group(category) or GOOD


def is_violation(category: str) -> bool:
    """Whether it is conduct that must not occur."""
    return categories()[category].kind is Kind.VIOLATION


def is_weighed(category: str) -> bool:
    """Whether a text model is asked about it; a required statement is a matter of its very words."""
    return category in categories() and categories()[category].kind is not Kind.REQUIRED_STATEMENT


def agreed(claims: Iterable[Signal]) -> Signal:
    """The clearest claim; each further entry or detector that agrees closes a fifth of what is left to certainty."""
    ranked = sorted(claims, key=lambda s: (QUOTED in s.features or NEGATED in s.features, -s.probability))
    best = ranked[0]
    agreeing = sum(set(best.features) >= set(s.features) for s in ranked[1:])
    probability = 1 - (1 - best.probability) * 0.8**agreeing
    detectors = "+".join(dict.fromkeys(s.detector for s in ranked))
    return replace(best, detector=detectors, probability=round(probability, 4))


@dataclass(frozen=True, slots=True)
class Agreement:
    """Fusion without a text model."""

    @property
    def version(self) -> str:
        return "agreement"

    def __call__(self, utterance: Utterance, claims: Sequence[Signal]) -> list[Signal]:
        return [agreed(same) for _, same in sorted(_by_category(claims).items())]


AGREEMENT = Agreement()


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Fusion with a text model. Three kinds of signals are told apart for those who judge them.

    What is as probable as `decides_from` decides. What is less probable and still counts is for a person to decide, and
    so is conduct or distress that the packs' words say plainly (`plainly`) and the model doubts: neither knows
    everything. A customer's requests are not guessed at, and self-harm counts much earlier anyway.
    """

    calibration: Calibration
    version: str
    decides_from: float = 0.6
    plainly: float = 0.6
    doubted_under: float = 0.5

    def __call__(self, utterance: Utterance, claims: Sequence[Signal]) -> list[Signal]:
        """One signal a category; cues and required statements stay as the packs' claims have them."""
        by_category = sorted(_by_category(claims).items())
        found = [agreed(same) for category, same in by_category if not is_weighed(category)]
        heard = max((c.probability for c in claims if c.category in CUSTOMER_VOICE), default=0.0)
        for group, parts in parts_by_group(claims).items():
            voice = heard if group == "distress" and utterance.role is Role.CUSTOMER else 0.0
            found += self._weighed(utterance.lang, group, parts, voice)
        return sorted(found, key=lambda signal: signal.category)

    def _weighed(self, lang: str, group: str, parts: Mapping[str, Parts], voice: float) -> list[Signal]:
        def probability(text: float, lexicon: float) -> float:
            return self.calibration(lang, group, text=text, lexicon=lexicon, voice=voice)

        whole = probability(max(p.text for p in parts.values()), max(p.lexicon for p in parts.values()))
        single = {category: probability(p.text, p.lexicon) for category, p in parts.items()}
        most = max(single.values())
        signals = []
        for category, part in parts.items():
            sure = whole * single[category] / most
            doubted = self._doubts(part, sure)
            if doubted or max(sure, part.text) >= least(category):
                signals.append(self._signal(part, sure, voice, doubted=doubted))
        return signals

    def _doubts(self, parts: Parts, probability: float) -> bool:
        """Whether the packs' words say conduct or distress plainly and the whole does not believe it."""
        may_be_doubted = is_violation(parts.best.category) or parts.best.category in PRESENT_DISTRESS
        return may_be_doubted and parts.lexicon >= self.plainly and probability < self.doubted_under

    def _signal(self, parts: Parts, probability: float, voice: float, *, doubted: bool) -> Signal:
        features = tuple(f for f in parts.best.features if f not in EVASIVE)
        if parts.text >= 0.5:
            features = tuple(f for f in features if f != MISHEARING)
        if probability < self.decides_from:
            features = (*features, UNSURE)
        if doubted:
            features = (*features, DOUBTED)
        said = {TEXT: parts.text, LEXICON: parts.lexicon, VOICE: voice}
        return replace(
            parts.best,
            detector="+".join([parts.detector, *([VOICE] if voice else [])]),
            probability=round(probability, 4),
            features=features,
            parts={name: round(value, 4) for name, value in said.items() if value > 0},
            carried=parts.carried,
            nearest=parts.nearest,
        )


def calibrated(folder: Path, *, lexicon: bool, model: str = "") -> Calibrated:
    """Fusion as the text model of a folder was calibrated, with a lexicon beside it or without.

    `model` is the version of the text model that is asked, empty where none is. Raises models.errors.ModelError, also
    where the curves were fitted to another version.
    """
    file = folder / CALIBRATION
    found = load(file)
    name = RULES_AND_TEXT if lexicon else TEXT_ALONE
    if name not in found:
        raise WeightsCorrupt(f"{file} holds no calibration for {name}.")
    calibration = found[name]
    if model and calibration.model and calibration.model != model:
        raise WeightsCorrupt(
            f"{file} was fitted to the text model {calibration.model}, and {model} is loaded. "
            f"Run scripts/calibrate_text.py --model {folder} and start Forbear again."
        )
    return Calibrated(calibration, version=f"{name}@{hashlib.sha256(file.read_bytes()).hexdigest()[:12]}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What is claimed of one category in one utterance. What was quoted, denied or joked weighs nothing."""

    text: float
    lexicon: float
    best: Signal
    detector: str
    carried: tuple[CarriedWord, ...]
    nearest: tuple[str, ...]

    @staticmethod
    def of(claims: Sequence[Signal]) -> Parts:
        meant = [c for c in claims if c.detector == TEXT]
        written = [c for c in claims if c.detector != TEXT]
        said = agreed(written) if written else None
        counts = said is not None and EVASIVE.isdisjoint(said.features)
        best = said if said is not None and (counts or not meant) else meant[0]
        detectors = [*(said.detector.split("+") if said else ()), *(TEXT for _ in meant[:1])]
        return Parts(
            text=max((c.probability for c in meant), default=0.0),
            lexicon=said.probability if said is not None and counts else 0.0,
            best=best,
            detector="+".join(dict.fromkeys(detectors)),
            carried=meant[0].carried if meant else (),
            nearest=meant[0].nearest if meant else (),
        )


def parts_by_group(claims: Iterable[Signal]) -> dict[str, dict[str, Parts]]:
    """What is claimed of one utterance, by group and category; cues and required statements are not weighed."""
    groups: dict[str, dict[str, Parts]] = {}
    for category, same in sorted(_by_category(claims).items()):
        if is_weighed(category):
            groups.setdefault(calibrated_group(category), {})[category] = Parts.of(same)
    return groups


def _by_category(claims: Iterable[Signal]) -> dict[str, list[Signal]]:
    found: dict[str, list[Signal]] = {}
    for claim in claims:
        found.setdefault(claim.category, []).append(claim)
    return found
