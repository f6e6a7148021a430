"""Which implementation stands behind each seam: decided here and nowhere else.

`build_application` is light and serves the command line and the web; `build_stages` loads models and is for workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from forbear.logs import set_up_logging
from pipeline.encoding import digest_of
from pipeline.errors import ConfigError, InvalidInput, Unavailable
from pipeline.jobs.base import JobQueue, JobRunner
from pipeline.jobs.dbos_queue import DbosQueue, DbosRunner
from pipeline.jobs.heartbeat import Heartbeats
from pipeline.jobs.locks import Exclusive, advisory_exclusive, file_exclusive
from pipeline.records import CallContext, Jurisdiction, Stage
from pipeline.search.base import SearchIndex, SearchReader
from pipeline.search.tantivy_index import TantivyIndex, TantivyReader
from pipeline.services.access import Access
from pipeline.services.attempts import Attempts
from pipeline.services.calls import Calls
from pipeline.services.completeness import Completeness
from pipeline.services.deletion import Upkeep
from pipeline.services.health import Health
from pipeline.services.indexing import Indexing
from pipeline.services.intake import Intake
from pipeline.services.lost import LostWork
from pipeline.services.policies import Policies
from pipeline.services.processing import Processing
from pipeline.services.search import Search
from pipeline.services.timeline import Timelines
from pipeline.settings import Settings
from pipeline.store import audit
from pipeline.store.artifacts import Artifacts
from pipeline.store.database import Database
from pipeline.store.media import Media

if TYPE_CHECKING:
    from models.text import TextClassifier
    from pipeline.evaluation.predictions import Predictor
    from pipeline.policy.registry import Registry
    from pipeline.run import Stages
    from pipeline.stages.detect import Detect, Detector
    from pipeline.stages.judge import Judge
    from pipeline.stages.transcribe import Transcribe

_REAPER_LOCK = 0x466F7262
_INDEX_LOCK = 0x466F7263
"""The numbers of the advisory locks of reapers and of the index's writer in PostgreSQL, shared by every Forbear on that
database."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """Every service over one data folder, built once for a process."""

    settings: Settings
    database: Database
    media: Media
    artifacts: Artifacts
    jobs: JobQueue
    heartbeats: Heartbeats
    index: SearchReader
    open_index: Callable[[], SearchIndex]
    """Opens the index for writing; Unavailable (`index_locked`) while another process has it."""
    intake: Intake
    calls: Calls
    access: Access
    search: Search
    policies: Policies
    attempts: Attempts
    completeness: Completeness
    processing: Processing
    indexing: Indexing
    lost_work: LostWork
    upkeep: Upkeep
    health: Health

    def audit_broken_at(self) -> int | None:
        """The first audit line that was altered, or None while the chain is whole."""
        with self.database.read() as session:
            return audit.verify(session)

    def audit_head(self) -> str:
        """The hash of the newest audit line."""
        with self.database.read() as session:
            return audit.head(session)

    def audit_holds(self, head: str) -> bool:
        """Whether an audit line has this hash, the newest of another day."""
        with self.database.read() as session:
            return audit.holds(session, head)

    def close(self) -> None:
        """Lets go of every connection."""
        self.jobs.close()
        self.index.close()
        self.database.close()


def build_application(settings: Settings, *, log: str = "forbear") -> Application:
    """The services over this data folder, which is made where it is missing; this process logs to `logs/LOG.log`."""
    set_up_logging(settings.data / "logs", log, settings.log_level)
    database = Database(settings.database)
    database.migrate()
    jobs = DbosQueue(database.engine, settings.database, stamp=settings.data / "dbos-release")
    jobs.prepare()
    media, artifacts = Media(settings), Artifacts(settings.artifacts_dir)
    index, open_index = _search_engine(settings, database)
    policies = Policies(database=database, artifacts=artifacts, settings=settings)
    timelines = Timelines(policies.registry)
    processing = Processing(database=database, media=media, artifacts=artifacts, timelines=timelines)
    return Application(
        settings=settings,
        database=database,
        media=media,
        artifacts=artifacts,
        jobs=jobs,
        heartbeats=Heartbeats(database.engine),
        index=index,
        open_index=open_index,
        intake=Intake(database=database, media=media, jobs=jobs, settings=settings, timelines=timelines),
        calls=Calls(
            database=database, media=media, artifacts=artifacts, jobs=jobs, settings=settings, timelines=timelines
        ),
        access=Access(database=database, settings=settings),
        search=Search(index, database),
        policies=policies,
        attempts=Attempts(database=database, settings=settings, timelines=timelines),
        completeness=Completeness(database=database),
        processing=processing,
        indexing=Indexing(database=database, artifacts=artifacts),
        lost_work=LostWork(database=database, jobs=jobs, processing=processing),
        upkeep=Upkeep(database=database, media=media, artifacts=artifacts),
        health=Health(database=database, index=index),
    )


def build_runner(settings: Settings) -> JobRunner:
    """This process as an executor of jobs."""
    return DbosRunner(settings.database)


def reaper_lock(application: Application) -> Exclusive:
    """What keeps two reapers from looking at once."""
    return _exclusive(application.settings, application.database, "reaper.lock", _REAPER_LOCK)


def _exclusive(settings: Settings, database: Database, file: str, number: int) -> Exclusive:
    """A lock of this installation: a file on one machine, the database between several."""
    if database.is_sqlite:
        return partial(file_exclusive, settings.data / file)
    return partial(advisory_exclusive, database.engine, number)


def _search_engine(settings: Settings, database: Database) -> tuple[SearchReader, Callable[[], SearchIndex]]:
    """A reader of the search index, and what opens it for writing."""
    if not settings.elasticsearch_url:
        return TantivyReader(settings.index_dir), partial(TantivyIndex, settings.index_dir)
    from pipeline.search.elastic import ElasticIndex, ElasticWriter

    url, name = settings.elasticsearch_url, settings.elasticsearch_index
    key, certs = settings.elasticsearch_api_key or None, settings.elasticsearch_ca_certs or None
    alone = _exclusive(settings, database, "index.lock", _INDEX_LOCK)
    try:
        reader = ElasticIndex(url, name=name, api_key=key, ca_certs=certs)
    except ValueError:
        # The address may hold a password, so it is not repeated.
        raise ConfigError("FORBEAR_ELASTICSEARCH_URL is no address; say one such as https://search:9200.") from None
    return reader, partial(ElasticWriter, url, exclusive=alone, name=name, api_key=key, ca_certs=certs)


_REVISIONS: Mapping[Stage, int] = {
    Stage.DECODE: 1,
    Stage.SEPARATE: 1,
    Stage.TRANSCRIBE: 1,
    Stage.ROLES: 1,
    Stage.HEAR: 1,
    Stage.DETECT: 1,
    Stage.JUDGE: 3,
    Stage.REDACT: 1,
}
"""Raise a stage's number when its code gives other output for the same input; what follows it then runs again."""


def _rules(registry: Registry, _settings: Settings) -> Detector:
    from pipeline.stages.detect import LexiconDetector

    return LexiconDetector(registry.lexicons)


def _text(_registry: Registry, settings: Settings) -> Detector:
    from models.errors import ModelError
    from pipeline.stages.text_detector import TextDetector

    try:
        return TextDetector(_text_classifier(settings.text_dir, settings.asr_threads))
    except ModelError as error:
        raise Unavailable(error.message, code=error.code) from error


def _acoustic(registry: Registry, _settings: Settings) -> Detector:
    from pipeline.stages.detect import SoundDetector

    return SoundDetector(registry.sounds)


@cache
def _text_classifier(folder: Path, threads: int) -> TextClassifier:
    """Loaded once a process: a policy that changes does not change what the model says."""
    from models.text import TextClassifier

    return TextClassifier(folder, threads=threads)


DETECTORS: Mapping[str, Callable[[Registry, Settings], Detector]] = {
    "rules": _rules,
    "text": _text,
    "acoustic": _acoustic,
}
"""What can look for signals in a call, by the name that the command line knows it by."""


def build_detect(settings: Settings, registry: Registry, names: Sequence[str] | None = None) -> Detect:
    """These detectors behind one stage, those of the settings where none are named.

    Raises InvalidInput (`unknown_detector`) naming those that there are, Unavailable where weights are missing, and
    ConfigError where the text model was not calibrated for a language of the settings.
    """
    from models.errors import ModelError
    from pipeline.stages.detect import Detect
    from pipeline.stages.fusion import AGREEMENT, calibrated

    wanted = tuple(dict.fromkeys(settings.detectors if names is None else names))
    unknown = [name for name in wanted if name not in DETECTORS]
    if unknown or not wanted:
        problem = f"There is no detector '{unknown[0]}'" if unknown else "No detector is named"
        raise InvalidInput(f"{problem}; there are: {', '.join(DETECTORS)}.", code="unknown_detector")
    detectors = {name: DETECTORS[name](registry, settings) for name in wanted}
    if "text" not in detectors:
        return Detect(tuple(detectors.values()), AGREEMENT)
    version = detectors["text"].stamp.version
    try:
        fusion = calibrated(settings.text_dir, lexicon="rules" in wanted, model=version)
    except ModelError as error:
        raise Unavailable(error.message, code=error.code) from error
    known = fusion.calibration.languages
    if other := [lang for lang in settings.languages if lang not in known]:
        raise ConfigError(
            f"FORBEAR_LANGUAGES names {', '.join(other)}, and the text model was calibrated for "
            f"{', '.join(sorted(known))} only. Leave it out there, or `text` out of FORBEAR_DETECTORS."
        )
    return Detect(tuple(detectors.values()), fusion)


def build_predictor(
    settings: Settings, *, detectors: Sequence[str] | None = None, jurisdiction: Jurisdiction | None = None
) -> Predictor:
    """What judges single turns: under the pack of a jurisdiction, or under every pack there is.

    Raises InvalidInput for a detector that is not there and for a jurisdiction without a pack.
    """
    from pipeline.evaluation.predictions import Predictor
    from pipeline.policy.registry import Registry, load_registry
    from pipeline.stages.judge import Judge

    registry = load_registry(settings.default_jurisdiction)
    if jurisdiction is not None:
        if jurisdiction not in registry.packs:
            raise InvalidInput(f"There is no policy pack for {jurisdiction}; there are: {', '.join(registry.packs)}.")
        registry = Registry({jurisdiction: registry.packs[jurisdiction]}, jurisdiction)
    packs = tuple(registry.packs.values())
    return Predictor(detect=build_detect(settings, registry, detectors), judge=Judge(registry), packs=packs)


@contextmanager
def build_stages(settings: Settings, *, detectors: Sequence[str] | None = None) -> Iterator[Stages]:
    """Every stage with its models loaded; raises Unavailable where weights are missing or can't be run."""
    from models.acoustic import VoiceMeter
    from models.errors import ModelError
    from models.speakers import ENCODER_NAME, ENCODER_VERSION
    from pipeline.policy.registry import load_registry
    from pipeline.run import Stages
    from pipeline.stages.decode import Decoder
    from pipeline.stages.decode_peaks import read_peaks
    from pipeline.stages.hear import hear
    from pipeline.stages.judge import Judge
    from pipeline.stages.measure import measure
    from pipeline.stages.redact import redact
    from pipeline.stages.roles import apply_roles, assign_roles, swapped
    from pipeline.stages.separate import Separate

    registry = load_registry(settings.default_jurisdiction)
    separate, detect, judge = Separate(), build_detect(settings, registry, detectors), Judge(registry)
    meter = VoiceMeter()
    try:
        transcribe = _build_transcribe(settings)
    except ModelError as error:
        raise Unavailable(error.message, code=error.code) from error

    def version(stage: Stage, context: CallContext) -> str:
        details: dict[Stage, Callable[[], object]] = {
            Stage.SEPARATE: lambda: [ENCODER_NAME, ENCODER_VERSION, asdict(separate.rules)],
            Stage.TRANSCRIBE: lambda: transcribe.stamp,
            Stage.HEAR: lambda: [meter.name, meter.version],
            Stage.DETECT: lambda: detect.version,
            Stage.JUDGE: lambda: judge.version(context),
        }
        return digest_of(_REVISIONS[stage], details[stage]() if stage in details else None)

    with Decoder() as decode:
        yield Stages(
            version=version,
            decode=decode,
            separate=lambda flac, audio: separate(flac, audio.channels),
            transcribe=transcribe,
            assign_roles=assign_roles,
            swap_roles=swapped,
            apply_roles=apply_roles,
            customer_voice=_customer_voice(registry),
            hear=lambda transcript, *, peaks, flac, customer_voice: hear(
                transcript, read_peaks(peaks), flac, meter, customer_voice=customer_voice
            ),
            detect=detect,
            judge=judge,
            redact=redact,
            measure=measure,
        )


def in_force(stages: Stages, policies: Policies, settings: Settings) -> Callable[[], Stages]:
    """The stages as they are for a call that begins now: under the policy that was published last."""
    from pipeline.stages.judge import Judge

    built: dict[int, tuple[Registry, Stages]] = {}

    def now() -> Stages:
        registry = policies.registry()
        if id(registry) not in built:
            built.clear()
            built[id(registry)] = registry, _under(stages, build_detect(settings, registry), Judge(registry))
        return built[id(registry)][1]

    return now


def _under(stages: Stages, detect: Detect, judge: Judge) -> Stages:
    """The same stages with another policy."""

    def version(stage: Stage, context: CallContext) -> str:
        if stage is Stage.DETECT:
            return digest_of(_REVISIONS[stage], detect.version)
        if stage is Stage.JUDGE:
            return digest_of(_REVISIONS[stage], judge.version(context))
        return stages.version(stage, context)

    return replace(stages, version=version, detect=detect, judge=judge, customer_voice=_customer_voice(judge.registry))


def _customer_voice(registry: Registry) -> Callable[[CallContext], bool]:
    return lambda context: registry.pack_for(context).customer_voice


def _build_transcribe(settings: Settings) -> Transcribe:
    from models.script import Script
    from models.speech import SpeechOptions, SpeechRecognizer
    from models.weights import locate_whisper
    from pipeline.stages.transcribe import Transcribe

    if settings.script not in tuple(Script):
        raise ConfigError(f"FORBEAR_SCRIPT is {settings.script!r}; say {' or '.join(Script)}.")
    if not settings.languages:
        raise ConfigError("FORBEAR_LANGUAGES names no language; say one or several, such as zh,en.")
    weights = locate_whisper(settings.asr_model, settings.cache, allow_download=settings.asr_download)
    options = SpeechOptions(
        device=settings.asr_device,
        compute_type=settings.asr_compute_type,
        threads=settings.asr_threads,
        languages=settings.languages,
        script=Script(settings.script),
    )
    recognizer = SpeechRecognizer(weights, options)
    if other := [lang for lang in settings.languages if lang not in recognizer.whisper.supported_languages]:
        raise ConfigError(
            f"FORBEAR_LANGUAGES names {', '.join(other)}, which Whisper {weights.name} does not know; say codes "
            "that it knows, such as zh,en, or name another FORBEAR_ASR_MODEL."
        )
    return Transcribe(recognizer)
