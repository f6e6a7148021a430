"""Real recognition on the sample calls: languages, words, voices, silence."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.script import Script
from models.speech import SpeechOptions, SpeechRecognizer, SpokenTurn
from models.voice_activity import ActivityRules, find_stretches, measure_activity, suppress_leaks
from models.waveform import read_channels
from models.weights import locate_whisper
from models.windows import SpeakerTurn
from pipeline.evaluation.error_rate import tally
from pipeline.evaluation.speech import SpeechSample, role_share, samples_of_calls
from pipeline.records import Recording, Role
from pipeline.settings import load_settings
from pipeline.stages.decode import Decoder
from pipeline.stages.roles import apply_roles, assign_roles
from pipeline.stages.separate import Separate
from pipeline.stages.transcribe import Transcribe

pytestmark = [pytest.mark.weights, pytest.mark.slow]

Waveform = NDArray[np.float32]


@pytest.fixture(scope="module")
def recognizer() -> SpeechRecognizer:
    settings = load_settings()
    return SpeechRecognizer(locate_whisper("base", settings.cache), SpeechOptions(device="cpu", beam_size=2))


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as open_decoder:
        yield open_decoder


@pytest.fixture(scope="module")
def truth(samples: Path) -> dict[str, SpeechSample]:
    return {sample.id: sample for sample in samples_of_calls(samples)}


def flac_of(sample: SpeechSample, decoder: Decoder, folder: Path) -> Path:
    flac = folder / f"{sample.id}.flac"
    recording = Recording(sha256="", media_type="audio/*", size_bytes=sample.audio.stat().st_size)
    decoder(sample.audio, recording, flac, folder / "peaks")
    return flac


def turns_of(audio: Waveform) -> list[SpeakerTurn]:
    rules = ActivityRules()
    activity = measure_activity(lambda start, end: audio[:, start * 16 : end * 16], audio.shape[1] // 16)
    return [
        SpeakerTurn(speaker=f"ch{each.channel}", channel=each.channel, start_ms=each.start_ms, end_ms=each.end_ms)
        for each in find_stretches(suppress_leaks(activity, rules), rules)
    ]


def recognise(recognizer: SpeechRecognizer, audio: Waveform, turns: list[SpeakerTurn]) -> list[SpokenTurn]:
    return recognizer.transcribe(lambda start, end: audio[:, start * 16 : end * 16], audio.shape[1] // 16, turns)


def test_a_call_that_switches_language(
    recognizer: SpeechRecognizer, decoder: Decoder, truth: dict[str, SpeechSample], tmp_path: Path
) -> None:
    chinese = read_channels(flac_of(truth["dev-zh-05"], decoder, tmp_path), 0, 24_000)
    english = read_channels(flac_of(truth["dev-en-03"], decoder, tmp_path), 0, 24_000)
    audio = np.concatenate([chinese, english, chinese[:, : 12_000 * 16]], axis=1)
    turns = turns_of(audio)
    spoken = recognise(recognizer, audio, turns)
    for each in spoken:
        middle = (turns[each.turn].start_ms + turns[each.turn].end_ms) // 2
        expected = "en" if 24_000 <= middle < 48_000 else "zh"
        assert each.lang == expected, f"the turn at {middle} ms was taken for {each.lang}"
        if each.lang == "zh":
            characters = [sum("\u4e00" <= letter <= "\u9fff" for letter in word.text) for word in each.words]
            assert max(characters) <= 4, "a Chinese word is as long as a clause"
        else:
            assert any(word.text.startswith(" ") for word in each.words)
    assert {each.lang for each in spoken} == {"zh", "en"}


def test_every_word_has_its_time_inside_its_turn(
    recognizer: SpeechRecognizer, decoder: Decoder, truth: dict[str, SpeechSample], tmp_path: Path
) -> None:
    audio = read_channels(flac_of(truth["dev-zh-05"], decoder, tmp_path), 0, 45_000)
    turns = turns_of(audio)
    told: list[float] = []
    spoken = recognizer.transcribe(
        lambda start, end: audio[:, start * 16 : end * 16], audio.shape[1] // 16, turns, told.append
    )
    assert spoken
    assert told == sorted(told)
    assert told[-1] == 1.0
    for each in spoken:
        turn = turns[each.turn]
        starts = [word.start_ms for word in each.words]
        assert starts == sorted(starts)
        for word in each.words:
            assert turn.start_ms - 400 <= word.start_ms < word.end_ms <= turn.end_ms + 450
            assert 0.0 <= word.confidence <= 1.0


def test_the_script_is_a_setting(
    recognizer: SpeechRecognizer, decoder: Decoder, truth: dict[str, SpeechSample], tmp_path: Path
) -> None:
    audio = read_channels(flac_of(truth["dev-zh-05"], decoder, tmp_path), 0, 20_000)
    traditional = SpeechRecognizer(
        locate_whisper("base", load_settings().cache),
        SpeechOptions(device="cpu", beam_size=2, script=Script.TRADITIONAL),
    )
    turns = turns_of(audio)
    simplified_text = "".join(word.text for each in recognise(recognizer, audio, turns) for word in each.words)
    traditional_text = "".join(word.text for each in recognise(traditional, audio, turns) for word in each.words)
    assert "请问" in simplified_text
    assert "請問" in traditional_text
    assert len(simplified_text) == len(traditional_text)


def test_nobody_speaks_in_silence_and_noise(recognizer: SpeechRecognizer, tmp_path: Path, decoder: Decoder) -> None:
    chance = np.random.default_rng(5)
    samples = np.concatenate([np.zeros(8000 * 8), chance.normal(0, 60, 8000 * 8)]).astype("<i2")
    source = tmp_path / "quiet.wav"
    with wave.open(str(source), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())
    flac = tmp_path / "quiet.flac"
    recording = Recording(sha256="", media_type="audio/wav", size_bytes=source.stat().st_size)
    decoder(source, recording, flac, tmp_path / "peaks")
    separation = Separate()(flac, 1)
    transcript = Transcribe(recognizer)(flac, separation)
    assert transcript.utterances == ()
    roles = assign_roles(transcript, separation, None, 1)
    assert (set(roles.roles.values()), roles.confidence) == ({Role.UNKNOWN}, 0.0)


def test_noise_given_as_a_turn_yields_no_phrase(recognizer: SpeechRecognizer) -> None:
    chance = np.random.default_rng(5)
    audio = chance.normal(0, 0.002, (1, 16_000 * 12)).astype(np.float32)
    spoken = recognise(recognizer, audio, [SpeakerTurn(speaker="v0", channel=0, start_ms=1000, end_ms=11_000)])
    assert sum(len(each.words) for each in spoken) <= 6


@pytest.mark.parametrize(
    ("call", "method", "least_share", "most_errors"),
    [("dev-en-02", "voices", 0.95, 0.2), ("dev-zh-06", "single", 0.8, 0.25), ("dev-zh-17", "single", 0.8, 0.25)],
)
def test_mono_calls_get_their_roles(
    recognizer: SpeechRecognizer,
    decoder: Decoder,
    truth: dict[str, SpeechSample],
    tmp_path: Path,
    call: str,
    method: str,
    least_share: float,
    most_errors: float,
) -> None:
    sample = truth[call]
    flac = flac_of(sample, decoder, tmp_path)
    separation = Separate()(flac, 1)
    assert separation.method == method
    transcript = Transcribe(recognizer)(flac, separation)
    roles = assign_roles(transcript, separation, None, 1)
    share = role_share(sample.speech, apply_roles(transcript, roles))
    assert share is not None
    assert share >= least_share
    if method == "single":
        assert roles.confidence <= 0.6
    counted = tally(call, sample.lang, sample.texts[0], "".join(f" {each.text}" for each in transcript.utterances))
    assert counted.edits / counted.units <= most_errors


def test_what_leaks_into_the_other_channel_is_not_transcribed_twice(
    recognizer: SpeechRecognizer, decoder: Decoder, truth: dict[str, SpeechSample], tmp_path: Path
) -> None:
    sample = truth["dev-en-07"]
    flac = flac_of(sample, decoder, tmp_path)
    separation = Separate()(flac, 2)
    transcript = Transcribe(recognizer)(flac, separation)
    for channel, text in enumerate(sample.texts):
        found = " ".join(each.text for each in transcript.utterances if each.channel == channel)
        counted = tally(sample.id, "en", text, found)
        assert counted.edits / counted.units <= 0.2
    assert assign_roles(transcript, separation, None, 2).roles == {"ch0": Role.AGENT, "ch1": Role.CUSTOMER}
