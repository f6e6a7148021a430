"""The typer application and what every command shares: the data folder and the local operator."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.settings import Settings, load_settings

if TYPE_CHECKING:
    from forbear.wiring import Application
    from pipeline.services.views import Actor

app = typer.Typer(
    name="forbear",
    help="Compliance monitoring for debt-collection call recordings.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong use or input, 3 not found, 4 not allowed, 5 a part is missing.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Data = Annotated[
    Path | None,
    typer.Option("--data", help="The data folder; else FORBEAR_DATA, else ./forbear-data.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_chosen: dict[str, Path | None] = {"data": None}


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"forbear {version('forbear')}")
        raise typer.Exit


@app.callback()
def options(
    data: Data = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    _chosen["data"] = data


def remember(data: Path | None) -> None:
    """Keeps a data folder that was named before the command's own name."""
    if data is not None:
        _chosen["data"] = data


def settings_of(data: Path | None, *, otherwise: Path | None = None) -> Settings:
    """Settings with the data folder named on the command line, before or after the command's name."""
    return load_settings(data=data or _chosen["data"], otherwise=otherwise)


def application_of(data: Path | None, *, must_exist: bool = False) -> Application:
    """The wired application over the data folder; with `must_exist` a folder that holds nothing is an error."""
    from forbear.wiring import build_application
    from pipeline.errors import NotFound

    settings = settings_of(data)
    if must_exist and not settings.database_url and not (settings.data / "forbear.db").exists():
        raise NotFound(
            f"There is no Forbear data in {settings.data}. Name the folder with --data, "
            "or take in recordings first: forbear ingest PATH"
        )
    return build_application(settings)


def operator() -> Actor:
    """Whoever sits at this terminal: the file system let them read the data folder, so they may do everything."""
    from pipeline.services.views import Actor, Permission

    return Actor(name=f"cli:{getpass.getuser()}", permissions=frozenset(Permission))
