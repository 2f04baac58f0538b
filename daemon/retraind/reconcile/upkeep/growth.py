"""Files of finished jobs that are still being written: the job's note is updated to say so."""

import threading
from datetime import timedelta

from retraind.domain.failures import Hold, Retry, reason_in
from retraind.domain.job import Job, State
from retraind.domain.problems import Problem
from retraind.jobs.pipeline import Pipeline
from retraind.jobs.seal import grown
from retraind.report import notes
from retraind.report.layout import as_bytes
from retraind.report.share_voice import share_voice
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.clock import Clock
from retraind.system.files import held, is_folder, write_atomically

_LOG = log.get(__name__)

INTERVAL = timedelta(seconds=15)
"""How often to look."""
_WATCHED = timedelta(hours=1)
"""For how long after its filing a job is looked at."""
_MOST_WATCHED = 100
"""Jobs that are looked at, the newest."""
_FINISHED = frozenset({State.DONE, State.FAILED})


class Growth:
    """Remembers what it has noted of which job."""

    def __init__(self, pipeline: Pipeline, journal: Journal, clock: Clock, stopping: threading.Event) -> None:
        self._pipeline = pipeline
        self._journal = journal
        self._clock = clock
        self._stopping = stopping
        self._noted: dict[str, tuple[Problem, ...]] = {}

    def mind(self) -> None:
        """Bring the notes of jobs up to date whose files have grown since they were filed."""
        now = self._clock.now()
        finished = self._journal.jobs.newest(states=_FINISHED, limit=_MOST_WATCHED)
        recent = [job for job in finished if abs(now - job.updated_at) < _WATCHED]
        self._noted = {job.id: self._noted.get(job.id, ()) for job in recent}
        for job in recent:
            if self._stopping.is_set():
                return
            try:
                self._look_at(job)
            except Hold:
                continue  # Its model has been taken out of the configuration.
            except (OSError, Retry) as error:
                _LOG.warning("note_not_renewed", job=job.id, model=job.model, reason=reason_in(error))

    def _look_at(self, job: Job) -> None:
        places, settings = self._pipeline.places, self._pipeline.settings
        model = places.model(job)
        filed = places.filed_in(job, failed=job.state is State.FAILED)
        if not is_folder(filed / job.id):
            return
        with places.place(job, filed) as place, held(place, job.id) as folder:
            found = grown(job, folder, model.settle)
            if found == self._noted[job.id]:
                return
            self._noted[job.id] = found
            if not found or self._journal.jobs.get(job.id) != job:
                return  # A person wants something of it.
            language = settings.language_of(model)
            voice = share_voice(model, settings.state, (job,), in_a_note=True, language=language)
            note = notes.note(job, voice, policy=model.switch, grown=found)
            write_atomically(folder / notes.note_name(job), as_bytes(note))
        _LOG.warning("file_grown", job=job.id, model=job.model, files=[each.facts["file"] for each in found])
