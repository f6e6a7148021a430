"""Rows of digits as people say them, and what kind of personal number a row is.

Arabic or spoken digits of Chinese and English, 幺 and 两, "oh", "double five", "thirty-four", with separators and
across words. Checksums and shapes decide first, then what was asked; amounts, dates and counts are nobody's number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SAID: dict[str, str] = {char: str(value) for value, char in enumerate("零一二三四五六七八九")}
_SAID |= {"〇": "0", "幺": "1", "妖": "1", "两": "2", "洞": "0"}
_SAID |= {word: str(value) for value, word in enumerate(_ONES)} | {"oh": "0", "o": "0", "nought": "0"}
_SAID |= {word: str(value) for value, word in enumerate(_TEENS, 10)}
_SAID |= {word: str(value * 10) for value, word in enumerate(_TENS, 2)}
_REPEATS = {"double": 2, "triple": 3}
_SEPARATORS = frozenset(" -–—,，.、·/()（）:：")
_TOKEN = re.compile(
    r"\d{1,2}[:：]\d{2}(?:[:：]\d{2})?(?!\d)|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?!\d)|\d{1,2}/\d{1,2}/\d{2,4}(?!\d)"
    r"|\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+\.\d{1,2}(?!\d)"
    r"|\d+(?:[xX](?![a-z]))?|[a-z]+|[^\sa-z\d]"
)
"""Clock times, dates and written amounts are tokens of their own: they end a row of digits."""
_DIGITS = re.compile(r"\d+[xX]?")

_SHORTEST = 4
_CLOSE = 16
"""A word for a kind of number this near makes even what looks like a year that kind of number."""
_UNIT_AFTER = re.compile(
    r"[\s,，]*(?:元|块|毛|角|分(?!行)|十|百|千|万|亿|圆|美元|港币|人民币|期|天|年|月|号|日|点|时|分钟|小时|岁|个|次|遍|通|笔|位|张|%|"
    r"percent|dollars?|bucks|cents?|pounds?|quid|grand|thousand|hundred|million|days?|weeks?|months?|years?|hours?|"
    r"minutes?|o'?clock|am\b|pm\b|a\.m|p\.m|times|payments?|instal)",
    re.IGNORECASE,
)
_MONEY_BEFORE = re.compile(r"(?:[$¥￥£€]|usd|rmb|nt\$?|hk\$?)\s*$", re.IGNORECASE)
_AMOUNT_BEFORE = re.compile(
    r"(?:余额|金额|欠款|本金|利息|应还|应缴|一共|总共|合计|还款|balance|amount|total|owe|owed|pay|paid|payment of|is)"
    r"\s*(?:是|为|of|is|:)?\s*$"
)
_MONTH_BEFORE = re.compile(
    r"\b(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?\s*(?:the\s*)?$", re.IGNORECASE
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_SOCIAL_SECURITY = re.compile(r"\d{3}[- ]\d{2}[- ]\d{4}")
_PUBLIC = re.compile(
    r"110|119|120|122|911|999|988|1925|1995|1980|1966|12356|12378|12315|12345|12348|12333|12368|10086|10010|"
    r"10000|116123|18111|95\d{3}"
)
"""Emergency, crisis, complaint, service and bank lines: nobody's personal number."""
_HOW_MUCH = re.compile(r"多少|几块|how much|what amount|balance")
_SIMPLIFIED = str.maketrans("證帳帐號碼電話機後驗護", "证账账号码电话机后验护")
_ASKED = {
    "otp": re.compile(
        r"验证码|校验码|动态码|认证码|密码|otp|passcode|security code|verification code|one.time|"
        r"(?<!zip )\b(?:pin|cvv|code)\b"
    ),
    "card": re.compile(r"卡号|银行卡|信用卡号|尾号|card number|long number|card ending|ending in|ends in"),
    "id": re.compile(
        r"身份证|身分证|证件号?|证号|统一编号|护照|驾照|后四位|末四位|后4位|出生|id number|social security|"
        r"\b(?:social|ssn|dob)\b|passport|licen[cs]e number|last four|last 4|date of birth|born on"
        r"|zip code|postcode"
    ),
    "account": re.compile(
        r"账号|账户|户头|合同号|客户号|account number|account ending|reference|member number|policy number"
    ),
    "phone": re.compile(
        r"电话|手机|号码|打给|拨打?|联系方式|分机|phone|cell|mobile|\bcall\b|reach me|\bnumber\b|text me"
    ),
}


@dataclass(frozen=True, slots=True)
class Run:
    """Digits said in a row: characters [start, end) of a text, in so many pieces; `spoken` when any was a word."""

    digits: str
    start: int
    end: int
    pieces: int
    spoken: bool


def runs(text: str) -> list[Run]:
    """Every row of digits of a lower-case text; any other word ends a row."""
    found: list[Run] = []
    row: list[str] = []
    start = end = 0
    spoken = False
    repeat = 1
    previous = ""
    for token, token_start, token_end in _tokens(text):
        value = token if _DIGITS.fullmatch(token) else _SAID.get(token)
        if value is None and token not in _REPEATS:
            if row:
                found.append(Run("".join(row), start, end, len(row), spoken))
            row, spoken, repeat = [], False, 1
        else:
            if not row and repeat == 1:
                start = token_start
            end = token_end
            spoken = spoken or not token.isdigit()
            if value is None:
                repeat = _REPEATS[token]
            elif previous in _TENS and token in _ONES[1:]:
                row[-1] = row[-1][:-1] + value
            else:
                row.append(value * repeat)
                repeat = 1
        previous = token
    if row:
        found.append(Run("".join(row), start, end, len(row), spoken))
    return found


def _tokens(text: str) -> Iterable[tuple[str, int, int]]:
    for match in _TOKEN.finditer(text):
        ends_sentence = match[0] in ".。" and text[match.end() : match.end() + 1].isspace()
        if match[0] not in _SEPARATORS or ends_sentence:
            yield match[0], match.start(), match.end()


def kind_of(run: Run, text: str, previous: str) -> str | None:
    """phone, card, id, account, otp or digits; None for amounts, dates, counts and what is too short to tell anything.

    `previous` is what was said just before: it tells what the digits answer.
    """
    if is_china_id(run.digits):
        return "id"
    digits = run.digits.rstrip("xX")
    if len(digits) < _SHORTEST or _PUBLIC.fullmatch(digits):
        return None
    if 13 <= len(digits) <= 19 and is_card(digits):
        return "card"
    if is_phone(digits):
        return "phone"
    written = text[run.start : run.end]
    if _SOCIAL_SECURITY.fullmatch(written):
        return "id"
    asked, distance = _asked(f"{previous[-40:]} {text[max(0, run.start - 40) : run.start]}".translate(_SIMPLIFIED))
    if _is_amount_or_date(run, text, year=distance > _CLOSE):
        return None
    if asked is not None:
        return "digits" if asked == "phone" and len(digits) < 5 else asked
    return _by_length(run, digits, text, previous)


def _by_length(run: Run, digits: str, text: str, previous: str) -> str | None:
    """The kind of a row that nothing else tells about."""
    if len(digits) >= 13:
        return "account"
    if len(digits) >= 7:
        return "phone" if len(digits) in (7, 8, 10, 11) else "digits"
    if run.pieces >= 4 or len(digits) == 6 or (len(digits) == 5 and run.spoken):
        return "digits"
    rest = sum(char.isalnum() for char in text[: run.start] + text[run.end :])
    return "digits" if rest <= 3 and not _HOW_MUCH.search(previous) else None


def _asked(context: str) -> tuple[str | None, int]:
    """What kind of number was spoken of last, and how many characters before the end of the context."""
    places = {kind: max((m.start() for m in pattern.finditer(context)), default=-1) for kind, pattern in _ASKED.items()}
    kind = max(places, key=lambda k: places[k])
    return (kind, len(context) - places[kind]) if places[kind] >= 0 else (None, len(context))


def _is_amount_or_date(run: Run, text: str, *, year: bool) -> bool:
    """`year` says whether four digits may be a year."""
    before = text[max(0, run.start - 14) : run.start]
    if _UNIT_AFTER.match(text, run.end) or _MONEY_BEFORE.search(before):
        return True
    if year and run.pieces == 1 and _YEAR.fullmatch(run.digits):
        return True
    if len(run.digits) <= 8 and _MONTH_BEFORE.search(before):
        return True
    return run.pieces == 1 and len(run.digits) <= 6 and bool(_AMOUNT_BEFORE.search(before))


def is_phone(digits: str) -> bool:
    """Mobile and toll-free numbers of mainland China, Taiwan and North America."""
    return bool(
        re.fullmatch(r"(?:0{0,2}86)?1[3-9]\d{9}", digits)
        or re.fullmatch(r"(?:886)?0?9\d{8}", digits)
        or re.fullmatch(r"1?[2-9]\d{2}[2-9]\d{6}", digits)
        or re.fullmatch(r"(?:400|800)\d{7}", digits)
    )


def is_card(digits: str) -> bool:
    """Whether the check digit is that of a payment card (Luhn, ISO/IEC 7812-1)."""
    doubled = [int(d) * (2 if place % 2 else 1) for place, d in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def is_china_id(digits: str) -> bool:
    """Whether these are a resident identity number with its check character (GB 11643: weights 2^k, modulus 11)."""
    if not re.fullmatch(r"[1-9]\d{16}[\dxX]", digits):
        return False
    remainder = sum(int(d) * pow(2, 17 - place, 11) for place, d in enumerate(digits[:17])) % 11
    return "10X98765432"[remainder] == digits[-1].upper()


def is_taiwan_id(text: str) -> bool:
    """Whether a letter and nine digits are a national identity number (letter as two digits, weights 1 9 8 … 1 1)."""
    letter = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(text[0].upper()) + 10
    numbers = [letter // 10, letter % 10, *map(int, text[1:])]
    return sum(n * w for n, w in zip(numbers, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True)) % 10 == 0
