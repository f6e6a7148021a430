"""Cross-call findings over the API: part of a call like its own, with the calls that they rest on."""

from __future__ import annotations

from api_installation import Installation


def test_a_calls_findings_hold_those_of_its_account(installation: Installation) -> None:
    ids = [
        installation.process(
            seed,
            call_id=f"C{seed}",
            account_ref="ACC-1",
            started_at=f"2026-03-02T{9 + seed:02}:00:00+08:00",
            customer_tz="Asia/Shanghai",
            jurisdiction="CN",
            answered="yes",
        )
        for seed in range(4)
    ]
    client = installation.client(installation.token())
    found = client.get(f"/api/v1/calls/{ids[3]}").json()
    (crossing,) = [one for one in found["findings"] if one["evidence"]["kind"] == "metadata"]
    assert crossing["rule"] == "cn.timeline.conversations-a-day"
    assert crossing["evidence"]["calls"] == ids[:3] and crossing["evidence"]["facts"]["count"] == "4"
    assert (crossing["start_ms"], crossing["quote"]) == (None, None)
    assert client.get("/api/v1/calls", params={"category": "contact.frequency"}).json()["calls"][0]["id"] == ids[3]
