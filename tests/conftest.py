"""Fixtures that more than one kind of test needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of sample calls that ship with the source."""
    return ROOT / "samples"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Material that stands beside the source tree (more calls with truth); the test is skipped where it is absent."""
    folder = Path(os.environ.get("FORBEAR_SHARED") or ROOT.parent / "shared")
    if not (folder / "calls").is_dir():
        pytest.skip(f"no shared material in {folder}; set FORBEAR_SHARED to run this")
    return folder
