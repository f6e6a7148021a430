"""Policy packs: read once from their files, found by jurisdiction, named by version and content.

A pack is law for one jurisdiction: clauses, the lexicons that apply, and rules (those all packs share and its own).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.policy.categories import categories
from pipeline.policy.citations import HOUSE, pick, read_clauses
from pipeline.policy.lexicon import Lexicon, read_lexicon
from pipeline.policy.rules import AnyRule, Rule, read_rule
from pipeline.policy.source import POLICY_DIR, BadPolicy, Node, read
from pipeline.records import CallContext, Citation, Jurisdiction

PACKS_DIR = POLICY_DIR / "packs"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pack:
    """One jurisdiction's policy. `version` is the declared version and a digest of all its files."""

    name: str
    version: str
    jurisdiction: Jurisdiction
    lexicons: tuple[Lexicon, ...]
    clauses: Mapping[str, Citation]
    rules: tuple[AnyRule, ...]
    flag_possible_over: float
    """A finding that is only possible flags the call when its probability is higher than this."""

    def rule(self, rule_id: str) -> Rule:
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise BadPolicy(f"pack {self.name} has no rule '{rule_id}'.")


_FIELDS = (
    *("pack", "version", "jurisdiction", "lexicons"),
    *("clauses", "categories", "rules", "flag_possible_over"),
)


def read_pack(path: Path) -> Pack:
    """A pack with all it includes; raises BadPolicy with file and line of a mistake."""
    top = read(path).fields(_FIELDS, ["include"])
    name = top["pack"].text()
    jurisdiction = top["jurisdiction"].one_of(Jurisdiction)
    clauses = read_clauses(top["clauses"], jurisdiction)
    cited: dict[str, dict[str, Citation]] = {key: {HOUSE.ref: HOUSE} for key in categories()}
    for category, node in top["categories"].mapping().items():
        if category not in categories():
            node.fail(f"there is no category '{category}'.")
        if node.texts():
            cited[category] = {clause.ref: clause for clause in pick(node, clauses)}
    files = [path]
    sources: dict[str, Node] = {}
    for include in top["include"].texts() if "include" in top else ():
        files.append(path.parent / include)
        sources.update(read(files[-1]).fields(["rules"])["rules"].mapping())
    sources.update(top["rules"].mapping())
    lexicons = []
    for language in top["lexicons"].texts():
        folder = path.parent / language
        files.extend(sorted(folder.glob("*.yaml")))
        lexicons.append(_lexicon(folder))
    return Pack(
        name=name,
        version=f"{top['version'].text()}+{_digest(files)}",
        jurisdiction=jurisdiction,
        lexicons=tuple(lexicons),
        clauses=clauses,
        rules=tuple(read_rule(rule, node, name, cited) for rule, node in sources.items() if node.raw.value != "off"),
        flag_possible_over=top["flag_possible_over"].number(0, 1),
    )


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in [POLICY_DIR / "categories.yaml", *files]:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@cache
def _lexicon(folder: Path) -> Lexicon:
    return read_lexicon(folder)


@dataclass(frozen=True, slots=True)
class Registry:
    """The packs in force, and the one for calls that name no jurisdiction."""

    packs: Mapping[Jurisdiction, Pack]
    default: Jurisdiction

    def pack_for(self, context: CallContext) -> Pack:
        """The pack of the call's jurisdiction; the default one when it names none or one without a pack."""
        return self.packs.get(context.jurisdiction or self.default, self.packs[self.default])

    @property
    def lexicons(self) -> tuple[Lexicon, ...]:
        """Every lexicon of every pack once: detection does not know the law."""
        return tuple({lexicon.name: lexicon for pack in self.packs.values() for lexicon in pack.lexicons}.values())


@cache
def load_registry(default: str = "CN") -> Registry:
    """The packs that ship; `default` is a jurisdiction's code."""
    packs = {pack.jurisdiction: pack for pack in map(read_pack, sorted(PACKS_DIR.glob("*.yaml"))) if pack}
    try:
        jurisdiction = Jurisdiction(default)
    except ValueError:
        raise BadPolicy(f"'{default}' is no jurisdiction; say one of {', '.join(Jurisdiction)}.") from None
    if jurisdiction not in packs:
        raise BadPolicy(f"there is no policy pack for {jurisdiction}; packs: {', '.join(packs)}.")
    return Registry(packs, jurisdiction)
