"""An internet of one's own: names and addresses of any kind, all of which end at ports of this machine.

Only the calls of the socket module are exchanged. What the sockets of tests bind to themselves stays as it
is.
"""

import socket
import weakref
from collections.abc import Callable


class Internet:
    """`names` are what DNS says, each a list of addresses or a function;

    `ports` is where an address really leads.
    """

    def __init__(self, monkeypatch) -> None:
        self.names: dict[str, list[str] | Callable[[], list[str]]] = {}
        self.ports: dict[str, int] = {}
        self.asked: list[str] = []
        """The addresses that were connected to."""
        self._peers: weakref.WeakKeyDictionary[socket.socket, tuple] = weakref.WeakKeyDictionary()
        self._look_up, self._connect = socket.getaddrinfo, socket.socket.connect
        self._getpeername = socket.socket.getpeername
        internet = self

        def connect(one, where):
            return internet._go(one, where)

        def getpeername(one):
            return internet._peer(one)

        monkeypatch.setattr(socket, "getaddrinfo", self._getaddrinfo)
        monkeypatch.setattr(socket.socket, "connect", connect, raising=False)
        monkeypatch.setattr(socket.socket, "getpeername", getpeername, raising=False)

    def _getaddrinfo(self, host, port, *rest, **named):
        name = host.decode() if isinstance(host, bytes) else host
        known = self.names.get(name)
        if known is None:
            if name in self.ports:
                known = [name]
            else:
                return self._look_up(host, port, *rest, **named)
        found = []
        for address in known() if callable(known) else known:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            where = (address, port, 0, 0) if family == socket.AF_INET6 else (address, port)
            found.append((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where))
        return found

    def _go(self, one, where):
        if isinstance(where, tuple) and where[0] in self.ports:
            self.asked.append(where[0])
            self._peers[one] = where
            local = "::ffff:127.0.0.1" if one.family == socket.AF_INET6 else "127.0.0.1"
            where = (local, self.ports[where[0]])
        return self._connect(one, where)

    def _peer(self, one):
        return self._peers.get(one) or self._getpeername(one)
