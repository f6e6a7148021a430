"""Measures recognition on calls with truth and on clips with text, beside the bare recogniser.

    python scripts/speech_error_rate.py --calls ../shared/calls --clips ../shared/audio/manifest.jsonl

Prints a line a sample, then for each language: our error rate, the bare one's, the difference with its 95% interval,
and whether ours is not worse by more than 0.005 or the interval. Exit code 1 where it is.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from models.bare import BareRecognizer
from models.script import Script
from models.speech import SpeechOptions, SpeechRecognizer
from models.weights import locate_whisper
from pipeline.evaluation.speech import SpeechResult, evaluate, samples_of_calls, samples_of_manifest, summarise
from pipeline.settings import load_settings
from pipeline.stages.decode import Decoder
from pipeline.stages.separate import Separate
from pipeline.stages.transcribe import Transcribe


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=Path, help="folder of ID.json with truth beside ID.<audio>")
    parser.add_argument("--clips", type=Path, help="manifest of clips, one JSON object a line")
    parser.add_argument("--only", default="", help="ids to measure, with commas between")
    parser.add_argument("--no-bare", action="store_true", help="do not run the bare recogniser")
    parser.add_argument("--beam", type=int, default=None, help="beam size of both")
    parser.add_argument("--hotwords", default="", help="words to expect in both languages, with spaces between")
    arguments = parser.parse_args()
    samples = samples_of_calls(arguments.calls) if arguments.calls else []
    samples += samples_of_manifest(arguments.clips) if arguments.clips else []
    if arguments.only:
        samples = [sample for sample in samples if sample.id in arguments.only.split(",")]
    if not samples:
        parser.error("nothing to measure: name a folder with --calls or a manifest with --clips")
    settings = load_settings()
    weights = locate_whisper(settings.asr_model, settings.cache, allow_download=settings.asr_download)
    options = SpeechOptions(
        device=settings.asr_device,
        compute_type=settings.asr_compute_type,
        threads=settings.asr_threads,
        languages=settings.languages,
        script=Script(settings.script),
        hotwords=tuple(arguments.hotwords.split()),
        **({} if arguments.beam is None else {"beam_size": arguments.beam}),
    )
    recognizer = SpeechRecognizer(weights, options)
    bare = None if arguments.no_bare else BareRecognizer(recognizer)
    with Decoder() as decoder:
        results: list[SpeechResult] = []
        for result in evaluate(samples, Separate(), Transcribe(recognizer), decoder, bare):
            results.append(result)
            print(_line(result), flush=True)
    summaries = summarise(results)
    for summary in summaries:
        line = f"{summary.lang}: {summary.samples} samples, ours {summary.ours:.4f}"
        if summary.bare is not None and summary.interval is not None:
            low, high = summary.interval
            line += (
                f", bare {summary.bare:.4f}, difference {summary.ours - summary.bare:+.4f} [{low:+.4f}, {high:+.4f}]"
            )
            line += ", not worse" if summary.not_worse else ", WORSE"
        print(line)
    return 1 if any(summary.not_worse is False for summary in summaries) else 0


def _line(result: SpeechResult) -> str:
    ours = result.ours.edits / max(1, result.ours.units)
    line = f"{result.id:32} {result.method:8} ours {ours:.3f}"
    if result.bare is not None:
        line += f"  bare {result.bare.edits / max(1, result.bare.units):.3f}"
    if result.role_share is not None:
        line += f"  roles {result.role_share:.3f} (confidence {result.role_confidence:.2f})"
    return line


if __name__ == "__main__":
    sys.exit(main())
