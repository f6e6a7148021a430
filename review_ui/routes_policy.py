"""The policy pages: packs by category, and a dialogue to try them on."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import time
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from api.application import application_of
from pipeline.errors import InvalidInput, NotFound
from pipeline.policy.cases import Case
from pipeline.policy.facts import facts
from pipeline.policy.pack import Pack
from pipeline.policy.registry import Registry, shipped_packs
from pipeline.records import CollectorType, Role
from pipeline.services.views import Actor
from pipeline.stages.dialogue import read_dialogue
from pipeline.stages.explain import DialogueJudge, Explanation
from review_ui.policy_try_view import Tried, text_of, tried_of_case, try_page
from review_ui.policy_view import pack_tabs, policy_page
from review_ui.render import SignedVisit
from review_ui.visits import ReaderVisit

router = APIRouter(prefix="/policy")


@router.get("")
def browse(request: Request, visit: ReaderVisit, pack: str = "", category: str = "", q: str = "") -> Response:
    """A pack as a whole, or one category of it. `pack` is a name, or the id of a version."""
    policies = application_of(request).policies
    address = pack or default_pack(request, visit.actor).name
    chosen = policies.pack(visit.actor, address)
    packs = policies.packs(visit.actor)
    others = [(one.name, one) for one in shipped_beside(packs)] + ([(address, chosen)] if address.isdigit() else [])
    page = policy_page(
        chosen,
        policies.cases(visit.actor, address),
        pack_tabs(packs, others, address, visit.reader.words, to="/policy"),
        visit.reader.words,
        address=address,
        in_force=any(one.name == chosen.name and one.version == chosen.version for one in packs),
        category=category,
        query=q.strip()[:100],
    )
    return visit.page("policy.html", page, here="policy")


@router.get("/try")
def write(request: Request, visit: ReaderVisit, pack: str = "", case: str = "", call: str = "") -> Response:
    """The form, empty or with the dialogue of a regression case or the redacted words of a call."""
    asked, origin = Tried(pack=pack or default_pack(request, visit.actor).name), ""
    if case:
        found = _case(request, visit.actor, case, address=pack)
        asked = tried_of_case(found, pack or found.pack)
        origin = visit.reader.words("policy.try.from_case", name=found.name.replace("-", " "))
    elif call:
        detail = application_of(request).calls.get(visit.actor, call)
        if detail.transcript is None:
            raise NotFound("This call is being processed again; its words come back when that is done.")
        context = detail.summary.context
        asked = Tried(
            pack=pack or (detail.pack or asked.pack),
            text=text_of(detail.transcript),
            collector_type=context.collector_type.value if context.collector_type else "",
            facts={
                name: str(value).lower() if isinstance(value, bool) else str(value)
                for name, value in context.facts.items()
                if name in facts() and isinstance(value, bool | str)
            },
        )
        origin = visit.reader.words("policy.try.from_call")
    return _tried(request, visit, asked, origin=origin, judge=bool(case))


async def _form(request: Request) -> FormData:
    return await request.form()


@router.post("/try")
def judge(request: Request, visit: ReaderVisit, form: Annotated[FormData, Depends(_form)]) -> Response:
    """What a pack makes of the dialogue. Nothing of it is kept."""
    return _tried(request, visit, _asked(form), judge=True)


def _tried(request: Request, visit: SignedVisit, asked: Tried, *, judge: bool, origin: str = "") -> Response:
    policies, actor = application_of(request).policies, visit.actor
    pack = policies.pack(actor, asked.pack)
    packs = policies.packs(actor)
    explanation: Explanation | None = None
    problem = detail = ""
    if judge:
        try:
            lines = read_dialogue(asked.text)
        except InvalidInput as error:
            words = visit.reader.words
            problem = words("policy.try.problem") if words.language.is_chinese else error.message
            detail = error.message if words.language.is_chinese else ""
        else:
            explanation = _explain(pack, policies.registry(), lines, asked)
    listed = [(one.name, one) for one in (*packs, *shipped_beside(packs))]
    if asked.pack not in dict(listed):
        listed.append((asked.pack, pack))
    page = try_page(
        asked,
        pack,
        listed,
        _cases_by_pack(request, visit, packs),
        visit.reader,
        explanation=explanation,
        problem=problem,
        detail=detail,
        origin=origin,
    )
    return visit.page("policy_try.html", page, here="policy")


def _asked(form: FormData) -> Tried:
    """What the form says; values that do not exist are left out."""
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    given = {name.removeprefix("fact."): value for name, value in texts.items() if name.startswith("fact.") and value}
    clock = texts.get("clock", "")
    try:
        time.fromisoformat(clock)
    except ValueError:
        clock = ""
    side = texts.get("collector_type", "")
    return Tried(
        pack=texts.get("pack", ""),
        text=texts.get("text", "").replace("\r\n", "\n"),
        facts={name: value for name, value in given.items() if name in facts()},
        collector_type=side if side in tuple(CollectorType) else "",
        clock=clock,
    )


# --- packs and cases ---


def default_pack(request: Request, actor: Actor) -> Pack:
    """The pack for calls that name no jurisdiction."""
    policies = application_of(request).policies
    policies.packs(actor)
    registry = policies.registry()
    return registry.packs[registry.default]


def shipped_beside(packs: Sequence[Pack]) -> list[Pack]:
    """Shipped packs that others have replaced, and that are still there to look at."""
    names = {pack.name for pack in packs}
    return [pack for pack in shipped_packs() if pack.name not in names]


def _cases_by_pack(request: Request, visit: SignedVisit, packs: Sequence[Pack]) -> list[tuple[str, Sequence[Case]]]:
    """Cases by the region of their pack, each once: a pack over another has the other's cases too."""
    told: set[tuple[str, str]] = set()
    groups: list[tuple[str, Sequence[Case]]] = []
    for pack in packs:
        cases = application_of(request).policies.cases(visit.actor, pack.name)
        fresh = [case for case in cases if (case.pack, case.name) not in told]
        told.update((case.pack, case.name) for case in fresh)
        groups.append((visit.reader.words(f"jurisdiction.{pack.jurisdiction}"), fresh))
    return groups


def _case(request: Request, actor: Actor, named: str, *, address: str) -> Case:
    """A case by its pack and name: of the pack at `address`, of one in force, or of one that ships."""
    pack, _, name = named.partition(":")
    policies = application_of(request).policies
    known = {one.name for one in policies.packs(actor)} | {one.name for one in shipped_packs()}
    addresses = [one for one in (address, pack) if one in known or one.isdigit()]
    cases = (case for one in addresses for case in policies.cases(actor, one))
    found = next((case for case in cases if (case.pack, case.name) == (pack, name)), None)
    if found is None:
        raise NotFound("There is no such regression case.", code="no_such_case")
    return found


# --- judging ---

_KEPT = 8
_judges: OrderedDict[tuple[str, ...], DialogueJudge] = OrderedDict()
_lock = threading.Lock()


def _explain(pack: Pack, registry: Registry, lines: Sequence[tuple[Role, str]], asked: Tried) -> Explanation:
    """By a judge that is kept, because making one takes a second; no dialogue is kept with it."""
    key = (f"{pack.name} {pack.version}", *(f"{one.name} {one.version}" for one in registry.packs.values()))
    with _lock:
        judge = _judges.get(key)
        if judge is None:
            judge = _judges[key] = DialogueJudge(pack, registry)
            while len(_judges) > _KEPT:
                _judges.popitem(last=False)
        _judges.move_to_end(key)
    return judge.explain(tuple(lines), asked.context(pack))
