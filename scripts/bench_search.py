"""How fast the embedded index answers: synthetic utterances (seeded, Chinese and English mixed), p50 and p95.

python scripts/bench_search.py [--utterances 200000] [--rounds 200] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pipeline.records import Distress, Jurisdiction, Role, Severity
from pipeline.search.base import Scope, SearchQuery, Sort, UtteranceDocument
from pipeline.search.tantivy_index import TantivyIndex, TantivyReader

SEED = 7
PER_CALL = 40
PEOPLE = ("您", "我", "我们", "家人", "客户", "先生", "女士", "您的家人", "单位", "朋友")
DOING = ("已经", "今天", "下周", "没有", "可以", "一定要", "暂时", "不能", "需要", "马上", "再", "還沒")
DEEDS = (
    *("还款", "分期付款", "协商还款", "核实信息", "联系单位", "提起诉讼", "申请延期", "凑钱", "失业了", "住院"),
    *("還款", "繳納罰息", "上征信", "报警", "投诉", "取消 plan", "cancel 这个", "确认 balance", "收到 SMS"),
)
TAILS = ("好吗", "可以吗", "谢谢", "明白了", "请理解", "不要再打了", "我知道", "再说吧", "是这样的", "对")
ENGLISH = (
    *("please", "payment", "account", "balance", "overdue", "tomorrow", "call", "lawyer"),
    *("cannot", "settle", "plan", "owe", "card", "monthly", "income", "stop"),
)
CATEGORIES = ("threat.legal", "pressure.urgency", "contact.third_party", "distress.job_loss", "courtesy.professional")
TEAMS = tuple(f"team-{number}" for number in range(12))


def utterances(count: int) -> Iterator[UtteranceDocument]:
    """The same documents for the same count, call by call."""
    rng = random.Random(SEED)
    started = datetime(2025, 1, 1, tzinfo=UTC)
    for number in range(count):
        place = number % PER_CALL
        if place == 0:
            call = f"{rng.getrandbits(64):016x}"
            team, agent = rng.choice(TEAMS), f"A{rng.randrange(300)}"
            started += timedelta(seconds=rng.randrange(60, 4000))
            flagged = rng.random() < 0.2
            jurisdiction = rng.choice(list(Jurisdiction))
        yield UtteranceDocument(
            id=f"{call}:{place}",
            call_id=call,
            utterance=place,
            role=Role.AGENT if place % 2 == 0 else Role.CUSTOMER,
            lang="zh" if number % 10 else "en",
            start_ms=place * 4000,
            end_ms=place * 4000 + 3500,
            text=english(rng) if number % 10 == 0 else chinese(rng),
            categories=(rng.choice(CATEGORIES),) if rng.random() < 0.1 else (),
            team=team,
            agent_id=agent,
            jurisdiction=jurisdiction,
            started_at=started,
            flagged=flagged,
            severity=Severity.HIGH if flagged else None,
            distress=rng.choice(list(Distress)),
        )


def chinese(rng: random.Random) -> str:
    clauses = (
        rng.choice(PEOPLE) + rng.choice(DOING) + rng.choice(DEEDS) + str(rng.choice(("", rng.randrange(100, 9999))))
        for _ in range(rng.randrange(1, 4))
    )
    return "，".join(clauses) + "，" + rng.choice(TAILS) + "。"


def english(rng: random.Random) -> str:
    return " ".join(rng.choice(ENGLISH) for _ in range(rng.randrange(4, 14))) + "."


def searches() -> dict[str, Callable[[random.Random], tuple[SearchQuery, Scope]]]:
    """Kinds of search, each making a new one every time so that nothing is answered from a cache."""
    everything = Scope.everything()

    def phrase(rng: random.Random) -> str:
        return f'"{rng.choice(PEOPLE)}{rng.choice(DOING)}{rng.choice(DEEDS)}"'

    return {
        "phrase": lambda rng: (SearchQuery(text=phrase(rng)), everything),
        "phrase by relevance": lambda rng: (SearchQuery(text=phrase(rng), sort=Sort.RELEVANCE), everything),
        "boolean, filters, one team": lambda rng: (
            SearchQuery(
                text=f"{rng.choice(DEEDS[:5])} OR {rng.choice(ENGLISH)} -{rng.choice(TAILS)}",
                roles=frozenset({Role.AGENT}),
                flagged=True,
                date_from=date(2025, 2, 1),
            ),
            Scope(teams=frozenset({rng.choice(TEAMS)})),
        ),
        "one character": lambda rng: (SearchQuery(text=rng.choice("您我还款钱诉付院说好")), everything),
        "open word": lambda rng: (SearchQuery(text=rng.choice(ENGLISH)[:2] + "*"), everything),
        "everything, all counts": lambda rng: (SearchQuery(limit=rng.randrange(10, 60)), everything),
    }


def measure(count: int, rounds: int) -> dict[str, object]:
    """Builds the index in a temporary folder, then asks; times are in milliseconds and hold all counts of a page."""
    documents = list(utterances(count))
    with tempfile.TemporaryDirectory(prefix="forbear-bench-", ignore_cleanup_errors=True) as folder:
        index = TantivyIndex(Path(folder))
        began = time.perf_counter()
        index.rebuild(documents)
        rebuild_s = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        reader = TantivyReader(Path(folder))
        rng = random.Random(SEED)
        latencies = {}
        for name, make in searches().items():
            timed, hits = [], []
            for _ in range(rounds):
                question, scope = make(rng)
                began = time.perf_counter()
                page = reader.search(question, scope)
                timed.append((time.perf_counter() - began) * 1000)
                hits.append(page.total_hits)
            latencies[name] = quantiles(timed) | {"median_hits": statistics.median(hits)}
        commits = []
        for number in range(min(50, count // PER_CALL)):
            call = documents[number * PER_CALL : (number + 1) * PER_CALL]
            began = time.perf_counter()
            index.replace_call(call[0].call_id, call)
            index.commit()
            commits.append((time.perf_counter() - began) * 1000)
        index.close()
    return {
        "utterances": count,
        "rebuild_s": round(rebuild_s, 2),
        "utterances_per_s": round(count / rebuild_s),
        "index_mb": round(size / 1e6, 1),
        "commit_of_one_call": quantiles(commits),
        "search": latencies,
    }


def quantiles(timed: list[float]) -> dict[str, float]:
    ordered = sorted(timed)
    return {"p50_ms": round(statistics.median(ordered), 2), "p95_ms": round(ordered[int(len(ordered) * 0.95)], 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    result = measure(max(PER_CALL, asked.utterances), max(1, asked.rounds))
    if asked.json:
        print(json.dumps(result, ensure_ascii=False))
        return
    print(
        f"{result['utterances']:,} utterances indexed in {result['rebuild_s']} s "
        f"({result['utterances_per_s']:,}/s), {result['index_mb']} MB"
    )
    rows = {"commit of one call": result["commit_of_one_call"], **result["search"]}  # type: ignore[dict-item]
    print(f"{'':28} {'p50 ms':>8} {'p95 ms':>8} {'hits (median)':>14}")
    for name, row in rows.items():
        print(f"{name:28} {row['p50_ms']:8.2f} {row['p95_ms']:8.2f} {row.get('median_hits', ''):>14}")


if __name__ == "__main__":
    main()
