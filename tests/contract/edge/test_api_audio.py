"""What can be heard: the redacted file by default, in ranges, and clips."""

from __future__ import annotations

import io
import wave

import pytest
from api_installation import RATE_HZ, Installation
from starlette.testclient import TestClient


def test_ranges_of_a_call_make_the_whole_file(installation: Installation, client: TestClient) -> None:
    path = f"/api/v1/calls/{installation.process()}/audio"
    whole = client.get(path)
    assert whole.status_code == 200
    assert whole.content[:4] == b"fLaC"
    assert whole.headers["content-type"] == "audio/flac"
    assert "content-encoding" not in whole.headers
    half = len(whole.content) // 2
    parts = [client.get(path, headers={"Range": asked}) for asked in (f"bytes=0-{half - 1}", f"bytes={half}-")]
    assert [part.status_code for part in parts] == [206, 206]
    assert b"".join(part.content for part in parts) == whole.content
    assert client.head(path).headers["content-length"] == str(len(whole.content))
    outside = client.get(path, headers={"Range": f"bytes={len(whole.content)}-"})
    assert (outside.status_code, outside.json()["code"]) == (416, "range_not_satisfiable")
    unchanged = client.get(path, headers={"If-None-Match": whole.headers["etag"]})
    assert unchanged.status_code == 304


def test_the_original_sounds_otherwise_and_is_another_file(installation: Installation, client: TestClient) -> None:
    path = f"/api/v1/calls/{installation.process()}/audio"
    redacted, original = client.get(path), client.get(path, params={"original": "true"})
    assert original.status_code == 200
    assert redacted.content != original.content
    assert redacted.headers["etag"] != original.headers["etag"]


def test_a_browser_asks_again_before_it_plays_what_it_kept(installation: Installation, client: TestClient) -> None:
    answer = client.get(f"/api/v1/calls/{installation.process()}/audio")
    assert answer.headers["cache-control"] == "private, no-cache"


def test_a_clip_is_a_wav_of_that_length(installation: Installation, client: TestClient) -> None:
    path = f"/api/v1/calls/{installation.process()}/clip"
    answer = client.get(path, params={"start_ms": 500, "end_ms": 1250})
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as file:
        assert abs(file.getnframes() / file.getframerate() - 0.75) < 0.01


@pytest.mark.parametrize(
    ("start", "end", "code"), [(500, 500, "bad_clip"), (-1, 500, "invalid_request"), (0, 700_000, "bad_clip")]
)
def test_a_clip_that_can_not_be(
    installation: Installation, client: TestClient, start: int, end: int, code: str
) -> None:
    answer = client.get(f"/api/v1/calls/{installation.process()}/clip", params={"start_ms": start, "end_ms": end})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_peaks(installation: Installation, client: TestClient) -> None:
    peaks = client.get(f"/api/v1/calls/{installation.process()}/peaks").json()
    assert (peaks["sample_rate_hz"], peaks["duration_ms"]) == (RATE_HZ, 2000)
    (channel,) = peaks["channels"]
    assert len(channel) == 2 * 2 * RATE_HZ // peaks["samples_per_bucket"]
    assert min(channel) < 0 < max(channel)
