"""The process that trains: reads tasks from standard input, writes outcomes to standard output.

It ends with its owner, however that ends: the end of standard input ends it, even during a training.
"""

import json
import os
import sys
import threading
import traceback
from queue import SimpleQueue

from retraind.emulator.training.rules import DataRefused, check_upload
from retraind.emulator.training.trainings import INTERNAL_ERROR, Task


def main() -> None:
    """Work off tasks until standard input ends."""
    tasks: SimpleQueue[Task] = SimpleQueue()
    # This thread is not joined: it ends the process.
    threading.Thread(target=_read_tasks, args=(tasks,), name="tasks", daemon=True).start()
    while True:
        failure = _train(tasks.get())
        sys.stdout.write(json.dumps({"failure": failure}) + "\n")
        sys.stdout.flush()


def _read_tasks(tasks: SimpleQueue[Task]) -> None:
    for line in sys.stdin:
        tasks.put(Task.model_validate_json(line))
    os._exit(0)


def _train(task: Task) -> str | None:
    try:
        checked = check_upload(task.upload, task.file_name, task.target, task.limits)
        # Takes seconds, and only valid data needs it.
        from retraind.emulator.training.learning import learn  # noqa: PLC0415

        learn(checked, task.results)
    except DataRefused as refused:
        return str(refused)
    except Exception:  # noqa: BLE001  - the service, too, reports its own errors as a failed job
        traceback.print_exc()
        return INTERNAL_ERROR
    return None


if __name__ == "__main__":
    main()
