"""`forbear user`, `token`, `backup`, `restore` and `doctor`: running an installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forbear.cli.app import AsJson, Data, app, application_of, operator, settings_of
from forbear.cli.output import console, print_json, say

users = typer.Typer(help="People who may sign in.", no_args_is_help=True)
tokens = typer.Typer(help="Tokens for the API.", no_args_is_help=True)
app.add_typer(users, name="user")
app.add_typer(tokens, name="token")

Name = Annotated[str, typer.Argument(help="The user's name.")]


@users.command("add")
def user_add(
    name: Name,
    role: Annotated[str, typer.Option(help="admin, reviewer, qa or manager.")] = "reviewer",
    team: Annotated[list[str] | None, typer.Option(help="Only calls of this team; repeat for more.")] = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a password now; else use `user link`.")] = False,
    data: Data = None,
) -> None:
    """Add a user."""
    secret = typer.prompt("Password", hide_input=True, confirmation_prompt=True) if password else None
    user = application_of(data).access.create_user(operator(), name, role, password=secret, teams=team or None)
    say(f"added {user.name} ({user.role}). A one-time sign-in link: forbear user link {user.name}")


@users.command("list")
def user_list(data: Data = None, as_json: AsJson = False) -> None:
    """List the users."""
    from rich.table import Table

    found = application_of(data, must_exist=True).access.users(operator())
    if as_json:
        print_json([{"name": u.name, "role": u.role, "teams": u.teams, "disabled": u.disabled} for u in found])
        return
    table = Table("name", "role", "teams", "state", box=None, pad_edge=False, header_style="dim")
    for u in found:
        table.add_row(u.name, u.role, ", ".join(u.teams) if u.teams else "all", "disabled" if u.disabled else "")
    console().print(table)


@users.command("link")
def user_link(
    name: Name,
    base: Annotated[str, typer.Option(help="Where the review UI is served.")] = "http://127.0.0.1:8000",
    data: Data = None,
) -> None:
    """Print a sign-in link that works once, within 15 minutes."""
    access = application_of(data).access
    if name == "admin" and not access.users(operator()):
        access.create_user(operator(), "admin", "admin")
    say(f"{base.rstrip('/')}/sign-in?link={access.sign_in_link(name)}")


@users.command("disable")
def user_disable(name: Name, data: Data = None) -> None:
    """Take a user's access away, sessions and tokens included."""
    application_of(data, must_exist=True).access.disable_user(operator(), name)
    say(f"{name} may no longer sign in")


@tokens.command("create")
def token_create(
    user: Annotated[str, typer.Argument(help="Whose rights the token has.")],
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
    scope: Annotated[
        list[str] | None, typer.Option(help="Limit it to a permission, such as calls:read; repeat for more.")
    ] = None,
    days: Annotated[int, typer.Option(help="Days until it expires.", min=1, max=3660)] = 90,
    data: Data = None,
) -> None:
    """Print a new API token; it is shown this once."""
    say(application_of(data).access.create_token(operator(), user, label=label, scopes=scope or [], days=days))


@tokens.command("revoke")
def token_revoke(token: Annotated[str, typer.Argument(help="The token, or its label.")], data: Data = None) -> None:
    """Make a token worthless."""
    n = application_of(data, must_exist=True).access.revoke_token(operator(), token)
    say(f"{n} revoked")


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write, such as forbear.tar.")], data: Data = None
) -> None:
    """Write a consistent copy of the data folder to one file, while everything runs."""
    from pipeline.services.backup import backup as write

    written = write(application_of(data, must_exist=True).database, settings_of(data), target)
    say(f"{written.files} files, {written.bytes / 1e6:.1f} MB in {target}")
    say(f"The audit log ends with {written.audit_head}. Keep this elsewhere: forbear doctor --audit-head checks it.")
    if written.note:
        say(written.note)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A file that `forbear backup` wrote.")], data: Data = None
) -> None:
    """Fill an empty data folder from a backup, checking every file; the search index is rebuilt by the next worker."""
    from pipeline.services.backup import restore as read

    settings = settings_of(data)
    restored = read(source, settings)
    say(f"{restored.files} files checked and restored into {settings.data}")


@app.command()
def doctor(
    audit_head: Annotated[
        str, typer.Option(help="What a backup said the audit log ends with: is it still there?")
    ] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say what is installed, which weights and engines are found, and what to do about what is missing."""
    from rich.table import Table
    from rich.text import Text

    from forbear.doctor import diagnose

    checks = diagnose(settings_of(data), audit_head=audit_head.strip())
    if as_json:
        print_json([{"check": c.name, "ok": c.ok, "found": c.found, "advice": c.advice} for c in checks])
    else:
        table = Table("", "", "", box=None, pad_edge=False, show_header=False)
        for c in checks:
            table.add_row(Text("ok" if c.ok else "!!", style="green" if c.ok else "bold red"), c.name, c.found)
            if c.advice:
                table.add_row("", "", Text(c.advice, style="yellow"))
        console().print(table)
    if not all(c.ok for c in checks if c.required):
        raise typer.Exit(5)
