"""`forbear serve`, `demo` and `worker`: the long-running commands."""

from __future__ import annotations

import ipaddress
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forbear.cli.app import Data, app, application_of, operator, settings_of
from forbear.cli.output import note, say
from pipeline.errors import ConfigError, InvalidInput, NotFound
from pipeline.settings import Settings

if TYPE_CHECKING:
    from forbear.wiring import Application

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_in_the_clear(host: str, advice: str) -> None:
    if not _is_loopback(host):
        raise InvalidInput(f"Refusing to listen on {host} in the clear: recordings are personal data. {advice}")


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise ConfigError(
            f"Port {port} on {host} can't be used ({error.strerror}). Choose another with --port."
        ) from None
    sock.listen(128)
    sock.set_inheritable(False)
    return sock


def _sign_in_link(application: Application, base: str) -> str:
    """A one-time link for the first administrator, who is made if there is none."""
    access = application.access
    actor = operator()
    admins = [user for user in access.users(actor) if user.role == "admin" and not user.disabled]
    name = admins[0].name if admins else access.create_user(actor, "admin", "admin").name
    return f"{base}/sign-in?link={access.sign_in_link(name)}"


def _run_web(
    application: Application,
    settings: Settings,
    sock: socket.socket,
    *,
    behind_proxy: bool,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
) -> None:
    import uvicorn

    from forbear.web import build_web

    config = uvicorn.Config(
        build_web(application, settings, behind_proxy=behind_proxy, secure=tls_cert is not None or behind_proxy),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=behind_proxy,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=30,
    )
    uvicorn.Server(config).run(sockets=[sock])


@app.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    watch: Annotated[Path | None, typer.Option(help="Take in every file that appears in this folder.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy in front ends TLS; trust its X-Forwarded headers.")
    ] = False,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key, PEM.")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes; 0 serves without processing.", min=0)] = None,
    data: Data = None,
) -> None:
    """Serve the review UI and the API, and process recordings."""
    import sys

    from forbear.supervisor import Supervisor
    from forbear.watch import Watcher

    if not behind_proxy and not (tls_cert and tls_key):
        _refuse_in_the_clear(host, "Give --tls-cert and --tls-key, or --behind-proxy when a proxy in front ends TLS.")
    if (tls_cert is None) != (tls_key is None):
        raise InvalidInput("--tls-cert and --tls-key go together.")
    if watch is not None and not watch.is_dir():
        raise InvalidInput(f"--watch {watch}: no such folder.")
    settings = settings_of(data)
    application = application_of(data)
    with _listening(host, port) as sock:
        shown = f"[{host}]" if ":" in host else host
        base = f"{'https' if tls_cert else 'http'}://{shown}:{sock.getsockname()[1]}"
        with (
            Supervisor(settings, workers=workers, keep_trying=True),
            Watcher(application.intake, watch) as _,
        ):
            say(f"Forbear serves {base}  (data: {settings.data}; stop with Ctrl-C)")
            if not application.access.anyone_signed_in():
                # A link in a journal would be a password in a log: it is shown to a terminal only.
                if sys.stdout.isatty():
                    say(f"First sign-in, once, within 15 minutes: {_sign_in_link(application, base)}")
                else:
                    say("Nobody has signed in yet. Make a one-time link on a terminal: forbear user link admin")
            _run_web(application, settings, sock, behind_proxy=behind_proxy, tls_cert=tls_cert, tls_key=tls_key)


@app.command()
def worker(
    data: Data = None,
    supervised: Annotated[bool, typer.Option("--supervised", hidden=True)] = False,
) -> None:
    """Process recordings in this process, until stopped; for more machines on one PostgreSQL."""
    from forbear.worker import run_worker

    run_worker(settings_of(data), supervised=supervised)


def samples_folder() -> Path:
    """The sample calls of the source tree."""
    import forbear

    return Path(forbear.__file__).resolve().parent.parent / "samples"


@app.command()
def demo(
    serving: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the review UI afterwards.")] = True,
    samples: Annotated[Path | None, typer.Option(help="Folder with recordings and metadata.csv.")] = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    data: Data = None,
) -> None:
    """Process the sample calls with real speech recognition, print what was found, and serve it."""
    from forbear.cli.calls import print_calls
    from forbear.cli.ingest import _plan, take_in, unfinished, wait_for
    from forbear.supervisor import Supervisor
    from pipeline.services.views import CallSort

    _refuse_in_the_clear(host, "The demo is for this machine; forbear serve can be reached from others.")
    folder = samples or samples_folder()
    if not (folder / "metadata.csv").is_file():
        raise NotFound(f"No sample calls in {folder}. Run from the source tree, or name a folder with --samples.")
    settings = settings_of(data, otherwise=Path("demo-data"))
    application = application_of(settings.data)
    say("These calls are synthesised: no real people speak, and no real debts are spoken of.")
    plan = _plan([str(folder)], folder / "metadata.csv")
    began = time.monotonic()
    take_in(application, plan.files, quiet=True)
    ids = unfinished(application)
    if ids:
        note(f"Processing {len(ids)} recordings on this machine ...")
        wait_for(application, ids)
    actor = operator()
    calls = list(application.calls.all(actor, None, sort=CallSort.WORST))
    print_calls(calls)
    spoken = sum(c.duration_ms or 0 for c in calls) / 1000
    took = time.monotonic() - began
    flagged = sum(c.flagged for c in calls)
    say(f"{len(calls)} calls, {flagged} flagged" + (f"; {spoken:.0f} s of speech in {took:.0f} s" if ids else ""))
    if not serving:
        return
    try:
        sock = _listening(host, port)
    except ConfigError:
        sock = _listening(host, 0)
    with sock, Supervisor(settings, keep_trying=True):
        base = f"http://{host}:{sock.getsockname()[1]}"
        say(f"Forbear serves {base}  (stop with Ctrl-C)")
        say(f"Sign in once, within 15 minutes: {_sign_in_link(application, base)}")
        _run_web(application, settings, sock, behind_proxy=False)
