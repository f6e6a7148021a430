#!/usr/bin/env python3
"""Lets recognition mishear validation turns, to see whether the made noise of `models/datasets/noise.py` resembles it.

    python scripts/real_mishearings.py zh [--turns 300] [--out FOLDER]

A synthesiser (Debian's espeak-ng; flite too for English) speaks each turn, the sound is cut to the telephone's band and
companded (8 kHz, mu-law), and Whisper writes down what it hears. Prints error rates of the heard and of the made text
and how much of each kind of error there is, and writes OUT/{said,heard,made}-LANG.jsonl for `forbear evaluate`.
"""

from __future__ import annotations

import argparse
import difflib
import io
import random
import shutil
import subprocess
import sys
import wave
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pypinyin import Style, lazy_pinyin

from models.datasets.noise import disturbed
from models.speech import SpeechRecognizer
from models.weights import locate_whisper
from models.windows import SpeakerTurn
from pipeline.evaluation.error_rate import error_rate, tally
from pipeline.evaluation.shipped import shipped_turns
from pipeline.evaluation.turns import LabelledTurn, TurnLanguage, as_json_line
from pipeline.settings import load_settings

SEED = 7
PHONE_HZ, SPEECH_HZ = 8_000, 16_000
GAP_S = 0.6
VOICES = {
    "zh": [
        ["espeak-ng", "-v", "cmn-latn-pinyin", "-s", "140", "--stdout"],
        ["espeak-ng", "-v", "cmn-latn-pinyin+f3", "-s", "155", "--stdout"],
    ],
    "en": [
        ["espeak-ng", "-v", "en-us", "-s", "160", "--stdout"],
        ["flite", "-voice", "slt", "-o", "/dev/stdout", "-t"],
        ["flite", "-voice", "rms", "-o", "/dev/stdout", "-t"],
    ],
}


def spoken(text: str, voice: list[str]) -> NDArray[np.float32]:
    """The text in a synthetic voice over a telephone: samples at 16 kHz with nothing above 4 kHz in them."""
    made = subprocess.run([*voice, text], capture_output=True, check=True, timeout=60).stdout
    with wave.open(io.BytesIO(made)) as sound:
        rate = sound.getframerate()
        pcm = np.frombuffer(made[44:], dtype="<i2").astype(np.float32) / 32768
    narrow = resampled(pcm, rate, PHONE_HZ)
    narrow = narrow / max(1e-6, float(np.abs(narrow).max())) * 0.5
    return resampled(companded(narrow), PHONE_HZ, SPEECH_HZ)


def resampled(samples: NDArray[np.float32], rate: int, wanted: int) -> NDArray[np.float32]:
    """At another rate, through its spectrum: what the new rate can't hold is gone."""
    count = len(samples) * wanted // rate
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    return np.asarray(np.fft.irfft(spectrum, count) * (count / len(samples)), dtype=np.float32)


def spelt(text: str, lang: str) -> str:
    """Chinese as pinyin with tones: Debian's espeak-ng lacks the dictionary of characters."""
    return " ".join(lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True)) if lang == "zh" else text


def companded(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Through mu-law's eight bits and back, as G.711 does it."""
    mu = 255.0
    curved = np.sign(samples) * np.log1p(mu * np.abs(samples)) / np.log1p(mu)
    steps = np.round(curved * 127) / 127
    return np.asarray(np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(mu)) / mu, dtype=np.float32)


def heard(recognizer: SpeechRecognizer, sounds: list[NDArray[np.float32]]) -> list[str]:
    """What is recognised of each sound; empty where nothing is."""
    gap = np.zeros(int(GAP_S * SPEECH_HZ), dtype=np.float32)
    parts: list[NDArray[np.float32]] = [gap]
    turns: list[SpeakerTurn] = []
    at = len(gap)
    for sound in sounds:
        ms = [at * 1000 // SPEECH_HZ, (at + len(sound)) * 1000 // SPEECH_HZ]
        turns.append(SpeakerTurn(speaker="S", channel=0, start_ms=ms[0], end_ms=ms[1]))
        parts += [sound, gap]
        at += len(sound) + len(gap)
    audio = np.concatenate(parts)[None, :]
    per_ms = SPEECH_HZ // 1000
    texts = [""] * len(sounds)
    said = recognizer.transcribe(
        lambda start, end: audio[:, start * per_ms : end * per_ms], audio.shape[1] // per_ms, turns
    )
    for turn in said:
        texts[turn.turn] += "".join(word.text for word in turn.words)
    return [text.strip() for text in texts]


def kinds_of_error(pairs: Iterable[tuple[str, str]], lang: str) -> Counter[str]:
    """How many characters or words of each kind of difference: same sound, other, lost, added."""
    kinds: Counter[str] = Counter()
    for true, found in pairs:
        a, b = _units(true, lang), _units(found, lang)
        for kind, i, j, k, m in difflib.SequenceMatcher(a=a, b=b, autojunk=False).get_opcodes():
            if kind == "delete":
                kinds["lost"] += j - i
            elif kind == "insert":
                kinds["added"] += m - k
            elif kind == "replace":
                for x, y in zip(a[i:j], b[k:m], strict=False):
                    kinds["same sound" if lang == "zh" and lazy_pinyin(x) == lazy_pinyin(y) else "another"] += 1
                kinds["lost"] += max(0, (j - i) - (m - k))
                kinds["added"] += max(0, (m - k) - (j - i))
    return kinds


def _units(text: str, lang: str) -> list[str]:
    kept = "".join(c if c.isalnum() or c == "'" else " " for c in text.lower())
    return list(kept.replace(" ", "")) if lang == "zh" else kept.split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lang", choices=sorted(VOICES))
    parser.add_argument("--turns", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path("build/mishearings"))
    asked = parser.parse_args()
    missing = sorted({voice[0] for voice in VOICES[asked.lang] if not shutil.which(voice[0])})
    if missing:
        sys.exit(f"Install {' and '.join(missing)} first; Debian has them as packages of these names.")
    wanted = TurnLanguage.ZH if asked.lang == "zh" else TurnLanguage.EN
    turns = [turn for turn in shipped_turns() if turn.language is wanted]
    draw = random.Random(SEED)
    turns = draw.sample(turns, min(asked.turns, len(turns)))
    settings = load_settings()
    recognizer = SpeechRecognizer(
        locate_whisper(settings.asr_model, settings.cache, allow_download=settings.asr_download)
    )
    voices = VOICES[asked.lang]
    texts = heard(
        recognizer, [spoken(spelt(turn.text, asked.lang), voices[at % len(voices)]) for at, turn in enumerate(turns)]
    )
    versions = {
        "said": [turn.text for turn in turns],
        "heard": texts,
        "made": [disturbed(turn.text, asked.lang, draw) for turn in turns],
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    for name, version in versions.items():
        rows: list[LabelledTurn] = [replace(t, text=text or "…") for t, text in zip(turns, version, strict=True)]
        path = asked.out / f"{name}-{asked.lang}.jsonl"
        path.write_text("".join(as_json_line(row) + "\n" for row in rows), encoding="utf-8")
        tallies = [tally(str(t.id), asked.lang, t.text, text) for t, text in zip(turns, version, strict=True)]
        kinds = kinds_of_error(zip(versions["said"], version, strict=True), asked.lang)
        unchanged = sum(t.edits == 0 for t in tallies)
        told = ", ".join(f"{kind} {count / max(1, kinds.total()):.0%}" for kind, count in kinds.most_common())
        print(
            f"{name}: error rate {error_rate(tallies):.3f}, {unchanged}/{len(turns)} turns whole; {told or 'no errors'}"
        )


if __name__ == "__main__":
    main()
