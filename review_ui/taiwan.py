"""Chinese of the policy for readers in Taiwan: traditional characters, and the words that are used there.

Only characters are converted by OpenCC. Its phrases are made for software and go wrong in law: they make of a statement
(声明) a proclamation, of a procedure (程序) a program. Words come from the list below instead.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

TAIWAN_WORDS = {
    "個人信息": "個人資料",
    "信息": "資訊",
    "元數據": "中繼資料",
    "數據": "資料",
    "文本": "文字",
    "短信": "簡訊",
    "視頻": "影片",
    "信號": "訊號",
    "默認": "預設",
    "登錄": "登入",
    "遠程": "遠端",
    "郵箱": "電子信箱",
    "網銀": "網路銀行",
    "網貸": "網路貸款",
    "社交賬號": "社群帳號",
    "社交媒體": "社群媒體",
    "聯繫": "聯絡",
    "外呼": "外撥",
    "禁呼": "禁撥",
    "渠道": "管道",
    "投訴": "申訴",
    "催收員": "催收人員",
    "公檢法": "警察、檢察官、法院",
    "抓捕": "逮捕",
    "欺詐": "詐欺",
    "身份證號": "身分證字號",
    "身份": "身分",
    "合同": "契約",
    "賬": "帳",
    "工資": "薪資",
    "資質": "資格",
    "質檢": "品管",
    "分值": "分數",
    "共情": "同理",
    "幫扶": "扶助",
    "殘疾": "身心障礙",
    "脆弱人群": "弱勢族群",
    "臺灣": "台灣",
    # Characters that OpenCC takes for others.
    "可籤": "可簽",
    "籤後": "簽後",
    "併為": "並為",
}
"""What is put for a word once its characters are traditional."""

# The longest first. What stands in 《》 names a statute or a document, whose name is its own.
_WORDS = re.compile("《[^》]*》|" + "|".join(sorted(TAIWAN_WORDS, key=len, reverse=True)))


@cache
def _converter() -> Any:
    import opencc

    return opencc.OpenCC("s2tw")


@lru_cache(maxsize=4096)
def to_traditional(text: str) -> str:
    """Simplified Chinese in traditional characters with Taiwan's wording: the product's texts, never transcripts."""
    converted: str = _converter().convert(text)
    return _WORDS.sub(lambda found: TAIWAN_WORDS.get(found[0], found[0]), converted)
