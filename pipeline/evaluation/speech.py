"""Recognition and roles beside their truth, and beside the bare recogniser on the same audio.

A sample is audio with the text of each channel, from a folder of calls with truth or from a manifest of clips. What is
measured is what the pipeline's own stages give: turns, words, roles.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from models.bare import BareRecognizer
from models.waveform import read_channels
from pipeline.errors import InvalidInput
from pipeline.evaluation.error_rate import Tally, error_rate, paired_interval, tally
from pipeline.evaluation.recordings import known_calls
from pipeline.evaluation.truth import CallTruth
from pipeline.records import Recording, Role, Transcript
from pipeline.stages.decode import Decoder
from pipeline.stages.roles import apply_roles, assign_roles
from pipeline.stages.separate import Separate
from pipeline.stages.transcribe import Transcribe

NOT_WORSE_BY = 0.005
_STEP_MS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class TrueSpeech:
    """[start_ms, end_ms) in which `role` speaks."""

    role: Role
    start_ms: int
    end_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechSample:
    """Audio and what is said in it: one text a channel, or one text for all of it."""

    id: str
    audio: Path
    lang: str
    texts: tuple[str, ...]
    speech: tuple[TrueSpeech, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechResult:
    """One sample: our edits, the bare recogniser's (None where not run), and the share of speech with its role."""

    id: str
    channels: int
    method: str
    ours: Tally
    bare: Tally | None
    role_share: float | None
    role_confidence: float


@dataclass(frozen=True, kw_only=True, slots=True)
class LanguageSummary:
    """Error rates of one language; `interval` is the 95% bootstrap interval of ours less the bare one's."""

    lang: str
    samples: int
    ours: float
    bare: float | None
    interval: tuple[float, float] | None
    not_worse: bool | None


def samples_of_calls(folder: Path) -> list[SpeechSample]:
    """The calls with truth of a folder that have a recording; raises InvalidInput for a JSON file without truth."""
    known = known_calls(folder)
    if known.bad:
        # A call that is left out unseen would change the rate.
        reasons = "; ".join(f"{name}: {reason}" for name, reason in known.bad)
        raise InvalidInput(f"Mend these files or take them out of {folder}: {reasons}.", code="bad_truth")
    return [_sample(call.truth, call.audio) for call in known.calls if call.audio is not None]


def _sample(truth: CallTruth, audio: Path) -> SpeechSample:
    speakers = (Role.AGENT, Role.CUSTOMER) if truth.stereo else (None,)
    return SpeechSample(
        id=truth.id,
        audio=audio,
        lang=truth.lang,
        texts=tuple(
            " ".join(turn.text for turn in truth.turns if speaker in (None, turn.role)) for speaker in speakers
        ),
        speech=tuple(TrueSpeech(role=turn.role, start_ms=turn.start_ms, end_ms=turn.end_ms) for turn in truth.turns),
    )


def samples_of_manifest(manifest: Path) -> list[SpeechSample]:
    """Clips of a JSON-lines manifest {audio, text, lang, channel_text}; those without text or in two languages not."""
    samples: list[SpeechSample] = []
    for line in manifest.read_text("utf-8").splitlines():
        clip = json.loads(line)
        if not clip["text"].strip() or clip["lang"] not in ("zh", "en"):
            continue
        texts = tuple(clip.get("channel_text", {}).values()) or (clip["text"],)
        audio = manifest.parent / clip["audio"]
        samples.append(SpeechSample(id=audio.stem, audio=audio, lang=clip["lang"], texts=texts))
    return samples


def evaluate(
    samples: Iterable[SpeechSample],
    separate: Separate,
    transcribe: Transcribe,
    decoder: Decoder,
    bare: BareRecognizer | None = None,
    progress: Callable[[str], None] = lambda _id: None,
) -> Iterator[SpeechResult]:
    """Runs each sample through decode, separate, transcribe and roles, and through the bare recogniser if given."""
    with TemporaryDirectory(prefix="forbear-evaluate-") as scratch:
        for sample in samples:
            progress(sample.id)
            flac = Path(scratch) / "call.flac"
            recording = Recording(sha256="", media_type="audio/*", size_bytes=sample.audio.stat().st_size)
            audio = decoder(sample.audio, recording, flac, Path(scratch) / "call.peaks")
            separation = separate(flac, audio.channels)
            transcript = transcribe(flac, separation)
            assignment = assign_roles(transcript, separation, None, audio.channels)
            theirs = None
            if bare is not None:
                theirs = bare.transcribe(read_channels(flac, 0, audio.duration_ms), sample.lang)
            yield SpeechResult(
                id=sample.id,
                channels=audio.channels,
                method=separation.method,
                ours=_tally(sample, _texts(transcript, len(sample.texts))),
                bare=None if theirs is None else _tally(sample, theirs),
                role_share=role_share(sample.speech, apply_roles(transcript, assignment)),
                role_confidence=assignment.confidence,
            )


def summarise(results: Sequence[SpeechResult]) -> list[LanguageSummary]:
    """Each language over all its samples; `not_worse` is the requirement of the project."""
    summaries: list[LanguageSummary] = []
    for lang in sorted({result.ours.lang for result in results}):
        own = [result for result in results if result.ours.lang == lang]
        ours = [result.ours for result in own]
        theirs = [result.bare for result in own if result.bare is not None]
        paired = len(theirs) == len(ours)
        interval = paired_interval(ours, theirs) if paired else None
        bare = error_rate(theirs) if paired else None
        rate = error_rate(ours)
        not_worse = None
        if bare is not None and interval is not None:
            not_worse = rate - bare <= NOT_WORSE_BY or interval[0] <= 0
        summaries.append(
            LanguageSummary(lang=lang, samples=len(own), ours=rate, bare=bare, interval=interval, not_worse=not_worse)
        )
    return summaries


def role_share(speech: Sequence[TrueSpeech], transcript: Transcript) -> float | None:
    """Of the true speech in which words were found, the share with the right role; None without truth."""
    total = right = 0
    for true in speech:
        overlapping = [
            utterance
            for utterance in transcript.utterances
            if utterance.start_ms < true.end_ms and utterance.end_ms > true.start_ms
        ]
        for moment in range(true.start_ms, true.end_ms, _STEP_MS):
            roles = {each.role for each in overlapping if each.start_ms <= moment < each.end_ms}
            total += bool(roles)
            right += true.role in roles
    return right / total if total else None


def _texts(transcript: Transcript, channels: int) -> list[str]:
    """What was recognised, per channel where the truth is per channel."""
    if channels == 1:
        return [" ".join(utterance.text for utterance in transcript.utterances)]
    return [
        " ".join(utterance.text for utterance in transcript.utterances if utterance.channel == channel)
        for channel in range(channels)
    ]


def _tally(sample: SpeechSample, recognised: Sequence[str]) -> Tally:
    """Edits of all channels together; channels that the truth doesn't know are joined into its one text."""
    if len(sample.texts) == 1:
        recognised = [" ".join(recognised)]
    parts = [
        tally(sample.id, sample.lang, expected, found) for expected, found in zip(sample.texts, recognised, strict=True)
    ]
    return Tally(
        call=sample.id,
        lang=sample.lang,
        edits=sum(part.edits for part in parts),
        units=sum(part.units for part in parts),
    )
