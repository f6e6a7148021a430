"""The pages before and beside the work: signing in, settings, and errors."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class SignInPage:
    """`link` is the secret of a one-time link, when the visitor came by one."""

    link: str
    next: str
    name: str
    problem: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingsPage:
    back: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorPage:
    """What happened and what to do; `detail` is the service's own sentence, in English."""

    title: str
    text: str
    detail: str
    code: str
    request_id: str
