"""The policy's Chinese in Taiwan's words: every word of the list is needed, and none that it replaces remains."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import opencc
import pytest
import yaml

from pipeline.policy.categories import CUES, GROUPS
from pipeline.policy.source import POLICY_DIR
from review_ui.taiwan import TAIWAN_WORDS, to_traditional

FILES = [
    POLICY_DIR / "categories.yaml",
    POLICY_DIR / "facts.yaml",
    *sorted((POLICY_DIR / "packs").glob("*.yaml")),
    *sorted((POLICY_DIR / "packs" / "shared").glob("*.yaml")),
]
WRONG = ("程式", "宣告", "專案", "許可權", "心智慧力", "指令碼", "儲存", "籤")
"""What OpenCC's own phrases and characters would put into these texts, and nobody in Taiwan would write there."""


def _chinese(node: Any, key: str = "") -> Iterator[str]:
    """What is shown of a file: the texts whose keys say that they are Chinese, never a citation."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _chinese(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield from _chinese(value, key)
    elif isinstance(node, str) and (key == "zh" or key.endswith("_zh")):
        yield node


@cache
def texts() -> tuple[str, ...]:
    loaded = [yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) for path in FILES]
    names = [*(zh for zh, _ in GROUPS.values()), *(cue.name_zh for cue in CUES.values())]
    return tuple(dict.fromkeys([*(text for one in loaded for text in _chinese(one)), *names]))


def test_every_word_of_the_list_stands_in_a_text() -> None:
    converter = opencc.OpenCC("s2tw")
    words = re.compile("|".join(sorted(TAIWAN_WORDS, key=len, reverse=True)))
    assert set(words.findall("\n".join(converter.convert(text) for text in texts()))) == set(TAIWAN_WORDS)


@pytest.mark.parametrize("word", [*TAIWAN_WORDS, *WRONG])
def test_none_of_the_words_remains(word: str) -> None:
    assert len(texts()) > 500
    assert [text for text in map(to_traditional, texts()) if word in re.sub("《[^》]*》", "", text)] == []


@pytest.mark.parametrize(
    ("simplified", "expected"),
    [
        ("进入法律程序", "進入法律程序"),
        ("客户声明自己录音", "客戶聲明自己錄音"),
        ("合同或法律允许的费用项目", "契約或法律允許的費用項目"),
        ("客户在开场白结束前挂断", "客戶在開場白結束前掛斷"),
        ("冒充公检法、律师等", "冒充警察、檢察官、法院、律師等"),
        ("催收员与催收人员告知投诉渠道", "催收人員與催收人員告知申訴管道"),
        ("依《个人信息保护法》处理个人信息", "依《個人信息保護法》處理個人資料"),
    ],
)
def test_words_of_law_keep_their_meaning_and_statutes_their_names(simplified: str, expected: str) -> None:
    assert to_traditional(simplified) == expected
