"""The story that `retraind demo` tells."""

from collections.abc import Mapping
from typing import Literal

from retraind.report.wording.words import Place


def demo_intro(file: str, drop: Place) -> str:
    return (
        f"Real data: {file}, Seattle's weather day by day, 2012 to 2015 (NOAA, public domain).\n"
        "The service is emulated on this machine and really trains; retraind runs as a process of its own.\n"
        f"The drop folder is {drop}"
    )


def demo_good() -> str:
    return "1. A good delivery. Like an ETL job: write under a hidden name, then rename."


def demo_bad() -> str:
    return "2. A bad delivery. Some numbers contain a comma, and a column was renamed."


def demo_size(size: int) -> str:
    return f"({size:,} bytes)"


_Reached = Literal[
    "sealed",
    "checked",
    "bundled",
    "registered",
    "uploaded",
    "trained",
    "switching",
    "filing",
    "done",
    "failed",
]
_STEPS: Mapping[_Reached, str] = {
    "sealed": "taken in: both files are complete and out of reach of their writers",
    "checked": "checked: the data follows the service's rules",
    "bundled": "bundled: train_src/ and eval_src/ in one zip",
    "registered": "registered: the service returned a retrain job and an upload address",
    "uploaded": "uploaded: the service has every byte and starts the training",
    "trained": "trained: the results have been fetched",
    "switching": "approved: the gate accepts the new model",
    "filing": "switched: the new model is the published one",
    "done": "filed in done/",
    "failed": "rejected before anything was sent; filed in failed/",
}


def demo_step(state: _Reached) -> str:
    """`state` is what the job has reached."""
    return _STEPS[state]


def demo_folder() -> str:
    return "the drop folder"


def demo_table_title() -> str:
    return "Measured on the evaluation data"


_COLUMNS = {"metric": "metric", "model": "new model", "baseline": "guessing"}


def demo_column(name: Literal["metric", "model", "baseline"]) -> str:
    return _COLUMNS[name]


def demo_running(drop: Place, command: str, config: Place, log: Place) -> str:
    return (
        f"Still running. Drop files into {drop} and run:\n\n   $ {command} status -c {config}\n\n"
        f"The log is {log}. Ctrl-C ends the demo and removes its folder."
    )


def demo_ended() -> str:
    return "Ended."


def demo_stuck(log: str) -> str:
    """`log` is the end of the daemon's log."""
    return f"retraind has stopped, or makes no progress. The end of its log:\n{log}"
