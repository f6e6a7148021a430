"""Servers that contract suites run against; a suite is skipped, with the reason, where there is none."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def elasticsearch_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server: FORBEAR_TEST_ELASTICSEARCH names it, else a node is started from the material beside the source."""
    given = os.environ.get("FORBEAR_TEST_ELASTICSEARCH")
    if given:
        yield given
        return
    pytest.importorskip("elasticsearch", reason="the Elasticsearch client is not installed (extra `elasticsearch`)")
    shared = Path(os.environ.get("FORBEAR_SHARED") or Path(__file__).parents[2].parent / "shared")
    start = shared / "elasticsearch" / "run"
    if not start.is_file():
        pytest.skip(f"no Elasticsearch in {start.parent}; set FORBEAR_TEST_ELASTICSEARCH to the address of a server")
    if shutil.which("java") is None:
        pytest.skip("Elasticsearch needs Java 17 or later; set FORBEAR_TEST_ELASTICSEARCH to the address of a server")
    http, transport = free_port(), free_port()
    folder = tmp_path_factory.mktemp("elasticsearch")
    node = subprocess.Popen(
        [start, folder / "data", f"http.port={http}", f"transport.port={transport}"],
        env=os.environ | {"ES_JAVA_OPTS": "-Xms256m -Xmx256m"},
        stdout=(folder / "log").open("wb"),
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 90
        while "READY" not in (folder / "log").read_text(errors="replace"):
            if node.poll() is not None or time.monotonic() > deadline:
                pytest.fail("Elasticsearch did not start:\n" + (folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.2)
        yield f"http://127.0.0.1:{http}"
    finally:
        node.terminate()
        try:
            node.wait(30)
        except subprocess.TimeoutExpired:
            node.kill()
            node.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
