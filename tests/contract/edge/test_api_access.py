"""Who gets in, who may do what, and requests that another site makes in somebody's name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from api_installation import PASSWORD, ROOT, Installation
from starlette.testclient import TestClient

from api.auth import PLAIN_COOKIE, SECURE_COOKIE

OWN = {"Origin": "http://forbear.test"}


def sign_in(client: TestClient, name: str = "mei", password: str = PASSWORD, **headers: str) -> object:
    return client.post("/api/v1/session", json={"name": name, "password": password}, headers=headers)


@pytest.fixture
def mei(installation: Installation) -> TestClient:
    """A browser of somebody who is signed in, by a link, as checking a password takes long."""
    installation.access.create_user(ROOT, "mei", "reviewer")
    client = installation.client()
    client.cookies.set(PLAIN_COOKIE, installation.access.use_link(installation.access.sign_in_link("mei")))
    return client


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/calls"),
        ("GET", "/api/v1/calls/counts"),
        ("GET", "/api/v1/calls/x"),
        ("POST", "/api/v1/calls/x/retry"),
        ("POST", "/api/v1/calls/x/reprocess"),
        ("POST", "/api/v1/calls/x/swap-roles"),
        ("DELETE", "/api/v1/calls/x"),
        ("GET", "/api/v1/calls/x/audio"),
        ("GET", "/api/v1/calls/x/peaks"),
        ("GET", "/api/v1/calls/x/clip?start_ms=0&end_ms=1"),
        ("POST", "/api/v1/recordings?filename=a.wav"),
        ("GET", "/api/v1/search?q=a"),
        ("GET", "/api/v1/jobs"),
        ("GET", "/api/v1/jobs/events"),
        ("GET", "/api/v1/session"),
    ],
)
def test_nobody_gets_in_without_a_token(installation: Installation, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer fb_guess"}, {"Authorization": "Basic bWVpOm1laQ=="}):
        answer = installation.client().request(method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["code"] == "not_signed_in"
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_every_route_but_probes_and_sign_in_wants_somebody(installation: Installation) -> None:
    """So that a route added later is not forgotten: whatever is described must refuse a stranger."""
    client = installation.client()
    for path, operations in client.get("/api/openapi.json").json()["paths"].items():
        for method in operations:
            if path.startswith("/health/") or (path, method) in {("/api/v1/session", "post")}:
                continue
            answer = client.request(method, path.replace("{id}", "x"))
            assert answer.status_code in (401, 403), (method, path)


def test_a_revoked_token_is_worth_nothing(installation: Installation) -> None:
    token = installation.token()
    client = installation.client(token)
    assert client.get("/api/v1/calls").status_code == 200
    installation.access.revoke_token(ROOT, token)
    assert client.get("/api/v1/calls").status_code == 401


def test_the_user_behind_a_token_can_be_disabled(installation: Installation) -> None:
    client = installation.client(installation.token("qa"))
    name = client.get("/api/v1/session").json()["name"]
    installation.access.disable_user(ROOT, name)
    assert client.get("/api/v1/calls").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("POST", "/api/v1/recordings?filename=a.wav", "calls:write"),
        ("POST", "/api/v1/calls/{id}/reprocess", "calls:write"),
        ("POST", "/api/v1/calls/{id}/swap-roles", "calls:write"),
        ("DELETE", "/api/v1/calls/{id}", "calls:delete"),
        ("GET", "/api/v1/calls/{id}?original=true", "calls:original"),
        ("GET", "/api/v1/calls/{id}/audio?original=true", "calls:original"),
        ("GET", "/api/v1/calls/{id}/clip?start_ms=0&end_ms=100&original=true", "calls:original"),
    ],
)
def test_a_scope_that_is_not_there_is_403(installation: Installation, method: str, path: str, permission: str) -> None:
    id = installation.process()
    reader = installation.client(installation.token("admin", scopes=("calls:read",)))
    answer = reader.request(method, path.format(id=id))
    assert answer.status_code == 403
    assert answer.json()["code"] == "forbidden"
    assert permission in answer.json()["detail"]


def test_a_token_without_read_sees_no_call(installation: Installation) -> None:
    writer = installation.client(installation.token("admin", scopes=("calls:write",)))
    for path in ("/api/v1/calls", "/api/v1/search", "/api/v1/jobs", f"/api/v1/calls/{installation.process()}"):
        assert writer.get(path).status_code == 403


def test_calls_of_another_team_do_not_exist(installation: Installation) -> None:
    theirs, ours = installation.process(1, team="south"), installation.process(2, team="north")
    client = installation.client(installation.token("reviewer", teams=["north"]))
    assert [call["id"] for call in client.get("/api/v1/calls").json()["calls"]] == [ours]
    assert client.get("/api/v1/calls/counts").json()["all_calls"] == 1
    assert {hit["call"] for hit in client.get("/api/v1/search", params={"q": "today"}).json()["hits"]} == {ours}
    nothing = client.get("/api/v1/calls/none").json()
    for path in ("", "/audio", "/peaks", "/clip?start_ms=0&end_ms=100"):
        answer = client.get(f"/api/v1/calls/{theirs}{path}")
        assert answer.status_code == 404
        assert (answer.json()["code"], answer.json()["detail"]) == (nothing["code"], nothing["detail"])
    for path in ("retry", "reprocess", "swap-roles"):
        assert client.post(f"/api/v1/calls/{theirs}/{path}").status_code == 404


def test_signing_in_sets_a_cookie_that_scripts_and_other_sites_do_not_get(installation: Installation) -> None:
    installation.access.create_user(ROOT, "mei", "reviewer", PASSWORD)
    answer = sign_in(installation.client())
    assert answer.json() == {
        "name": "mei",
        "permissions": ["calls:original", "calls:read", "calls:write"],
        "teams": None,
    }
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{PLAIN_COOKIE}=")
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie
    assert "Secure" not in cookie and "Domain" not in cookie


@pytest.mark.parametrize("options", [{"behind_proxy": True}, {"secure": True}])
def test_behind_tls_the_cookie_is_bound_to_the_host(installation: Installation, options: dict[str, bool]) -> None:
    installation.access.create_user(ROOT, "mei", "reviewer", PASSWORD)
    client = installation.client(**options)
    answer = sign_in(client)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{SECURE_COOKIE}=")
    assert "Secure" in cookie and "HttpOnly" in cookie and "Path=/" in cookie and "Domain" not in cookie
    assert client.get("/api/v1/session").json()["name"] == "mei"
    secret = client.cookies[SECURE_COOKIE]
    weaker = installation.client(**options).get("/api/v1/session", headers={"Cookie": f"{PLAIN_COOKIE}={secret}"})
    assert weaker.status_code == 401


def test_a_wrong_password_and_a_wrong_name_look_the_same(installation: Installation) -> None:
    installation.access.create_user(ROOT, "mei", "reviewer", PASSWORD)
    client = installation.client()
    wrong = sign_in(client, password="not the password")
    nobody = sign_in(client, name="nobody")
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.json()["code"] == nobody.json()["code"] == "bad_credentials"
    assert wrong.json()["detail"] == nobody.json()["detail"]
    assert "set-cookie" not in wrong.headers


def test_guessing_is_slowed_down(installation: Installation) -> None:
    installation.access.create_user(ROOT, "mei", "reviewer", PASSWORD)
    client = installation.client()
    statuses = [sign_in(client, password="wrong wrong wrong").status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    stopped = sign_in(client)
    assert stopped.json()["code"] == "too_many_attempts"
    assert int(stopped.headers["retry-after"]) > 0


def test_a_flood_of_sign_ins_does_not_hold_every_thread(installation: Installation) -> None:
    client = installation.client()
    turnstile = client.app.state.sign_in_turnstile
    while turnstile.acquire(blocking=False):
        pass
    answer = sign_in(client)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["code"] == "sign_in_busy", "nobody who waits his turn is told of wrong passwords"
    turnstile.release()
    assert sign_in(client, name="nobody").status_code == 401


def test_signing_out_ends_the_session_on_the_server(mei: TestClient) -> None:
    secret = mei.cookies[PLAIN_COOKIE]
    assert mei.get("/api/v1/session").json()["name"] == "mei"
    left = mei.delete("/api/v1/session", headers=OWN)
    assert left.status_code == 204
    assert left.headers["set-cookie"].startswith(f'{PLAIN_COOKIE}=""') and "Max-Age=0" in left.headers["set-cookie"]
    assert mei.get("/api/v1/session", headers={"Cookie": f"{PLAIN_COOKIE}={secret}"}).status_code == 401


def test_a_bad_token_is_not_made_up_for_by_a_cookie(mei: TestClient) -> None:
    assert mei.get("/api/v1/session", headers={"Authorization": "Bearer fb_wrong"}).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://forbear.test"}, 202),
        ({"Origin": "http://forbear.test"}, 202),
        ({"Sec-Fetch-Site": "same-origin"}, 202),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.test"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://forbear.test"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "http://forbear.test.evil.test"}, 403),
        ({"Origin": "http://forbear.test:81"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_with_a_cookie_only_our_own_pages_change_anything(
    installation: Installation, mei: TestClient, headers: dict[str, str], status: int
) -> None:
    answer = mei.post(f"/api/v1/calls/{installation.process()}/reprocess", headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "cross_site"


def test_reading_with_a_cookie_needs_no_proof(mei: TestClient) -> None:
    assert mei.get("/api/v1/calls", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_a_token_needs_no_proof_either(installation: Installation, client: TestClient) -> None:
    path = f"/api/v1/calls/{installation.process()}/reprocess"
    assert client.post(path, headers={"Origin": "http://elsewhere.test"}).status_code == 202


def test_another_site_can_not_sign_a_browser_in(installation: Installation) -> None:
    installation.access.create_user(ROOT, "mei", "reviewer", PASSWORD)
    answer = sign_in(installation.client(), **{"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")


def test_over_tls_an_origin_without_it_is_foreign(installation: Installation) -> None:
    installation.access.create_user(ROOT, "mei", "reviewer", PASSWORD)
    client = installation.client(secure=True)
    sign_in(client)
    path = f"/api/v1/calls/{installation.process()}/reprocess"
    assert client.post(path, headers={"Origin": "http://forbear.test"}).status_code == 403
    assert client.post(path, headers={"Origin": "https://forbear.test"}).status_code == 202


@pytest.mark.parametrize("spoil", [lambda s: "x" + s, lambda s: "", lambda s: s * 50])
def test_a_link_that_is_none_signs_nobody_in(installation: Installation, spoil: Callable[[str], str]) -> None:
    from fastapi import Request, Response

    from api.auth import sign_in_with_link
    from api.errors import NotSignedIn

    installation.access.create_user(ROOT, "mei", "reviewer")
    app = installation.client().app
    request = Request({"type": "http", "method": "POST", "headers": [], "app": app})
    link = installation.access.sign_in_link("mei")
    with pytest.raises(NotSignedIn) as refused:
        sign_in_with_link(request, Response(), spoil(link))
    assert refused.value.code == "bad_link"
    response = Response()
    assert sign_in_with_link(request, response, link).name == "mei"
    assert PLAIN_COOKIE in response.headers["set-cookie"]
    with pytest.raises(NotSignedIn):
        sign_in_with_link(request, Response(), link)
