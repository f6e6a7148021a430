"""Which recording and which call record of a dialler are the same call. Pure: both come as links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """What a call, or a call record, can be recognised by."""

    id: str
    call_id: str | None
    file_name: str | None
    account_ref: str | None
    started_at: datetime | None
    number_hash: str | None


def pair(calls: Sequence[Link], attempts: Sequence[Link]) -> dict[str, str]:
    """The call record of each call that has one, by id.

    By call_id; else by file, where the call brought no call_id; else by account, second and number. What would fit
    several is not guessed.
    """
    found: dict[str, str] = {}
    ways: tuple[tuple[Callable[[Link], Hashable | None], Callable[[Link], Hashable | None]], ...] = (
        (lambda call: call.call_id, lambda attempt: attempt.call_id),
        (lambda call: call.file_name if call.call_id is None else None, lambda attempt: attempt.file_name),
        (_moment, _moment),
    )
    for of_call, of_attempt in ways:
        taken = set(found.values())
        left = [call for call in calls if call.id not in found]
        rest = [attempt for attempt in attempts if attempt.id not in taken]
        by_key = _alone(rest, of_attempt)
        for key, call in _alone(left, of_call).items():
            attempt = by_key.get(key)
            if attempt is not None and _may_be_one(call, attempt):
                found[call.id] = attempt.id
    return found


def _moment(link: Link) -> Hashable | None:
    known = link.account_ref and link.started_at and link.number_hash
    return (link.account_ref, link.started_at, link.number_hash) if known else None


def _alone(links: Iterable[Link], key_of: Callable[[Link], Hashable | None]) -> dict[Hashable, Link]:
    """Those whose key no other has."""
    keyed = [(key, link) for link in links if (key := key_of(link)) is not None]
    counts = Counter(key for key, _ in keyed)
    return {key: link for key, link in keyed if counts[key] == 1}


def _may_be_one(call: Link, attempt: Link) -> bool:
    """Nothing that both name tells them apart; one call_id is enough to be sure."""
    if call.call_id is not None and attempt.call_id is not None:
        return call.call_id == attempt.call_id
    return call.account_ref is None or attempt.account_ref is None or call.account_ref == attempt.account_ref
