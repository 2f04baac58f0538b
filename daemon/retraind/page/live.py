"""Notifies browsers when there is something new to show: server-sent events, for a bounded number of them.

One task reads the journal, however many browsers listen, and none if nobody does. An event only says that
something has changed; the browser then requests its page again. Only the progress of steps, which changes all
the time, is sent in the event itself.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

from sqlalchemy.exc import DatabaseError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from retraind.domain.failures import JournalError
from retraind.page.look import Look
from retraind.page.reading import Reader

MOST_STREAMS = 64
_INTERVAL = 1.0
"""Seconds between two questions to the journal."""
_KEEP_ALIVE = 15.0
"""Seconds after which a silent stream says that it still lives: proxies end silent ones after a minute."""
_RECONNECT_MS = 3_000
_UNREADABLE = "unreadable"


class Live:
    """The streams of one process. Used on its event loop only."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._streams: set[asyncio.Event] = set()
        self._seen = ""
        """The last answer; empty until there is one."""
        self._percents: Mapping[str, int] = {}
        """How far the steps under way have come, by job."""
        self._watching: asyncio.Task[None] | None = None
        self._closed = False

    def close(self) -> None:
        """End all streams: the process stops."""
        self._closed = True
        for changed in self._streams:
            changed.set()

    async def stream(self, request: Request, look: Look) -> Response:
        """Return a stream of changes after the one that the browser has seen."""
        if len(self._streams) >= MOST_STREAMS or self._closed:
            text = look.voice.words("page_busy", {}).what
            return PlainTextResponse(f"{text}\n", 503, {"retry-after": "60"})
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        seen = request.headers.get("last-event-id") or request.query_params.get("seen", "")
        changed = asyncio.Event()
        self._streams.add(changed)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        headers = {"x-accel-buffering": "no"}
        events = self._events(changed, seen, look)
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    async def _events(self, changed: asyncio.Event, seen: str, look: Look) -> AsyncIterator[str]:
        percents: Mapping[str, int] = {}
        try:
            yield f"retry: {_RECONNECT_MS}\n\n"
            while not self._closed:
                changed.clear()
                if self._seen not in {seen, ""}:
                    seen = self._seen
                    yield f"id: {seen}\nevent: changed\ndata: {seen}\n\n"
                if self._percents != percents:
                    percents = self._percents
                    yield f"event: progress\ndata: {_told(percents, look)}\n\n"
                try:
                    await asyncio.wait_for(changed.wait(), _KEEP_ALIVE)
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            self._streams.discard(changed)

    async def _watch(self) -> None:
        """Ask the journal while anybody listens."""
        self._seen = ""
        while self._streams and not self._closed:
            seen, percents = await self._ask()
            if (seen, percents) != (self._seen, self._percents):
                self._seen, self._percents = seen, percents
                for changed in self._streams:
                    changed.set()
            await asyncio.sleep(_INTERVAL)

    async def _ask(self) -> tuple[str, Mapping[str, int]]:
        with suppress(JournalError, DatabaseError):
            seen = await run_in_threadpool(self._reader.seen)
            return seen, {job: noted.percent for job, noted in self._reader.steps.items()}
        return _UNREADABLE, {}  # The page that the browser then asks for says why.


def _told(percents: Mapping[str, int], look: Look) -> str:
    """Return how far jobs have come as JSON: the number and how it is said, by job."""
    return json.dumps(
        {
            job: [percent, look.voice.label("page_percent", percent=percent)]
            for job, percent in percents.items()
        }
    )
