"""A written dialogue as a transcript, so that text can be detected and judged like speech."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipeline.errors import InvalidInput
from pipeline.records import ModelStamp, Role, Transcript, Utterance, Word

TURN_MS = 4_000
_PAUSE_MS = 200
_PIECE = re.compile(r"\s*[A-Za-z0-9$£€%'’.,-]+|\s*\S")
_LINE = re.compile(r"\s*(agent|customer|unknown|催收员?|坐席|客服|客户|客戶|债务人|A|C)\s*[:：]\s*(.+?)\s*")
_ROLES = {"客户": Role.CUSTOMER, "客戶": Role.CUSTOMER, "债务人": Role.CUSTOMER, "C": Role.CUSTOMER}
_MOST_LINES, _LONGEST = 400, 2_000


def words_of(text: str, start_ms: int = 0, end_ms: int = 0) -> tuple[Word, ...]:
    """A text as words, one a Chinese character or Latin word, spread evenly over a time."""
    pieces = _PIECE.findall(text)
    step = (end_ms - start_ms) / max(len(pieces), 1)
    return tuple(
        Word(text=piece, start_ms=round(start_ms + i * step), end_ms=round(start_ms + (i + 1) * step), confidence=1.0)
        for i, piece in enumerate(pieces)
    )


def language_of(text: str) -> str:
    """ "zh" where a Chinese character stands in the text, else "en"."""
    return "zh" if re.search(r"[\u3400-\u9fff]", text) else "en"


def transcript_of(lines: Iterable[tuple[Role, str]]) -> Transcript:
    """One utterance a line, four seconds each."""
    utterances = []
    for index, (role, text) in enumerate(lines):
        start = index * TURN_MS
        utterances.append(
            Utterance(
                index=index,
                speaker=role,
                channel=0,
                role=role,
                lang=language_of(text),
                words=words_of(text, start, start + TURN_MS - _PAUSE_MS),
            )
        )
    return Transcript(utterances=tuple(utterances), model=ModelStamp(name="script", version="1"))


def read_dialogue(text: str) -> tuple[tuple[Role, str], ...]:
    """Lines of "agent: …" and "customer: …" (also 催收: and 客户:); raises InvalidInput naming the first other."""
    lines = []
    for number, raw in enumerate(text.splitlines(), 1):
        if not raw.strip():
            continue
        found = _LINE.fullmatch(raw)
        if found is None:
            raise InvalidInput(
                f"Line {number} does not begin with “agent:” or “customer:” (催收: or 客户:).", code="bad_dialogue"
            )
        name, said = found.groups()
        role = _ROLES.get(name) or (Role(name) if name in tuple(Role) else Role.AGENT)
        lines.append((role, said[:_LONGEST]))
        if len(lines) > _MOST_LINES:
            raise InvalidInput(f"A dialogue has at most {_MOST_LINES} lines.", code="bad_dialogue")
    if not lines:
        raise InvalidInput("Write at least one line, such as “agent: …”.", code="bad_dialogue")
    return tuple(lines)
