"""Recognises speech: waveforms and speaker turns in, words with times out.

faster-whisper's batched recognition, fed so that channels stay apart and yet share batches, each language has its own
tokenizer (an English one breaks Chinese into clause-long words), and no more silence is computed than needed. Knows no
call, no role and no file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelUnavailable
from models.script import Script, convert_words
from models.speech_guards import is_phantom, loops, nothing_said, too_fast, without_loops
from models.voice_activity import SAMPLE_RATE_HZ, ReadWindow, Waveform
from models.weights import WhisperWeights
from models.windows import Chunk, Clip, SpeakerTurn, cut_clips, cut_windows, pack_chunks
from models.words import SpokenWord, join_fragments

_SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000
_FRAME_MS = 10
_FULL_FRAMES = 3000
_LEAST_FRAMES = 1000
_LONGEST_CHUNK_MS = 29_000
_SHORTEST_TELLING_MS = 1_000
_PREPENDED = "\"'“¿([{-"
_APPENDED = "\"'.。,，!！?？:：”)]}、"

Progress = Callable[[float], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechOptions:
    """How to recognise. The defaults were chosen by error rate and time on 8 kHz calls in both languages."""

    device: str = "auto"
    compute_type: str = "auto"
    threads: int = 0
    languages: tuple[str, ...] = ("zh", "en")
    script: Script = Script.SIMPLIFIED
    hotwords: tuple[str, ...] = ()
    beam_size: int = 5
    batch_size: int = 4
    chunk_ms: int = 28_000
    tail_ms: int = 3_000
    clear_language: float = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class SpokenTurn:
    """What was said in turn number `turn` of those given; never empty."""

    turn: int
    lang: str
    words: tuple[SpokenWord, ...]


@dataclass(slots=True)
class _Heard:
    """What one chunk gave."""

    chunk: Chunk
    lang: str
    text: str
    words: list[SpokenWord]
    bad: bool


@dataclass(slots=True)
class _Window:
    """The audio of one window and the turns in it."""

    audio: Waveform
    start_ms: int
    heard: list[_Heard] = field(default_factory=list)

    def samples(self, clip: Clip) -> NDArray[np.float32]:
        first = (clip.start_ms - self.start_ms) * _SAMPLES_PER_MS
        cut: NDArray[np.float32] = self.audio[clip.channel, first : first + clip.duration_ms * _SAMPLES_PER_MS]
        return cut

    def glued(self, chunk: Chunk) -> NDArray[np.float32]:
        return np.concatenate([self.samples(clip) for clip in chunk.clips])


class SpeechRecognizer:
    """Holds the loaded model; not to be used by two threads at once."""

    def __init__(self, weights: WhisperWeights, options: SpeechOptions | None = None) -> None:
        """Loads the model; raises ModelUnavailable when this machine can't run it as asked."""
        options = options or SpeechOptions()
        import ctranslate2
        from faster_whisper import WhisperModel

        device = options.device
        if device == "auto":
            device = "cuda" if ctranslate2.get_cuda_device_count() > 0 else "cpu"
        compute_type = options.compute_type
        if compute_type == "auto":
            compute_type = "float16" if device == "cuda" else "int8"
        try:
            self.whisper: Any = WhisperModel(
                str(weights.path),
                device=device,
                compute_type=compute_type,
                cpu_threads=options.threads or os.cpu_count() or 1,
            )
        except (RuntimeError, ValueError) as error:
            raise ModelUnavailable(
                f"Whisper {weights.name} can't run on {device} with {compute_type}: {error}. "
                "Try device cpu and compute type int8."
            ) from error
        self.options = options
        self._tokenizers: dict[str, Any] = {}
        self.name = f"faster-whisper/{weights.name}"
        self.version = weights.version
        self.settings: dict[str, Any] = {
            "beam_size": options.beam_size,
            "compute_type": compute_type,
            "chunk_ms": options.chunk_ms,
            "languages": list(options.languages),
            "script": options.script.value,
            "hotwords": list(options.hotwords),
        }

    def transcribe(
        self,
        read: ReadWindow,
        duration_ms: int,
        turns: Sequence[SpeakerTurn],
        progress: Progress | None = None,
    ) -> list[SpokenTurn]:
        """The words of each turn in which some were heard; `turns` are given in order of start.

        Only one window of at most five minutes is in memory. A turn heard in two languages comes once for each.
        """
        spoken: list[SpokenTurn] = []
        done = 0
        for window in cut_windows(turns):
            start = max(0, min(turns[index].start_ms for index in window) - 1000)
            end = min(duration_ms, max(turns[index].end_ms for index in window) + 1000)
            held = _Window(audio=read(start, end), start_ms=start)
            reached = start + held.audio.shape[1] // _SAMPLES_PER_MS
            clips = [
                piece for clip in cut_clips(turns, window, min(duration_ms, reached)) for piece in _pieces(clip, held)
            ]
            share = len(window) / len(turns)
            before = done / len(turns)
            self._recognise(held, clips, partial(_tell_part, progress, before, share))
            spoken.extend(self._gather(held.heard))
            done += len(window)
            _tell(progress, done / len(turns))
        return spoken

    # --- one window ---------------------------------------------------------------------------------------------------

    def _recognise(self, window: _Window, clips: Sequence[Clip], progress: Progress) -> None:
        """Hears all clips of a window; a chunk not clearly of the window's language is told apart turn by turn."""
        chunks = self._packed(clips)
        batches = list(_batches(chunks, self.options.batch_size))
        unclear: list[Chunk] = []
        main = ""
        for number, batch in enumerate(batches):
            encoded, lengths = self._encode(window, batch)
            shares = self._language_shares(encoded)
            main = main or max(self.options.languages, key=lambda lang: sum(share[lang] for share in shares))
            unclear_here = [
                chunk for chunk, share in zip(batch, shares, strict=True) if share[main] < self.options.clear_language
            ]
            if unclear_here:
                unclear.extend(unclear_here)
                clear = [chunk for chunk in batch if chunk not in unclear_here]
                if clear:
                    window.heard.extend(self._hear(window, clear, main))
            else:
                window.heard.extend(self._generate(encoded, lengths, batch, main))
            progress((number + 1) / (len(batches) + 1))
        if unclear:
            turns = [clip for chunk in unclear for clip in chunk.clips]
            for lang, own in self._by_language(window, turns, main).items():
                for batch in _batches(self._packed(own), self.options.batch_size):
                    window.heard.extend(self._hear(window, batch, lang))
        window.heard = [mended for heard in window.heard for mended in self._mend(window, heard)]

    def _packed(self, clips: Sequence[Clip]) -> list[Chunk]:
        """Chunks of every channel, longest first so that a batch holds chunks of like length."""
        chunks: list[Chunk] = []
        for channel in sorted({clip.channel for clip in clips}):
            own = sorted((clip for clip in clips if clip.channel == channel), key=lambda clip: clip.start_ms)
            chunks.extend(pack_chunks(own, self.options.chunk_ms, _LONGEST_CHUNK_MS))
        return sorted(chunks, key=lambda chunk: -chunk.duration_ms)

    def _hear(self, window: _Window, batch: Sequence[Chunk], lang: str) -> list[_Heard]:
        encoded, lengths = self._encode(window, batch)
        return self._generate(encoded, lengths, batch, lang)

    def _encode(self, window: _Window, batch: Sequence[Chunk]) -> tuple[Any, list[int]]:
        """Encodes the chunks, padded to the longest of them and some silence instead of to half a minute.

        With less silence than `tail_ms` the model does not notice the end and says everything twice.
        """
        spectra = [self.whisper.feature_extractor(window.glued(chunk))[..., :-1] for chunk in batch]
        lengths = [min(spectrum.shape[-1], _FULL_FRAMES) for spectrum in spectra]
        frames = min(_FULL_FRAMES, max(_LEAST_FRAMES, max(lengths) + self.options.tail_ms // _FRAME_MS))
        frames += frames % 2
        padded = np.zeros((len(batch), spectra[0].shape[0], frames), np.float32)
        for row, spectrum, length in zip(padded, spectra, lengths, strict=True):
            row[:, :length] = spectrum[:, :length]
        return self.whisper.encode(padded), lengths

    def _generate(self, encoded: Any, lengths: list[int], batch: Sequence[Chunk], lang: str) -> list[_Heard]:
        tokenizer = self._tokenizer(lang)
        prompt = self.whisper.get_prompt(
            tokenizer, [], without_timestamps=True, hotwords=" ".join(self.options.hotwords) or None
        )
        results = self.whisper.model.generate(
            encoded,
            [list(prompt) for _ in batch],
            beam_size=self.options.beam_size,
            max_length=self.whisper.max_length,
            suppress_tokens=list(_suppressed(tokenizer)),
            return_scores=True,
            return_no_speech_prob=True,
        )
        segments = [
            [{"tokens": result.sequences_ids[0], "start": 0.0, "end": length / 100, "seek": 0}]
            for result, length in zip(results, lengths, strict=True)
        ]
        self.whisper.add_word_timestamps(segments, tokenizer, encoded, lengths, _PREPENDED, _APPENDED, 0.0)
        heard: list[_Heard] = []
        for chunk, result, (segment,) in zip(batch, results, segments, strict=True):
            tokens = result.sequences_ids[0]
            text = tokenizer.decode([token for token in tokens if token < tokenizer.eot])
            mean = result.scores[0] * len(tokens) / (len(tokens) + 1)
            silent = nothing_said(result.no_speech_prob, mean)
            words = [] if silent else _words(segment.get("words", ()))
            bad = not silent and (loops(text) or too_fast(text, chunk.duration_ms))
            heard.append(_Heard(chunk=chunk, lang=lang, text=text, words=words, bad=bad))
        return heard

    # --- language -----------------------------------------------------------------------------------------------------

    def _language_shares(self, encoded: Any) -> list[dict[str, float]]:
        """For each encoded piece, how the configured languages share the probability among themselves."""
        languages = self.options.languages
        if len(languages) == 1 or not self.whisper.model.is_multilingual:
            return [dict.fromkeys(languages, 1.0) for _ in range(encoded.shape[0])]
        shares: list[dict[str, float]] = []
        for scores in self.whisper.model.detect_language(encoded):
            all_languages = {token[2:-2]: score for token, score in scores}
            wanted = {lang: all_languages.get(lang, 0.0) + 1e-9 for lang in languages}
            total = sum(wanted.values())
            shares.append({lang: score / total for lang, score in wanted.items()})
        return shares

    def _by_language(self, window: _Window, clips: Sequence[Clip], main: str) -> dict[str, list[Clip]]:
        """Clips by the language of each; one too short to tell goes with its neighbour, unsure ones with the window."""
        telling = sorted(
            (clip for clip in clips if clip.duration_ms >= _SHORTEST_TELLING_MS), key=lambda clip: -clip.duration_ms
        )
        lang_of: dict[Clip, str] = {}
        for batch in _batches([Chunk(clips=(clip,)) for clip in telling], self.options.batch_size):
            encoded, _ = self._encode(window, batch)
            for chunk, share in zip(batch, self._language_shares(encoded), strict=True):
                best = max(share, key=lambda lang: share[lang])
                lang_of[chunk.clips[0]] = best if share[best] >= 0.6 else main
        groups: dict[str, list[Clip]] = {}
        previous = main
        for clip in sorted(clips, key=lambda clip: clip.start_ms):
            previous = lang_of.get(clip, previous)
            groups.setdefault(previous, []).append(clip)
        return groups

    # --- mending ------------------------------------------------------------------------------------------------------

    def _mend(self, window: _Window, heard: _Heard) -> Iterable[_Heard]:
        """A chunk that loops is heard again, turn by turn and in sequence; what still loops is cut to two rounds."""
        if not heard.bad:
            yield heard
            return
        for clip in heard.chunk.clips:
            segments, _ = self.whisper.transcribe(
                window.samples(clip),
                language=heard.lang,
                beam_size=self.options.beam_size,
                temperature=[0.0, 0.2],
                condition_on_previous_text=False,
                word_timestamps=True,
                without_timestamps=True,
            )
            found = list(segments)
            words = _words(
                {"word": word.word, "start": word.start, "end": word.end, "probability": word.probability}
                for segment in found
                for word in segment.words or ()
            )
            kept = without_loops([word.text.strip() for word in words])
            yield _Heard(
                chunk=Chunk(clips=(clip,)),
                lang=heard.lang,
                text="".join(segment.text for segment in found),
                words=[words[index] for index in kept],
                bad=False,
            )

    # --- words --------------------------------------------------------------------------------------------------------

    def _gather(self, heard: Iterable[_Heard]) -> list[SpokenTurn]:
        """Words of the window by turn, mapped back to the recording, in the script asked for."""
        by_turn: dict[tuple[int, str], list[SpokenWord]] = {}
        for piece in sorted(heard, key=lambda piece: piece.chunk.clips[0].start_ms):
            for word in piece.words:
                clip, start, end = piece.chunk.place(word.start_ms, word.end_ms)
                by_turn.setdefault((clip.turn, piece.lang), []).append(replace(word, start_ms=start, end_ms=end))
        spoken: list[SpokenTurn] = []
        for (turn, lang), words in sorted(by_turn.items()):
            joined = join_fragments(words)
            text = "".join(word.text for word in joined)
            confidence = sum(word.confidence for word in joined) / len(joined)
            if not any(character.isalnum() for character in text) or is_phantom(text, confidence):
                continue
            if lang == "zh":
                texts = convert_words([word.text for word in joined], self.options.script)
                joined = [replace(word, text=text) for word, text in zip(joined, texts, strict=True)]
            spoken.append(SpokenTurn(turn=turn, lang=lang, words=tuple(joined)))
        return spoken

    def _tokenizer(self, lang: str) -> Any:
        if lang not in self._tokenizers:
            from faster_whisper.tokenizer import Tokenizer

            model = self.whisper
            self._tokenizers[lang] = Tokenizer(
                model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=lang
            )
        return self._tokenizers[lang]


def _suppressed(tokenizer: Any) -> tuple[int, ...]:
    """Tokens that are never text: music signs, task and control tokens."""
    from faster_whisper.transcribe import get_suppressed_tokens

    tokens: tuple[int, ...] = get_suppressed_tokens(tokenizer, [-1])
    return tokens


def _words(timings: Iterable[dict[str, Any]]) -> list[SpokenWord]:
    return [
        SpokenWord(
            text=timing["word"],
            start_ms=round(float(timing["start"]) * 1000),
            end_ms=round(float(timing["end"]) * 1000),
            confidence=round(min(1.0, float(timing["probability"])), 4),
        )
        for timing in timings
        if timing["word"]
    ]


def _pieces(clip: Clip, window: _Window) -> list[Clip]:
    """The clip itself, or, where it is too long to be heard in one go, its parts cut where it is quietest."""
    if clip.duration_ms <= _LONGEST_CHUNK_MS:
        return [clip]
    samples = window.samples(clip)
    step = 50 * _SAMPLES_PER_MS
    loudness = np.square(samples[: len(samples) // step * step]).reshape(-1, step).mean(axis=1)
    first, last = _LONGEST_CHUNK_MS // 2 // 50, _LONGEST_CHUNK_MS // 50
    cut = clip.start_ms + (first + int(np.argmin(loudness[first:last]))) * 50
    head, tail = replace(clip, end_ms=cut), replace(clip, start_ms=cut)
    return [head, *_pieces(tail, window)]


def _batches(chunks: Sequence[Chunk], size: int) -> Iterable[list[Chunk]]:
    return (list(chunks[at : at + size]) for at in range(0, len(chunks), size))


def _tell_part(progress: Progress | None, before: float, share: float, part: float) -> None:
    _tell(progress, before + share * part)


def _tell(progress: Progress | None, fraction: float) -> None:
    if progress is not None:
        progress(min(1.0, fraction))
