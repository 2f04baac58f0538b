"""A file system in user space that shows a folder and fails as it is told:

`passthrough.py FOLDER POINT RULES [OPTION…]`, with options of the mount such as allow_other.

Runs as a process of its own; `faulty.py` starts and commands it. RULES is a file, read before each call, with
a JSON list of `faulty.Rule`. Each time that a rule strikes, its number and the call are added to RULES.log.
One call is answered at a time.
"""

# ruff: noqa: ARG002 - mfusepy decides what the functions are given

import errno
import itertools
import json
import os
import sys
import time
from ctypes.util import find_library
from fnmatch import fnmatchcase
from pathlib import Path

# Of the two libraries, the older one does not ask for the attributes of open files.
os.environ.setdefault("FUSE_LIBRARY_PATH", find_library("fuse3") or "")

import mfusepy

_RENAME_NOREPLACE = 1


class WithFlags(mfusepy.FUSE):
    """mfusepy does not tell of the flags of a rename, and one of them is that nothing may be overwritten."""

    def rename_fuse_3(self, old, new, flags):
        if flags & ~_RENAME_NOREPLACE:
            return -errno.EINVAL
        return self.operations.rename(os.fsdecode(old), os.fsdecode(new), flags)


class Passthrough(mfusepy.Operations):
    use_ns = True

    def __init__(self, folder, rules):
        self._folder = folder
        self._rules = rules
        self._log = os.open(f"{rules}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._met = {}
        """How many calls each rule has met."""
        self._text = None
        self._numbers = itertools.count(1_000_000)
        self._parsed = []

    def _read_rules(self):
        text = self._rules.read_bytes()
        if text != self._text:
            self._text, self._parsed, self._met = text, json.loads(text), {}
        return self._parsed

    def _meet(self, call, path, beyond=0):
        """Let the rules strike; returns whether the file is to have another inode number."""
        renumbered = False
        for number, rule in enumerate(self._read_rules()):
            if call not in rule["calls"] or not fnmatchcase(path, rule["path"]) or beyond <= rule["beyond"]:
                continue
            self._met[number] = met = self._met.get(number, 0) + 1
            if met <= rule["after"] or met > rule["after"] + rule["times"]:
                continue
            os.write(self._log, f"{number} {call} {path}\n".encode())
            match rule["answer"]:
                case "die":
                    os._exit(1)
                case "renumber":
                    renumbered = True
                case "note":
                    pass
                case "hang":
                    while rule in self._read_rules():
                        time.sleep(0.01)
                case answer:
                    code = getattr(errno, answer)
                    raise OSError(code, os.strerror(code))
        return renumbered

    def _at(self, path):
        return self._folder + path

    # Calls that name a path

    def getattr(self, path, fh=None):
        renumbered = self._meet("getattr", path, 1)
        status = os.lstat(self._at(path)) if fh is None else os.fstat(fh)
        return {
            "st_atime": status.st_atime_ns, "st_mtime": status.st_mtime_ns, "st_ctime": status.st_ctime_ns,
            **{key: getattr(status, key) for key in (
                "st_ino", "st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_blocks", "st_blksize"
            )},
            **({"st_ino": next(self._numbers)} if renumbered else {}),
        }  # fmt: skip

    def _simple(self, call, path, function, *arguments):
        self._meet(call, path, 1)
        return function(self._at(path), *arguments)

    def mkdir(self, path, mode):
        return self._simple("mkdir", path, os.mkdir, mode)

    def rmdir(self, path):
        return self._simple("rmdir", path, os.rmdir)

    def unlink(self, path):
        return self._simple("unlink", path, os.unlink)

    def readlink(self, path):
        return self._simple("readlink", path, os.readlink)

    def symlink(self, target, source):
        self._meet("symlink", target, 1)
        Path(self._at(target)).symlink_to(source)

    def chmod(self, path, mode):
        return self._simple("chmod", path, os.chmod, mode)

    def chown(self, path, uid, gid):
        return self._simple("chown", path, os.lchown, uid, gid)

    def utimens(self, path, times=None):
        self._meet("utimens", path, 1)
        os.utime(self._at(path), ns=times, follow_symlinks=False)

    def truncate(self, path, length, fh=None):
        self._meet("truncate", path, 1)
        os.truncate(self._at(path) if fh is None else fh, length)

    def statfs(self, path):
        self._meet("statfs", path, 1)
        status = os.statvfs(self._at(path))
        keys = (
            "f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_favail", "f_ffree", "f_files", "f_flag", "f_frsize",
            "f_namemax",
        )  # fmt: skip
        return {key: getattr(status, key) for key in keys}

    def rename(self, old, new, flags=0):
        self._meet("rename", old, 1)
        if flags and os.path.lexists(self._at(new)):
            raise FileExistsError(errno.EEXIST, "taken")
        Path(self._at(old)).rename(self._at(new))

    # Open files and folders

    def create(self, path, mode, fi=None):
        self._meet("create", path, 1)
        return os.open(self._at(path), (fi or os.O_RDWR) | os.O_CREAT, mode)

    def open(self, path, flags):
        self._meet("open", path, 1)
        return os.open(self._at(path), flags & ~os.O_NOFOLLOW)

    def read(self, path, size, offset, fh):
        self._meet("read", path, offset + size)
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        self._meet("write", path, offset + len(data))
        return os.pwrite(fh, data, offset)

    def fsync(self, path, datasync, fh):
        self._meet("fsync", path, 1)
        os.fsync(fh)

    def flush(self, path, fh):
        """Be asked at each close() of the file."""
        self._meet("flush", path, 1)

    def release(self, path, fh):
        os.close(fh)

    def opendir(self, path):
        self._meet("opendir", path, 1)
        return 0

    def readdir(self, path, fh):
        self._meet("readdir", path, 1)
        with os.scandir(self._at(path)) as entries:
            found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
        return [
            (name, {"st_ino": status.st_ino, "st_mode": status.st_mode}, 0)
            for name, status in [(".", os.lstat(self._at(path))), ("..", os.lstat(self._folder)), *found]
        ]

    def fsyncdir(self, path, datasync, fh):
        self._meet("fsyncdir", path, 1)
        handle = os.open(self._at(path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def init(self, path):
        """Answer the kernel's first call."""
        os.write(1, b"ready\n")


def show(folder, point, rules, *options):
    """Mount it, and answer until it is unmounted."""
    os.umask(0)
    # The kernel remembers nothing, so that every call gets here.
    WithFlags(
        Passthrough(folder, Path(rules)), point, foreground=True, nothreads=True, use_ino=True, fsname="retraind-tests",
        attr_timeout=0, entry_timeout=0, negative_timeout=0, **dict.fromkeys(options, True),
    )  # fmt: skip


if __name__ == "__main__":
    show(*sys.argv[1:])
