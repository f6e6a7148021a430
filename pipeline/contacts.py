"""The calls of one account, with and without a recording, and what the whole account tells of each of them.

Who was called, who answered, and what was said before: values only, without a clock, a database or text. What nobody
told stays None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.policy.categories import CUES, categories
from pipeline.policy.dispositions import Disposition, Party, answered_of, disposition_of, party_of
from pipeline.policy.features import MISHEARING, UNSURE
from pipeline.policy.timeline_rules import Same, Whom
from pipeline.records import CallContext, Direction, Finding, Role, WordsEvidence

Maybe = bool | None
"""None: nobody told, or what was told contradicts itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What a processed recording brought beside findings: `cues` by key, with the probability of the surest."""

    customer_speech_ms: int = 0
    cues: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """One call of an account, recorded or only told of by the dialler.

    `findings` are those of the call by itself. `heard` is None until a recording was processed. `hours_judged`: the
    call's own judgement looks at its hour, so the timeline does not.
    """

    id: str
    context: CallContext
    findings: tuple[Finding, ...] = ()
    heard: Heard | None = None
    hours_judged: bool = False

    @property
    def answered(self) -> Maybe:
        """What the dialler says, unless the recording contradicts it: then a person has to look."""
        stated = answered_of(self.context)
        if self.heard is None or disposition_of(self.context.outcome) is Disposition.VOICEMAIL:
            return stated  # a voicemail speaks, and is nobody
        spoke = self.heard.customer_speech_ms > 0
        return spoke if stated is None or stated == spoke else None


@dataclass(frozen=True, slots=True)
class Said:
    """That something was said in a call; `sure` unless by somebody unknown, or it rests on a mishearing."""

    probability: float
    sure: bool
    detectors: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A contact with what the whole account tells of it. `person` and `debt` are None where they are not known.

    `third`: whether it was to a third person. `facts` are the newest known of that person at the time of the call.
    """

    contact: Contact
    at: datetime
    said: Mapping[str, Said]
    party: Party | None
    third: Maybe
    answered: Maybe
    person: str | None
    debt: str | None
    facts: Mapping[str, object]

    @property
    def id(self) -> str:
        return self.contact.id

    @property
    def context(self) -> CallContext:
        return self.contact.context

    @property
    def inbound(self) -> bool:
        """Collectors call out: where nobody says that the customer called, the collector did."""
        return self.context.direction is Direction.INBOUND

    @property
    def connects(self) -> bool:
        """A number that is engaged or out of service disturbs nobody."""
        return disposition_of(self.context.outcome) is not Disposition.NOT_CONNECTED or self.answered is True

    def is_to(self, whom: Whom) -> Maybe:
        match whom:
            case Whom.ANYBODY:
                return True
            case Whom.THIRD_PERSON:
                return self.third
            case Whom.DEBTOR:
                return None if self.third is None else not self.third

    def group(self, per: frozenset[Same]) -> tuple[str, ...] | None:
        """What calls must share; None when one of these is not known, so that the call belongs to none."""
        keys = {Same.PERSON: self.person, Same.DEBT: self.debt, Same.NUMBER: self.context.number_hash}
        found: list[str] = []
        for same in Same:
            if same in per:
                value = keys[same]
                if value is None:
                    return None
                found.append(value)
        return tuple(found)

    def says(self, keys: Iterable[str], threshold: float) -> Said | None:
        """The surest of these that was said in the call."""
        found = [said for key in keys if (said := self.said.get(key)) and said.probability >= threshold]
        return max(found, key=lambda said: (said.sure, said.probability), default=None)


def in_order(contacts: Iterable[Contact]) -> list[Seen]:
    """Those whose time is known, by time and id: what has no time is neither before nor after anything."""
    timed = [
        (c.context.started_at, c)
        for c in contacts
        if c.context.started_at is not None and c.context.started_at.utcoffset() is not None
    ]
    timed.sort(key=lambda pair: (pair[0], pair[1].id))
    ordered = [contact for _, contact in timed]
    said = [_said(contact) for contact in ordered]
    third = _third_persons(ordered, said)
    debts = {contact.context.debt_ref for contact in ordered if contact.context.debt_ref}
    debtors = _debtors(ordered, third)
    seen: list[Seen] = []
    known: dict[str, Mapping[str, object]] = {}
    for (at, contact), spoken, is_third in zip(timed, said, third, strict=True):
        context, party = contact.context, party_of(contact.context)
        person = _person(context, party, third=is_third, debtors=debtors)
        facts = {**(known.get(person, {}) if person is not None else {}), **context.facts}
        if person is not None:
            known[person] = facts
        seen.append(
            Seen(
                contact=contact,
                at=at,
                said=spoken,
                party=party,
                third=is_third,
                answered=contact.answered,
                person=person,
                debt=context.debt_ref or _only(debts),
                facts=facts,
            )
        )
    return seen


def _said(contact: Contact) -> dict[str, Said]:
    """Categories and cues of the call by key, each said by the role whose it is, or by somebody unknown."""
    found: dict[str, Said] = {}
    for finding in contact.findings:
        about = categories().get(finding.category)
        words = isinstance(finding.evidence, WordsEvidence)
        if about is None or not words or finding.role not in (about.role, Role.UNKNOWN):
            continue
        sure = finding.role is about.role and {MISHEARING, UNSURE}.isdisjoint(finding.features)
        said = Said(1.0 if finding.probability is None else finding.probability, sure, finding.detectors)
        before = found.get(finding.category)
        if before is None or (said.sure, said.probability) > (before.sure, before.probability):
            found[finding.category] = said
    if contact.heard is not None:
        found |= {key: Said(value, sure=True) for key, value in contact.heard.cues.items() if key in CUES}
    return found


def _third_persons(contacts: Sequence[Contact], said: Sequence[Mapping[str, Said]]) -> list[Maybe]:
    """Whether each call was to a third person; None where the dialler and who answered say different things.

    A call that tells nothing itself was to a third person when its number is known as only such a person's.
    """
    told: list[tuple[bool, Maybe]] = []
    numbers: dict[str, set[Maybe]] = {}
    for contact, spoken in zip(contacts, said, strict=True):
        party = party_of(contact.context)
        wrong = "distress.wrong_party" in spoken
        third: Maybe = party is Party.THIRD_PERSON
        if wrong and not third:
            third = True if party is None else None
        tells = wrong or party is not None or "cue.confirms_identity" in spoken
        told.append((tells, third))
        if tells and contact.context.number_hash:
            numbers.setdefault(contact.context.number_hash, set()).add(third)
    return [
        third if tells else numbers.get(contact.context.number_hash or "") == {True}
        for contact, (tells, third) in zip(contacts, told, strict=True)
    ]


def _debtors(contacts: Sequence[Contact], third: Sequence[Maybe]) -> set[str]:
    """The references of those who are, as far as anybody tells, the debtor."""
    return {
        contact.context.party_ref
        for contact, is_third in zip(contacts, third, strict=True)
        if contact.context.party_ref and not is_third and party_of(contact.context) in (None, Party.DEBTOR)
    }


def _person(context: CallContext, party: Party | None, *, third: Maybe, debtors: set[str]) -> str | None:
    """Whom the call was to.

    Where a third person answered, the reference is that of the person who was wanted: the number tells who it was.
    """
    if third:
        stated = context.party_ref if party is Party.THIRD_PERSON else None
        return stated or (f"number {context.number_hash}" if context.number_hash else None)
    if context.party_ref is None and party not in (None, Party.DEBTOR):
        return f"{party}"
    return context.party_ref or _only(debtors)


def _only(values: set[str]) -> str | None:
    """What is meant where nothing is named: the only one there is; one of several could be any of them."""
    return next(iter(values), "") if len(values) < 2 else None
