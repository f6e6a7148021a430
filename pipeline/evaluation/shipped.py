"""The turns with known truth that come with Forbear: models were chosen and calibrated by them, never trained."""

from __future__ import annotations

from models.datasets.dialogues import Example, read_dialogues, validation_files
from pipeline.evaluation.turns import LabelledTurn, SpokenLine, TurnLanguage
from pipeline.records import Role


def shipped_turns() -> tuple[LabelledTurn, ...]:
    """Every validation turn."""
    return tuple(turn_of(example) for example in read_dialogues(validation_files()))


def turn_of(example: Example) -> LabelledTurn:
    """A dialogue's turn as evaluation reads one."""
    return LabelledTurn(
        id=example.id,
        language=TurnLanguage.EN if example.lang == "en" else TurnLanguage.ZH,
        role=Role(example.line.role),
        previous=tuple(SpokenLine(role=Role(line.role), text=line.text) for line in example.context),
        text=example.line.text,
        labels=example.labels,
        hard_negative=example.kind is not None,
    )
