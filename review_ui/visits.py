"""Who visits a page, as a dependency of its route; and where a page may send its visitor next."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from api.auth import Reader as MayRead
from api.auth import Writer as MayWrite
from review_ui.render import SignedVisit, Visit, signed_visit_of, visit_of


def _anyone(request: Request) -> Visit:
    return visit_of(request, None)


def _reading(request: Request, actor: MayRead) -> SignedVisit:
    return signed_visit_of(request, actor)


def _writing(request: Request, actor: MayWrite) -> SignedVisit:
    return signed_visit_of(request, actor)


AnyVisit = Annotated[Visit, Depends(_anyone)]
ReaderVisit = Annotated[SignedVisit, Depends(_reading)]
"""Somebody who may read calls; others are sent to sign in, or told that they may not."""
WriterVisit = Annotated[SignedVisit, Depends(_writing)]


def own_path(path: str | None) -> str:
    """The path if it is one of this site, else the home page: an address must not lead readers elsewhere."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")) or not path.isprintable():
        return "/"
    return path
