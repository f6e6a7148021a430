"""Regression cases under a pack: which belong to it, and what it makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.policy import cases as regression
from pipeline.policy.cases import Case
from pipeline.policy.pack import PACKS_DIR, Pack
from pipeline.policy.registry import Registry
from pipeline.stages.explain import DialogueJudge


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseResult:
    """One regression case under a pack. `wrong` says what is missing or was found although it never may be."""

    name: str
    pack: str
    place: str
    locked: bool
    known_gap: bool
    passed: bool
    wrong: tuple[str, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether a pack with this result may not be published."""
        return self.locked and not self.passed


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseReport:
    """All regression cases of a pack, those of the packs it extends included."""

    pack: str
    pack_version: str
    results: tuple[CaseResult, ...]

    @property
    def passed(self) -> int:
        return sum(r.passed for r in self.results)

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """Those that should pass and do not; known gaps are none of them."""
        return tuple(r for r in self.results if not r.passed and not r.known_gap)

    @property
    def blocking(self) -> tuple[CaseResult, ...]:
        return tuple(r for r in self.results if r.blocks)


def run_cases(pack: Pack, registry: Registry) -> CaseReport:
    """The cases of a pack, of those it extends, and of the one in force that it would replace."""
    judge = DialogueJudge(pack, registry)
    in_force = registry.packs.get(pack.jurisdiction)
    found = {case.name: case for case in (*(cases_of_pack(in_force) if in_force else ()), *cases_of_pack(pack))}
    return CaseReport(
        pack=pack.name,
        pack_version=pack.version,
        results=tuple(result_of(case, judge) for case in found.values()),
    )


def cases_files(pack: Pack) -> tuple[Path, ...]:
    """Files of cases beside each file that the pack stands on: cases/NAME.yaml, or NAME.cases.yaml."""
    found = []
    for name in (*pack.extends, pack.name):
        own = pack.files[0].parent
        candidates = [own / "cases" / f"{name}.yaml", own / f"{name}.cases.yaml"]
        if name == pack.name:
            candidates.append(pack.files[0].with_suffix(".cases.yaml"))
        else:
            candidates.append(PACKS_DIR / "cases" / f"{name}.yaml")
        found += [path for path in candidates if path.is_file()][:1]
    return tuple(found)


def cases_of_pack(pack: Pack) -> tuple[Case, ...]:
    """The cases of a pack; those of the same name in a pack it extends are replaced."""
    found: dict[str, Case] = {}
    for path in cases_files(pack):
        found.update({case.name: case for case in regression.read_cases(path)})
    return tuple(found.values())


def result_of(case: Case, judge: DialogueJudge) -> CaseResult:
    outcome = regression.run(case, lambda lines, context: judge.judge([(li.role, li.text) for li in lines], context))
    wrong = [f"{missing.category} as {missing.status} is not found" for missing in outcome.missing]
    wrong += [f"{one.category} is found as {one.status}" for one in outcome.forbidden]
    return CaseResult(
        name=case.name,
        pack=case.pack,
        place=case.place,
        locked=case.locked,
        known_gap=case.known_gap,
        passed=outcome.passed,
        wrong=tuple(wrong),
    )
