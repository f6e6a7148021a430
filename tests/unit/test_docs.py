"""The documentation is true where a test can tell: links lead somewhere, examples are read by what they are for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pipeline.policy.pack import read_pack
from pipeline.policy.registry import load_registry
from pipeline.services.regression import run_cases
from tests.conftest import ROOT

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "samples" / "README.md"]
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [link for link in _LINK.findall(text) if not (page.parent / link).exists()] == []


def test_the_example_packs_are_read(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    pack, cases, rule = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    path = tmp_path / "mybank.yaml"
    path.write_text(pack, encoding="utf-8")
    assert "mybank.sighs" in {found.id for found in read_pack(path).rules}
    path.with_name("mybank.cases.yaml").write_text(cases, encoding="utf-8")
    report = run_cases(read_pack(path), load_registry())
    assert "sighed-at" in {result.name for result in report.results} and not report.failed
    whole = {**yaml.safe_load(pack), "rules": yaml.safe_load(rule)}
    path.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    assert set(read_pack(path).rule("mybank.hardship-full-sum").conditions) == {"hardship", "offer", "demand", "known"}
