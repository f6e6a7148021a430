"""Measures matching and judging: utterances a second through all lexicons on one core, and calls judged again a second.

The mix is stated: ordinary sentences of collection calls in both languages, one in twenty of them said as a violation
or a signal. Nothing is read from outside the repository.
"""

from __future__ import annotations

import argparse
import random
import time

from pipeline.policy.registry import load_registry
from pipeline.records import CallContext, Jurisdiction, Role
from pipeline.stages.detect import Detect, build_rule_detectors
from pipeline.stages.dialogue import transcript_of
from pipeline.stages.judge import Judge

PLAIN = {
    Role.AGENT: (
        "您好，请问是{name}先生吗，我这边是银行客户服务中心的，工号{number}。",
        "您这张卡的账单在{day}号出的，一共是{number}块钱，您看一下手机短信。",
        "好的，那我给您登记一下，稍后会有同事跟您联系。",
        "您方便的时候可以在手机银行里查一下明细，里面都有的。",
        "这个月的账单日是{day}号，还款日是下个月{day}号，您记一下。",
        "Hello, may I speak with {name} please, this is the customer service team.",
        "The statement came out on the {day}th and the total on it is {number} dollars.",
        "Alright, I have updated the address on your file, is there anything else I can help with?",
        "You can look at the details in the app whenever it suits you, it is under statements.",
    ),
    Role.CUSTOMER: (
        "嗯，我知道了，我回头看一下，现在在外面买菜呢。",
        "短信我收到了，就是还没来得及看，晚上回去再说吧。",
        "对对对，我是{name}，你说吧，我听着呢。",
        "这个{number}块里面有没有上个月那笔退款？你帮我查查。",
        "Yes that is me, sorry, I was just parking the car, go on.",
        "I think I moved house in between, so the letter may have gone to the old address.",
        "Can you tell me whether the {number} includes the refund from last month?",
    ),
}
TELLING = {
    Role.AGENT: (
        "你再拖下去我们就派人去你单位找你领导谈。",
        "今天不处理，马上起诉你，到时候法院上门。",
        "You pay today or I call your boss and your mother.",
        "Keep this up and somebody will come to your house.",
    ),
    Role.CUSTOMER: (
        "我上个月失业了，孩子又在住院，真的拿不出来。",
        "你们别再打我单位电话了，我要投诉你们。",
        "I lost my job in March and I cannot sleep any more.",
    ),
}
HITS = 0.05


def lines(count: int, rng: random.Random) -> list[tuple[Role, str]]:
    made = []
    for _ in range(count):
        role = rng.choice((Role.AGENT, Role.CUSTOMER))
        text = rng.choice((TELLING if rng.random() < HITS else PLAIN)[role])
        made.append(
            (role, text.format(name=rng.choice("王李张陈林"), number=rng.randint(100, 9999), day=rng.randint(1, 28)))
        )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=40_000)
    asked = parser.parse_args()
    registry = load_registry()
    detect, judge = Detect(build_rule_detectors(registry)), Judge(registry)
    rng = random.Random(20261125)
    calls = [transcript_of(lines(40, rng)) for _ in range(max(1, asked.utterances // 40))]
    context = CallContext(jurisdiction=Jurisdiction.CN)
    detect(calls[0])
    began = time.process_time()
    signals = [detect(call) for call in calls]
    spent = time.process_time() - began
    spoken = sum(len(call.utterances) for call in calls)
    hit = sum(len({s.span.utterance for s in found}) for found in signals)
    entries = sum(len(lexicon.entries) for lexicon in registry.lexicons)
    print(
        f"matching: {spoken / spent:,.0f} utterances a second and core ({entries} entries of all packs, "
        f"{HITS:.0%} telling sentences, some entry hit in {hit / spoken:.0%})"
    )
    began = time.process_time()
    for call, found in zip(calls, signals, strict=True):
        judge(transcript=call, signals=found, context=context, duration_ms=200_000)
    spent = time.process_time() - began
    print(f"judging: {len(calls) / spent:,.0f} calls of 40 utterances a second and core")


if __name__ == "__main__":
    main()
