"""The decoder as a process: what it does when files are good, when they hang it, and when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from audio_files import encode, pcm_wav, tones

from models.waveform import open_flac
from pipeline import errors, records
from pipeline.stages.decode import DecodedAudio, DecodeLimits, Decoder, resident_bytes
from pipeline.stages.decode_peaks import read_peaks

ROOT = Path(__file__).resolve().parents[2]
WAV = records.Recording(sha256="0", media_type="audio/wav", size_bytes=1)


@pytest.fixture
def call(tmp_path: Path) -> Path:
    return pcm_wav(tmp_path / "call.wav", tones(3, 8000, 2), 8000)


@pytest.fixture
def hanging(tmp_path: Path) -> Path:
    """A file that never gives a byte: opening it for reading waits for a writer that does not come."""
    os.mkfifo(tmp_path / "hanging.wav")
    return tmp_path / "hanging.wav"


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    with Decoder() as decoder:
        yield decoder


def decode(decoder: Decoder, source: Path) -> DecodedAudio:
    return decoder(source, WAV, source.with_name("out.flac"), source.with_name("out.peaks"))


def gone(pid: int) -> bool:
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return not shown.stdout.strip() or shown.stdout.strip().startswith("Z")


def eventually(condition: Callable[[], bool], timeout_s: float = 20.0) -> bool:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def test_a_call_becomes_flac_and_peaks(decoder: Decoder, call: Path) -> None:
    decoded = decode(decoder, call)
    assert decoded == DecodedAudio(duration_ms=3000, channels=2, sample_rate_hz=8000, codec="pcm_s16le", damage=None)
    with open_flac(call.with_name("out.flac")) as audio:
        assert (audio.duration_ms, audio.channels, audio.rate_hz) == (3000, 2, 8000)
    peaks = read_peaks(call.with_name("out.peaks"))
    assert (peaks.duration_ms, len(peaks.pairs)) == (3000, 2)
    assert not list(call.parent.glob("*.part")) and not list(call.parent.glob(".*.part"))


def test_one_child_serves_many_files_and_is_then_replaced(call: Path) -> None:
    with Decoder(DecodeLimits(files_per_child=2)) as decoder:
        pids = []
        for _ in range(4):
            decode(decoder, call)
            pids.append(decoder.child_pid)
    assert pids[0] is not None and pids[1] is None and pids[2] not in (None, pids[0]) and pids[3] is None
    assert gone(pids[0])


def test_a_failure_has_its_code_leaves_nothing_and_spares_the_child(decoder: Decoder, call: Path) -> None:
    decode(decoder, call)
    pid = decoder.child_pid
    call.with_name("out.flac").unlink()
    broken = call.with_name("broken.wav")
    broken.write_bytes(b"RIFF\x00\x00\x00\x00WAVEjunk")
    with pytest.raises(errors.DecodeFailed) as failed:
        decode(decoder, broken)
    assert failed.value.code == "decode_error"
    assert not call.with_name("out.flac").exists() and not list(call.parent.glob(".*.part"))
    assert decode(decoder, call).duration_ms == 3000
    assert decoder.child_pid == pid


def test_a_file_that_hangs_times_out_and_the_next_one_works(call: Path, hanging: Path) -> None:
    with Decoder(DecodeLimits(stall_s=0.5)) as decoder:
        with pytest.raises(errors.DecodeFailed) as failed:
            decode(decoder, hanging)
        assert failed.value.code == "decode_timeout"
        assert decoder.child_pid is None
        assert decode(decoder, call).duration_ms == 3000


def test_a_child_that_grows_too_large_is_ended(call: Path, hanging: Path) -> None:
    with Decoder(DecodeLimits(memory_bytes=1 << 20)) as decoder:
        with pytest.raises(errors.DecodeFailed) as failed:
            decode(decoder, hanging)
        assert failed.value.code == "decode_memory"
        assert decoder.child_pid is None


def kill_children(decoder: Decoder, times: int, before: Callable[[], object] = lambda: None) -> threading.Thread:
    """Call `before` and kill that many children, one after the other, each when it has had a second to begin."""

    def kill() -> None:
        killed: set[int] = set()
        while len(killed) < times:
            pid = decoder.child_pid
            if pid is not None and pid not in killed:
                time.sleep(1.0)
                before()
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            time.sleep(0.01)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    return thread


def test_a_killed_child_is_replaced_and_the_file_tried_again(decoder: Decoder, call: Path, hanging: Path) -> None:
    killer = kill_children(decoder, 1, before=lambda: call.replace(hanging))
    assert decode(decoder, hanging).duration_ms == 3000
    killer.join()


def test_a_file_that_crashes_every_child_fails(decoder: Decoder, call: Path, hanging: Path) -> None:
    killer = kill_children(decoder, 2)
    with pytest.raises(errors.DecodeFailed) as failed:
        decode(decoder, hanging)
    killer.join()
    assert failed.value.code == "decode_crashed"
    assert decode(decoder, call).duration_ms == 3000


def test_a_child_killed_while_idle_is_not_noticed(decoder: Decoder, call: Path) -> None:
    decode(decoder, call)
    assert decoder.child_pid is not None
    os.kill(decoder.child_pid, signal.SIGKILL)
    assert decode(decoder, call).duration_ms == 3000


@pytest.mark.parametrize("busy", [True, False])
def test_the_child_goes_when_its_parent_is_killed(call: Path, hanging: Path, busy: bool) -> None:
    program = (
        "import sys, threading, time, pathlib\n"
        "from pipeline import records\n"
        "from pipeline.stages.decode import Decoder\n"
        "decoder = Decoder()\n"
        "recording = records.Recording(sha256='0', media_type='audio/wav', size_bytes=1)\n"
        "outs = [pathlib.Path(sys.argv[1]).with_name(name) for name in ('o.flac', 'o.peaks')]\n"
        "decoder(pathlib.Path(sys.argv[1]), recording, *outs)\n"
        "print(decoder.child_pid, flush=True)\n"
        "decoder(pathlib.Path(sys.argv[2]), recording, *outs) if sys.argv[2] else time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(call), str(hanging) if busy else ""],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert not gone(child)
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: gone(child))


def test_threads_take_turns(decoder: Decoder, tmp_path: Path) -> None:
    results: dict[int, int] = {}

    def one(seconds: int) -> None:
        folder = tmp_path / str(seconds)
        folder.mkdir()
        results[seconds] = decode(decoder, pcm_wav(folder / "a.wav", tones(seconds, 8000), 8000)).duration_ms

    threads = [threading.Thread(target=one, args=(seconds,)) for seconds in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {seconds: seconds * 1000 for seconds in range(1, 6)}


def test_memory_does_not_grow_with_the_call(decoder: Decoder, tmp_path: Path) -> None:
    decode(decoder, pcm_wav(tmp_path / "short.wav", tones(5, 8000, 2), 8000))
    assert decoder.child_pid is not None
    before = resident_bytes(decoder.child_pid)
    long = encode(tmp_path / "long.wav", tones(1800, 8000, 2), 8000, "pcm_mulaw")
    assert decode(decoder, long).duration_ms == 1_800_000
    assert 0 < resident_bytes(decoder.child_pid) - before < 30e6


def test_a_recording_longer_than_allowed_fails(call: Path) -> None:
    with Decoder(DecodeLimits(max_duration_ms=1000)) as decoder, pytest.raises(errors.DecodeFailed) as failed:
        decode(decoder, call)
    assert failed.value.code == "decode_error"
