"""Policy packs: layers of files that become one policy, named by version and content.

A pack is law for one jurisdiction: clauses, the lexicons that apply, rules and patterns (those all packs share and its
own). A pack may extend another: a bank's own rules over `cn` replace, add to or switch off what stands below.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from pathlib import Path

from pipeline.policy.categories import categories
from pipeline.policy.citations import HOUSE, pick, read_clauses
from pipeline.policy.conditions import Said, read_thresholds, with_thresholds
from pipeline.policy.lexicon import LANGUAGES, Lexicon, read_lexicon, read_own_lexicon
from pipeline.policy.outcomes import Pattern, read_patterns
from pipeline.policy.rules import Rule, read_rule, signals_needed
from pipeline.policy.safety import SafetyLine, read_safety
from pipeline.policy.sounds import SoundEntry, read_sounds
from pipeline.policy.source import POLICY_DIR, BadPolicy, Node, read, suggestion
from pipeline.policy.timeline_rules import AnyTimelineRule, read_timeline_rule
from pipeline.records import Citation, Jurisdiction

PACKS_DIR = POLICY_DIR / "packs"


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pack:
    """One jurisdiction's policy. `version` is the declared version and a digest of all its files.

    `origin` names the pack whose file each rule stands in.
    """

    name: str
    version: str
    jurisdiction: Jurisdiction
    lexicons: tuple[Lexicon, ...]
    clauses: Mapping[str, Citation]
    cited: Mapping[str, tuple[Citation, ...]]
    rules: tuple[Rule, ...]
    flag_possible_over: float
    """A finding that is only possible flags the call when its probability is higher than this."""
    timeline: tuple[AnyTimelineRule, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """The probability from which a signal counts, by category or group, where a rule does not state its own."""
    patterns: tuple[Pattern, ...] = ()
    sounds: tuple[SoundEntry, ...] = ()
    customer_voice: bool = True
    """Whether loudness, pitch, tremor and sobs of a customer are measured."""
    safety: SafetyLine | None = None
    note_zh: str = ""
    note_en: str = ""
    """What who relies on the pack has to know, such as a language that it does not cover."""
    extends: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    """What it was read from, its own file first."""
    origin: Mapping[str, str] = field(default_factory=dict)

    def rule(self, rule_id: str) -> Rule:
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise BadPolicy(f"pack {self.name} has no rule '{rule_id}'{suggestion(rule_id, [r.id for r in self.rules])}")

    def rules_for(self, present: Collection[str]) -> Iterable[Rule]:
        """The rules that a call with signals of these categories only may meet."""
        for rule in self.rules:
            evidence = rule.conditions[rule.evidence]
            if not isinstance(evidence, Said) or any(key in present for key in evidence.signals):
                yield rule


_FIELDS = ("pack", "version")
_OPTIONAL = (
    *(
        "extends",
        "jurisdiction",
        "lexicons",
        "lexicon",
        "clauses",
        "categories",
        "rules",
        "timeline",
        "patterns",
        "sounds",
        "thresholds",
    ),
    *("include", "flag_possible_over", "customer_voice", "safety", "note_zh", "note_en"),
)
_WHOLE = ("jurisdiction", "lexicons", "flag_possible_over", "customer_voice", "safety", "note_zh", "note_en")
"""What the uppermost layer that says it decides; the rest is merged by key."""
_MERGED = ("categories", "rules", "timeline", "patterns", "sounds", "thresholds")
_INCLUDED = ("rules", "patterns", "sounds", "thresholds")


@dataclass(frozen=True, slots=True)
class _Layer:
    """One pack file; `files` are it and those it includes."""

    path: Path
    name: str
    fields: Mapping[str, Node]
    files: tuple[Path, ...]
    included: Mapping[str, Mapping[str, Node]]


def read_pack(path: Path) -> Pack:
    """A pack with all it includes and extends; raises BadPolicy with file and line of a mistake."""
    layers = _layers(path)
    top = layers[-1]
    whole = {key: layer.fields[key] for layer in layers for key in _WHOLE if key in layer.fields}
    for key in ("jurisdiction", "lexicons", "flag_possible_over"):
        if key not in whole:
            raise BadPolicy(f"{path.name}:1: '{key}' is missing.")
    jurisdiction = whole["jurisdiction"].one_of(Jurisdiction)
    merged, origin = _merged(layers)
    clauses: dict[str, Citation] = {}
    for layer in layers:
        if "clauses" in layer.fields:
            clauses.update(read_clauses(layer.fields["clauses"], jurisdiction))
    cited = _cited(merged["categories"], clauses)
    shipped = [path.parent if (path.parent / name).is_dir() else PACKS_DIR for name in whole["lexicons"].texts()]
    folders = [parent / name for parent, name in zip(shipped, whole["lexicons"].texts(), strict=True)]
    lexicons = [*map(_lexicon, folders), *(own for layer in layers for own in _own_lexicons(layer, folders))]
    files = [file for layer in layers for file in layer.files]
    files += [file for folder in folders for file in sorted(folder.glob("*.yaml"))]
    by_reference = {key: {clause.ref: clause for clause in found} for key, found in cited.items()}
    thresholds = read_thresholds(merged["thresholds"])
    rules = tuple(
        _with_thresholds(read_rule(name, node, top.name, by_reference), thresholds)
        for name, node in merged["rules"].items()
        if not (node.is_text and node.text() == "off")
    )
    _all_can_be_said(rules, lexicons)
    customer_voice = "customer_voice" not in whole or whole["customer_voice"].one_of(Switch) is Switch.ON
    return Pack(
        name=top.name,
        version=f"{top.fields['version'].text()}+{_digest(files)}",
        jurisdiction=jurisdiction,
        lexicons=tuple(lexicons),
        clauses=clauses,
        cited=cited,
        rules=rules,
        timeline=tuple(
            read_timeline_rule(name, node, top.name, cited, clauses)
            for name, node in merged["timeline"].items()
            if not (node.is_text and node.text() == "off")
        ),
        flag_possible_over=whole["flag_possible_over"].number(0, 1),
        thresholds=thresholds,
        patterns=read_patterns(merged["patterns"]),
        sounds=tuple(e for e in read_sounds(merged["sounds"]) if customer_voice or not e.of_customer_voice),
        customer_voice=customer_voice,
        safety=read_safety(whole["safety"]) if "safety" in whole else None,
        note_zh=whole["note_zh"].text() if "note_zh" in whole else "",
        note_en=whole["note_en"].text() if "note_en" in whole else "",
        extends=tuple(layer.name for layer in layers[:-1]),
        files=(path, *(file for file in files if file != path)),
        origin={f"{top.name}.{name}": origin[name] for name in merged["rules"]},
    )


def _with_thresholds(rule: Rule, thresholds: Mapping[str, float]) -> Rule:
    return replace(rule, conditions=with_thresholds(rule.conditions, thresholds))


def _layers(path: Path, above: tuple[Path, ...] = ()) -> list[_Layer]:
    """The pack's file and those it extends, the lowest first."""
    root = read(path)
    fields = root.fields(_FIELDS, _OPTIONAL)
    layer = _layer(path, fields)
    if "extends" not in fields:
        return [layer]
    name = fields["extends"].text()
    beside = path.with_name(f"{name}.yaml")
    below = beside if beside.is_file() and beside.resolve() != path.resolve() else PACKS_DIR / f"{name}.yaml"
    if not below.is_file():
        known = [p.stem for p in (*PACKS_DIR.glob("*.yaml"), *path.parent.glob("*.yaml"))]
        fields["extends"].fail(f"there is no pack '{name}' to extend{suggestion(name, known)}")
    if below.resolve() in {p.resolve() for p in (path, *above)}:
        fields["extends"].fail(f"'{name}' extends this pack itself; a pack can't stand on itself.")
    return [*_layers(below, (path, *above)), layer]


def _layer(path: Path, fields: Mapping[str, Node]) -> _Layer:
    files = [path]
    included: dict[str, dict[str, Node]] = {key: {} for key in _INCLUDED}
    for include in fields["include"].parts() if "include" in fields else ():
        files.append(_inside(path.parent, include))
        for key, node in read(files[-1]).fields((), _INCLUDED).items():
            included[key].update(node.mapping())
    return _Layer(path, fields["pack"].text(), fields, tuple(files), included)


def _inside(folder: Path, include: Node) -> Path:
    """The included file; only what stands in the pack's own folder may be read."""
    file = folder / include.text()
    if not file.resolve().is_relative_to(folder.resolve()):
        include.fail("a pack includes files of its own folder only.")
    return file


def _merged(layers: Iterable[_Layer]) -> tuple[dict[str, dict[str, Node]], dict[str, str]]:
    """The keys of all layers, the upper ones winning, and the pack in which each rule stands."""
    merged: dict[str, dict[str, Node]] = {key: {} for key in _MERGED}
    origin: dict[str, str] = {}
    for layer in layers:
        for key in _MERGED:
            own = layer.fields[key].mapping() if key in layer.fields else {}
            found = {**layer.included.get(key, {}), **own}
            merged[key].update(found)
            if key == "rules":
                origin.update(dict.fromkeys(found, layer.name))
    return merged, origin


def _cited(nodes: Mapping[str, Node], clauses: Mapping[str, Citation]) -> dict[str, tuple[Citation, ...]]:
    """The clauses of each category; one without any is the deployer's own policy."""
    cited: dict[str, tuple[Citation, ...]] = dict.fromkeys(categories(), (HOUSE,))
    for key, node in nodes.items():
        if key not in categories():
            node.fail(f"there is no category '{key}'{suggestion(key, categories())}")
        if node.texts():
            cited[key] = pick(node, clauses)
    return cited


def _own_lexicons(layer: _Layer, folders: Iterable[Path]) -> Iterable[Lexicon]:
    if "lexicon" not in layer.fields:
        return
    for lang, node in layer.fields["lexicon"].mapping().items():
        if lang not in LANGUAGES:
            node.fail(f"'{lang}' is not one of {', '.join(LANGUAGES)}.")
        yield read_own_lexicon(node, layer.name, lang, next(f for f in folders if f.name == lang))


def _all_can_be_said(rules: Iterable[Rule], lexicons: Iterable[Lexicon]) -> None:
    """Refuses a rule that waits for what neither a lexicon nor a model can ever find."""
    said = {entry.category for lexicon in lexicons for entry in lexicon.entries} | set(categories())
    for rule in rules:
        for name, signals in signals_needed(rule):
            if said.isdisjoint(signals):
                raise BadPolicy(
                    f"{rule.place}: the rule '{rule.id}' can never hit: nothing in the lexicons says "
                    f"{' or '.join(signals)}, which its condition '{name}' waits for."
                )


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in [POLICY_DIR / "categories.yaml", *files]:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@cache
def _lexicon(folder: Path) -> Lexicon:
    return read_lexicon(folder)
