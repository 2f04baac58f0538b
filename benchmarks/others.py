"""How else a file is sent from Python, by the library alone.

python -m benchmarks.others whole|file FILE ADDRESS
"""

import sys
from pathlib import Path

import requests

from benchmarks.timing import timed

_TIMEOUT = 600


def main() -> None:
    """Do as the command line says."""
    how, path, address = sys.argv[1:]
    with timed(), Path(path).open("rb") as file:
        data = file.read() if how == "whole" else file
        requests.put(f"{address}/store", data=data, timeout=_TIMEOUT).raise_for_status()


if __name__ == "__main__":
    main()
