"""The policy page as values: packs, their categories, and of one category all that a pack says about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from pipeline.policy.cases import Case, Line
from pipeline.policy.categories import GROUPS, Category, Kind, categories
from pipeline.policy.citations import STATUSES
from pipeline.policy.pack import Pack
from pipeline.policy.rules import Rule
from pipeline.records import Role
from review_ui.findings_view import ClauseView, clause_view, short_pack
from review_ui.language import Words
from review_ui.outcomes_view import tone_of_polarity
from review_ui.policy_rules_view import RuleView, TimelineRuleView, rule_view, timeline_rule_view
from review_ui.policy_sentences import Sentences, SignalName

_SHOWN_CASES = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class PackTab:
    """A pack that can be looked at; `name` is how addresses call it."""

    name: str
    title: str
    version: str
    note: str
    href: str
    chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CategoryLink:
    key: str
    name: str
    other_name: str
    href: str
    tone: str
    chosen: bool
    rules: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CategoryGroup:
    key: str
    name: str
    items: tuple[CategoryLink, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseLine:
    role: str
    who: str
    lang: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseView:
    """A regression case: a dialogue, and what must come of it (`forbids`: what never may)."""

    name: str
    lines: tuple[CaseLine, ...]
    expects: tuple[str, ...]
    facts: tuple[str, ...]
    locked: bool
    known_gap: bool
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CategoryView:
    """What a pack says of one category."""

    key: str
    name: str
    other_name: str
    other_lang: str
    group: str
    kind: str
    tone: str
    severity: str
    who: str
    definition: str
    excluded: tuple[str, ...]
    action: str
    clauses: tuple[ClauseView, ...]
    house: bool
    rules: tuple[RuleView, ...]
    timeline: tuple[TimelineRuleView, ...]
    examples: tuple[CaseView, ...]
    counter_examples: tuple[CaseView, ...]
    entries: tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepView:
    label: str
    signals: tuple[SignalName, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PatternView:
    name: str
    tone: str
    polarity: str
    steps: tuple[StepView, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundView:
    name: str
    sentence: str
    score: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PackView:
    """What a pack is as a whole. `clauses` counts them by how well they were verified."""

    name: str
    title: str
    version: str
    version_whole: str
    note: str
    over: str
    in_force: bool
    threshold: str
    rules: int
    timeline_rules: int
    entries: int
    clauses: tuple[tuple[str, str, int], ...]
    house: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyPage:
    """`category` is None on the page of the pack as a whole, which has the patterns and sounds."""

    tabs: tuple[PackTab, ...]
    pack: PackView
    address: str
    query: str
    groups: tuple[CategoryGroup, ...]
    found: int
    whole_href: str
    try_href: str
    category: CategoryView | None
    patterns: tuple[PatternView, ...]
    sounds: tuple[SoundView, ...]


def pack_tabs(
    packs: Sequence[Pack], others: Sequence[tuple[str, Pack]], chosen: str, words: Words, *, to: str
) -> tuple[PackTab, ...]:
    """The packs in force, then others by their addresses; `to` is the page that the tabs lead to."""
    in_force = [(pack.name, pack, words(f"jurisdiction.{pack.jurisdiction}"), "") for pack in packs]
    beside = [
        (name, pack, words(f"jurisdiction.{pack.jurisdiction}"), words("policy.not_in_force")) for name, pack in others
    ]
    return tuple(
        PackTab(
            name=name,
            title=title,
            version=short_pack(pack.name, pack.version),
            note=note,
            href=f"{to}?{urlencode({'pack': name})}",
            chosen=name == chosen,
        )
        for name, pack, title, note in (*in_force, *beside)
    )


def policy_page(
    pack: Pack,
    cases: Iterable[Case],
    tabs: tuple[PackTab, ...],
    words: Words,
    *,
    address: str,
    in_force: bool,
    category: str = "",
    query: str = "",
) -> PolicyPage:
    """The page of a pack; `address` is how it is named in the address, `query` narrows the list of categories."""
    sentences = Sentences(words, pack, address)
    groups = _groups(pack, words, address, category, query)
    chosen = categories().get(category)
    return PolicyPage(
        tabs=tabs,
        pack=_pack_view(pack, words, in_force=in_force),
        address=address,
        query=query,
        groups=groups,
        found=sum(len(group.items) for group in groups),
        whole_href="/policy?" + urlencode({"pack": address}),
        try_href="/policy/try?" + urlencode({"pack": address}),
        category=category_view(chosen, pack, cases, sentences) if chosen else None,
        patterns=() if chosen else tuple(_patterns(pack, sentences)),
        sounds=() if chosen else tuple(_sounds(pack, sentences)),
    )


def category_view(about: Category, pack: Pack, cases: Iterable[Case], sentences: Sentences) -> CategoryView:
    """All that the pack says of a category."""
    words = sentences.words
    chinese = words.language.is_chinese
    listed = list(cases)
    clauses = tuple(clause_view(clause, words) for clause in pack.cited[about.key])
    counts = [(lex.lang, sum(e.category == about.key for e in lex.entries)) for lex in pack.lexicons]
    return CategoryView(
        key=about.key,
        name=words.category(about.key),
        other_name=about.name_en if chinese else about.name_zh,
        other_lang="en" if chinese else "zh",
        group=words.group(about.group),
        kind=words(f"policy.kind.{about.kind}"),
        tone=tone_of_category(about),
        severity=words(f"severity.{about.severity}"),
        who=words(f"role.{about.role}"),
        definition=words.pick(about.definition_zh, about.definition_en),
        excluded=tuple(words.pick(zh, "") for zh in about.not_zh) if chinese else about.not_en,
        action=words.pick(about.action_zh, about.action_en),
        clauses=tuple(c for c in clauses if c.status != "house"),
        house=any(c.status == "house" for c in clauses),
        rules=tuple(rule_view(rule, sentences) for rule in _rules_of(about.key, pack)),
        timeline=tuple(timeline_rule_view(rule, sentences) for rule in pack.timeline if rule.category == about.key),
        examples=tuple(
            case_view(case, sentences) for case in listed if any(wanted.category == about.key for wanted in case.expect)
        )[:_SHOWN_CASES],
        counter_examples=tuple(case_view(case, sentences) for case in listed if about.key in case.never)[:_SHOWN_CASES],
        entries=tuple((words.named("lang", lang), count) for lang, count in counts if count),
    )


def case_view(case: Case, sentences: Sentences) -> CaseView:
    """A regression case as it is read."""
    words = sentences.words
    return CaseView(
        name=case.name.replace("-", " "),
        lines=tuple(_line(line, words) for line in case.dialogue),
        expects=tuple(
            words("policy.expects", name=words.category(wanted.category), status=words(f"status.{wanted.status}"))
            for wanted in case.expect
        ),
        facts=tuple(
            words("policy.fact", name=sentences.fact(name), value=_fact_value(value, words))
            for name, value in case.context.facts.items()
        ),
        locked=case.locked,
        known_gap=case.known_gap,
        href="/policy/try?" + urlencode({"case": f"{case.pack}:{case.name}", "pack": sentences.address or case.pack}),
    )


def tone_of_category(about: Category) -> str:
    """The class that colours a category: severities are for what a collector did."""
    if about.kind is Kind.POSITIVE:
        return "good"
    if about.group == "distress":
        return "distress"
    return about.severity.value if about.kind in (Kind.VIOLATION, Kind.REQUIRED_STATEMENT) else "low"


def _fact_value(value: object, words: Words) -> str:
    if isinstance(value, bool):
        return words(f"policy.{str(value).lower()}")
    return words("policy.unknown") if value is None else str(value)


def _line(line: Line, words: Words) -> CaseLine:
    chinese = any("\u3400" <= c <= "\u9fff" for c in line.text)
    return CaseLine(
        role=line.role.value,
        who=words(f"role.{line.role}" if line.role is not Role.UNKNOWN else "role.unknown"),
        lang="zh" if chinese else "en",
        text=line.text,
    )


def _rules_of(category: str, pack: Pack) -> list[Rule]:
    return [rule for rule in pack.rules if rule.category == category]


def _groups(pack: Pack, words: Words, address: str, chosen: str, query: str) -> tuple[CategoryGroup, ...]:
    found: dict[str, list[CategoryLink]] = {group: [] for group in GROUPS}
    wanted = query.casefold().split()
    for key, about in categories().items():
        texts = (key, about.name_zh, about.name_en, words.category(key), words.group(about.group))
        haystack = " ".join(texts).casefold()
        if not all(part in haystack for part in wanted):
            continue
        more = {"q": query} if query else {}
        rules = len(_rules_of(key, pack)) + sum(rule.category == key for rule in pack.timeline)
        found[about.group].append(
            CategoryLink(
                key=key,
                name=words.category(key),
                other_name=about.name_en if words.language.is_chinese else about.name_zh,
                href="/policy?" + urlencode({"pack": address, "category": key, **more}),
                tone=tone_of_category(about),
                chosen=key == chosen,
                rules=rules,
            )
        )
    return tuple(
        CategoryGroup(key=group, name=words.group(group), items=tuple(items)) for group, items in found.items() if items
    )


def _pack_view(pack: Pack, words: Words, *, in_force: bool) -> PackView:
    counted = [
        (status, words(f"clause.{status}"), sum(clause.status == status for clause in pack.clauses.values()))
        for status in STATUSES
    ]
    return PackView(
        name=pack.name,
        title=words(f"jurisdiction.{pack.jurisdiction}"),
        version=short_pack(pack.name, pack.version),
        version_whole=pack.version,
        note=words.pick(pack.note_zh, pack.note_en),
        over=words("join.list").join(pack.extends),
        in_force=in_force,
        threshold=f"{pack.flag_possible_over:.2f}",
        rules=len(pack.rules),
        timeline_rules=len(pack.timeline),
        entries=sum(len(lexicon.entries) for lexicon in pack.lexicons),
        clauses=tuple(row for row in counted if row[2]),
        house=sum(any(c.status == "house" for c in cited) for cited in pack.cited.values()),
    )


def _patterns(pack: Pack, sentences: Sentences) -> Iterable[PatternView]:
    for pattern in pack.patterns:
        yield PatternView(
            name=sentences.pattern_name(pattern),
            tone=tone_of_polarity(pattern.polarity),
            polarity=sentences.words(f"policy.polarity.{pattern.polarity}"),
            steps=tuple(
                StepView(label=sentences.pattern(step), signals=sentences.signals(step.signals))
                for step in pattern.steps
            ),
        )


def _sounds(pack: Pack, sentences: Sentences) -> Iterable[SoundView]:
    for entry in pack.sounds:
        yield SoundView(
            name=sentences.signal(entry.category), sentence=sentences.sound(entry), score=f"{entry.score:.2f}"
        )
