"""Deleting a finished job: first its folder, then what the journal knows of it."""

from retraind.domain.job import Job, State
from retraind.jobs.folders import Places
from retraind.store.jobs import Conflict
from retraind.store.journal import Journal
from retraind.system.files import exists, move, sync_folder
from retraind.system.moving import remove


def expire(job: Job, places: Places, journal: Journal) -> bool:
    """Delete the folder of a job that rests, and then what the journal knows of it.

    Returns False for a failed delivery whose folder is still there: nobody has used it, so it is not ours to
    delete; and for a job whose folder is in work again. Raises Conflict when somebody asked for the job
    meanwhile, Retry while the share is away, and OSError.
    """
    filed = places.filed_in(job, failed=job.state is State.FAILED)
    if places.has(job, places.model(job).work_folder):
        # A share restored from a backup has it there. Forgotten, it would be taken for a job in work.
        return False
    with places.place(job, filed) as place:
        if job.state is State.FAILED and exists(place / job.id):
            return False
        if journal.jobs.get(job.id) != job:
            raise Conflict(job.id)
        # Nobody ever sees half of a job's folder, and the name that a kill leaves shows what it was.
        # What has that name before may be anybody's: the job is forgotten only once its own folder is gone.
        going = place / f".{job.id}.expired"
        remove(going)
        if exists(place / job.id):
            move(place / job.id, going)
            remove(going)
        sync_folder(place)
    journal.jobs.forget(job)
    return True
