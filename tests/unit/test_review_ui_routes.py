"""Pages asked for over HTTP: addresses that nobody's link leads to, readers who may do little, and English quoted."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient
from stores import ADMIN, World, finding, wav

from api.app import create_app
from pipeline.errors import Unavailable
from pipeline.records import Severity
from pipeline.services.policies import Policies
from pipeline.services.views import Permission
from review_ui.language import Language, words_of
from review_ui.pages import mount

CHINESE = {"Accept-Language": "zh-Hans"}


class BrokenSearch:
    """Fails in a way that the pages have no words for."""

    def query(self, *_: Any) -> Any:
        raise Unavailable("Put the plug back in.", code="unplugged")


class Site:
    """The pages over one installation, for readers with tokens."""

    def __init__(self, world: World) -> None:
        self.world = world
        policies = Policies(database=world.database, artifacts=world.artifacts, settings=world.settings)
        application: Any = SimpleNamespace(
            calls=world.calls, access=world.access, search=BrokenSearch(), policies=policies
        )
        self._app = create_app(application, world.settings, behind_proxy=False)
        mount(self._app, application, world.settings)
        self._users = 0

    def client(self, *, scopes: tuple[str, ...] = (), teams: list[str] | None = None) -> TestClient:
        """A client of a new user, limited to these scopes and teams."""
        self._users += 1
        name = f"reader-{self._users}"
        access = self.world.access
        access.create_user(ADMIN, name, "admin" if teams is None else "qa", teams=teams)
        token = access.create_token(ADMIN, name, label=name, scopes=scopes)
        return TestClient(self._app, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    world = World(tmp_path_factory.mktemp("pages"))
    yield Site(world)
    world.close()


@pytest.mark.parametrize(
    "address",
    [
        "/queue/newer?since=2025-03-01T10:00:00",
        "/queue/newer?since=0001-01-01T00:00:00%2B08:00",
        "/queue/newer?since=9999-12-31T23:59:59-08:00",
        "/queue/newer?since=yesterday",
        "/queue/newer",
        "/?cursor=nonsense",
        "/?cursor=" + base64.urlsafe_b64encode(b"[" * 20_000).decode(),
        "/?sort=newest&cursor=" + "A" * 501,
    ],
    ids=["no offset", "too early", "too late", "no time", "none", "nonsense", "nested", "long"],
)
def test_a_crafted_address_is_answered_with_what_is_wrong_with_it(site: Site, address: str) -> None:
    answer = site.client().get(address)
    assert answer.status_code == 422
    assert words_of(Language.EN)("error.422.title") in html.unescape(answer.text)


def test_a_token_that_may_read_nothing_is_told_so(site: Site) -> None:
    for scope in (Permission.CALLS_WRITE, Permission.ADMIN):
        client = site.client(scopes=(scope.value,))
        for address, status in (("/", 403), ("/calls/none", 403), ("/nowhere", 404)):
            answer = client.get(address)
            assert answer.status_code == status, (scope, address)
            assert words_of(Language.EN)(f"error.{status}.title") in html.unescape(answer.text)
            assert "data-nav" not in answer.text


def test_every_call_that_came_into_a_list_is_counted_in_whatever_order_they_came(site: Site) -> None:
    """The queue counts from when calls were judged: those that were received long ago are as new to it."""
    world, folder = site.world, site.world.settings.data
    waiting = [world.take(wav(folder / f"{n}.wav", n), {"team": "north"}).id or "" for n in range(4)]
    for n in (2, 3):
        world.process(waiting[n], findings=[finding()], flagged=True, severity=Severity.HIGH)
    read = datetime.now(UTC)
    for n in (1, 0):
        world.process(waiting[n], findings=[finding()], flagged=True, severity=Severity.HIGH)

    def said(client: TestClient, since: datetime, more: str = "") -> str:
        answer = client.get("/queue/newer" + more, params=None if more else {"since": since.isoformat()})
        assert answer.status_code == 200
        return " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())

    words = words_of(Language.EN)
    client, before = site.client(), read - timedelta(hours=1)
    assert said(client, read) == words("queue.newer", n=2)
    assert said(client, before) == words("queue.newer", n=4)
    after = read.isoformat().replace("+", "%2B")
    assert said(client, read, f"?all=1&since={after}") == "", "nothing was received since"
    assert said(client, read, f"?severity=critical&since={after}") == ""
    assert said(site.client(teams=["south"]), read) == ""


def test_what_is_known_in_english_only_is_marked_as_such(site: Site) -> None:
    client = site.client()
    found = client.get("/search", params={"q": "x"}, headers=CHINESE)
    assert words_of(Language.ZH_HANS)("search.problem") in found.text
    assert '<span lang="en">Put the plug back in.</span>' in found.text
    tried = client.post("/policy/try", data={"pack": "cn", "text": "nobody: hello"}, headers=CHINESE)
    assert words_of(Language.ZH_HANS)("policy.try.problem") in tried.text
    assert re.search(r'<span lang="en">Line 1 does not begin[^<]*</span>', tried.text)
    assert "(Line 1" not in tried.text


def test_what_is_loaded_again_can_be_told_by_its_ids(site: Site) -> None:
    """The list of recordings is put in anew every second, and the focus stays with the same id."""
    world, folder = site.world, site.world.settings.data
    calls = [world.take(wav(folder / f"again-{n}.wav", 50 + n)).id or "" for n in range(2)]
    assert world.processing.begin(calls[0], 1) is not None
    assert world.processing.fail(calls[0], 1, "decode_timeout", "Too long.")
    client = site.client()
    page = client.get("/upload/jobs").text
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    listed = page.count("<li ")
    assert len(re.findall(r'<a [^>]*\bid="open-', page)) == page.count("<a ") == listed >= 2
    assert len(re.findall(r'<button [^>]*\bid="retry-', page)) == page.count("<button") == 1
    assert {f"open-{calls[0]}", f"open-{calls[1]}", f"retry-{calls[0]}"} <= set(ids)
    assert set(re.findall(r'\bid="([^"]*)"', client.get("/upload/jobs").text)) == set(ids)
