"""The trainer that really trains: owner of one worker process, which keeps its heavy imports out of this one.

Tasks and outcomes travel as lines of JSON through the worker's standard input and output.
"""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from retraind.emulator.training.trainings import INTERNAL_ERROR, Task, TrainerStopped

_PACKAGE_ROOT = Path(__file__).parents[2]


class SklearnTrainer:
    """Implements `Trainer` with a process that starts at the first training and lasts until `stop`."""

    def __init__(self, log: Path) -> None:
        self._log = log
        """Where the worker's standard error goes."""
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[str] | None = None
        self._stopping = False

    def train(self, task: Task) -> str | None:
        """Have one task done; a worker that dies at it makes the training fail."""
        worker = self._living_worker()
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            worker.stdin.write(task.model_dump_json() + "\n")
            worker.stdin.flush()
        except BrokenPipeError:
            line = ""
        else:
            line = worker.stdout.readline()
        if line:
            outcome: str | None = json.loads(line)["failure"]
            return outcome
        with self._lock:
            if self._stopping:
                raise TrainerStopped
        return INTERNAL_ERROR

    def stop(self) -> None:
        """Kill the worker, whatever it is doing; a training can be repeated."""
        with self._lock:
            self._stopping = True
            worker = self._worker
        if worker is not None:
            worker.kill()
            worker.wait()

    def _living_worker(self) -> "subprocess.Popen[str]":
        with self._lock:
            if self._stopping:
                raise TrainerStopped
            if self._worker is None or self._worker.poll() is not None:
                self._worker = self._start_worker()
            return self._worker

    def _start_worker(self) -> "subprocess.Popen[str]":
        search = os.pathsep.join(filter(None, (str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH"))))
        with self._log.open("ab") as log:
            return subprocess.Popen(
                (sys.executable, "-m", "retraind.emulator.training.worker"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                # Threads that wait by spinning make training many times slower on a machine that is busy otherwise.
                env={**os.environ, "PYTHONPATH": search, "OMP_WAIT_POLICY": "PASSIVE"},
                start_new_session=True,  # Ctrl-C is for the emulator, which then ends its worker
            )
