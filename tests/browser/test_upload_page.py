"""Uploading: several files, live progress, refusals with their reasons."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from pipeline.records import Stage
from tests.browser.conftest import Site, Visitor
from tests.browser.records import SAMPLES


def test_files_are_sent_and_followed_to_their_end(site: Site, visit: Callable[..., Visitor], tmp_path: Path) -> None:
    recording, junk = tmp_path / "fresh.wav", tmp_path / "junk.wav"
    # A tail of silence makes other bytes, and so another recording, of a sample.
    recording.write_bytes((SAMPLES / "dev-en-03.wav").read_bytes() + bytes(3200))
    junk.write_bytes(b"no audio at all")
    (tmp_path / "fresh.json").write_text('{"meta": {"agent_id": "A77", "team": "north"}}', encoding="utf-8")
    visitor = visit()
    page = visitor.open("/upload")
    page.set_input_files("#files", [recording, junk, tmp_path / "fresh.json"])
    page.wait_for_selector("#sending li.accepted")
    page.wait_for_selector("#sending li.refused")
    assert "no audio file" in page.inner_text("#sending li.refused")
    job = page.locator(".job", has_text="fresh.wav")
    job.wait_for()
    id = job.get_attribute("data-call") or ""
    work = site.application.processing.begin(id, 1)
    assert work is not None and work.context.agent_id == "A77"
    site.application.processing.advance(id, Stage.TRANSCRIBE, 0.25)
    page.wait_for_selector(".job.running:has-text('Transcribing 25%')")
    site.application.processing.fail(id, 1, "decode_memory", "Too much memory.")
    page.wait_for_selector(f".job.failed[data-call='{id}'] button")
    assert "took too much memory" in page.locator(f".job[data-call='{id}']").inner_text()
    visitor.complaints[:] = [c for c in visitor.complaints if "422" not in c]  # the browser itself reports the refusal


def test_the_focus_stays_where_it_is_while_the_list_is_loaded_again(site: Site, visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.open("/upload")
    assert "every 1s" in (page.get_attribute("#jobs", "hx-trigger") or ""), "something is being processed"
    for held in (f"open-{site.seeded.failed}", f"retry-{site.seeded.failed}", f"open-{site.seeded.running}"):
        page.focus(f"#{held}")
        page.evaluate("document.getElementById('jobs').dataset.old = 'yes'")
        visitor.until("!document.getElementById('jobs').dataset.old")
        assert visitor.focused() == held


def test_what_the_server_says_of_a_refusal_is_marked_as_english(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    visitor = visit(language="zh-Hans")
    page = visitor.open("/upload")
    answer = {"status": "422", "detail": "The key team is a list; make it a text."}
    page.route("**/api/v1/recordings", lambda route: route.fulfill(status=422, json=answer))
    for name, code, ours in (("a", "bad_metadata", "通话资料无法读取。"), ("b", "brand_new", "未接收：")):
        answer["code"] = code
        (tmp_path / f"{name}.wav").write_bytes(b"x")
        page.set_input_files("#files", tmp_path / f"{name}.wav")
        said = page.locator(f"#sending li.refused:has(.file:text-is('{name}.wav')) .said")
        said.wait_for()
        assert said.inner_text().startswith(ours)
        assert said.locator("[lang=en]").inner_text() == answer["detail"]
    visitor.complaints[:] = [c for c in visitor.complaints if "422" not in c]  # the browser itself reports the refusal


def test_the_same_file_again_is_said_to_be_there(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    copy = tmp_path / "copy.opus"
    shutil.copy(SAMPLES / "dev-en-07.opus", copy)
    page = visit().open("/upload")
    page.set_input_files("#files", copy)
    row = page.locator("#sending li.duplicate")
    row.wait_for()
    assert "dev-en-07.opus" in row.inner_text()
    row.locator("a").click()
    page.wait_for_selector(".turn")


def test_a_dropped_sidecar_without_its_recording_is_not_lost_silently(
    visit: Callable[..., Visitor], tmp_path: Path
) -> None:
    note = tmp_path / "alone.json"
    note.write_text("{}", encoding="utf-8")
    page = visit().open("/upload")
    page.set_input_files("#files", note)
    assert "No recording of this name" in page.inner_text("#sending li.refused")
