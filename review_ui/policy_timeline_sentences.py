"""Cross-call rules as sentences in the reader's language: how many calls, how soon, and after what."""

from __future__ import annotations

from pipeline.policy.timeline_rules import AfterRule, AnyTimelineRule, CountRule, PauseRule, Same, Unknown, Whom
from review_ui.policy_sentences import Sentences


def timeline_sentences(rule: AnyTimelineRule, sentences: Sentences) -> tuple[str, ...]:
    """What the rule asks for, and then what else must be so."""
    words = sentences.words
    whom = words(f"policy.whom.{rule.whom}")
    match rule:
        case CountRule():
            what = words(f"policy.counted.{rule.counts}")
            lead = (
                words("policy.timeline.count", n=rule.most, what=what, whom=whom, days=_days(rule.days, sentences))
                if rule.days is not None
                else words("policy.timeline.count_ever", n=rule.most, what=what, whom=whom)
            )
        case PauseRule():
            lead = words("policy.timeline.pause", n=rule.days, whom=whom)
        case AfterRule():
            lead = _after(rule, sentences)
    joined = words("join.list")
    limits = [
        words("policy.timeline.per", what=joined.join(words(f"policy.same.{one}") for one in Same if one in rule.per))
    ]
    if isinstance(rule, AfterRule):
        limits += _after_limits(rule, sentences)
    limits += [words("policy.consent", fact=sentences.fact(name)) for name in rule.consent]
    if rule.unknown is Unknown.POSSIBLE:
        limits.append(words("policy.timeline.unknown"))
    return (lead, *limits)


def _days(days: int, sentences: Sentences) -> str:
    return sentences.words("policy.timeline.days", n=days)


def _after(rule: AfterRule, sentences: Sentences) -> str:
    words = sentences.words
    either = words("policy.join.or")
    causes = [either.join(sentences.signal(key) for key in rule.after)] if rule.after else []
    causes += [words("policy.timeline.on_file", fact=sentences.fact(name)) for name in rule.on_file]
    whom = "" if rule.whom is Whom.ANYBODY else words(f"policy.whom.{rule.whom}")
    key = "policy.timeline.after_then" if rule.then else "policy.timeline.after"
    then = either.join(sentences.signal(name) for name in rule.then)
    return words(key, cause=either.join(causes), whom=whom or words("policy.whom.anybody"), then=then)


def _after_limits(rule: AfterRule, sentences: Sentences) -> list[str]:
    words = sentences.words
    limits = []
    if rule.within_days is not None:
        limits.append(words("policy.timeline.within_days", n=rule.within_days))
    if rule.unless:
        names = words("policy.join.or").join(sentences.signal(key) for key in rule.unless)
        limits.append(words("policy.timeline.unless", names=names))
    if rule.truth is not None:
        limits += [words("policy.lawful", fact=sentences.fact(name)) for name in rule.truth.lawful_if]
    return limits
