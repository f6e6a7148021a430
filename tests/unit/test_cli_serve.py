"""What the commands that listen refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from forbear.cli.serve import demo, serve
from pipeline.errors import InvalidInput


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "forbear.example"])
def test_neither_listens_to_others_in_the_clear(tmp_path: Path, host: str) -> None:
    data = tmp_path / "data"
    with pytest.raises(InvalidInput, match=r"in the clear.*--tls-cert"):
        serve(host=host, data=data)
    with pytest.raises(InvalidInput, match=r"in the clear.*forbear serve"):
        demo(host=host, data=data)
    assert not data.exists(), "nothing is taken in before"
