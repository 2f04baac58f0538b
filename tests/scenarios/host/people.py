"""What people do on a host: deliver a pair of files, and look where it was filed."""

from scenarios.host.machine import Host
from support.world import table

DROP = "/srv/drop/churn"


def deliver(host: Host, key: str, offset: int = 0, user: str = "anna") -> None:
    host.drop(user, f"train_{key}.csv", table(30, offset))
    host.drop(user, f"eval_{key}.csv", table(20, offset))


def wait_for_job(host: Host, key: str, place: str = "done", patience: float = 60) -> str:
    """Wait until the delivery of a key is filed; return its folder."""
    pattern = f"{DROP}/{place}/*_{key}_*"
    host.until(lambda: host.finds(pattern), f"{key} is in {place}/", patience)
    (folder,) = host.finds(pattern)
    return folder
