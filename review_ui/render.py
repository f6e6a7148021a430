"""From a page's values to its HTML: the one place that knows Jinja, the shell around pages, and the static files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from api.application import application_of
from pipeline.records import CallStatus
from pipeline.services.views import Actor, Permission, QueueCounts
from review_ui.language import Language, Words
from review_ui.reader import Keys, Reader, Theme, reader_of

FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True, slots=True)
class NavLink:
    """`key` names the text and the page; `count` is shown when not zero."""

    key: str
    href: str
    current: bool
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One button of the menu: of the languages, the themes or the keys."""

    value: str
    text: str
    lang: str
    chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Shell:
    """What stands around every page. Without a user there is no navigation."""

    language: str
    theme: str
    keys: str
    nonce: str
    static: str
    path: str
    user: str
    nav: tuple[NavLink, ...]
    critical: NavLink | None
    languages: tuple[Choice, ...]
    themes: tuple[Choice, ...]
    keys_choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of one reader, signed in or not."""

    request: Request
    reader: Reader
    visitor: Actor | None

    def page(
        self,
        template: str,
        page: object,
        *,
        here: str = "",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        """A whole page, with the shell around it; `here` names the link of the navigation that is current."""
        return self._html(template, page, self._shell(here), status=status, headers=headers)

    def part(self, template: str, page: object, *, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """A part of a page that a script puts in its place; it has the shell's texts but no navigation."""
        return self._html(template, page, self._shell("", counts=False), status=200, headers=headers)

    def _html(
        self, template: str, page: object, shell: Shell, *, status: int, headers: Mapping[str, str] | None
    ) -> HTMLResponse:
        html = _environment().get_template(template).render(shell=shell, page=page, t=self.reader.words)
        # What a call holds must not outlive the session in a cache, nor be shown by "back" after signing out.
        return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store", **(headers or {})})

    def _shell(self, here: str, *, counts: bool = True) -> Shell:
        # A token may carry no permission at all; the page that says so must not fail over its own navigation.
        may_count = counts and self.visitor is not None and Permission.CALLS_READ in self.visitor.permissions
        known = application_of(self.request).calls.counts(self.visitor) if self.visitor and may_count else None
        return Shell(
            language=self.reader.words.language.value,
            theme=self.reader.theme.value,
            keys=self.reader.keys.value,
            nonce=self.request.state.csp_nonce,
            static=static_prefix(),
            path=_own_path(self.request),
            user=self.visitor.name if self.visitor else "",
            nav=_nav(self.visitor, known, here) if self.visitor and known else (),
            critical=_critical(known),
            languages=_languages(self.reader.words.language),
            themes=_choices(self.reader.words, "theme", Theme, self.reader.theme),
            keys_choices=_choices(self.reader.words, "keys_choice", Keys, self.reader.keys),
        )


@dataclass(frozen=True, slots=True)
class SignedVisit(Visit):
    """A request of somebody who is signed in."""

    actor: Actor


def visit_of(request: Request, visitor: Actor | None) -> Visit:
    return Visit(request, reader_of(request), visitor)


def signed_visit_of(request: Request, actor: Actor) -> SignedVisit:
    return SignedVisit(request, reader_of(request), actor, actor)


@cache
def static_prefix() -> str:
    """Where the static files are served: under the digest of them all, so that a browser may keep them for ever."""
    total = hashlib.sha256()
    for path in sorted(p for p in (FOLDER / "static").rglob("*") if p.is_file()):
        total.update(path.relative_to(FOLDER).as_posix().encode())
        total.update(path.read_bytes())
    return f"/static/{total.hexdigest()[:12]}"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _own_path(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _nav(actor: Actor, counts: QueueCounts, here: str) -> tuple[NavLink, ...]:
    busy = sum(counts.by_status.get(status.value, 0) for status in (CallStatus.QUEUED, CallStatus.RUNNING))
    links = [("queue", "/", counts.flagged), ("all", "/?all=1", 0), ("search", "/search", 0), ("policy", "/policy", 0)]
    if Permission.CALLS_WRITE in actor.permissions:
        links.append(("upload", "/upload", busy))
    return tuple(NavLink(key=key, href=href, current=key == here, count=count) for key, href, count in links)


def _critical(counts: QueueCounts | None) -> NavLink | None:
    if counts is None or not counts.distress_critical:
        return None
    return NavLink(key="critical", href="/?all=1&distress=critical", current=False, count=counts.distress_critical)


def _languages(chosen: Language) -> tuple[Choice, ...]:
    return tuple(Choice(value=one.value, text=one.own_name, lang=one.value, chosen=one is chosen) for one in Language)


def _choices(words: Words, texts: str, known: type[StrEnum], chosen: StrEnum) -> tuple[Choice, ...]:
    lang = words.language.value
    return tuple(
        Choice(value=one.value, text=words(f"{texts}.{one}"), lang=lang, chosen=one is chosen) for one in known
    )
