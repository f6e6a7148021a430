"""Call records made by hand from the truth of the sample calls: what pages would show if every detector were perfect.

Only display data: no detector, rule or model is judged by these. The findings are those of the truth; the signals, from
which traces and outcomes come, are those of the rules, which see less.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from models.datasets.dialogues import domain_files, read_dialogues
from pipeline.policy.categories import Kind, category, distress_of
from pipeline.policy.registry import Registry, load_registry
from pipeline.records import (
    Audio,
    CallContext,
    CallRecord,
    CarriedWord,
    Citation,
    Evidence,
    Finding,
    FindingStatus,
    Judgement,
    Jurisdiction,
    Measures,
    MetadataEvidence,
    ModelStamp,
    OmissionEvidence,
    Recording,
    Redaction,
    Role,
    RoleAssignment,
    Separation,
    Severity,
    Signal,
    Span,
    Transcript,
    Turn,
    Utterance,
    Word,
    WordsEvidence,
)
from pipeline.stages.detect import Detect, build_rule_detectors
from pipeline.stages.judge import judge_in

SAMPLES = Path(__file__).parents[2] / "samples"
STAMP = ModelStamp(name="by-hand", version="1")
PACK, PACK_VERSION = "cn", "2026.0"
"""Of an older version than is in force, as stored findings often are."""

_POSSIBLE = {"threat.litigation_false", "pressure.amount_misrepresentation", "pressure.false_urgency", "threat.veiled"}
_RULES = {
    "disclosure.identity": "cn.identity-missing",
    "disclosure.recording": "cn.recording-missing",
    "contact.time": "cn.hours",
}
"""Rules that are not named for their category."""
_OMITTED = {"disclosure.identity", "disclosure.recording", "disclosure.mini_miranda"}
_METADATA = {"contact.time", "contact.frequency"}

_CARRIED: Mapping[tuple[str, int, str], Mapping[str, float]] = {
    ("dev-zh-08", 8, "pressure.borrow_to_pay"): {
        "网贷": 0.34,
        "借一点": 0.3,
        "平台": 0.12,
        "几分钟就": 0.14,
        "先": 0.1,
    },
    ("dev-en-07", 10, "threat.veiled"): {
        "where you park": 0.5,
        "think about": 0.2,
        "I know": 0.18,
        "feed store.": 0.12,
    },
}
"""By call, turn and category, the words that a text model would name, and how much they carried together."""

_CLAUSES = (
    Citation(
        ref="cn.cba_prohibit",
        cite="中国银行业协会《催收工作指引(试行)》2026",
        paraphrase_zh="禁止冒充、恐吓、侮辱、威胁、暴力、虚构黑名单、夸大金额或后果、诱导新增借贷。",
        paraphrase_en="Bans impersonation, intimidation, insult, threats, violence, exaggerated amounts or "
        "consequences and inducing new borrowing.",
        status="verified_secondary",
        jurisdiction=Jurisdiction.CN,
    ),
    Citation(
        ref="cn.cfc",
        cite="消费金融公司管理办法 2024",
        paraphrase_zh="不得采用暴力、威胁、恐吓、骚扰等方式，不得向无关第三人催收。",
        paraphrase_en="No violence, threats, intimidation or harassment; no collection from unrelated third persons.",
        status="memory",
        jurisdiction=Jurisdiction.CN,
    ),
)
_CLAUSES_EN = (
    Citation(
        ref="us.1692d_1",
        cite="15 USC 1692d(1)",
        paraphrase_zh="不得对人身、名誉或财产使用或威胁使用暴力或其他犯罪手段。",
        paraphrase_en="Violence or other criminal means against person, reputation or property may be neither "
        "used nor threatened.",
        status="verified_primary",
        jurisdiction=Jurisdiction.US,
    ),
)


def truth(name: str) -> Mapping[str, Any]:
    """The truth of a sample call."""
    loaded: Mapping[str, Any] = json.loads((SAMPLES / "truth" / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def record(name: str, *, id: str, recording: Recording, context: CallContext, audio: Audio) -> CallRecord:
    """The record of a sample call, with everything the call page can show."""
    told = truth(name)
    stereo = told["layout"] == "stereo"
    transcript = Transcript(utterances=tuple(_utterances(told, stereo=stereo)), model=STAMP)
    findings = tuple(_findings(told, transcript))
    flagging = [
        f
        for f in findings
        if f.role is Role.AGENT
        and f.status in (FindingStatus.VIOLATION, FindingStatus.POSSIBLE)
        and f.severity.rank >= Severity.MEDIUM.rank
    ]
    said = {f.category for f in findings if f.role is Role.CUSTOMER}
    signals = _detect()(transcript)
    judged = judge_in(
        _registry().pack_for(context),
        transcript=transcript,
        signals=signals,
        context=context,
        duration_ms=audio.duration_ms,
    )
    return CallRecord(
        id=id,
        revision=1,
        recording=recording,
        context=context,
        audio=audio,
        separation=Separation(
            method="channels" if stereo else "voices",
            turns=tuple(
                Turn(speaker=u.speaker, channel=u.channel, start_ms=u.start_ms, end_ms=u.end_ms)
                for u in transcript.utterances
            ),
            confidence=1.0 if stereo else 0.82,
            model=STAMP,
        ),
        transcript=transcript,
        roles=RoleAssignment(
            roles={u.speaker: u.role for u in transcript.utterances},
            confidence=1.0 if stereo else 0.64,
            method="metadata" if stereo else "inferred",
        ),
        signals=(*signals, *_meant(name, transcript)),
        judgement=Judgement(
            findings=findings,
            flagged=bool(flagging),
            severity=max((f.severity for f in flagging), key=lambda s: s.rank, default=None),
            distress=distress_of(said),
            pack=PACK,
            pack_version=PACK_VERSION,
            outcomes=judged.outcomes,
        ),
        redactions=tuple(_redactions(transcript)),
        measures=_measures(transcript),
        digests={},
    )


def _meant(name: str, transcript: Transcript) -> Iterator[Signal]:
    """What a text model and the lexicon would say together of some findings."""
    for (call, at, label), stretches in _CARRIED.items():
        if call == name:
            utterance = transcript.utterances[at]
            yield Signal(
                category=label,
                detector="lexicon+text",
                span=Span(utterance=at, word_start=0, word_end=len(utterance.words)),
                score=0.83,
                probability=0.91,
                model=STAMP,
                parts={"lexicon": 0.7, "text": 0.83},
                carried=tuple(sorted(_carried(utterance, stretches), key=lambda one: one.word)),
                nearest=_alike(utterance.lang, label),
            )


def _carried(utterance: Utterance, stretches: Mapping[str, float]) -> Iterator[CarriedWord]:
    text = "".join(word.text for word in utterance.words)
    ends = list(accumulate(len(word.text) for word in utterance.words))
    starts = [0, *ends[:-1]]
    for stretch, weight in stretches.items():
        first = text.index(stretch)
        last = first + len(stretch)
        inside = [at for at, (start, end) in enumerate(zip(starts, ends, strict=True)) if start < last and first < end]
        for at in inside:
            yield CarriedWord(word=at, weight=round(weight / len(inside), 3))


def _alike(lang: str, label: str) -> tuple[str, ...]:
    return tuple(e.id for e in read_dialogues(domain_files(lang)) if label in e.labels)[:2]


@cache
def _registry() -> Registry:
    return load_registry()


@cache
def _detect() -> Detect:
    return Detect(build_rule_detectors(_registry()))


def _utterances(told: Mapping[str, Any], *, stereo: bool) -> Iterator[Utterance]:
    for index, turn in enumerate(told["turns"]):
        channel = 1 if stereo and turn["spk"] == "customer" else 0
        speaker = f"ch{channel}" if stereo else f"v{int(turn['spk'] == 'customer')}"
        lang = "zh" if re.search(r"[一-鿿]", turn["text"]) else "en"
        yield Utterance(
            index=index,
            speaker=speaker,
            channel=channel,
            role=Role(turn["spk"]),
            lang=lang,
            words=tuple(_words(turn["text"], lang, round(turn["start"] * 1000), round(turn["end"] * 1000), index)),
        )


def _words(text: str, lang: str, start_ms: int, end_ms: int, seed: int) -> Iterator[Word]:
    tokens = re.findall(r"[一-鿿][，。？！、：；]*|[^一-鿿]+", text) if lang == "zh" else re.findall(r"\s*\S+", text)
    step = (end_ms - start_ms) / max(1, len(tokens))
    for place, token in enumerate(tokens):
        yield Word(
            text=token,
            start_ms=round(start_ms + place * step),
            end_ms=round(start_ms + (place + 1) * step),
            confidence=0.34 if (place * 7 + seed * 3) % 29 == 5 else 0.93,
        )


def _findings(told: Mapping[str, Any], transcript: Transcript) -> Iterator[Finding]:
    clauses = _CLAUSES if told["meta"].get("jurisdiction") in ("CN", "TW") else _CLAUSES_EN
    said = set()
    for index, turn in enumerate(told["turns"]):
        utterance = transcript.utterances[index]
        for label in turn["labels"]:
            said.add(label)
            found = category(label)
            size = len(utterance.words)
            first = size // 2 if len(turn["labels"]) > 1 and label != turn["labels"][0] else 0
            span = Span(utterance=index, word_start=first, word_end=size)
            evidence = WordsEvidence(span=span, start_ms=utterance.start_ms, end_ms=utterance.end_ms)
            yield _finding(label, _status(label), utterance.role, evidence, clauses, probability=0.97 - index * 0.011)
            assert (
                found.role is utterance.role or found.kind is Kind.NEUTRAL or label.startswith(("distress.", "safety."))
            )
    for label in told["expect"]["categories"]:
        if label in _OMITTED and label not in said:
            evidence = OmissionEvidence(window_start_ms=0, window_end_ms=30_000)
            yield _finding(label, FindingStatus.VIOLATION, Role.AGENT, evidence, clauses, probability=None)
        elif label in _METADATA and label not in said:
            facts = {"local_time": "21:41", "window": "08:00-21:00"}
            yield _finding(
                label, FindingStatus.VIOLATION, Role.AGENT, MetadataEvidence(facts=facts), clauses, probability=None
            )


def _status(label: str) -> FindingStatus:
    return FindingStatus.POSSIBLE if label in _POSSIBLE else category(label).kind.status


def _finding(
    label: str,
    status: FindingStatus,
    role: Role,
    evidence: Evidence,
    clauses: tuple[Citation, ...],
    *,
    probability: float | None,
) -> Finding:
    found = category(label)
    judged = found.kind in (Kind.VIOLATION, Kind.REQUIRED_STATEMENT) and status is not FindingStatus.POSITIVE
    possible = status is FindingStatus.POSSIBLE
    return Finding(
        category=label,
        status=status,
        severity=found.severity,
        role=role,
        evidence=evidence,
        rule=_RULES.get(label, f"cn.{label}"),
        pack=PACK,
        pack_version=PACK_VERSION,
        clauses=clauses if judged else (),
        probability=round(probability, 3) if probability is not None else None,
        detectors=("lexicon", "text") if probability is not None else (),
        features=("mishearing",) if label == "abuse.profanity" else (),
        reason_zh="账户资料中没有能证实或否定这句话的记录。" if possible else "",
        reason_en="Nothing on file confirms or refutes what was said." if possible else "",
    )


def _redactions(transcript: Transcript) -> Iterator[Redaction]:
    """Runs of at least four spoken digits."""
    for utterance in transcript.utterances:
        run: list[int] = []
        for place, word in [*enumerate(utterance.words), (len(utterance.words), None)]:
            if word is not None and re.fullmatch(r"[零一二三四五六七八九幺][，。]*", word.text):
                run.append(place)
                continue
            if len(run) >= 4:
                span = Span(utterance=utterance.index, word_start=run[0], word_end=run[-1] + 1)
                start, end = utterance.words[run[0]].start_ms, utterance.words[run[-1]].end_ms
                yield Redaction(kind="digits", span=span, start_ms=start, end_ms=end)
            run = []


def _measures(transcript: Transcript) -> Measures:
    spoken = transcript.utterances
    agent = [u for u in spoken if u.role is Role.AGENT]
    customer = [u for u in spoken if u.role is Role.CUSTOMER]
    overlaps = [a.end_ms - b.start_ms for a, b in pairwise(spoken) if a.end_ms > b.start_ms]
    gaps = [b.start_ms - a.end_ms for a, b in pairwise(spoken) if b.start_ms > a.end_ms]
    agent_ms, customer_ms = (sum(u.end_ms - u.start_ms for u in side) for side in (agent, customer))
    return Measures(
        talk_over_count=len(overlaps),
        talk_over_ms=sum(overlaps),
        silence_ms=sum(gaps),
        longest_silence_ms=max(gaps, default=0),
        agent_speech_ms=agent_ms,
        customer_speech_ms=customer_ms,
        agent_rate=sum(len(u.words) for u in agent) * 1000 / max(1, agent_ms),
        customer_rate=sum(len(u.words) for u in customer) * 1000 / max(1, customer_ms),
    )
