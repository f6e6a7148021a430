"""The list of calls: its rows and its address."""

from __future__ import annotations

import pytest
from starlette.datastructures import QueryParams

from pipeline.records import (
    CallStatus,
    Distress,
    Stage,
)
from pipeline.services.views import CallFilter, CallPage, CallSort, Failure, QueueCounts
from review_ui.failure_view import failure_view
from review_ui.language import Language, words_of
from review_ui.queue_view import Asked, asked_of, masked, queue_page, row
from tests.unit.shown import reader, summary


def test_a_row_shows_three_categories_and_how_many_more() -> None:
    shown = row(summary(), reader())
    assert [(m.name, m.count, m.possible) for m in shown.marks] == [
        ("Veiled threat", 1, True),
        ("Profanity", 2, True),
        ("Contact at a forbidden or inconvenient time", 3, True),
    ]
    assert (shown.more, shown.more_names) == (1, "Debt disclosed before verification")
    assert (shown.account, shown.account_whole, shown.length, shown.waits) == ("··2550", "ACC-12550", "04:31", "3 h")
    assert shown.when.text == "yesterday 20:00"
    assert shown.distress is not None
    assert (shown.distress.name, shown.distress.level, shown.distress.more) == ("Fear and anxiety", "present", 1)


def test_requests_alone_are_no_distress_and_failures_say_why() -> None:
    request = row(summary(customer_signals=("distress.dispute_debt",), distress=Distress.NONE), reader())
    assert request.distress is not None and request.distress.level == "request"
    failed = row(
        summary(status=CallStatus.FAILED, flagged=False, failure=Failure(code="not_audio", message="x")), reader()
    )
    assert failed.failure is not None and failed.failure.refused
    assert failed.tone == ""
    running = row(summary(status=CallStatus.RUNNING, stage=Stage.TRANSCRIBE, progress=0.426, flagged=False), reader())
    assert (running.state, running.state_text, running.progress) == ("running", "Transcribing", 43)


def test_a_failure_without_words_of_ours_keeps_the_services_own() -> None:
    told = failure_view(Failure(code="brand_new", message="Do this."), words_of(Language.ZH_HANT))
    assert (told.text, told.detail, told.refused) == ("處理失敗。", "Do this.", False)


def test_the_address_of_a_list_says_what_is_asked_and_forgets_nonsense() -> None:
    asked = asked_of(
        QueryParams("severity=high&severity=bogus&group=threat&group=none&agent=7&sort=oldest&status=lost")
    )
    assert (asked.severities, asked.groups, asked.agent, asked.sort) == (("high",), ("threat",), "7", CallSort.OLDEST)
    assert asked.href() == "/?severity=high&group=threat&agent=7&sort=oldest"
    assert asked.href(cursor="x&y").endswith("&cursor=x%26y")
    filter = asked.filter()
    assert filter.flagged is True and "threat.veiled" in filter.categories
    assert asked_of(QueryParams("all=1")).filter().flagged is None


def test_the_lane_on_top_tells_how_many_there_are_and_its_address_asks_for_them_all() -> None:
    counts = QueueCounts(
        all_calls=9, by_status={}, flagged=9, by_severity={}, by_group={}, distress_present=0, distress_critical=7
    )
    shown = CallPage(calls=(summary(),), total=1, next_cursor=None)
    critical = CallPage(calls=(summary(), summary()), total=7, next_cursor="more")
    page = queue_page(Asked(), shown, critical, counts, reader(), can_write=False)
    assert (len(page.critical), page.critical_total) == (2, 7)
    assert queue_page(Asked(), shown, None, counts, reader(), can_write=False).critical_total == 0
    address = asked_of(QueryParams("all=1&distress=critical"))
    assert address.filter() == CallFilter(distress=frozenset({Distress.CRITICAL}))
    assert address.href() == "/?all=1&distress=critical"


@pytest.mark.parametrize(("account", "expected"), [(None, ""), ("4417", "4417"), ("ACC-12550", "··2550")])
def test_accounts_are_shortened(account: str | None, expected: str) -> None:
    assert masked(account) == expected
