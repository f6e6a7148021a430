"""Versions of policy packs: the history, one version with what it would change, and what differs between two."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.application import application_of
from pipeline.errors import Conflict
from review_ui.findings_view import short_pack
from review_ui.policy_diff_view import choices_of, diff_page
from review_ui.policy_versions_view import version_page, versions_page
from review_ui.routes_policy import shipped_beside
from review_ui.visits import ReaderVisit

router = APIRouter(prefix="/policy")

CASE_FLIPPED = "case_flipped"


@router.get("/versions")
def history(request: Request, visit: ReaderVisit) -> Response:
    policies = application_of(request).policies
    page = versions_page(policies.history(visit.actor), policies.packs(visit.actor), visit.reader)
    return visit.page("policy_versions.html", page, here="policy")


@router.get("/versions/{id}")
def version(request: Request, visit: ReaderVisit, id: int, refused: str = "") -> Response:
    """One version. After a refusal to publish it `refused` is the reason's code, and the cases are named."""
    policies = application_of(request).policies
    found = policies.version(visit.actor, id)
    in_force = next((p.name for p in policies.packs(visit.actor) if p.jurisdiction is found.jurisdiction), "")
    page = version_page(found, visit.actor, visit.reader, against=in_force, refused=refused == CASE_FLIPPED)
    return visit.page("policy_version.html", page, here="policy")


@router.post("/versions/{id}/publish")
def publish(request: Request, visit: ReaderVisit, id: int) -> Response:
    """Puts it in force, or goes back to its page, which then names the locked cases that forbid it."""
    try:
        application_of(request).policies.publish(visit.actor, id)
    except Conflict as error:
        if error.code != CASE_FLIPPED:
            raise
        return RedirectResponse(f"/policy/versions/{id}?refused={CASE_FLIPPED}", status_code=303)
    return RedirectResponse(f"/policy/versions/{id}", status_code=303)


@router.post("/versions/{id}/discard")
def discard(request: Request, visit: ReaderVisit, id: int) -> Response:
    application_of(request).policies.discard(visit.actor, id)
    return RedirectResponse("/policy/versions", status_code=303)


@router.get("/diff")
def diff(request: Request, visit: ReaderVisit, a: str = "", b: str = "") -> Response:
    """What changed from `a` to `b`: packs by name, versions by id."""
    policies, actor = application_of(request).policies, visit.actor
    packs = policies.packs(actor)
    versions = [(v.id, short_pack(v.pack, v.version)) for v in policies.history(actor)]
    choices = choices_of((*packs, *shipped_beside(packs)), versions)
    old, new = (policies.pack(actor, name) if a and b else None for name in (a, b))
    found = policies.differences(actor, a, b) if a and b else ()
    return visit.page(
        "policy_diff.html", diff_page(old, new, found, choices, visit.reader.words, a=a, b=b), here="policy"
    )
