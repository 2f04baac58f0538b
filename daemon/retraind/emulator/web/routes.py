"""Which part of the emulator serves which path."""

from retraind.emulator.records import Records
from retraind.emulator.web.answers import as_json
from retraind.emulator.web.api import Api, Call
from retraind.emulator.web.api_faults import ApiFaults, portal
from retraind.emulator.web.control import Control
from retraind.emulator.web.exchange import Exchange
from retraind.emulator.web.store import Store


class Routes:
    """Passes each request to the API, the store or the administration."""

    def __init__(self, api: Api, faults: ApiFaults, store: Store, control: Control, records: Records) -> None:
        self._api = api
        self._faults = faults
        self._store = store
        self._control = control
        self._records = records

    def __call__(self, exchange: Exchange) -> None:
        """Serve one request."""
        if exchange.segments[0] == "store" and len(exchange.segments) > 1:
            self._store.serve(exchange, "/".join(exchange.segments[1:]))
            return
        body = exchange.small_body()
        if body is None:
            exchange.send(as_json({"message": "Request Too Long"}, status=413))
            return
        match exchange.segments:
            case "v1", "external", *path:
                self._call(exchange, tuple(path))
            case "emulator", *_:
                exchange.send(self._control.answer(exchange, body))
            case ("portal",):
                self._records.add("portal_visited", api_key_sent="x-api-key" in exchange.headers)
                exchange.send(portal())
            case _:
                exchange.send(as_json({"message": "Not Found"}, status=404))

    def _call(self, exchange: Exchange, path: tuple[str, ...]) -> None:
        if self._faults.strike_instead(exchange):
            return
        key = exchange.headers.get("x-api-key", "").strip()
        call = Call(exchange.command, path, exchange.query, key, exchange.base_url)
        exchange.send(self._faults.spoil(exchange, self._api.answer(call)))
