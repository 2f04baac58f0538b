"""The trainer that really trains, in a worker process, which keeps the heavy imports out of this one.

Tasks and outcomes are lines of JSON on the worker's standard input and output.
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
        """Let the worker do one task; if it dies, the training fails."""
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
        """Kill the worker at any moment; a training can be repeated."""
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
                # Threads that wait by spinning make training many times slower on a busy machine.
                env={**os.environ, "PYTHONPATH": search, "OMP_WAIT_POLICY": "PASSIVE"},
                start_new_session=True,  # Ctrl-C reaches the emulator alone, which ends its worker
            )
