"""retraind where the machine's locale is not UTF-8: what a file is called does not depend on it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.process import Site, deliver
from support.variants import variants
from support.world import KEY, table

NAMES = {
    "ja_JP.eucJP": ("ja_JP", "EUC-JP"),
    "de_DE.ISO-8859-1": ("de_DE", "ISO-8859-1"),
}
EVERY = [*NAMES, "C", "POSIX", "no_NO.such"]
KEY_OF_DELIVERY = "売上_２０２６年é"


@pytest.fixture(scope="session")
def locales(
    tmp_path_factory,
) -> Path:
    """A folder with real locales, generated as `locale-gen` does it."""
    made = tmp_path_factory.mktemp("locales")
    for name, (source, charset) in NAMES.items():
        try:
            done = subprocess.run(
                ["localedef", "-i", source, "-f", charset, made / name], capture_output=True, check=False
            )
        except FileNotFoundError:
            _skip("localedef is not installed")
        if not (made / name).exists():
            _skip(f"locale {name} cannot be generated: {done.stderr.decode(errors='replace')}")
    return made


def _skip(why: str) -> None:
    if os.environ.get("RETRAIND_TESTS_NEED_TOOLS"):
        pytest.fail(why)
    pytest.skip(why)


def _run(locales: Path, name: str, *arguments: object, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run retraind by its console script's way, in a Python of its own."""
    environment = {
        each: value
        for each, value in os.environ.items()
        if not each.startswith(("LC_", "LANG", "PYTHONUTF8", "PYTHONIOENCODING"))
    }
    return subprocess.run(
        [sys.executable, "-m", "retraind", *map(str, arguments)],
        env=environment | {"LOCPATH": str(locales), "LANG": name, "LC_ALL": name} | more,
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip


def _deliver(drop: Path) -> list[str]:
    names = [f"train_{KEY_OF_DELIVERY}.csv", f"eval_{KEY_OF_DELIVERY}.csv"]
    for number, name in enumerate(names):
        deliver(drop, name, table(offset=number))
    return names


@pytest.fixture
def gated(site: Site, tmp_path: Path) -> Site:
    """An installation whose gate, itself under the machine's locale, notes what it was called with."""
    gate = tmp_path / "gate.py"
    gate.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        "told = json.loads(sys.stdin.buffer.read().decode('utf-8'))\n"
        "names = sorted(os.path.basename(os.fsencode(path)).decode('utf-8') for path in\n"
        "    (json_path for json_path in [os.fsdecode(p.encode()) for p in told['files'].values()]))\n"
        f"open({str(tmp_path / 'seen')!r}, 'w').write(json.dumps([names, sorted(\n"
        "    os.path.basename(p).decode('utf-8', 'replace') for p in [os.fsencode(sys.argv[1])])]))\n"
    )
    gate.chmod(0o755)
    site.add_model("churn", KEY, f'settle = "100ms"\nswitch = "gate"\ngate = ["{gate}"]')
    return site


@pytest.mark.parametrize("name", variants(EVERY, default=["ja_JP.eucJP"]))
def test_a_delivery_with_a_japanese_name_goes_the_whole_way_whatever_the_locale(
    gated, locales, tmp_path, name
):
    drop = tmp_path / "share" / "churn"
    names = _deliver(drop)
    done = _run(locales, name, "run", "--once", "-c", gated.config)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert b"Traceback" not in done.stderr
    (folder,) = (drop / "done").iterdir()
    assert set(names) < {path.name for path in folder.iterdir()}
    assert "売上" in folder.name
    told, arguments = json.loads((tmp_path / "seen").read_text())
    assert told == sorted(names)
    assert arguments == [folder.name]
    # What the log says can be read as JSON, in any encoding.
    taken = [
        json.loads(line) for line in done.stderr.decode("ascii" if name in NAMES else "utf-8").splitlines()
    ]
    assert any("売上" in str(each.get("job", "")) for each in taken)


COMMANDS = ("check", "status", "preflight")


@pytest.mark.parametrize(
    ("name", "command"),
    variants(EVERY, COMMANDS, default=zip(["ja_JP.eucJP", "de_DE.ISO-8859-1", "C"], COMMANDS, strict=True)),
)
def test_commands_print_what_the_locale_can_show_and_replace_the_rest(site, locales, name, command):
    drop = site.add_model("churn", KEY, 'settle = "1h"')
    site.once()
    _deliver(drop)
    (drop / os.fsdecode(b"train_\xff.csv")).write_bytes(b"x")
    odd = site.add_model("other", KEY, 'settle = "1h"\ntarget = "解約"').with_name("売上")
    odd.mkdir()
    site._text = site._text.replace(f'"{odd.with_name("other")}"', f'"{odd}"')
    site.write()
    shown = "売上" if name != "de_DE.ISO-8859-1" else r"\u58f2\u4e0a"
    charset = NAMES.get(name, ("", "utf-8"))[1]
    named = [drop / f"train_{KEY_OF_DELIVERY}.csv"] if command == "preflight" else []
    done = _run(locales, name, command, "-c", site.config, *named)
    told = (done.stdout + done.stderr).decode(charset)
    assert "Traceback" not in told
    assert done.returncode == (command == "status"), told  # nothing is running
    assert shown in told


@pytest.mark.parametrize("name", variants(EVERY, default=["de_DE.ISO-8859-1"]))
def test_json_for_programs_is_json_whatever_the_locale(site, locales, tmp_path, name):
    drop = site.add_model("churn", KEY, 'settle = "1h"')
    site.once()
    _deliver(drop)
    (drop / "train_é😀.csv").write_bytes(b"x")
    done = _run(locales, name, "status", "--json", "-c", site.config)
    assert "売上" in str(json.loads(done.stdout.decode("ascii" if name in NAMES else "utf-8")))


def test_a_path_in_the_arguments_and_one_in_the_environment_stay_the_bytes_that_they_are(
    site, locales, tmp_path
):
    site.add_model("churn", KEY)
    site.once()
    # Bytes that are UTF-8, are not EUC-JP, and of which glibc and Python read some differently.
    folder = tmp_path / "〜設定①ｶﾅé"
    folder.mkdir()
    file = site.config.rename(folder / "config.toml")
    for arguments, more in ((["-c", file], {}), ([], {"RETRAIND_CONFIG": str(file)})):
        done = _run(locales, "ja_JP.eucJP", "status", *arguments, **more)
        assert "retraind 0." in done.stdout.decode("euc_jp"), done.stderr.decode("euc_jp", "replace")


def test_the_console_script_starts_again_as_itself_and_keeps_its_process(site, locales, tmp_path):
    """Options of Python's own are kept, among them those that make it blind to its environment."""
    site.add_model("churn", KEY)
    site.once()
    script = tmp_path / "retraind"
    script.write_text(
        f"#!{sys.executable} -E\nimport os, sys\nfrom retraind.cli import main\n"
        "print(os.getpid(), sys.flags.ignore_environment, sys.flags.utf8_mode, flush=True)\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    done = subprocess.run(
        [script, "status", "-c", site.config],
        env={"LOCPATH": str(locales), "LC_ALL": "ja_JP.eucJP", "PYTHONUTF8": "0"},
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    first, second, *_ = done.stdout.decode("euc_jp").splitlines()
    pid, blind, _ = first.split()
    assert first.split() == [pid, "1", "0"]
    assert second.split() == [pid, blind, "1"]
