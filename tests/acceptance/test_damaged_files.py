"""Three hundred damaged recordings: each is decoded with its damage named, or refused or failed with a stable code."""

from __future__ import annotations

from pathlib import Path

import damage
import pytest

from pipeline import errors, records
from pipeline.stages.decode import DecodedAudio, DecodeLimits, Decoder
from pipeline.stages.sniff import HEAD_BYTES, sniff

COUNT = 300
CODES = {"empty_file", "not_audio", "no_audio_stream", "decode_error"}


def outcome(decoder: Decoder, path: Path, out: Path) -> DecodedAudio | str:
    """What becomes of one file: the decoded audio, or the code with which it was refused or failed."""
    try:
        with path.open("rb") as file:
            media_type = sniff(file.read(HEAD_BYTES), path.name)
        recording = records.Recording(sha256="0", media_type=media_type, size_bytes=path.stat().st_size)
        return decoder(path, recording, out / "out.flac", out / "out.peaks")
    except errors.ForbearError as error:
        assert error.message
        return error.code


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_damaged_file_harms_the_decoder(tmp_path: Path) -> None:
    (tmp_path / "damaged").mkdir()
    made = damage.make(damage.recordings(), tmp_path / "damaged", count=COUNT)
    with Decoder(DecodeLimits(files_per_child=COUNT * 2)) as decoder:
        whole = {path: outcome(decoder, path, tmp_path) for path in damage.recordings()}
        child = decoder.child_pid
        outcomes = [(file, outcome(decoder, file.path, tmp_path)) for file in made]
        assert decoder.child_pid == child, "a damaged file took the child down"
        assert outcome(decoder, damage.recordings()[0], tmp_path) == whole[damage.recordings()[0]]

    for path, result in whole.items():
        assert isinstance(result, DecodedAudio) and result.damage is None, path.name
    for file, result in outcomes:
        name, source = file.path.name, whole[file.source]
        assert isinstance(source, DecodedAudio)
        if isinstance(result, str):
            assert result in CODES, name
        elif result.damage:
            assert 0 < result.damage.decoded_ms <= source.duration_ms + 100, name
        match file.kind:
            case "empty":
                assert result == "empty_file", name
            case "text" | "junk":
                assert result == "not_audio", name
            case "junk_behind_magic":
                assert isinstance(result, str) or result.damage, name
            case "promises_4_gb":
                assert isinstance(result, DecodedAudio) and result.damage, name
                assert result.damage.decoded_ms == source.duration_ms, name
                assert (result.damage.expected_ms or 0) > 100_000_000, name
            case "cut" if file.source.suffix != ".m4a":  # whose index stands at its end
                assert isinstance(result, DecodedAudio) and result.damage, name
                assert abs(result.damage.decoded_ms / source.duration_ms - file.left) < 0.1, name
            case "hole":
                assert isinstance(result, str) or result.duration_ms <= source.duration_ms + 1000, name
    decoded = [result for _, result in outcomes if isinstance(result, DecodedAudio)]
    assert len(decoded) > COUNT // 3
