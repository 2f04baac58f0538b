"""A daemon at full speed on a thread of this process: real time, short waits, seen through its folders and
commands."""

import threading
from contextlib import contextmanager

from retraind.daemon import Daemon
from retraind.daemon.admission import admitted
from retraind.report.model_status import HostOverview, overview
from retraind.report.wording import Voice
from support.process import Site, deliver
from support.world import table


class Running:
    """An installation whose daemon can be started and stopped at will."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        settings, file, refused = admitted(self.site.config)
        entered = threading.Event()

        def work() -> None:
            with Daemon(settings, file, refused=refused) as daemon:
                self.daemon = daemon
                entered.set()
                daemon.run()

        self._thread = threading.Thread(target=work)
        self._thread.start()
        assert entered.wait(30)

    def stop(self) -> None:
        if self._thread is not None:
            self.daemon.stop()
            self._thread.join(30)
            assert not self._thread.is_alive()
            self._thread = None

    def hosts(self) -> list[HostOverview]:
        """Return what `retraind status --json` says of hosts that are down."""
        return overview(self.daemon.settings, self.daemon.journal, Voice()).hosts

    def status(self) -> str:
        """Return all that `retraind status` says of the models and of hosts that are down."""
        found = overview(self.daemon.settings, self.daemon.journal, Voice())
        models = [sentence for model in found.models for sentence in model.sentences]
        return "\n".join([*models, *(host.sentence for host in found.hosts)])

    def deliver(self, name: str, number: int = 1) -> dict[str, bytes]:
        sent = {f"eval_{number}.csv": table(20, number), f"train_{number}.csv": table(40, number)}
        for file, content in sent.items():
            deliver(self.site.root / "share" / name, file, content)
        return sent


@contextmanager
def running(site: Site):
    made = Running(site)
    try:
        made.start()
        yield made
    finally:
        made.stop()
