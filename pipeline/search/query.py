"""The search box: what a person types, parsed once into a small tree that every engine compiles.

    还款 计划            both, anywhere in the utterance        "还款计划"   exactly this
    -协商 / NOT 协商      not this                               起诉 OR 律师  either (binds closer than a space)
    (起诉 OR 律师) -协商  groups                                 threat*      words that begin so

Full-width quotes, brackets and minus signs count as their plain forms. Punctuation alone is no word. Knows no engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import InvalidInput
from pipeline.search.analysis import Analysis, Pattern, query_tokens

LONGEST_TEXT = 500
MOST_WORDS = 50
DEEPEST_GROUP = 10


@dataclass(frozen=True, slots=True)
class Leaf:
    """A word or phrase that must stand in the utterance."""

    pattern: Pattern


@dataclass(frozen=True, slots=True)
class And:
    """All of them; with no children it matches everything."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    child: Node


Node = Leaf | And | Or | Not

EVERYTHING = And(())


def parse(text: str) -> Node:
    """The tree of what was typed; raises InvalidInput (`bad_query`) that says how to mend it."""
    if not text.strip():
        return EVERYTHING
    if len(text) > LONGEST_TEXT:
        raise _bad(f"The search is longer than {LONGEST_TEXT} characters; shorten it.")
    node = _Parser(list(_lexemes(text.translate(_PLAIN)))).parse()
    if node is None:
        raise _bad("There is no word to look for; type a word, not only punctuation.")
    return node


def matches(node: Node, analysis: Analysis) -> bool:
    """Whether an analysed text is what the tree asks for."""
    match node:
        case Leaf(pattern):
            return next(pattern.places(analysis), None) is not None
        case And(children):
            return all(matches(child, analysis) for child in children)
        case Or(children):
            return any(matches(child, analysis) for child in children)
        case Not(child):
            return not matches(child, analysis)


def wanted(node: Node) -> Iterator[Pattern]:
    """The patterns whose presence can make a text match: what to highlight, without what is excluded."""
    match node:
        case Leaf(pattern):
            yield pattern
        case And(children) | Or(children):
            for child in children:
                yield from wanted(child)
        case Not():
            return


_PLAIN = str.maketrans("“”„‟「」『』〝〞＂（）－−＊", '"' * 11 + "()" + "--" + "*")


@dataclass(frozen=True, slots=True)
class _Lexeme:
    """`kind` is "(", ")", "-", "or", "and", "word" or "phrase"; `text` is what stood there."""

    kind: str
    text: str


def _lexemes(text: str) -> Iterator[_Lexeme]:
    place = 0
    while place < len(text):
        character = text[place]
        if character.isspace():
            place += 1
        elif character == '"':
            end = text.find('"', place + 1)
            if end < 0:
                raise _bad("A quotation mark is not closed; add the second one or take the first one away.")
            phrase = text[place + 1 : end]
            place = end + 1
            if text[place : place + 1] == "*":
                phrase, place = phrase + "*", place + 1
            yield _Lexeme("phrase", phrase)
        elif character in "()":
            yield _Lexeme(character, character)
            place += 1
        elif character == "-" and place + 1 < len(text) and not text[place + 1].isspace():
            yield _Lexeme("-", character)
            place += 1
        else:
            end = place
            while end < len(text) and not text[end].isspace() and text[end] not in '"()':
                end += 1
            word = text[place:end]
            yield _Lexeme(_OPERATORS.get(word, "word"), word)
            place = end


_OPERATORS = {"OR": "or", "|": "or", "AND": "and", "&": "and", "NOT": "-"}


class _Parser:
    """Recursive descent; a part in which there is nothing to look for is None and falls away."""

    def __init__(self, lexemes: list[_Lexeme]) -> None:
        self._lexemes = lexemes
        self._place = 0
        self._words = 0
        self._depth = 0

    def parse(self) -> Node | None:
        node = self._all()
        if self._peek() == ")":
            raise _bad("A closing bracket has no opening one; take it away or add the other.")
        return node

    def _all(self) -> Node | None:
        children: list[Node | None] = []
        while self._peek() not in ("", ")"):
            if self._peek() == "and":
                self._take()
                if not children or self._peek() in ("", ")", "and", "or"):
                    raise _bad("AND stands between two words; add the missing one or write AND in small letters.")
                continue
            children.append(self._any())
        return _joined(And, children)

    def _any(self) -> Node | None:
        children = [self._one()]
        while self._peek() == "or":
            self._take()
            children.append(self._one())
        return _joined(Or, children)

    def _one(self) -> Node | None:
        kind = self._peek()
        if kind in ("", ")", "or", "and"):
            raise _bad("OR and NOT need a word beside them; add the missing one or write them in small letters.")
        lexeme = self._take()
        if kind == "-":
            self._enter()
            child = self._one()
            self._depth -= 1
            return Not(child) if child else None
        if kind == "(":
            return self._group()
        return self._leaf(lexeme)

    def _group(self) -> Node | None:
        self._enter()
        node = self._all()
        if self._peek() != ")":
            raise _bad("A bracket is not closed; add the closing one or take the opening one away.")
        self._take()
        self._depth -= 1
        return node

    def _leaf(self, lexeme: _Lexeme) -> Node | None:
        self._words += 1
        if self._words > MOST_WORDS:
            raise _bad(f"The search has more than {MOST_WORDS} words; leave some out.")
        pattern = query_tokens(lexeme.text, prefix=lexeme.text.endswith("*"))
        return Leaf(pattern) if pattern.tokens else None

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST_GROUP:
            raise _bad(f"Brackets are nested more than {DEEPEST_GROUP} deep; simplify the search.")

    def _peek(self) -> str:
        return self._lexemes[self._place].kind if self._place < len(self._lexemes) else ""

    def _take(self) -> _Lexeme:
        self._place += 1
        return self._lexemes[self._place - 1]


def _joined(kind: type[And] | type[Or], children: list[Node | None]) -> Node | None:
    kept = tuple(child for child in children if child is not None)
    return (kept[0] if len(kept) == 1 else kind(kept)) if kept else None


def _bad(message: str) -> InvalidInput:
    return InvalidInput(message, code="bad_query")
