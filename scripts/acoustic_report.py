#!/usr/bin/env python3
"""Measures the voices of folders of recordings (`acoustic_report.py FOLDER…`): cues should be rare on ordinary speech.

Utterances are the turns of a truth (`NAME.json`) beside a recording, else what separation finds. Every speaker is taken
for a customer, so that all is measured of everybody. Then tremor, pitch and gain are planted in the same utterances, to
see how often what is there is found.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.acoustic import LONGEST_MS, VoiceMeter
from models.waveform import SPEECH_RATE_HZ, open_flac
from pipeline.policy.registry import load_registry
from pipeline.policy.sounds import Measure
from pipeline.records import ModelStamp, Recording, Role, Transcript, Turn, Utterance, UtteranceSound, Word
from pipeline.stages.decode import Decoder
from pipeline.stages.decode_peaks import read_peaks
from pipeline.stages.detect import SoundDetector
from pipeline.stages.hear import hear
from pipeline.stages.separate import Separate

CUES = ("cue.voice_raised", "cue.voice_trembling", "cue.voice_crying")
SHOWN = (
    *(Measure.LOUDNESS_DB, Measure.PITCH_RATIO_ST, Measure.PITCH_SPREAD_ST, Measure.VOICED_SHARE),
    *(Measure.TREMOR, Measure.SOBS),
)
PERCENTILES = (1, 10, 50, 90, 98, 100)
Wave = NDArray[np.float32]


def trembling(wave: Wave, depth_st: float, rate_hz: float = 6.5) -> Wave:
    """Its pitch swings `depth_st` semitones either way: read faster and slower in turn."""
    places = np.arange(len(wave), dtype=np.float64)
    swing = (2 ** (depth_st / 12) - 1) * SPEECH_RATE_HZ / (2 * np.pi * rate_hz)
    at = places - swing * np.cos(2 * np.pi * rate_hz * places / SPEECH_RATE_HZ)
    return np.interp(at, places, wave).astype(np.float32)


def shaken(wave: Wave, depth: float, rate_hz: float = 6.5) -> Wave:
    """Its level swings by `depth` (0 to 1) of itself."""
    swing = 1 + depth * np.sin(2 * np.pi * rate_hz * np.arange(len(wave)) / SPEECH_RATE_HZ)
    return (wave * swing).astype(np.float32)


def shifted(wave: Wave, semitones: float) -> Wave:
    """Higher, and shorter, by resampling."""
    return np.interp(np.arange(0, len(wave) - 1, 2 ** (semitones / 12)), np.arange(len(wave)), wave).astype(np.float32)


PLANTED: dict[str, Callable[[Wave], Wave]] = {
    "as it is": lambda wave: wave,
    "pitch trembles by 1 st": lambda wave: trembling(wave, 1),
    "pitch trembles by 2 st": lambda wave: trembling(wave, 2),
    "pitch trembles by 3 st": lambda wave: trembling(wave, 3),
    "level trembles by 90%": lambda wave: shaken(wave, 0.9),
    "5 semitones higher": lambda wave: shifted(wave, 5),
}


@dataclass
class Found:
    """What was measured of one folder's recordings."""

    sounds: list[UtteranceSound] = field(default_factory=list)
    fired: Counter[str] = field(default_factory=Counter)
    tremor: dict[str, list[float | None]] = field(default_factory=lambda: {name: [] for name in PLANTED})
    pitch: dict[str, list[float | None]] = field(default_factory=lambda: {name: [] for name in PLANTED})
    recordings: int = 0
    audio_s: float = 0.0
    spoken_s: float = 0.0
    wall_s: float = 0.0
    cpu_s: float = 0.0


def turns_of(path: Path, flac: Path, channels: int, separate: Separate) -> Iterable[Turn]:
    truth = path.with_suffix(".json")
    if not truth.is_file():
        return separate(flac, channels).turns
    lanes = {"agent": 0, "customer": channels - 1}
    return [
        Turn(speaker=t["spk"], channel=lanes[t["spk"]], start_ms=int(t["start"] * 1000), end_ms=int(t["end"] * 1000))
        for t in json.loads(truth.read_text(encoding="utf-8"))["turns"]
    ]


def transcript_of(turns: Iterable[Turn]) -> Transcript:
    """Turns as utterances of a customer each, of one word that stands for all of theirs."""
    utterances = tuple(
        Utterance(
            index=index, speaker=turn.speaker, channel=turn.channel, role=Role.CUSTOMER, lang="en",
            words=(Word(text="…", start_ms=turn.start_ms, end_ms=turn.end_ms, confidence=1.0),),
        )
        for index, turn in enumerate(sorted(turns, key=lambda t: t.start_ms))
    )  # fmt: skip
    return Transcript(utterances=utterances, model=ModelStamp(name="turns", version="1"))


def measure(folder: Path, decode: Decoder, meter: VoiceMeter, scratch: Path) -> Found:
    found, separate, detector = Found(), Separate(), SoundDetector(load_registry().sounds)
    flac, peaks_file = scratch / "audio.flac", scratch / "audio.peaks"
    for path in sorted(
        p for p in folder.iterdir() if p.is_file() and p.suffix not in (".json", ".jsonl", ".md", ".csv")
    ):
        recording = Recording(sha256="0" * 64, media_type="audio/x", size_bytes=path.stat().st_size)
        audio = decode(path, recording, flac, peaks_file)
        transcript = transcript_of(turns_of(path, flac, audio.channels, separate))
        peaks = read_peaks(peaks_file)
        wall, cpu = time.perf_counter(), time.process_time()
        sounds = hear(transcript, peaks, flac, meter)
        found.wall_s += time.perf_counter() - wall
        found.cpu_s += time.process_time() - cpu
        found.recordings += 1
        found.audio_s += audio.duration_ms / 1000
        found.spoken_s += sum(u.end_ms - u.start_ms for u in transcript.utterances) / 1000
        found.sounds += sounds
        # Two entries of a cue may fire on one utterance.
        places = {(signal.category, signal.span.utterance) for signal in detector(transcript, sounds)}
        found.fired.update(category for category, _ in places)
        plant(found, transcript, flac, meter)
    return found


def plant(found: Found, transcript: Transcript, flac: Path, meter: VoiceMeter) -> None:
    with open_flac(flac) as audio:
        for utterance in transcript.utterances:
            wave = audio.read(utterance.start_ms, min(utterance.end_ms, utterance.start_ms + LONGEST_MS))
            for name, change in PLANTED.items():
                voice = meter.measure(change(wave[utterance.channel]))
                found.tremor[name].append(voice.tremor)
                found.pitch[name].append(voice.pitch_hz)


def show(folder: Path, found: Found) -> None:
    count = len(found.sounds)
    print(f"\n{folder.name}: {found.recordings} recordings, {found.audio_s:.0f} s, {count} utterances, "
          f"{found.spoken_s:.0f} s of them spoken")  # fmt: skip
    print(f"{'measure':18} {'of':>5} " + " ".join(f"{f'p{p}':>7}" for p in PERCENTILES))
    for measured in SHOWN:
        values = [v for s in found.sounds if (v := getattr(s, measured)) is not None]
        cells = np.percentile(values, PERCENTILES) if values else [float("nan")] * len(PERCENTILES)
        print(f"{measured:18} {len(values):5} " + " ".join(f"{cell:7.2f}" for cell in cells))
    for cue in CUES:
        print(f"{cue:22} fires on {found.fired[cue]} of {count} ({100 * found.fired[cue] / max(count, 1):.2f} %)")
    limit = next(e.over for e in load_registry().sounds if e.category == "cue.voice_trembling" and e.over is not None)
    print(f"{'planted':24} {'of':>5} {'tremor p50':>10} {'over limit':>10} {'pitch moves by, p50':>20}")
    for name in PLANTED:
        tremors = [t for t in found.tremor[name] if t is not None]
        moved = [
            12 * np.log2(now / was)
            for now, was in zip(found.pitch[name], found.pitch["as it is"], strict=True)
            if now is not None and was is not None
        ]
        over = 100 * sum(t > limit for t in tremors) / max(len(tremors), 1)
        middle, moves = (np.median(values) if values else float("nan") for values in (tremors, moved))
        print(f"{name:24} {len(tremors):5} {middle:10.2f} {over:8.1f} % {moves:17.2f} st")
    print(f"time: {found.wall_s:.2f} s wall, {found.cpu_s:.2f} s CPU: {found.wall_s / max(found.audio_s, 1e-9):.5f} of "
          f"real time, {found.cpu_s / max(found.audio_s, 1e-9):.5f} in CPU")  # fmt: skip


def main() -> None:
    folders = [Path(name) for name in sys.argv[1:]]
    if not folders:
        raise SystemExit(__doc__)
    meter = VoiceMeter()
    with Decoder() as decode, tempfile.TemporaryDirectory() as scratch:
        for folder in folders:
            show(folder, measure(folder, decode, meter, Path(scratch)))


if __name__ == "__main__":
    main()
