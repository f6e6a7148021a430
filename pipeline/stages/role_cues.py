"""How much a sentence sounds like the collector or like the customer: cues in Chinese and English, each with a weight.

A cue is a pattern and the log odds it adds, above zero for the collector. Text is matched simplified, folded and
without spaces between Chinese characters. Cues are general talk of collection calls, robust to single misheard
characters because many small ones add up.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from models.script import Script, convert_words

Cue = tuple[re.Pattern[str], float]

_MOST = 4.0

_ZH = (
    # the collector: introduces himself, checks, explains, offers
    (
        r"(我|这里|这边|我们)(是|这边是).{0,12}(银行|公司|中心|客服|金融|资产|信贷|贷款|信用卡|法务|律师|专员|调解|部门|催收)",
        3.0,
    ),
    (r"[工公]号", 2.5),
    (r"姓.{1,3}(受|代表)|受.{1,8}(委托|委拖)|委托", 2.0),
    (r"请问(您|你)?(是|贵姓)|请问.{0,10}(先生|女士|小姐|本人|吗)", 2.5),
    (r"(是|找).{1,6}(先生|女士|小姐)(吗|嘛|本人)", 1.5),
    (r"录音|录影", 1.2),
    (r"(核对|核实|确认|验证|合对).{0,10}(身份|信息|资料|后四|生日|地址)|身份证(的)?(后|末)", 2.0),
    (r"您", 0.5),
    (
        r"(您|你)(的|有|在|名下|这)?.{0,8}(逾期|欠款|账单|帐单|卡费|贷款|借款|余额|应还|还款|信用卡|本金|违约金|滞纳金)",
        1.2,
    ),
    (r"(帮|给|为|替)(您|你)(登记|申请|备注|记录|查|安排|反映|转|争取|办理|说明|解释)|我(登记|备注|记录)(一下|了)", 1.8),
    (r"(审批|减免|分期|延期|方案|协商).{0,8}(申请|审批|为准|通过|办理)|(申请|办理).{0,6}(分期|减免|延期|方案)", 0.9),
    (r"(您|你)(看|方便|打算|计划|什么时候|今天|预计|大概|能不能|可以).{0,10}(还|缴|处理|吗|呢|可以)", 0.9),
    (r"(感谢|谢谢)您(的)?(配合|接听|理解)|祝您|打扰(您|你)|不打扰|稍等", 1.3),
    (r"(影响|上报).{0,6}(征信|信用)|起诉|立案|上门|联系(您|你)(的)?(家人|单位|亲友|公司|老板|联系人)", 0.7),
    (r"(今天|现在|马上|必须|立刻|赶紧|尽快).{0,8}(还清|还款|还上|缴清|处理掉|结清|交清|转到)", 0.8),
    # the customer: answers, has reasons, asks for time, complains
    (r"(你|您)(是)?(谁|哪位|哪里|哪个)|什么事|哪里打", -2.0),
    (
        r"^(喂|嗯|哦|唉|对|是|是的|好|好的|行|行吧|知道了|我是|我就是|是我|对我是|明白了|收到了|没有|可以)[,.。,!?]*$",
        -0.7,
    ),
    (r"^(是我|我是)[,.。,]|^(嗯|唉|哎|哈哈)", -0.8),
    (r"我.{0,6}(没|没有|哪有|拿不出|凑不).{0,3}(钱|工作|收入|办法|能力)|还不(起|上|了)|没钱", -2.0),
    (r"我.{0,8}(失业|下岗|裁员|被裁|生病|住院|手术|离婚|破产|过世|去世|残疾|没工作|丢了工作)", -1.8),
    (
        r"我(的)?(工资|薪水|老婆|老公|妻子|丈夫|先生|太太|孩子|小孩|女儿|儿子|妈|爸|父亲|母亲|奶奶|爷爷|家里|房租|工地|生意)",
        -1.4,
    ),
    (r"(发|领)(了)?(工资|薪水)|房租|学费|医药费|吃饭", -0.7),
    (r"你们(银行|公司|怎么|不要|别|又|到底|是不是|这|天天|能不能|凭什么|还|也)", -1.3),
    (r"(能不能|可不可以|可以|能).{0,10}(晚|缓|宽限|分期|分几|少|延|慢|再给|通融|便宜)", -1.1),
    (r"(别|不要|不准)(再)?(打|找|骚扰|联系|逼|来)|骚扰", -1.3),
    (r"我.{0,4}(投诉|报警|告你|举报)", -1.2),
    (r"我.{0,6}(会还|就还|想还|在还|先还|还了|还过|每个月(交|还)|下(个)?月|下班)", -1.0),
    (
        r"我(真的|实在|也)?(很|好|是|有点)?(怕|害怕|难受|着急|压力|睡不着|不想活|撑不住|活不下去|没办法)|求(求)?(你|您)",
        -1.8,
    ),
    (r"我(现在)?(在|正)(上班|开会|开车|忙|外面|医院)|我(忘|不知道|没收到|没见过|没借|从来没)", -1.4),
    (r"(多少钱|怎么还|怎么办|会怎么样|要是.{0,6}呢|批不下来)", -0.7),
)

_EN = (
    (r"\bthis is \w+( \w+)?( calling)? (from|with|at)\b|\bcalling (from|on behalf|about|regarding|in reference)", 3.0),
    (r"\bmy name is\b|\bthis is (officer|agent|mr|ms|mrs)\b", 1.5),
    (r"\b(am i speaking|may i speak|can i speak|could i speak|is this (mr|ms|mrs|miss)\b|trying to reach)", 2.5),
    (r"\bis this \w+( \w+)?\?", 1.5),
    (r"\battempt to collect|\bdebt collector|\bcollect (a|this|the) debt", 3.0),
    (r"\b(recorded line|(is|are|being|be) (being )?(recorded|monitored))", 2.0),
    (r"\b(verify|confirm)\b.{0,30}\b(your|birth|address|four|identity|zip|social|number)", 2.0),
    (r"\blast four( digits)?\b|\bdate of birth\b", 1.2),
    (r"\byour (\w+ )?(account|balance|payment|card|loan|debt|bill|file|case)\b", 0.9),
    (r"\b(past due|outstanding|overdue|balance of|minimum payment|amount due)\b", 0.9),
    (r"\b(we|i) (can|could|will|'ll|am able to) (offer|set|waive|note|send|put|arrange|take|schedule|help)\b", 1.3),
    (
        r"\bi('ve| have)? (noted|noting|am noting|updated|placed|closed|marked)|\bour (records|system|office|client)",
        1.5,
    ),
    (r"\b(are you able|would you like|can you (make|pay)|how much can you|what can you|when can you)\b", 1.5),
    (
        r"\bthank you for (your|calling|taking|confirming|the)\b|\bhave a (good|great|nice)|\bis there anything else",
        1.0,
    ),
    (r"\b(sir|ma'am|madam)\b|\bmr\.? \w+|\bms\.? \w+|\bmrs\.? \w+", 0.7),
    (r"\b(consumer financial|dispute (the|this)|in writing|validation|the original creditor|licensed)\b", 0.7),
    (r"\bwho('s| is| are) (this|you|calling)|\bwhat('s| is) this about", -2.0),
    (r"^(yes|yeah|yep|no|okay|ok|sure|hello|hi|fine|right|speaking)[.,!? ]*$", -0.5),
    (r"\b(this is (he|she|him|her)|speaking)\b|^yes,? (it|this) is", -1.5),
    (r"\bi (lost|got laid|can't|cannot|couldn't|don't have|never|already (paid|told)|was (laid|sick))\b", -1.5),
    (
        r"\bi('m| am) (scared|sorry|sick|retired|unemployed|at work|on disability|struggling|behind|tired|afraid)",
        -1.6,
    ),
    (
        r"\bmy (husband|wife|job|hours|rent|kids?|son|daughter|mother|father|mom|dad|lawyer|attorney|pay ?check|doctor"
        r"|boss|family|sister|brother|house|surgery|pension|social security)\b",
        -1.4,
    ),
    (r"\b(stop calling|don't call|do not call|quit calling|leave me alone|you people|you guys|harass)", -1.6),
    (r"\bi('ll| will| can| could) (pay|try|send|call|manage|do|afford|get)\b|\bi get paid\b", -1.0),
    (r"\b(how much|what happens|what do i|do i have|can i|could i|am i|is that|will (it|this|that|you))\b", -0.6),
    (r"\b(i don't (know|understand|remember|owe|recognize)|oh my god|please)\b", -1.1),
)


def _compiled(cues: Sequence[tuple[str, float]]) -> tuple[Cue, ...]:
    return tuple((re.compile(pattern), weight) for pattern, weight in cues)


_CUES = {"zh": _compiled(_ZH), "en": _compiled(_EN)}


@lru_cache(maxsize=4096)
def agent_evidence(text: str, lang: str) -> float:
    """Log odds that the collector says this, between -4 and 4; a cue counts once however often it is found."""
    plain = unicodedata.normalize("NFKC", text).casefold().strip().replace("\u2019", "'")
    if lang == "zh":
        plain = re.sub(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])", "", convert_words([plain], Script.SIMPLIFIED)[0])
    score = sum(weight for pattern, weight in _CUES.get(lang, ()) if pattern.search(plain))
    return max(-_MOST, min(_MOST, score))
