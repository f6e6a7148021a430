"""Tells two voices on one channel apart by their sound, or says that it can't.

A small recurrent encoder (weights and their licence: models/weights/voice_encoder) turns 1.6 s of speech into a point;
the points fall into two groups or they do not. Voice embeddings are biometrics: they live inside one call of
`separate_voices` and are in no result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.voice_activity import SAMPLE_RATE_HZ, ReadWindow, Stretch
from models.windows import SpeakerTurn

ENCODER_NAME = "ge2e-lstm"
ENCODER_VERSION = "resemblyzer-0.1.4"
_WEIGHTS = Path(__file__).parent / "weights" / "voice_encoder" / "model.safetensors"

_MELS = 40
_HIDDEN = 256
_HOP = SAMPLE_RATE_HZ // 100
_FFT = SAMPLE_RATE_HZ // 40
_WINDOW_FRAMES = 160
_STEP_FRAMES = 80
_BATCH = 64
_TARGET_LEVEL = 10 ** (-30 / 20)
_LARGEST_GAIN = 50.0

_SAME_VOICE_SIMILARITY = 0.92
_SURE_SIMILARITY = 0.70
_LEAST_SHARE_OF_VARIANCE = 0.125
_SMALLEST_SHARE = 0.04
_EVIDENCE_WEIGHT = 0.5
_EVIDENCE_LIMIT = 6.0
_CHANGE_IN_SPEECH = 0.02
_CHANGE_AT_PAUSE = 0.35
_ROUNDS = 4

Embeddings = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Voices:
    """Turns of "v0" (who speaks first) and "v1" in order of start; one voice only, "v0", when two can't be told apart.

    `confidence` in [0, 1] says how far apart the two voices are.
    """

    turns: tuple[SpeakerTurn, ...]
    apart: bool
    confidence: float


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one embedding stands for: [start_ms, end_ms); `after_pause` when silence comes before it."""

    start_ms: int
    end_ms: int
    after_pause: bool


def separate_voices(
    read: ReadWindow, stretches: Sequence[Stretch], *, breath_pause_ms: int, single_pause_ms: int
) -> Voices:
    """Groups the stretches of one channel (cut at every pause) into the turns of two voices.

    A voice that goes on after `breath_pause_ms` begins a new turn; where voices can't be told apart, any pause of
    `single_pause_ms` does.
    """
    pieces, embeddings = _embed(read, stretches)
    if len(pieces) < 4:
        return _one_voice(stretches, single_pause_ms)
    labels, similarity, share = _two_groups(pieces, embeddings)
    durations = np.array([piece.end_ms - piece.start_ms for piece in pieces], np.float64)
    smaller = min(durations[labels == 0].sum(), durations[labels == 1].sum()) / durations.sum()
    if similarity > _SAME_VOICE_SIMILARITY or share < _LEAST_SHARE_OF_VARIANCE or smaller < _SMALLEST_SHARE:
        return _one_voice(stretches, single_pause_ms)
    span = _SAME_VOICE_SIMILARITY - _SURE_SIMILARITY
    confidence = 0.6 + 0.38 * min(1.0, (_SAME_VOICE_SIMILARITY - similarity) / span)
    first = int(labels[0])
    turns = [
        SpeakerTurn(speaker="v0" if label == first else "v1", channel=0, start_ms=piece.start_ms, end_ms=piece.end_ms)
        for piece, label in zip(pieces, labels.tolist(), strict=True)
    ]
    return Voices(turns=tuple(_joined(turns, breath_pause_ms)), apart=True, confidence=round(confidence, 3))


def _one_voice(stretches: Sequence[Stretch], pause_ms: int) -> Voices:
    turns = [
        SpeakerTurn(speaker="v0", channel=stretch.channel, start_ms=stretch.start_ms, end_ms=stretch.end_ms)
        for stretch in stretches
    ]
    return Voices(turns=tuple(_joined(turns, pause_ms)), apart=False, confidence=0.0)


def _joined(turns: Sequence[SpeakerTurn], pause_ms: int, longest_ms: int = 20_000) -> list[SpeakerTurn]:
    """One turn a breath: the same voice going on after a short pause is one turn, unless it gets too long."""
    joined: list[SpeakerTurn] = []
    for turn in turns:
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.speaker == turn.speaker
            and turn.start_ms - before.end_ms < pause_ms
            and turn.end_ms - before.start_ms <= longest_ms
        ):
            joined[-1] = SpeakerTurn(
                speaker=turn.speaker, channel=turn.channel, start_ms=before.start_ms, end_ms=turn.end_ms
            )
        else:
            joined.append(turn)
    return joined


# --- grouping ---------------------------------------------------------------------------------------------------------


def _two_groups(pieces: Sequence[_Piece], embeddings: Embeddings) -> tuple[NDArray[np.int64], float, float]:
    """Labels of the pieces, the cosine between the two groups' centres, and how much of all variance lies along the
    direction in which the points differ most: two voices make it stand out.

    Starts from the direction in which the points differ most, then alternates between centres and the most likely
    sequence of speakers, in which a change inside running speech is rare.
    """
    centred = embeddings - embeddings.mean(axis=0)
    _, strengths, directions = np.linalg.svd(centred, full_matrices=False)
    share = float(strengths[0] ** 2 / np.sum(np.square(strengths)))
    labels = (centred @ directions[0] > 0).astype(np.int64)
    similarity = 1.0
    for _ in range(_ROUNDS):
        if labels.min() == labels.max():
            return labels, 1.0, share
        centres = np.stack([embeddings[labels == group].mean(axis=0) for group in (0, 1)])
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        similarity = float(centres[0] @ centres[1])
        along = embeddings @ (centres[1] - centres[0])
        middles = [float(along[labels == group].mean()) for group in (0, 1)]
        spread = float(np.mean([along[labels == group].var() for group in (0, 1)])) + 1e-6
        evidence = (along - sum(middles) / 2) * (middles[1] - middles[0]) / spread
        evidence = np.clip(_EVIDENCE_WEIGHT * evidence, -_EVIDENCE_LIMIT, _EVIDENCE_LIMIT)
        following = _likeliest(evidence, [piece.after_pause for piece in pieces])
        if np.array_equal(following, labels):
            break
        labels = following
    return labels, similarity, share


def _likeliest(evidence: NDArray[np.float64], after_pause: Sequence[bool]) -> NDArray[np.int64]:
    """Viterbi over two states; `evidence` is the log odds of state 1."""
    emission = np.stack([-evidence / 2, evidence / 2], axis=1)
    score = emission[0].copy()
    back = np.zeros((len(emission), 2), np.int64)
    for step in range(1, len(emission)):
        change = _CHANGE_AT_PAUSE if after_pause[step] else _CHANGE_IN_SPEECH
        stay, move = np.log1p(-change), np.log(change)
        came = np.array([[score[0] + stay, score[1] + move], [score[0] + move, score[1] + stay]])
        back[step] = came.argmax(axis=1)
        score = came.max(axis=1) + emission[step]
    labels = np.zeros(len(emission), np.int64)
    labels[-1] = int(score.argmax())
    for step in range(len(emission) - 1, 0, -1):
        labels[step - 1] = back[step, labels[step]]
    return labels


# --- embeddings -------------------------------------------------------------------------------------------------------


def _embed(read: ReadWindow, stretches: Sequence[Stretch]) -> tuple[list[_Piece], Embeddings]:
    """One embedding for each 0.8 s of speech, heard in 1.6 s; what is shorter is repeated until it is long enough."""
    pieces: list[_Piece] = []
    waiting: list[NDArray[np.float32]] = []
    found: list[Embeddings] = []
    for stretch in stretches:
        samples = read(stretch.start_ms, stretch.end_ms)[stretch.channel]
        if len(samples) < _FFT:
            continue
        spectrum = _spectrum(_levelled(samples))
        frames = len(spectrum)
        if frames < _WINDOW_FRAMES:
            spectrum = np.tile(spectrum, (-(-_WINDOW_FRAMES // frames), 1))[:_WINDOW_FRAMES]
        starts = list(range(0, len(spectrum) - _WINDOW_FRAMES + 1, _STEP_FRAMES))
        for number, start in enumerate(starts):
            begins = stretch.start_ms + (0 if number == 0 else (start + _STEP_FRAMES // 2) * 10)
            last = number == len(starts) - 1
            ends = stretch.end_ms if last else stretch.start_ms + (start + _STEP_FRAMES + _STEP_FRAMES // 2) * 10
            pieces.append(_Piece(begins, ends, after_pause=number == 0))
            waiting.append(spectrum[start : start + _WINDOW_FRAMES])
        while len(waiting) >= _BATCH:
            found.append(_encode(np.stack(waiting[:_BATCH])))
            del waiting[:_BATCH]
    if waiting:
        found.append(_encode(np.stack(waiting)))
    return pieces, np.concatenate(found) if found else np.zeros((0, _HIDDEN), np.float32)


def _levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The samples at the level that the encoder was trained at."""
    level = float(np.sqrt(np.mean(np.square(samples)))) + 1e-9
    return samples * np.float32(np.clip(_TARGET_LEVEL / level, 1.0, _LARGEST_GAIN))


def _spectrum(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mel power spectrum, (frames, 40), not in decibels: what the encoder was trained on."""
    padded = np.pad(samples, _FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_FFT + 1)[:-1], axis=-1)))
    mel: NDArray[np.float32] = (power @ _mel_filters().T).astype(np.float32)
    return mel


@cache
def _mel_filters() -> NDArray[np.float32]:
    from faster_whisper.feature_extractor import FeatureExtractor

    filters: NDArray[np.float32] = FeatureExtractor.get_mel_filters(SAMPLE_RATE_HZ, _FFT, n_mels=_MELS)
    return filters.astype(np.float32)


@cache
def _encoder() -> tuple[Any, Any]:
    import torch
    from safetensors.torch import load_file

    weights = {name: tensor.float() for name, tensor in load_file(_WEIGHTS).items()}
    lstm = torch.nn.LSTM(_MELS, _HIDDEN, num_layers=3, batch_first=True)
    linear = torch.nn.Linear(_HIDDEN, _HIDDEN)
    for module, prefix in ((lstm, "lstm."), (linear, "linear.")):
        module.load_state_dict(
            {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
        )
        module.eval()
    return lstm, linear


def _encode(spectra: NDArray[np.float32]) -> Embeddings:
    """(batch, 160, 40) → (batch, 256), each of length one."""
    import torch

    lstm, linear = _encoder()
    with torch.inference_mode():
        _, (hidden, _) = lstm(torch.from_numpy(spectra))
        raw = torch.relu(linear(hidden[-1]))
        unit: Embeddings = (raw / (raw.norm(dim=1, keepdim=True) + 1e-9)).numpy()
    return unit
