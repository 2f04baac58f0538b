"""Installs retraind on a host by the commands that the README or docs/install.md show, and by no others."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from scenarios.host.image import REPOSITORY, SOURCE
from scenarios.host.machine import Host
from support.world import key_of

SERVICE = "http://127.0.0.1:8089"
"""Where the service is on the host's network."""
EMULATED = "/etc/systemd/system/retraind.service.d/emulated.conf"
"""Points retraind there, whatever its configuration says."""


def commands(page: str, heading: str) -> list[str]:
    """Return the commands under a heading, up to the next heading of its rank, each as one text."""
    rank = heading.split(" ", maxsplit=1)[0]
    text = (REPOSITORY / page).read_text("utf-8").partition(f"\n{heading}\n")[2]
    assert text, f"{page} has no heading {heading!r}"
    text = re.split(rf"^{rank} ", text, flags=re.MULTILINE)[0]
    found = []
    for block in re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
        found += _joined(block)
    return found


def block(page: str, heading: str, language: str) -> str:
    """Return the first block of a language under a heading."""
    text = (REPOSITORY / page).read_text("utf-8").partition(f"\n{heading}\n")[2]
    return text.partition(f"```{language}\n")[2].partition("```")[0]


def _joined(block: str) -> Iterator[str]:
    """Return the commands of a block: those that end in a pipe or a backslash continue on the next line."""
    command = ""
    for line in block.splitlines():
        command = f"{command} {line.strip()}" if command else line
        if command.endswith("\\"):
            command = command.removesuffix("\\").rstrip()
        elif not command.endswith("|"):
            yield command
            command = ""
    assert not command, f"a command without its end: {command}"


def configuration(*models: str, more: str = "", api: str = "") -> str:
    """Return a configuration for models whose drop folders are below /srv/drop."""
    text = (
        f'[api]\nbase_url = "{SERVICE}"\nconnect_timeout = "3s"\n{api}\n'
        '[sweep]\ninterval = "5s"\n[poll]\ninterval = "500ms"\nupload_doubt = "2s"\n'
        '[work]\nretry_first = "500ms"\nretry_longest = "5s"\n'
    )
    for name in models:
        text += f'[models.{name}]\ndrop = "/srv/drop/{name}"\ncredential = "{name}"\nsettle = "500ms"\n'
        text += 'switch = "always"\n' + more
    return text


def copy_repository(host: Host) -> None:
    """Bring this repository to the host, as it is now, without what is not part of it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    there = [name for name in listed.stdout.split("\0") if name and (REPOSITORY / name).exists()]
    host.copy(Path(REPOSITORY), there, SOURCE)


def install(host: Host, package: Path) -> None:
    """Run the README's commands in their order, and answer what is asked. The service is the one at SERVICE."""
    # The configuration is the one that is written by what people do: where the emulated service is, and that
    # it is asked often, comes from outside.
    given = f"RETRAIND_API__BASE_URL={SERVICE} RETRAIND_POLL__INTERVAL=500ms"
    host.write(EMULATED, f"[Service]\nEnvironment={given}\n")
    name = f"/root/retraind_{package.stem}.deb"
    host.write(name, package.read_bytes())
    answers = {"Name of the model": "churn", "API key": key_of("churn")}
    for command in commands("README.md", "## Install as a service"):
        if command == "sudo retraind init":
            host.converse(command, answers)
        else:
            host.run(f"cd /root && {{ {command}; }}")


def install_by_hand(host: Host) -> None:
    """Run the commands of docs/install.md for a checkout, with what it tells people to type in between."""
    copy_repository(host)
    for command in commands("docs/install.md", "## From a checkout"):
        if "systemd-dropin" in command:
            configure(host)
        given = f"{key_of('churn')}\n" if command.endswith("/etc/retraind/keys/churn") else ""
        host.run(f"cd {SOURCE} && {{ {command}; }}", given=given)


def configure(host: Host, text: str | None = None) -> None:
    """Write a configuration, with the rights that it has."""
    host.write("/etc/retraind/config.toml", text or configuration("churn"), "0640")
    host.run("chgrp retraind /etc/retraind/config.toml")


def add_model(host: Host, name: str) -> None:
    """Create the drop folder and the key of one more model, and add it to the configuration."""
    host.run(f"retraind model add {name} --key-stdin --yes --no-start", given=f"{key_of(name)}\n")
