"""What the vendor's sample script does, in our words: zipfile into a file, read whole, one PUT.

python -m benchmarks.vendor bundle FOLDER TARGET
python -m benchmarks.vendor deliver FOLDER TARGET ADDRESS
"""

import sys
import zipfile
from pathlib import Path

import requests

from benchmarks.timing import timed

_TIMEOUT = 600


def bundle(folder: Path, target: Path) -> None:
    """Make the zip at zipfile's own level, which is 6."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(folder.glob("*/*"), reverse=True):
            made.write(path, f"{path.parent.name}/{path.name}")


def deliver(folder: Path, target: Path, address: str) -> None:
    """Make the zip, ask for an address, and send the zip from memory."""
    bundle(folder, target)
    asked = requests.get(
        f"{address}/v1/external/retrain_jobs/upload_url",
        params={"filename": target.name},
        headers={"x-api-key": "key"},
        timeout=_TIMEOUT,
    )
    data = target.read_bytes()
    requests.put(asked.json()["upload_url"], data=data, timeout=_TIMEOUT).raise_for_status()


def main() -> None:
    """Do as the command line says."""
    work, folder, target, *address = sys.argv[1:]
    with timed():
        if work == "bundle":
            bundle(Path(folder), Path(target))
        else:
            deliver(Path(folder), Path(target), *address)


if __name__ == "__main__":
    main()
