"""Policy versions on every database: drafted, tested, refused, published, tried over the archive, given up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from pipeline.errors import Conflict, Forbidden, NotFound
from pipeline.policy.source import BadPolicy
from pipeline.records import CallContext, Jurisdiction, Role, Transcript
from pipeline.services.policies import Policies, PolicyState
from pipeline.services.views import Actor, Permission
from pipeline.stages.detect import Detect, build_rule_detectors
from pipeline.stages.dialogue import transcript_of
from pipeline.stages.judge import Judge
from pipeline.stages.redact import redact
from pipeline.whatif import Counted
from tests.stores import ADMIN, KINDS, World, database_url, record_of, wav

READER = Actor(name="test:reader", permissions=frozenset({Permission.CALLS_READ}))
RUDE = ((Role.AGENT, "您好，我是银行客服，通话有录音。"), (Role.AGENT, "跟你说话真费劲。"))
THREAT = ((Role.AGENT, "再不还，我叫两个兄弟把你腿打断。"), (Role.CUSTOMER, "我要投诉你们。"))

GOOD = """
    pack: bank
    version: "1"
    extends: cn
    lexicon: {zh: {abuse.hostile_tone: {sigh: {score: 0.9, say: "跟你说话真费劲"}}}}
    rules:
      abuse.hostile_tone: off
      sighs: {category: abuse.hostile_tone, said: abuse.hostile_tone, severity: high, reason_en: "Rude"}
"""
BAD = """
    pack: bank
    version: "2"
    extends: cn
    rules: {threat.violence: off, threat.arrest: off}
"""


class Bank(World):
    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, url)
        self.folder = folder
        self.policies = Policies(database=self.database, artifacts=self.artifacts, settings=self.settings)

    def pack(self, text: str, name: str = "bank.yaml") -> Path:
        path = self.folder / name
        path.write_text(dedent(text), encoding="utf-8")
        return path

    def judged_call(
        self, seed: int, lines: tuple[tuple[Role, str], ...], *, redacted: bool = False, **metadata: str
    ) -> str:
        """A call processed by the policy in force."""
        call = self.take(wav(self.folder / f"{seed}.wav", seed), {"call_id": f"k{seed}", **metadata}).id
        assert call is not None
        work = self.processing.begin(call, self.row(call).generation)
        assert work is not None
        transcript: Transcript = transcript_of(lines)
        registry = self.policies.registry()
        signals = Detect(build_rule_detectors(registry))(transcript)
        judgement = Judge(registry)(transcript=transcript, signals=signals, context=work.context, duration_ms=9000)
        record = replace(record_of(work), transcript=transcript, signals=signals, judgement=judgement)
        record = replace(record, redactions=redact(transcript)) if redacted else record
        assert self.processing.finish(call, work.generation, record)
        return call


@pytest.fixture(params=KINDS)
def bank(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bank]:
    with database_url(request.param, tmp_path) as url:
        world = Bank(tmp_path, url)
        yield world
        world.close()


def test_a_draft_is_published_and_judges_from_then_on(bank: Bank) -> None:
    before = bank.policies.registry()
    draft = bank.policies.draft(ADMIN, bank.pack(GOOD), note="tone")
    assert (draft.state, draft.pack, draft.jurisdiction) == (PolicyState.DRAFT, "bank", Jurisdiction.CN)
    assert bank.policies.draft(ADMIN, bank.pack(GOOD)).id == draft.id, "the same files are the same draft"
    assert bank.policies.registry() is before, "a draft judges nothing"
    published = bank.policies.publish(ADMIN, draft.id)
    assert published.state is PolicyState.PUBLISHED and published.tests is not None and not published.tests.blocking
    assert bank.policies.registry().pack_for(CallContext()).name == "bank"
    other = Policies(database=bank.database, artifacts=bank.artifacts, settings=bank.settings)
    assert other.registry().pack_for(CallContext()).version == published.version
    assert {"policy.drafted", "policy.tested", "policy.published"} <= {line.action for line in bank.audit()}


def test_the_published_pack_does_not_change_with_its_file(bank: Bank) -> None:
    path = bank.pack(GOOD)
    version = bank.policies.publish(ADMIN, bank.policies.draft(ADMIN, path).id).version
    path.write_text("broken: [", encoding="utf-8")
    fresh = Policies(database=bank.database, artifacts=bank.artifacts, settings=bank.settings)
    assert fresh.registry().pack_for(CallContext()).version == version


def test_a_pack_that_flips_a_locked_case_is_refused_and_the_case_named(bank: Bank) -> None:
    good = bank.policies.publish(ADMIN, bank.policies.draft(ADMIN, bank.pack(GOOD)).id)
    bad = bank.policies.draft(ADMIN, bank.pack(BAD))
    with pytest.raises(
        Conflict, match=r"cn\.yaml:\d+\).*threat\.(violence|arrest) as violation is not found"
    ) as caught:
        bank.policies.publish(ADMIN, bad.id)
    assert caught.value.code == "case_flipped"
    blocking = bank.policies.version(ADMIN, bad.id).tests
    assert blocking is not None and all(r.name in caught.value.message for r in blocking.blocking)
    assert bank.policies.registry().pack_for(CallContext()).version == good.version


def test_a_case_of_its_own_locks_a_rule_of_its_own(bank: Bank) -> None:
    bank.pack(
        """
        pack: bank
        jurisdiction: CN
        cases:
          - name: sighing-is-rude
            locked: true
            dialogue: ["agent: 跟你说话真费劲。"]
            expect: [{category: abuse.hostile_tone, status: violation}]
        """,
        "bank.cases.yaml",
    )
    bank.policies.publish(ADMIN, bank.policies.draft(ADMIN, bank.pack(GOOD)).id)
    worse = bank.policies.draft(ADMIN, bank.pack(GOOD.replace("score: 0.9", "score: 0.3").replace('"1"', '"3"')))
    with pytest.raises(Conflict, match="sighing-is-rude"):
        bank.policies.publish(ADMIN, worse.id)


def test_a_pack_that_can_not_be_read_is_no_draft(bank: Bank) -> None:
    with pytest.raises(BadPolicy, match=r"bank\.yaml:4: there is no pack"):
        bank.policies.draft(ADMIN, bank.pack(GOOD.replace("extends: cn", "extends: cnn")))
    assert bank.policies.history(ADMIN) == ()


def test_only_who_may_changes_policy(bank: Bank) -> None:
    path = bank.pack(GOOD)
    draft = bank.policies.draft(ADMIN, path)
    for act in (
        lambda: bank.policies.draft(READER, path),
        lambda: bank.policies.test(READER, draft.id),
        lambda: bank.policies.publish(READER, draft.id),
        lambda: bank.policies.discard(READER, draft.id),
        lambda: bank.policies.whatif(READER, draft.id),
        lambda: bank.policies.withdraw(READER, Jurisdiction.CN),
    ):
        with pytest.raises(Forbidden):
            act()
    assert [v.id for v in bank.policies.history(READER)] == [draft.id]


def test_discarding_and_withdrawing(bank: Bank) -> None:
    draft = bank.policies.draft(ADMIN, bank.pack(GOOD))
    assert bank.policies.discard(ADMIN, draft.id).state is PolicyState.DISCARDED
    with pytest.raises(Conflict, match="discarded"):
        bank.policies.publish(ADMIN, draft.id)
    again = bank.policies.publish(ADMIN, bank.policies.draft(ADMIN, bank.pack(GOOD)).id)
    with pytest.raises(Conflict):
        bank.policies.discard(ADMIN, again.id)
    bank.policies.withdraw(ADMIN, Jurisdiction.CN)
    assert bank.policies.registry().pack_for(CallContext()).name == "cn"
    with pytest.raises(NotFound):
        bank.policies.withdraw(ADMIN, Jurisdiction.CN)


def test_whatif_counts_what_would_change_and_changes_nothing(bank: Bank) -> None:
    rude = bank.judged_call(1, RUDE, team="north")
    threat = bank.judged_call(2, THREAT, team="south")
    bank.judged_call(3, RUDE, team="north", jurisdiction="TW")
    revisions = [bank.row(call).revision for call in (rude, threat)]
    draft = bank.policies.draft(ADMIN, bank.pack(GOOD))
    told: list[tuple[int, int]] = []
    report = bank.policies.whatif(ADMIN, draft.id, lambda done, of: told.append((done, of)))
    assert report.calls == 2, "a call under another law is not this pack's"
    assert report.by_category["abuse.hostile_tone"] == Counted(added=1)
    assert report.by_team["north"].added == 1
    assert report.by_team["south"].kept >= 2 and not report.by_team["south"].removed
    assert (report.flagged_before, report.flagged_after, report.newly_flagged) == (1, 2, (rude,))
    assert report.hours_after > report.hours_before
    assert told[-1] == (3, 3)
    assert bank.policies.version(ADMIN, draft.id).whatif == report
    assert [bank.row(call).revision for call in (rude, threat)] == revisions
    assert bank.policies.registry().pack_for(CallContext()).name == "cn"


def test_a_call_is_explained_rule_by_rule_under_the_policy_in_force(bank: Bank) -> None:
    call = bank.judged_call(4, THREAT, team="south")
    explanation = bank.policies.explain(READER, call)
    hit = {trace.rule.id: trace for trace in explanation.rules if trace.findings}
    assert hit["cn.threat.violence"].answers["said"].met
    assert explanation.rule_of(hit["cn.threat.violence"].findings[0]) is hit["cn.threat.violence"]
    with pytest.raises(NotFound):
        bank.policies.explain(replace(READER, teams=frozenset({"north"})), call)


def test_an_explanation_holds_redacted_words_only(bank: Bank) -> None:
    call = bank.judged_call(5, ((Role.AGENT, "您的卡号是4111111111111111，再不还我叫人把你腿打断。"),), redacted=True)
    explanation = bank.policies.explain(READER, call)
    said = explanation.transcript.utterances[0].text
    assert "4111" not in said
    hit = next(t for t in explanation.rules if t.rule.id == "cn.threat.violence").answers["said"].hits[0]
    utterance = explanation.transcript.utterances[0]
    assert "腿打断" in utterance.quote(hit.span.word_start, hit.span.word_end)


def test_an_explanation_redacts_free_text_of_the_metadata(bank: Bank) -> None:
    asked = """
        pack: bank
        version: "1"
        extends: cn
        rules:
          promised:
            category: abuse.hostile_tone
            when: {all: [told, said]}
            conditions: {told: {about: outcome, known: true}, said: {said: disclosure.recording}}
            evidence: said
            severity: low
            reason_en: "Promised"
    """
    bank.policies.publish(ADMIN, bank.policies.draft(ADMIN, bank.pack(asked)).id)
    call = bank.judged_call(6, RUDE, outcome="call back on 13800138000", days_past_due="30")
    explanation = bank.policies.explain(READER, call)
    (rule,) = [trace for trace in explanation.rules if trace.rule.id == "bank.promised"]
    assert rule.findings and "13800138000" not in repr((rule, explanation.judgement))
    assert dict(rule.answers["told"].facts)["outcome"].startswith("call back on ")
    assert "13800138000" not in repr(bank.calls.get(READER, call))


def test_of_a_whatif_teams_and_single_calls_are_shown_to_those_who_see_all(bank: Bank) -> None:
    bank.judged_call(1, RUDE, team="north")
    draft = bank.policies.draft(ADMIN, bank.pack(GOOD))
    report = bank.policies.whatif(ADMIN, draft.id)
    assert report.by_team and report.newly_flagged and report.examples
    limited = replace(READER, teams=frozenset({"north"}))
    for version in (bank.policies.version(limited, draft.id), *bank.policies.history(limited)):
        shown = version.whatif
        assert shown is not None and shown.by_category == report.by_category
        assert not (shown.by_team or shown.newly_flagged or shown.no_longer_flagged or shown.examples)


@pytest.mark.parametrize("name", ["²", "9" * 5000, "0"])
def test_a_number_that_is_no_version_is_not_found(bank: Bank, name: str) -> None:
    with pytest.raises(NotFound):
        bank.policies.pack(READER, name)
    with pytest.raises(NotFound):
        bank.policies.version(READER, -(2**63) - 1)


def test_a_dialogue_is_tried_and_nothing_is_kept(bank: Bank) -> None:
    explanation = bank.policies.try_dialogue(READER, "us", [(Role.AGENT, "We will sue you today.")])
    assert explanation.pack.name == "us" and explanation.judgement.findings
    lawful = bank.policies.try_dialogue(READER, "us", [(Role.AGENT, "We will sue you today.")], {"suit_filed": True})
    assert next(t for t in lawful.rules if t.rule.id == "us.threat.litigation_false").excused_by == "suit_filed"
    with pytest.raises(NotFound, match="did you mean 'cn'"):
        bank.policies.try_dialogue(READER, "cnn", [(Role.AGENT, "a")])
    assert bank.policies.history(READER) == ()
