"""Elasticsearch 8 or 9, for more calls or machines than one: the same documents, tokens and questions as embedded.

An alias names the index in use, and its name holds the versions of schema and analyser: an index of another version is
never asked by mistake. A rebuild fills a new index and moves the alias in one call. The client comes with the extra
`elasticsearch`; its version 8 speaks with servers 8 and 9.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.encoding import decode
from pipeline.errors import Unavailable
from pipeline.search import cursor, fields
from pipeline.search.base import Hit, Scope, SearchPage, SearchQuery, Sort, UtteranceDocument
from pipeline.search.elastic_query import SOURCE, aggregations, compiled, mapping, sorting, to_elastic
from pipeline.search.highlight import highlights
from pipeline.search.query import parse, wanted

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

KEEP_ALIVE = "5m"
"""How long the server keeps the state that pages by relevance are cut from."""

POINTS = 4
"""So many may be lost to one search: a rebuild may remove an index between the opening of a point and the search."""

BATCH = 5_000


@dataclass(frozen=True, slots=True)
class _Place:
    """The sort values of the last hit shown; by relevance also the point in time they belong to."""

    values: tuple[int | float | str, ...]
    pit: str | None = None


@dataclass(frozen=True, slots=True)
class _Indexed:
    id: str
    version: int


class ElasticIndex:
    """Stands behind SearchIndex. Several processes may write: an older revision of a call never replaces a newer one.

    Raises Unavailable: `elasticsearch_missing` (no client installed), `elasticsearch_unreachable`,
    `elasticsearch_error`, `index_outdated`.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "forbear-utterances",
        api_key: str | None = None,
        ca_certs: str | None = None,
        shards: int = 1,
        replicas: int = 1,
    ) -> None:
        self._client = _client(url, api_key=api_key, ca_certs=ca_certs)
        self._name = name
        self._alias = "-".join([name, *(f"{key}{version}" for key, version in fields.STAMP.items())])
        self._settings = {"number_of_shards": shards, "number_of_replicas": replicas, "refresh_interval": "-1"}
        self._pending: dict[str, tuple[UtteranceDocument, ...]] = {}

    def replace_call(self, call_id: str, documents: Sequence[UtteranceDocument]) -> None:
        if not self._pending:
            with _server():
                self._prepare()
        self._pending[call_id] = tuple(documents)

    def delete_call(self, call_id: str) -> None:
        self.replace_call(call_id, ())

    def commit(self) -> None:
        """Writes all changes in one bulk request and makes them seen."""
        if not self._pending:
            return
        with _server():
            self._client.indices.refresh(index=self._alias)
            known = self._indexed(list(self._pending))
            self._bulk(action for call_id in self._pending for action in self._actions(call_id, known.get(call_id, [])))
            self._client.indices.refresh(index=self._alias)
        self._pending = {}

    def rebuild(self, documents: Iterable[UtteranceDocument]) -> None:
        """No other process may write meanwhile: what it writes goes to the index that is about to be removed."""
        self._pending = {}
        index = f"{self._alias}-{uuid.uuid4().hex}"
        with _server():
            try:
                self._client.indices.create(index=index, settings=self._settings, mappings=mapping())
                self._bulk(_put(document, index) for document in documents)
                self._client.indices.refresh(index=index)
                others = self._use(index)
            except BaseException:
                with suppress(Exception):  # the first error is the one to tell; the next rebuild removes what is left
                    self._client.indices.delete(index=index, ignore_unavailable=True)
                raise
            # A search that comes upon a removed index is sent again by the client, and must find the alias moved.
            if others:
                self._client.indices.delete(index=others, ignore_unavailable=True)

    def search(self, query: SearchQuery, scope: Scope) -> SearchPage:
        node = parse(query.text)
        place = cursor.read(_Place, query, scope)
        asked: dict[str, Any] = {
            "query": compiled(node, query, scope),
            "sort": sorting(query.sort),
            "aggs": aggregations(),
            "size": query.limit + 1,
            "track_total_hits": True,
            "source_includes": [SOURCE],
        }
        if place is not None:
            asked["search_after"] = list(place.values)
        with _server():
            answer = self._answer(query.sort, place.pit if place else None, asked)
        if answer is None:
            return SearchPage(facets=dict.fromkeys(fields.FACETS, ()))
        found = answer["hits"]["hits"]
        shown = tuple(decode(UtteranceDocument, hit["_source"][SOURCE].encode()) for hit in found[: query.limit])
        patterns = tuple(wanted(node))
        last = None
        if len(found) > query.limit:
            last = _Place(tuple(found[query.limit - 1]["sort"]), answer.get("pit_id"))
        elif "pit_id" in answer:
            self._close_point(answer["pit_id"])
        counts = answer["aggregations"]
        return SearchPage(
            hits=tuple(Hit(document=found, highlights=highlights(found.text, patterns)) for found in shown),
            total_hits=answer["hits"]["total"]["value"],
            total_calls=counts["calls"]["value"],
            facets={name: fields.facet(_buckets(counts, name)) for name in fields.FACETS},
            histogram=tuple((fields.day_from(day), n) for day, n in sorted(_buckets(counts, fields.DAY))),
            next_cursor=cursor.make(last, query, scope) if last else None,
        )

    def count(self) -> int:
        with _server():
            return int(self._client.count(index=self._alias)["count"]) if self._exists() else 0

    def close(self) -> None:
        self._pending = {}
        self._client.close()

    def _exists(self) -> bool:
        """Whether there is an index to ask; False where nothing was ever indexed."""
        if self._client.indices.exists_alias(name=self._alias):
            return True
        if self._client.indices.get_alias(name=f"{self._name}-*", allow_no_indices=True).body:
            raise Unavailable(
                "The search index was made by another version of Forbear. Restart the worker, which makes it anew "
                "from the calls; none of them is touched.",
                code="index_outdated",
            )
        return False

    def _prepare(self) -> None:
        if not self._exists():
            self.rebuild(())

    def _use(self, index: str) -> list[str]:
        """Moves the alias in one step; the other indexes of ours, which nobody asks any more."""
        others = self._client.indices.get(index=f"{self._name}-*").body
        others.pop(index)
        moves: list[Mapping[str, Any]] = [{"add": {"index": index, "alias": self._alias}}]
        moves += [{"remove": {"index": name, "alias": "*"}} for name, about in others.items() if about["aliases"]]
        self._client.indices.update_aliases(actions=moves)
        return list(others)

    def _indexed(self, calls: list[str]) -> dict[str, list[_Indexed]]:
        """What is indexed of each call, by call."""
        known: dict[str, list[_Indexed]] = {}
        after: list[Any] | None = None
        while True:
            page = self._client.search(
                index=self._alias,
                query={"terms": {"call_id": calls}},
                sort=[{"id": "asc"}],
                size=BATCH,
                search_after=after,
                source_includes=["call_id"],
                version=True,
            )["hits"]["hits"]
            for hit in page:
                (call_id,) = hit["_source"]["call_id"]
                known.setdefault(call_id, []).append(_Indexed(hit["_id"], hit["_version"]))
            if len(page) < BATCH:
                return known
            after = page[-1]["sort"]

    def _actions(self, call_id: str, known: list[_Indexed]) -> Iterator[dict[str, Any]]:
        documents = self._pending[call_id]
        revision = max((document.revision for document in documents), default=None)
        if revision is not None and any(old.version > revision for old in known):
            return
        kept = {document.id for document in documents}
        for old in known:
            if old.id not in kept:
                yield _remove(old, self._alias)
        for document in documents:
            yield _put(document, self._alias)

    def _bulk(self, actions: Iterable[dict[str, Any]]) -> None:
        """Writes in batches; 404 and 409 mean that somebody was faster, which is fine."""
        from elasticsearch.helpers import streaming_bulk

        for written, item in streaming_bulk(self._client, actions, raise_on_error=False, max_retries=3):
            (outcome,) = item.values()
            if not written and outcome["status"] not in (404, 409):
                raise _refused(outcome["status"])

    def _answer(self, sort: Sort, pit: str | None, asked: dict[str, Any]) -> dict[str, Any] | None:
        """The server's answer, or None where nothing was ever indexed.

        Scores move with every commit, so pages by relevance are cut from one state of the index, a point in time; one
        that has run out is made anew, and the sort values still say where to go on.
        """
        from elasticsearch import NotFoundError

        try:
            if sort is Sort.NEWEST:
                return dict(self._client.search(index=self._alias, **asked).body)
            return self._from_point(pit, asked)
        except NotFoundError:
            if self._exists():
                raise
            return None

    def _from_point(self, pit: str | None, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer of a point in time; another is opened where it has run out or a rebuild removed its index."""
        from elasticsearch import ApiError

        for _ in range(POINTS):
            point = pit or self._open_point()
            try:
                return self._at(point, asked)
            except ApiError as error:
                if error.status_code not in (404, 503):
                    raise
                pit = None
        return self._at(self._open_point(), asked)

    def _open_point(self) -> str:
        return str(self._client.open_point_in_time(index=self._alias, keep_alive=KEEP_ALIVE)["id"])

    def _at(self, point: str, asked: dict[str, Any]) -> dict[str, Any]:
        once = self._client.options(max_retries=0)
        return dict(once.search(pit={"id": point, "keep_alive": KEEP_ALIVE}, **asked).body)

    def _close_point(self, pit: str) -> None:
        from elasticsearch import ApiError, TransportError

        with suppress(ApiError, TransportError):  # it runs out by itself
            self._client.close_point_in_time(id=pit)


class ElasticWriter(ElasticIndex):
    """The one writer of an installation, until it is closed: a rebuild has to be alone.

    `exclusive` is entered while it is open, and says whether nobody else is in it. Raises Unavailable (`index_locked`)
    beside another.
    """

    def __init__(
        self,
        url: str,
        *,
        exclusive: Callable[[], AbstractContextManager[bool]],
        name: str = "forbear-utterances",
        api_key: str | None = None,
        ca_certs: str | None = None,
    ) -> None:
        with ExitStack() as held:
            if not held.enter_context(exclusive()):
                raise Unavailable(
                    "Another process writes this search index. Leave the writing to it, or stop it first.",
                    code="index_locked",
                )
            super().__init__(url, name=name, api_key=api_key, ca_certs=ca_certs)
            self._held = held.pop_all()

    def close(self) -> None:
        with self._held:
            super().close()


def _client(url: str, *, api_key: str | None, ca_certs: str | None) -> Elasticsearch:
    try:
        from elasticsearch import Elasticsearch
    except ImportError:
        raise Unavailable(
            "The Elasticsearch client is not installed. Run: pip install 'elasticsearch>=8.19,<9'",
            code="elasticsearch_missing",
        ) from None
    options: dict[str, Any] = {"ca_certs": ca_certs} if ca_certs else {}
    return Elasticsearch(url, api_key=api_key, request_timeout=30, **options)


def _put(document: UtteranceDocument, index: str) -> dict[str, Any]:
    return {
        "_op_type": "index",
        "_index": index,
        "_id": document.id,
        "version": document.revision,
        "version_type": "external_gte",
        "_source": to_elastic(document),
    }


def _remove(old: _Indexed, index: str) -> dict[str, Any]:
    """Under the version it has, not the next one: the same revision may come back."""
    return {
        "_op_type": "delete",
        "_index": index,
        "_id": old.id,
        "version": old.version,
        "version_type": "external_gte",
    }


def _buckets(counts: dict[str, Any], name: str) -> list[tuple[Any, int]]:
    return [(bucket["key"], bucket["doc_count"]) for bucket in counts[name]["buckets"]]


@contextmanager
def _server() -> Iterator[None]:
    """The client's errors as ours; its messages may hold what was indexed, so they are not repeated."""
    from elasticsearch import ApiError, TransportError

    try:
        yield
    except ApiError as error:
        raise _refused(error.status_code) from None
    except TransportError:
        raise Unavailable(
            "Elasticsearch does not answer. Start it, or correct the address in the settings.",
            code="elasticsearch_unreachable",
        ) from None


def _refused(status: int) -> Unavailable:
    if status in (401, 403):
        advice = "Give Forbear a user or key that may read and write its index."
    else:
        advice = "Its own log says why; what was not indexed is kept and tried again."
    return Unavailable(f"Elasticsearch refused a request (status {status}). {advice}", code="elasticsearch_error")
