"""The web application: the API with the review UI mounted on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from forbear.wiring import Application
    from pipeline.settings import Settings


def build_web(application: Application, settings: Settings, *, behind_proxy: bool, secure: bool) -> FastAPI:
    """The ASGI application that `forbear serve` runs."""
    from api.app import create_app
    from review_ui.pages import mount

    web = create_app(application, settings, behind_proxy=behind_proxy, secure=secure)
    mount(web, application, settings)
    return web
