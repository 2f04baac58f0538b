"""A client of SMB that keeps files open, told by lines of JSON what to do: smb_holder.py SMB.CONF DIALECT.

Run by the distribution's Python, which has Samba's own client as a module.
"""

import base64
import json
import sys

from samba import NTSTATUSError
from samba.credentials import Credentials
from samba.samba3 import libsmb_samba_internal as libsmb
from samba.samba3 import param

ALL = 0x001F01FF
"""FILE_ALL_ACCESS"""
SHARED = 7
"""Others may read, write and delete."""
OPEN_IF = 3


def main() -> None:
    config, dialect = sys.argv[1:]
    settings = param.get_context()
    settings.load(config)
    nobody = Credentials()
    nobody.set_anonymous()
    server = libsmb.Conn("127.0.0.1", "drop", settings, nobody, force_smb1=dialect == "1")
    calls = {
        "open": lambda name, **how: server.create(
            name, **{"DesiredAccess": ALL, "ShareAccess": SHARED, "CreateDisposition": OPEN_IF} | how
        ),
        "set_size": server.truncate,
        "write": lambda handle, content, offset: server.write(
            handle, buffer=base64.b64decode(content), offset=offset
        ),
        "close": server.close,
    }
    for line in sys.stdin:
        call, arguments, named = json.loads(line)
        try:
            answer = None, calls[call](*arguments, **named)
        except NTSTATUSError as error:
            answer = f"{error.args[0]:#x} {error.args[1]}", None
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
