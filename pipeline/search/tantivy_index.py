"""The embedded engine: tantivy in a folder, one writer, any number of readers in any process.

A rebuild makes a new generation beside the old one. tantivy keeps a deleted text in its files until it merges them or
the index is rebuilt; what is indexed is redacted.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tantivy import Index, IndexWriter, Query, Searcher

from pipeline.encoding import decode
from pipeline.errors import Unavailable
from pipeline.search import cursor, fields
from pipeline.search.base import Hit, Scope, SearchPage, SearchQuery, Sort, UtteranceDocument
from pipeline.search.generations import Generations, WriterLock
from pipeline.search.highlight import highlights
from pipeline.search.query import parse, wanted
from pipeline.search.tantivy_query import SCHEMA, SOURCE, after, aggregations, compiled, to_tantivy

STAMP_FILE = "forbear.json"
HEAP_BYTES = 32_000_000
"""Memory of one indexing thread; tantivy refuses less than 15 MB."""
DEEPEST = 10_000
"""Hits that can be paged through by relevance; by time there is no end."""


@dataclass(frozen=True, slots=True)
class _Newest:
    """The order key of the last hit shown, and the ids of the hits shown that have it."""

    order: int
    seen: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.order < 2**63:
            raise ValueError("no order key")


@dataclass(frozen=True, slots=True)
class _Relevance:
    """How many hits were shown: tantivy can't resume at a score. A commit between two pages may move hits across."""

    offset: int

    def __post_init__(self) -> None:
        if not 0 < self.offset <= DEEPEST:
            raise ValueError("no such page")


class TantivyReader:
    """Stands behind SearchReader. An index that nobody has written yet is empty."""

    def __init__(self, folder: Path) -> None:
        self._generations = Generations(folder)
        self._lock = threading.Lock()
        self._opened: tuple[Path, Index] | None = None

    def search(self, query: SearchQuery, scope: Scope) -> SearchPage:
        node = parse(query.text)
        asked = compiled(node, query, scope)
        patterns = tuple(wanted(node))
        newest = cursor.read(_Newest, query, scope) if query.sort is Sort.NEWEST else None
        relevance = cursor.read(_Relevance, query, scope) if query.sort is Sort.RELEVANCE else None
        searcher = self._searcher()
        if searcher is None:
            return SearchPage(facets=dict.fromkeys(fields.FACETS, ()))
        with _readable():
            shown, place = (
                _by_order(searcher, asked, query.limit, newest)
                if query.sort is Sort.NEWEST
                else _by_relevance(searcher, asked, query.limit, relevance)
            )
            total = searcher.search(asked, limit=1, count=True).count
            counts = searcher.aggregate(asked, aggregations())
        return SearchPage(
            hits=tuple(Hit(document=found, highlights=highlights(found.text, patterns)) for found in shown),
            total_hits=total,
            total_calls=round(counts["calls"]["value"]),
            facets={name: fields.facet(_buckets(counts, name)) for name in fields.FACETS},
            histogram=tuple((fields.day_from(int(day)), n) for day, n in sorted(_buckets(counts, fields.DAY))),
            next_cursor=cursor.make(place, query, scope) if place else None,
        )

    def count(self) -> int:
        searcher = self._searcher()
        return int(searcher.num_docs) if searcher is not None else 0

    def close(self) -> None:
        with self._lock:
            self._opened = None

    def _searcher(self) -> Searcher | None:
        """A view of the last commit, or None before the first."""
        with self._lock:
            while True:
                current = self._generations.current()
                if current is None:
                    return None
                try:
                    with _readable():
                        if self._opened is None or self._opened[0] != current:
                            self._opened = (current, _open(current))
                        index = self._opened[1]
                        index.reload()
                        return index.searcher()
                except Unavailable:
                    self._opened = None
                    if self._generations.current() == current:
                        raise


class TantivyIndex(TantivyReader):
    """Stands behind SearchIndex: the one writer of a folder; raises Unavailable (`index_locked`) beside another."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._writer_lock = WriterLock(folder)
        self._writer: IndexWriter | None = None
        self._changed = False
        self._generations.sweep()
        if self._generations.current() is None:
            self.rebuild(())

    def replace_call(self, call_id: str, documents: Sequence[UtteranceDocument]) -> None:
        made = [to_tantivy(document) for document in documents]
        with self._writing() as writer:
            writer.delete_documents_by_term("call_id", call_id)
            for document in made:
                writer.add_document(document)

    def delete_call(self, call_id: str) -> None:
        self.replace_call(call_id, ())

    def commit(self) -> None:
        if self._changed:
            with self._writing() as writer:
                writer.commit()
            self._changed = False

    def rebuild(self, documents: Iterable[UtteranceDocument]) -> None:
        self._discard()
        generation = self._generations.create()
        try:
            with _writable():
                writer = _create(generation)
            for made in map(to_tantivy, documents):
                with _writable():
                    writer.add_document(made)
            with _writable():
                writer.commit()
                writer.wait_merging_threads()
        except BaseException:
            shutil.rmtree(generation, ignore_errors=True)
            raise
        self._generations.use(generation)

    def close(self) -> None:
        """Drops what was not committed and waits for merges: files of an unfinished merge would stay for ever."""
        try:
            self._discard()
        finally:
            super().close()
            self._writer_lock.release()

    @contextmanager
    def _writing(self) -> Iterator[IndexWriter]:
        """The writer, opened when first needed and given up after an error: tantivy's is of no use after one."""
        try:
            with _writable():
                if self._writer is None:
                    self._writer = self._open_writer()
                self._changed = True
                yield self._writer
        except Unavailable:
            self._writer = None
            self._changed = False
            raise

    def _open_writer(self) -> IndexWriter:
        current = self._generations.current()
        if current is None:
            raise _damaged()
        with _readable():
            index = _open(current)
        return index.writer(heap_size=HEAP_BYTES, num_threads=1)

    def _discard(self) -> None:
        if self._writer is not None:
            with _writable():
                self._writer.rollback()
                self._writer.wait_merging_threads()
        self._writer = None
        self._changed = False


def _create(generation: Path) -> IndexWriter:
    index = Index(SCHEMA, path=str(generation))
    (generation / STAMP_FILE).write_text(json.dumps(fields.STAMP), encoding="ascii")
    threads = min(4, os.cpu_count() or 1)
    return index.writer(heap_size=HEAP_BYTES * threads, num_threads=threads)


def _open(generation: Path) -> Index:
    """Raises Unavailable (`index_outdated`), and ValueError or OSError where there is no sound index."""
    if json.loads((generation / STAMP_FILE).read_bytes()) != fields.STAMP:
        raise Unavailable(
            "The search index was made by another version of Forbear. Restart the worker, which makes it anew "
            "from the calls; none of them is touched.",
            code="index_outdated",
        )
    index = Index.open(str(generation))
    index.config_reader(reload_policy="manual")
    return index


def _by_order(
    searcher: Searcher, asked: Query, limit: int, place: _Newest | None
) -> tuple[tuple[UtteranceDocument, ...], _Newest | None]:
    rest = asked if place is None else after(asked, order=place.order, seen=place.seen)
    found = searcher.search(rest, limit=limit + 1, count=False, order_by_field=fields.ORDER).hits
    shown = sorted(((-order, _document(searcher, address)) for order, address in found[:limit]), key=_rank)
    documents = tuple(document for _, document in shown)
    if len(found) <= limit:
        return documents, None
    last = -shown[-1][0]
    seen = tuple(document.id for order, document in shown if -order == last)
    if place is not None and place.order == last:
        seen += place.seen
    return documents, _Newest(last, seen)


def _rank(item: tuple[int, UtteranceDocument]) -> tuple[int, str]:
    return (item[0], item[1].id)


def _by_relevance(
    searcher: Searcher, asked: Query, limit: int, place: _Relevance | None
) -> tuple[tuple[UtteranceDocument, ...], _Relevance | None]:
    offset = place.offset if place else 0
    found = searcher.search(asked, limit=limit + 1, count=False, offset=offset).hits
    documents = tuple(_document(searcher, address) for _, address in found[:limit])
    more = len(found) > limit and offset + limit <= DEEPEST
    return documents, _Relevance(offset + limit) if more else None


def _document(searcher: Searcher, address: Any) -> UtteranceDocument:
    return decode(UtteranceDocument, searcher.doc(address).get_first(SOURCE))


def _buckets(counts: dict[str, Any], name: str) -> list[tuple[Any, int]]:
    return [(bucket["key"], bucket["doc_count"]) for bucket in counts[name]["buckets"]]


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if not _from_tantivy(error):
            raise
        raise _damaged() from error


@contextmanager
def _writable() -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if not _from_tantivy(error):
            raise
        raise Unavailable(
            "The search index could not be written. Look for free disk space and the folder's permissions; "
            "what was not indexed is kept and tried again.",
            code="index_write_failed",
        ) from error


def _from_tantivy(error: BaseException) -> bool:
    """A panic of its native code (bytes flipped on disk cause some) is no Exception, but no reason to end a server."""
    return isinstance(error, OSError | ValueError | RuntimeError) or type(error).__name__ == "PanicException"


def _damaged() -> Unavailable:
    return Unavailable(
        "The search index is damaged. Stop the worker, remove the folder index inside the data folder and start the "
        "worker, which makes it anew from the calls; none of them is touched.",
        code="index_damaged",
    )
