"""The last net under "nothing is lost": calls that wait for work which no queue knows of.

Accepting a call and queueing it are one transaction, and a job ends only after its call has an outcome, so this finds
nothing unless somebody deleted jobs, restored half a backup, or the outcome of a call could not be written.
"""

from __future__ import annotations

from sqlalchemy import select

from pipeline.jobs.base import Job, JobQueue, JobState
from pipeline.records import CallStatus
from pipeline.services.processing import Processing
from pipeline.store.database import Database
from pipeline.store.tables import CallRow

_WAITING = (CallStatus.QUEUED, CallStatus.RUNNING)


class LostWork:
    """Compares the calls that wait with the jobs that live."""

    def __init__(self, *, database: Database, jobs: JobQueue, processing: Processing) -> None:
        self._database = database
        self._jobs = jobs
        self._processing = processing

    def recover(self) -> tuple[Job, ...]:
        """Queues again what was never queued, fails what ended without an outcome; returns both."""
        # Calls before jobs: a job that ends in between has given its call an outcome, which the second look below sees.
        with self._database.read() as session:
            rows = session.execute(
                select(CallRow.id, CallRow.generation, CallRow.priority).where(CallRow.status.in_(_WAITING))
            ).all()
        if not rows:
            return ()
        living = self._jobs.living()
        suspects = {Job(call=call, generation=generation): priority for call, generation, priority in rows}
        return tuple(job for job in sorted(suspects.keys() - living) if self._recover(job, suspects[job]))

    def _recover(self, job: Job, priority: int) -> bool:
        match self._jobs.state(job.call, job.generation):
            case None:
                return self._enqueue(job, priority)
            case JobState.ENDED:
                message = "Its processing ended without an outcome; see the log, then retry the call."
                return self._processing.fail(job.call, job.generation, "internal_error", message)
            case _:
                return False

    def _enqueue(self, job: Job, priority: int) -> bool:
        with self._database.session() as session:
            row = session.get(CallRow, job.call, with_for_update=True)
            if row is None or row.generation != job.generation or row.status not in _WAITING:
                return False
            self._jobs.enqueue(session, job.call, job.generation, priority)
            return True
