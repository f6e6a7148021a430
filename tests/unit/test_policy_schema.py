"""The schema that editors use says of the shipped packs that they are right, and of mistakes that they are not."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from pipeline.policy.pack import PACKS_DIR
from pipeline.policy.schema import pack_schema

VALIDATOR = Draft202012Validator(pack_schema())


def load(name: str) -> dict[str, Any]:
    pack: dict[str, Any] = yaml.safe_load((PACKS_DIR / name).read_text(encoding="utf-8"))
    return pack


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(pack_schema())


@pytest.mark.parametrize("name", [path.name for path in sorted(PACKS_DIR.glob("*.yaml"))])
def test_the_packs_that_ship_are_right(name: str) -> None:
    assert [f"{list(e.absolute_path)}: {e.message[:120]}" for e in VALIDATOR.iter_errors(load(name))] == []


def test_what_all_packs_share_is_right() -> None:
    shared = load("shared/rules.yaml")
    assert not list(VALIDATOR.iter_errors({"pack": "a", "version": "1", **shared}))


@pytest.mark.parametrize(
    "mistake",
    [
        {"rulez": {}},
        {"rules": {"r": {"category": "threat.vield", "said": "threat.veiled"}}},
        {"rules": {"r": {"category": "threat.veiled", "said": "cue.demnd"}}},
        {"rules": {"r": {"category": "threat.veiled", "said": "threat.veiled", "lawful_if": ["suit_fled"]}}},
        {
            "rules": {
                "r": {"category": "threat.veiled", "when": {"some": ["a"]}, "conditions": {"a": {"said": "cue.demand"}}}
            }
        },
        {"lexicon": {"fr": {}}},
        {"lexicon": {"zh": {"threat.veiled": {"x": {"score": 0.5}}}}},
        {"clauses": {"a.b": {"cite": "x", "zh": "x", "en": "x", "status": "sworn"}}},
        {"sounds": {"cue.loud": {"x": {"measure": "volume", "over": 1, "score": 1}}}},
        {"sounds": {"cue.loud": {"x": {"measure": "tremor", "over": 1, "score": 1}}}},
        {"sounds": {"cue.voice_crying": {"x": {"measure": "sobs", "over": 1, "score": 1, "role": "agent"}}}},
        {"customer_voice": "maybe"},
    ],
)
def test_mistakes_are_seen(mistake: dict[str, Any]) -> None:
    assert list(VALIDATOR.iter_errors({"pack": "a", "version": "1", **mistake}))
