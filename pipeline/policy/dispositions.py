"""What the source system says came of a call: `outcome` in free text, and the dialler's `answered` and `party`.

Reads words that diallers use, in English and Chinese; what it does not know it leaves open.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pipeline.records import CallContext


class Party(StrEnum):
    """Whose number was called, or who answered."""

    DEBTOR = "debtor"
    GUARANTOR = "guarantor"
    AUTHORISED = "authorised"
    THIRD_PERSON = "third_person"
    LAWYER = "lawyer"


class Disposition(StrEnum):
    """What came of a call."""

    NOT_CONNECTED = "not_connected"
    NO_ANSWER = "no_answer"
    VOICEMAIL = "voicemail"
    WRONG_PARTY = "wrong_party"
    PROMISE = "promise_to_pay"
    RIGHT_PARTY = "right_party"


UNANSWERED = frozenset({Disposition.NOT_CONNECTED, Disposition.NO_ANSWER, Disposition.VOICEMAIL})

# In this order: "not connected" holds "connected", "非本人" holds "本人", and a broken promise is none.
_OUTCOMES: tuple[tuple[Disposition | None, str], ...] = (
    (Disposition.NOT_CONNECTED, "not connected|disconnected|invalid number|out of service|busy|空号|空號|停机|停機"),
    (Disposition.NOT_CONNECTED, "关机|關機|占线|佔線|忙线|忙線|无法接通|無法接通|不在服务区|不在服務區"),
    (Disposition.VOICEMAIL, "voicemail|voice mail|answering machine|语音信箱|語音信箱|留言"),
    (Disposition.NO_ANSWER, "no answer|unanswered|not answered|no reply|ring out|rang out|无人接|無人接|没人接|沒人接"),
    (Disposition.NO_ANSWER, "未接|无应答|無應答|未应答|未應答"),
    (None, "broken promise|promise broken|no promise|broken ptp|未承诺|未承諾|拒绝承诺|拒絕承諾|不承诺|不承諾|跳票"),
    (Disposition.PROMISE, "promise|ptp|payment plan|arrangement|instalment|installment|承诺还款|承諾還款"),
    (Disposition.PROMISE, "承诺付款|承諾付款|约定还款|約定還款|分期|协商成功|協商成功"),
    (
        Disposition.WRONG_PARTY,
        "wrong party|wrong number|third party|third person|not the debtor|非本人|不是本人|第三人",
    ),
    (Disposition.WRONG_PARTY, "错号|錯號|打错|打錯|联系人接听|聯絡人接聽"),
    (Disposition.RIGHT_PARTY, "right party|rpc|connected|conversation|spoke with|spoken to|本人|接通|已接听|已接聽"),
)

_ANSWERED: Mapping[str, bool] = {
    **dict.fromkeys(["yes", "y", "true", "1", "answered", "是", "已接", "已接听", "已接聽", "接通", "已接通"], True),
    **dict.fromkeys(["no", "n", "false", "0", "unanswered", "否", "未接", "未接听", "未接聽", "未接通"], False),
}

_PARTIES: Mapping[str, Party] = {
    name: party
    for party, names in (
        (Party.DEBTOR, "debtor|customer|consumer|self|本人|债务人|債務人|持卡人|客户|客戶"),
        (Party.GUARANTOR, "guarantor|cosigner|co signer|担保人|擔保人|保证人|保證人|共同借款人"),
        (Party.AUTHORISED, "authorised|authorized|authorised person|授权人|授權人"),
        (Party.THIRD_PERSON, "third person|third party|contact|relative|spouse|employer|colleague|neighbour|neighbor"),
        (Party.THIRD_PERSON, "第三人|联系人|聯絡人|紧急联系人|緊急聯絡人|亲属|親屬|家人|同事|单位|單位"),
        (Party.LAWYER, "lawyer|attorney|solicitor|律师|律師|代理人"),
    )
    for name in names.split("|")
}


def disposition_of(outcome: str | None) -> Disposition | None:
    """What an outcome in free text means; None for one that is not known here."""
    text = _plain(outcome or "")
    for disposition, words in _OUTCOMES:
        if any(word in text for word in words.split("|")):
            return disposition
    return None


def answered_of(context: CallContext) -> bool | None:
    """Whether somebody answered, as the source system says or its outcome implies; None where neither tells."""
    stated = context.extra.get("answered")
    if stated is not None and (answered := _ANSWERED.get(_plain(str(stated)))) is not None:
        return answered
    disposition = disposition_of(context.outcome)
    return None if disposition is None else disposition not in UNANSWERED


def party_of(context: CallContext) -> Party | None:
    """Who was called, as the source system, its outcome or the account's facts say."""
    stated = context.extra.get("party")
    if stated is not None and (party := _PARTIES.get(_plain(str(stated)))) is not None:
        return party
    for fact, party in (("guarantors", Party.GUARANTOR), ("authorised_persons", Party.AUTHORISED)):
        known = context.facts.get(fact)
        if context.party_ref is not None and isinstance(known, list | tuple) and context.party_ref in known:
            return party
    match disposition_of(context.outcome):
        case Disposition.WRONG_PARTY:
            return Party.THIRD_PERSON
        case Disposition.RIGHT_PARTY | Disposition.PROMISE:
            return Party.DEBTOR
        case _:
            return None


def read_dialled(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with `answered` and `party` in one spelling; ValueError names the one that can't be read."""
    read = {key: value for key, value in values.items() if key not in ("answered", "party")}
    if answered := _plain(_text(values.get("answered"))):
        if answered not in _ANSWERED:
            raise ValueError("answered: it takes yes or no")
        read["answered"] = _ANSWERED[answered]
    if party := _plain(_text(values.get("party"))):
        if party not in _PARTIES:
            raise ValueError(f"party: it takes one of {', '.join(Party)}")
        read["party"] = _PARTIES[party].value
    return read


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("_", " ").replace("-", " ").split())
