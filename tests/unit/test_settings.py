from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.records import Jurisdiction
from pipeline.settings import Settings, load_settings


def test_documentation_names_exactly_the_settings_there_are() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^### FORBEAR_(\w+)$", page, re.MULTILINE))
    assert documented == {f.name.upper() for f in fields(Settings)}


def test_values_are_read_from_the_environment(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "FORBEAR_DATA": str(tmp_path),
            "FORBEAR_LANGUAGES": "en, zh",
            "FORBEAR_WORKERS": "3",
            "FORBEAR_ASR_DOWNLOAD": "yes",
        }
    )
    assert (settings.data, settings.languages, settings.workers, settings.asr_download) == (
        tmp_path,
        ("en", "zh"),
        3,
        True,
    )


def test_a_crisis_line_is_for_the_default_jurisdiction_or_for_those_it_names() -> None:
    one = load_settings({"FORBEAR_CRISIS_LINE": "116 123", "FORBEAR_DEFAULT_JURISDICTION": "UK"})
    assert one.crisis_lines == {Jurisdiction.UK: "116 123"}
    several = load_settings({"FORBEAR_CRISIS_LINE": "CN=12356, hk = 18111"})
    assert several.crisis_lines == {Jurisdiction.CN: "12356", Jurisdiction.HK: "18111"}
    assert load_settings({}).crisis_lines == {}


@pytest.mark.parametrize("value", ["XX=988", "US=", "US=call somebody", f"US={'9' * 81}"])
def test_a_wrong_crisis_line_stops_the_start(value: str) -> None:
    with pytest.raises(ConfigError, match="FORBEAR_CRISIS_LINE"):
        load_settings({"FORBEAR_CRISIS_LINE": value})


def test_the_command_line_wins_over_the_environment(tmp_path: Path) -> None:
    assert load_settings({"FORBEAR_DATA": "/elsewhere"}, data=tmp_path).data == tmp_path


@pytest.mark.parametrize(("name", "value"), [("FORBEAR_WORKERS", "many"), ("FORBEAR_ASR_DOWNLOAD", "perhaps")])
def test_a_wrong_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load_settings({name: value})
