"""Disks of a Debian that can be booted: a file with an ext4 file system, made once for each release and kept.

Made in `build/host/`; `make clean` deletes them. Requires root, debootstrap and the network.
"""

import fcntl
import hashlib
import os
import subprocess
import tomllib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
KEPT = REPOSITORY / "build" / "host"
SOURCE = "/root/retraind"
"""Where the repository is inside."""
WHEELS = "/var/cache/wheels"
"""Where pip finds everything inside: a booted Debian has no network but its loopback."""
_PACKAGES = "systemd,systemd-sysv,dbus,sudo,fuse3,python3-venv"
_SIZE = "6G"
"""The file is sparse: it takes what is written."""


def base(suite: str) -> Path:
    """Return the disk of a Debian as its installer leaves it, with the wheels that retraind requires."""
    KEPT.mkdir(parents=True, exist_ok=True)
    disk = KEPT / f"{suite}-{_version()}.ext4"
    with _alone(suite):
        if not disk.exists():
            for outdated in KEPT.glob(f"{suite}-*"):
                outdated.unlink()
            part = disk.with_suffix(".part")
            _command("truncate", f"--size={_SIZE}", part)
            _command("mkfs.ext4", "-q", "-E", "lazy_itable_init=1,root_owner=0:0", part)
            # The mount is gone with the last process of its namespace.
            given = (part, suite, _PACKAGES, SOURCE, WHEELS, *_tools())
            _command("unshare", "--mount", "bash", "-euc", _FILL, "fill", *given)
            part.rename(disk)
    return disk


def clone(disk: Path, to: Path) -> Path:
    """Copy a disk that is in no use."""
    _command("cp", "--sparse=always", "--reflink=auto", disk, to)
    return to


_FILL = """
disk=$1 suite=$2 packages=$3 source=$4 wheels=$5
shift 5
root=$disk.root
mkdir --parents "$root"
mount --options loop "$disk" "$root"
rmdir "$root/lost+found"
.ci/tree "$suite" "$root" "$packages"
echo retraind-host >"$root/etc/hostname"
install --directory "$root$source" "$root$wheels"
git ls-files -z -- pyproject.toml README.md LICENSE daemon .packaging/constraints.txt |
    xargs --null cp --parents --target-directory "$root$source"
.ci/inside "$root" "$source" sh -euc '
    wheels=$0 source=$1
    shift
    python3 -m venv /tmp/venv
    get() { /tmp/venv/bin/pip wheel --quiet --wheel-dir "$wheels" "$@"; }
    get . "hatchling>=1.27"
    get --no-deps --requirement .packaging/constraints.txt
    get "$@"
    rm -r /tmp/venv "$source"
' "$wheels" "$source" "$@"
rm --force "$root$wheels"/retraind-*
printf '[global]\\nno-index = true\\nfind-links = %s\\n' "$wheels" >"$root/etc/pip.conf"
mkdir --parents "$root/etc/uv"
printf 'no-index = true\\nfind-links = ["%s"]\\n' "$wheels" >"$root/etc/uv/uv.toml"
rm --force "$root"/var/cache/apt/archives/*.deb
umount "$root"
rmdir "$root"
"""


def package(suite: str, *, change: str = ":") -> Path:
    """Return the Debian package of this repository as it is now, made by the release's own Python.

    `change` is what a shell does to the sources first.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    there = [name for name in listed.stdout.split("\0") if name and (REPOSITORY / name).exists()]
    disk = clone(base(suite), KEPT / f"build-{os.getpid()}.ext4")
    made = KEPT / f"package-{suite}-{zlib.crc32(change.encode()):08x}-{os.getpid()}"
    made.mkdir()
    try:
        given = (disk, SOURCE, made, change, *_tools())
        _command("unshare", "--mount", "bash", "-euc", _MAKE, "make", *given, given="\0".join(there))
        (file,) = made.glob("*.deb")
        return file.rename(KEPT / f"{made.name}.deb")
    finally:
        disk.unlink()
        made.rmdir()


_MAKE = """
disk=$1 source=$2 made=$3 change=$4
shift 4
root=$disk.root
mkdir --parents "$root"
mount --options loop "$disk" "$root"
install --directory "$root$source"
tar --create --no-recursion --null --files-from=- | tar --extract --no-same-owner --directory "$root$source"
(cd "$root$source" && sh -euc "$change")
.ci/inside "$root" "$source" sh -euc '
    python3 -m venv .venv
    .venv/bin/pip install --quiet . "$@"
    SOURCE_DATE_EPOCH=$(date +%s) .packaging/build-deb /usr/bin/python3
' make "$@"
cp "$root$source"/dist/*.deb "$made"
umount "$root"
rmdir "$root"
"""


NEXT = "0.3.0"
"""The version that comes after this one."""
NEXT_SCHEMA = "9000"
_TO_NEXT = f"""
sed --in-place 's/^__version__ = .*/__version__ = "{NEXT}"/' daemon/retraind/__init__.py
before=$(sed --quiet 's/^SCHEMA = //p' daemon/retraind/store/schema.py)
sed --in-place 's/^SCHEMA = .*/SCHEMA = "{NEXT_SCHEMA}"/' daemon/retraind/store/schema.py
cat >daemon/retraind/store/migrations/versions/{NEXT_SCHEMA}_next.py <<END
import sqlalchemy as sa
from alembic import op

revision = "{NEXT_SCHEMA}"
down_revision = $before

def upgrade():
    op.create_table("next", sa.Column("version", sa.String))
END
"""


def next_package(suite: str) -> Path:
    """Return the Debian package of a version that comes after this one, with another schema of the journal."""
    return package(suite, change=_TO_NEXT)


def _tools() -> list[str]:
    """Return what makes the Debian package."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    return [*project["dependency-groups"]["package"], "pip>=25.1"]


def _version() -> str:
    """Return what changes when a disk of before no longer serves."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    needs = [project["project"]["dependencies"], project["build-system"]["requires"], _tools(), _PACKAGES]
    needs += [_SIZE, _FILL, (REPOSITORY / ".packaging" / "constraints.txt").read_text("utf-8")]
    return hashlib.sha256(repr(needs).encode()).hexdigest()[:12]


@contextmanager
def _alone(suite: str) -> Iterator[None]:
    handle = os.open(KEPT / f".{suite}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _command(*words: object, given: str = "") -> None:
    done = subprocess.run(
        list(map(str, words)), cwd=REPOSITORY, input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words[0]} failed:\n{done.stdout}{done.stderr}"
