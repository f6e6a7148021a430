"""How often a call in which the agent does nothing wrong is flagged, by how long it is.

    python scripts/long_calls.py      (FORBEAR_TEXT_MODEL=FOLDER for another text model)

Dialogues of models/datasets/validation and check without a violation of the agent's are judged, all detectors on their
text, and joined at random into calls of some minutes, 4 s a turn. A third of their turns were written to look like
violations, so that what matters is not how many are flagged but how much two possible findings add.
Prints the share of such calls that one finding alone flags, and with those that two possible findings flag. Whether
somebody had asked who is on the line can't be seen in a piece of a call: `privacy.no_verification` is left out.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace

from forbear.wiring import build_predictor
from models.datasets.dialogues import Example, check_files, read_dialogues, validation_files
from pipeline.evaluation.predictions import Predictor
from pipeline.policy.categories import Kind, categories
from pipeline.policy.judging import flags, judgement_of
from pipeline.records import CallContext, Finding, FindingStatus, Jurisdiction, Role, WordsEvidence
from pipeline.settings import load_settings
from pipeline.stages.dialogue import TURN_MS, transcript_of

MINUTES = (2, 5, 15, 60)
CALLS = 500
SEED = 1
LAW = {"zh": Jurisdiction.CN, "en": Jurisdiction.UK}
Judged = tuple[int, list[Finding]]
"""How many turns a dialogue has, and what was found in it."""


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    settings = load_settings()
    drawn = random.Random(SEED)
    for lang, jurisdiction in LAW.items():
        predictor = build_predictor(settings, jurisdiction=jurisdiction)
        (pack,) = predictor.packs
        judged = [(len(turns), found_in(turns, predictor)) for turns in clean_dialogues(lang)]
        length = sum(turns for turns, _ in judged)
        found = sum(is_adverse(finding) for _, findings in judged for finding in findings)
        print(f"{lang}: {len(judged)} dialogues of {length} turns, {found} possible or certain violations")
        for minutes in MINUTES:
            calls = [joined(judged, minutes * 60_000 // TURN_MS, drawn) for _ in range(CALLS)]
            over = pack.flag_possible_over
            alone = sum(any(flags(f, flag_possible_over=over) for f in call) for call in calls) / CALLS
            together = sum(judgement_of(call, pack).flagged for call in calls) / CALLS
            print(f"  {minutes:2} minutes: one finding flags {alone:.1%}, with two possible ones {together:.1%}")


def clean_dialogues(lang: str) -> list[list[Example]]:
    """Dialogues in which no turn is labelled with a violation."""
    dialogues: list[list[Example]] = []
    for example in read_dialogues([*validation_files(lang), *check_files(lang)]):
        if example.in_dialogue and example.context:
            dialogues[-1].append(example)
        elif example.in_dialogue:
            dialogues.append([example])
    return [turns for turns in dialogues if not any(map(is_violating, turns))]


def is_violating(example: Example) -> bool:
    return any(categories()[label].kind is Kind.VIOLATION for label in example.labels)


def is_adverse(finding: Finding) -> bool:
    return finding.status in (FindingStatus.VIOLATION, FindingStatus.POSSIBLE)


def found_in(turns: Sequence[Example], predictor: Predictor) -> list[Finding]:
    """What is found in the agent's words of one dialogue."""
    (pack,) = predictor.packs
    transcript = transcript_of((Role(e.line.role), e.line.text) for e in turns)
    judgement = predictor.judge(
        transcript=transcript,
        signals=predictor.detect(transcript),
        context=CallContext(jurisdiction=pack.jurisdiction),
        duration_ms=len(turns) * TURN_MS,
    )
    return [
        finding
        for finding in judgement.findings
        if finding.role is Role.AGENT
        and finding.category != "privacy.no_verification"
        and isinstance(finding.evidence, WordsEvidence)
    ]


def joined(judged: Sequence[Judged], turns: int, drawn: random.Random) -> list[Finding]:
    """The findings of dialogues drawn until they are so many turns long, each turn by its number in the whole."""
    findings: list[Finding] = []
    length = 0
    while length < turns:
        more, here = drawn.choice(judged)
        for finding in here:
            words = finding.evidence
            assert isinstance(words, WordsEvidence)
            place = replace(words.span, utterance=words.span.utterance + length)
            findings.append(replace(finding, evidence=replace(words, span=place)))
        length += more
    return findings


if __name__ == "__main__":
    main()
