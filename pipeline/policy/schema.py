"""The JSON Schema of policy files, so that an editor completes keys, categories and facts while one types.

Made from the same lists that reading checks against. What a schema can't say (circles, rules that can never hit, RE2)
is for `forbear policy lint`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from pipeline.policy.categories import CUES, GROUPS, categories
from pipeline.policy.citations import Status
from pipeline.policy.conditions import ABOUT, Comparison
from pipeline.policy.facts import facts
from pipeline.policy.features import FEATURES
from pipeline.policy.lexicon import LANGUAGES
from pipeline.policy.sounds import OF_ANYBODY, Measure
from pipeline.policy.timeline_rules import Counted, Same, Unknown, Whom
from pipeline.records import CollectorType, FindingStatus, Jurisdiction, Polarity, Role, Severity

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"oneOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_NUMBER: Schema = {"type": "number"}
_WHOLE: Schema = {"type": "integer"}
_FLAG: Schema = {"type": "boolean"}
_DATE: Schema = {}
"""A date or "unknown"; some readers of YAML make a date of the text, which no type of JSON describes."""
_OFF: Schema = {"enum": ["off", False]}
"""Some readers of YAML make a boolean of the word."""
_CLOCK: Schema = {"type": "string", "pattern": r"^\d\d:\d\d$"}


def _one_of(values: Any) -> Schema:
    return {"enum": [str(value) for value in values]}


def _some(item: Schema) -> Schema:
    """One, or a list of them."""
    return {"oneOf": [item, {"type": "array", "items": item}]}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _object(properties: Schema, required: tuple[str, ...] = ()) -> Schema:
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**made, "required": list(required)} if required else made


def _named(value: Schema, names: Schema | None = None) -> Schema:
    made: Schema = {"type": "object", "additionalProperties": value}
    return {**made, "propertyNames": names} if names else made


def pack_schema() -> Schema:
    """The schema of a pack file (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Forbear policy pack",
        **_object(
            {
                "pack": _TEXT,
                "version": _TEXT,
                "extends": _TEXT,
                "jurisdiction": _one_of(Jurisdiction),
                "lexicons": _some(_one_of(LANGUAGES)),
                "include": _TEXTS,
                "flag_possible_over": _SHARE,
                "customer_voice": {"enum": ["on", True, *_OFF["enum"]]},
                "note_zh": _TEXT,
                "note_en": _TEXT,
                "safety": _object(
                    {"crisis": _TEXT, "emergency": _TEXT, "status": _ref("status")}, ("crisis", "emergency")
                ),
                "clauses": _named(_ref("clause")),
                "categories": _named(_TEXTS, _ref("category")),
                "lexicon": _named(_named(_named(_ref("entry")), _ref("said")), _one_of(LANGUAGES)),
                "sounds": _object(
                    {
                        **{key: _named(_sound(category.role)) for key, category in categories().items()},
                        **{key: _named(_sound(cue.role)) for key, cue in CUES.items()},
                    }
                ),
                "rules": _named({"oneOf": [_OFF, _ref("rule")]}),
                "thresholds": _object(dict.fromkeys((*GROUPS, *categories()), _SHARE)),
                "timeline": _named({"oneOf": [_OFF, _ref("timeline")]}),
                "patterns": _named(_ref("pattern")),
            },
            ("pack", "version"),
        ),
        "$defs": _definitions(),
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _sound(role: Role) -> Schema:
    """Of customers more may be used; one that says another role is measured as that one."""
    return {"anyOf": [_ref("sound"), _ref("voice")]} if role is Role.CUSTOMER else _ref("sound")


def _measured(measures: Iterable[Measure], role: Schema) -> Schema:
    return {
        **_object(
            {"score": _SHARE, "measure": _one_of(measures), "over": _NUMBER, "under": _NUMBER, "role": role},
            ("score", "measure"),
        ),
        "anyOf": [{"required": ["over"]}, {"required": ["under"]}],
    }


def _definitions() -> Schema:
    said = _some(_ref("said"))
    finding = {
        "category": _ref("category"),
        "severity": _one_of(Severity),
        "status": _one_of(FindingStatus),
        "clauses": _list(_TEXT),
        "collector_type": _one_of(CollectorType),
        "reason_zh": _TEXT,
        "reason_en": _TEXT,
    }
    fact = {"enum": list(facts())}
    return {
        "category": {"enum": list(categories())},
        "said": {"enum": [*categories(), *CUES]},
        "fact": fact,
        "feature": _one_of(FEATURES),
        "status": _one_of(get_args(Status)),
        "role": _one_of(Role),
        "clause": _object(
            {"cite": _TEXT, "zh": _TEXT, "en": _TEXT, "status": _ref("status"), "from": _DATE, "until": _DATE,
             "source": _TEXTS},
            ("cite", "zh", "en"),
        ),
        "entry": {
            **_object(
                {"score": _SHARE, "say": _TEXTS, "like": _TEXTS, "like_from": _SHARE, "unless": _TEXTS,
                 "ignore": _some(_ref("feature")), "role": _ref("role")},
                ("score",),
            ),
            "anyOf": [{"required": ["say"]}, {"required": ["like"]}],
        },
        "sound": _measured([m for m in Measure if m in OF_ANYBODY], _ref("role")),
        "voice": _measured(Measure, {"const": str(Role.CUSTOMER)}),
        "anchor": {
            "oneOf": [
                _TEXT,
                _object(
                    {"of": _TEXT, "hit": _WHOLE, "within_turns": _WHOLE, "within_s": _NUMBER, "unless": _TEXTS},
                    ("of",),
                ),
            ]
        },
        "condition": {"oneOf": _conditions(said)},
        "expression": {
            "oneOf": [
                _TEXT,
                _object({"all": _list(_ref("expression"))}, ("all",)),
                _object({"any": _list(_ref("expression"))}, ("any",)),
                _object({"not": _ref("expression")}, ("not",)),
                _object({"at_least": _WHOLE, "of": _list(_ref("expression"))}, ("at_least", "of")),
            ]
        },
        "rule": _object(
            {
                **finding,
                "lawful_if": _some(_ref("fact")),
                "probability": _SHARE,
                "when": _ref("expression"),
                "conditions": _named(_ref("condition")),
                "evidence": _TEXT,
                "said": said,
                "threshold": _SHARE,
                "excuses": _some(_ref("feature")),
                "required": said,
                "within_s": _NUMBER,
                "starts_with": said,
                "never_after": said,
                "at_least_s": _NUMBER,
                "earliest": _CLOCK,
                "latest": _CLOCK,
                "consent": _some(_ref("fact")),
                "after": said,
                "then": said,
                "missing": said,
                "unless": said,
                "without": said,
                "within_turns": _WHOLE,
                "within_first_s": _NUMBER,
            },
            ("category",),
        ),
        "timeline": _object(
            {
                **finding,
                "whom": _one_of(Whom),
                "per": _some(_one_of(Same)),
                "consent": _some(_ref("fact")),
                "unknown": _one_of(Unknown),
                "counts": _one_of(Counted),
                "most": _WHOLE,
                "days": _WHOLE,
                "quiet_days": _WHOLE,
                "after": said,
                "on_file": _some(_ref("fact")),
                "unless": said,
                "then": said,
                "within_days": _WHOLE,
                "threshold": _SHARE,
                "lawful_if": _some(_ref("fact")),
            },
            ("category",),
        ),
        "pattern": _object(
            {
                "polarity": _one_of(Polarity),
                "name_zh": _TEXT,
                "name_en": _TEXT,
                "steps": _list(
                    {
                        "oneOf": [
                            said,
                            _object({"any": said, "optional": _FLAG}, ("any",)),
                            _object({"none": said, "within_turns": _WHOLE}, ("none", "within_turns")),
                        ]
                    }
                ),
            },
            ("polarity", "name_zh", "name_en", "steps"),
        ),
    }  # fmt: skip


def _conditions(said: Schema) -> list[Schema]:
    by = _some(_ref("role"))
    tests: Schema = {
        Comparison.IS: {"type": ["string", "boolean", "number"]},
        Comparison.ONE_OF: {"type": "array"},
        Comparison.OVER: _NUMBER,
        Comparison.UNDER: _NUMBER,
        Comparison.KNOWN: _FLAG,
    }
    scope = {
        "first_s": _NUMBER,
        "last_s": _NUMBER,
        "first_turns": _WHOLE,
        "last_turns": _WHOLE,
        "after": _ref("anchor"),
        "before": _ref("anchor"),
        "not_after": _TEXTS,
    }
    return [
        _object(
            {
                "said": said,
                "by": by,
                "threshold": _SHARE,
                "excuses": _some(_ref("feature")),
                "requires": _some(_ref("feature")),
                "at_least": _WHOLE,
                **scope,
            },
            ("said",),
        ),
        _object(
            {
                "missing": said,
                "by": by,
                "threshold": _SHARE,
                "after": _ref("anchor"),
                "within_s": _NUMBER,
                "within_turns": _WHOLE,
                "never": _TEXTS,
                "at_least_s": _NUMBER,
            },
            ("missing",),
        ),
        _object(
            {
                "hours": _object({"earliest": _CLOCK, "latest": _CLOCK}, ("earliest", "latest")),
                "consent": _some(_ref("fact")),
            },
            ("hours",),
        ),
        _object({"fact": _ref("fact"), **tests}, ("fact",)),
        _object({"about": {"enum": list(ABOUT)}, **tests}, ("about",)),
    ]
