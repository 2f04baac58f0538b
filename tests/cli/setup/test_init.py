"""`init`, `model add` and `model remove` on real files; only users, groups and systemd are played."""

import os
import shutil
import stat
from dataclasses import dataclass, field, replace
from functools import lru_cache

import pytest

from retraind.cli import main
from retraind.cli.arguments import parse
from retraind.cli.output import GOOD, Refused
from retraind.cli.setup import init
from retraind.cli.setup.steps import Machine, alone
from retraind.config.load import load
from retraind.domain.failures import ConfigError
from retraind.domain.problems import problem
from retraind.report.wording import Voice
from support.killing import at_every_point
from support.world import KEY


@dataclass(frozen=True)
class Played(Machine):
    """A machine whose users and groups are all this process's, and whose systemd only takes notes."""

    accounts: set[str] = field(default_factory=lambda: {"root"})
    groups: set[str] = field(default_factory=lambda: {"root"})
    members: set[str] = field(default_factory=set)
    ran: list[str] = field(default_factory=list)
    running: list[bool] = field(default_factory=list)
    service: int = os.getuid()
    root: bool = True
    has_unit: bool = True

    @property
    def is_root(self):
        return self.root

    def user(self, name):
        return (os.getuid() if name == "root" else self.service) if name in self.accounts else None

    def group(self, name):
        return os.getgid() if name in self.groups else None

    def is_member(self, _, group):
        return group in self.members

    def unit(self, _):
        active = "active" if self.running else "inactive"
        enabled = "enabled" if self.running else "disabled"
        state = {"ActiveState": active, "UnitFileState": enabled, "NeedDaemonReload": "no"}
        return {"LoadState": "loaded", **state} if self.has_unit else {"LoadState": "not-found"}

    def run(self, *words):
        self.ran.append(" ".join(words))
        match words[0]:
            case "useradd":
                self.accounts.add(words[-1]), self.groups.add(words[-1])
            case "groupadd":
                self.groups.add(words[-1])
            case "usermod":
                self.members.add(words[-2])
        if words[:2] == ("systemctl", "restart"):
            self.running.append(True)
        return ""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    (tmp_path / "key").write_text(f"{KEY}\n")
    return tmp_path


@pytest.fixture
def machine(place):
    (place / "units").mkdir()
    return Played(units=place / "units", keys=place / "etc" / "keys")


@lru_cache
def parsed(*words):
    return parse(words)


def run(place, machine, words, *more):
    text = f"{words} -c {place}/etc/config.toml"
    if not words.startswith("model remove"):
        text += f" --key-file {place}/key" if "--key" not in " ".join(more) else ""
        text += "" if "--drop" in words else f" --drop {place}/drop/churn"
    options = parsed(*text.split(), *more)
    function = {"init": init.init, "add": init.add, "remove": init.remove}
    return function[words.split()[1] if words.startswith("model") else "init"](options, machine)


def set_up(place, machine, *more):
    return run(place, machine, "init --model churn --yes", *more)


def refused(place, machine, words, *more):
    with pytest.raises(Refused) as error:
        run(place, machine, words, *more)
    return Voice().tell(error.value.problem)


def everything(place):
    """Return every file and folder below, with its rights and its bytes."""
    return {
        str(path.relative_to(place)): (path.stat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in place.rglob("*")
    }


def test_a_first_model_gets_all_that_it_needs_and_check_is_content(place, machine, capsys):
    assert set_up(place, machine) == GOOD
    printed = capsys.readouterr().out
    assert KEY not in printed
    drop, key, config = place / "drop/churn", place / "etc/keys/churn", place / "etc/config.toml"
    assert [f"{stat.S_IMODE(path.stat().st_mode):o}" for path in (drop, key, key.parent, config)] == [
        *("3770", "600", "700", "640")
    ]
    assert key.read_text() == f"{KEY}\n"
    assert config.read_text() == f'[models.churn]\ndrop = "{drop}"\ncredential = "churn"\n'
    dropin = (place / "units/retraind.service.d/config.conf").read_text()
    assert f"RequiresMountsFor={drop}\n" in dropin
    assert f"LoadCredential=churn:{key}\n" in dropin
    assert [line for line in machine.ran if line.startswith("systemctl")] == [
        "systemctl daemon-reload",
        "systemctl enable retraind.service",
        "systemctl restart retraind.service",
        "systemctl enable --now retraind-backup.timer",
    ]
    assert machine.ran[:3] == [
        "useradd --system --user-group --home-dir /var/lib/retraind --shell /usr/sbin/nologin retraind",
        "groupadd --system etl",
        "usermod --append --groups etl retraind",
    ]
    assert main(["check", "-c", str(config)]) == GOOD


def test_once_set_up_there_is_nothing_to_do(place, machine, capsys):
    set_up(place, machine)
    before, ran = everything(place), len(machine.ran)
    capsys.readouterr()
    assert set_up(place, machine) == GOOD
    assert "nothing to do" in capsys.readouterr().out
    assert (everything(place), len(machine.ran)) == (before, ran)


def test_a_kill_at_any_point_is_made_good_by_the_next_try(place, machine):
    home = place / "home"

    def prepare():
        shutil.rmtree(home, ignore_errors=True)
        (home / "units").mkdir(parents=True)
        (home / "key").write_text(KEY)
        for each in (machine.accounts, machine.groups, machine.members, machine.running):
            each.clear()
        machine.accounts.add("root"), machine.groups.add("root")

    there = replace(machine, units=home / "units", keys=home / "etc/keys")
    for where in at_every_point(lambda: set_up(home, there), prepare):
        config, key, drop = home / "etc/config.toml", home / "etc/keys/churn", home / "drop/churn"
        if (home / "units/retraind.service.d/config.conf").exists():
            assert key.read_text() == f"{KEY}\n", f"{where}: the service could not start without it"
        if config.exists():
            assert load(config)[0].models["churn"].drop == drop, where
        assert set_up(home, there) == GOOD
        assert load(config)[0].models["churn"].credential == "churn"
        assert [stat.S_IMODE(path.stat().st_mode) for path in (key, drop)] == [0o600, 0o3770], where
        assert there.running, where
        assert sorted(path.name for path in home.rglob("*") if path.is_file()) == [
            *("churn", "config.conf", "config.toml", "key")
        ], where


def test_a_dry_run_shows_everything_and_changes_nothing(place, machine, capsys):
    (place / "etc").mkdir()
    (place / "etc/config.toml").write_text(
        f'[models.price]\ndrop = "{place}/price"\napi_key = "a-key-in-the-file"\n'
    )
    before = everything(place)
    assert run(place, machine, "model add churn --dry-run") == GOOD
    shown = capsys.readouterr().out
    assert f"install -d -o retraind -g etl -m 3770 {place}/drop/churn\n" in shown
    assert f"install -o root -g root -m 0600 /dev/stdin {place}/etc/keys/churn\n" in shown
    assert f'+[models.churn]\n+drop = "{place}/drop/churn"\n+credential = "churn"\n' in shown
    assert "systemctl restart retraind.service\n" in shown
    run(place, machine, "model remove price --dry-run")
    shown += capsys.readouterr().out
    assert "-[models.price]" in shown
    assert KEY not in shown
    assert "a-key-in-the-file" not in shown
    assert (everything(place), machine.ran) == (before, [])


def test_remarks_order_and_rights_of_the_configuration_stay(place, machine):
    config = place / "etc/config.toml"
    config.parent.mkdir()
    text = f'# mine\n[models.price] # dear\ndrop = "{place}/price"\napi_key = "x"\n\n[api]\n# slow\ntimeout = "90s"\n'
    config.write_text(text)
    config.chmod(0o600)
    assert set_up(place, machine, "--edition", "japan", "--mode", "train-only") == GOOD
    written = config.read_text()
    url = 'base_url = "https://developer-api.predictionone.sony.biz"\n'
    assert written.startswith(text.replace("[api]\n", f"[api]\n{url}"))
    assert written.endswith('credential = "churn"\nmode = "train-only"\n')
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert run(place, machine, "model remove churn --yes") == GOOD
    assert config.read_text() == text.replace("[api]\n", f"[api]\n{url}")


def test_a_removed_model_leaves_its_folders_and_says_so(place, machine, capsys):
    set_up(place, machine)
    (place / "drop/churn/train_1.csv").write_text("a\n1\n")
    run(place, machine, f"model add price --yes --drop {place}/drop/price")
    capsys.readouterr()
    assert run(place, machine, "model remove churn --yes") == GOOD
    told = capsys.readouterr().out
    assert f"{place}/drop/churn" in told
    assert f"sudo rm {place}/etc/keys/churn" in told
    assert (place / "drop/churn/train_1.csv").exists()
    assert list(load(place / "etc/config.toml")[0].models) == ["price"]
    assert "churn" not in (place / "units/retraind.service.d/config.conf").read_text()
    # The service says on the share that the model is gone, and goes on with the others.
    assert machine.ran[-2:] == ["systemctl daemon-reload", "systemctl reload retraind.service"]
    assert run(place, machine, "model remove price --yes") == GOOD
    assert machine.ran[-3:] == [
        "systemctl disable --now retraind.service retraind-backup.timer",
        f"retraind -c {place}/etc/config.toml farewell price",
        "systemctl daemon-reload",
    ]
    assert not (place / "units/retraind.service.d/config.conf").exists()


def test_a_folder_in_the_place_of_the_key_is_refused(place, machine):
    """systemd would take it for a folder of keys, and start the service without this one."""
    (place / "etc/keys/churn").mkdir(parents=True)
    for more in ((), ("--key-file", str(place / "key"))):
        words = ["init", "--model", "churn", "--yes", "--drop", f"{place}/drop/churn", *more]
        with pytest.raises(Refused) as error:
            init.init(parsed(*words, "-c", f"{place}/etc/config.toml"), machine)
        assert "is not a file" in Voice().tell(error.value.problem)


def test_a_farewell_that_fails_keeps_no_model_from_being_removed(place, machine, capsys):
    set_up(place, machine)

    class Hanging(Played):
        def run(self, *words):
            if "farewell" in words:
                raise Refused(problem("setup_command_failed", command="farewell", code=1, said="no share"))
            return super().run(*words)

    capsys.readouterr()
    there = Hanging(units=machine.units, keys=machine.keys, running=[True])
    assert run(place, there, "model remove churn --yes") == GOOD
    told = capsys.readouterr()
    assert f"retraind -c {place}/etc/config.toml farewell churn || true\n" in told.out
    assert "no share" in told.err
    assert "churn" not in (place / "etc/config.toml").read_text()


def test_another_key_replaces_the_first_and_restarts_the_service(place, machine):
    set_up(place, machine)
    (place / "key").write_text("another-key-0123456789")
    machine.ran.clear()
    assert set_up(place, machine) == GOOD
    assert (place / "etc/keys/churn").read_text() == "another-key-0123456789\n"
    assert machine.ran == ["systemctl restart retraind.service"]


def test_a_folder_of_somebody_else_stays_as_it_is_and_that_is_said(place, machine, capsys):
    drop = place / "drop/churn"
    drop.mkdir(parents=True)
    (drop / "train_1.csv").write_text("a\n1\n")
    drop.chmod(0o755)
    another = replace(machine, service=os.getuid() + 1)
    another.accounts.add("retraind"), another.groups.add("retraind")
    assert set_up(place, another) == GOOD
    assert stat.S_IMODE(drop.stat().st_mode) == 0o755
    assert "its rights (755) stay as they are" in " ".join(capsys.readouterr().out.split())


def test_a_folder_of_the_service_gets_its_rights(place, machine):
    drop = place / "drop/churn"
    drop.mkdir(parents=True)
    (drop / "train_1.csv").write_text("a\n1\n")
    machine.accounts.add("retraind"), machine.groups.add("retraind")
    assert set_up(place, machine) == GOOD
    assert stat.S_IMODE(drop.stat().st_mode) == 0o3770
    assert "groupadd --system etl" not in machine.ran, "its group stays, if none is named"


def config_of(place, text):
    (place / "etc").mkdir(exist_ok=True)
    (place / "etc/config.toml").write_text(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("models = 1\n", "models"),
        ("[models.price\n", "not valid TOML"),
        ('[models.price]\ndrop = "/p"\napi_key = "x"\nswich = "always"\n', "swich"),
        ('[sweep]\ninterval = "never"\n', "sweep.interval"),
    ],
)
def test_a_configuration_with_mistakes_is_left_alone(place, machine, text, told):
    config_of(place, text)
    before = everything(place)
    with pytest.raises((ConfigError, Refused)) as error:
        set_up(place, machine)
    found = error.value.problems if isinstance(error.value, ConfigError) else [error.value.problem]
    words = " ".join(map(Voice().tell, found))
    assert told in words
    assert "/tmp/retraind-" not in words, "the file is called by its own name"
    assert (everything(place), machine.ran) == (before, [])


def test_whatever_cannot_be_is_refused_in_words_before_anything_is_done(place, machine):
    file = place / "file"
    file.write_text("x")
    cases = [
        (f"init --model churn --yes --drop {file}", f"{file} is not a folder"),
        (f"init --model churn --yes --drop {file}/churn", f"{file} is not a folder"),
        ("init --model churn --yes --drop churn", "not an absolute path"),
        ("init --yes", "No model was named"),
        ("init --model churn --yes --group Bad:Name", "cannot be the name of a group"),
        ("init --model churn --yes --group -x".replace("--group -x", "--group=-x"), "cannot be the name"),
    ]
    before = everything(place)
    for words, told in cases:
        assert told in refused(place, machine, words)
    for content, told in (("", "empty"), ("not a key", "characters that no key has"), ("ключ", "characters")):
        (place / "odd").write_text(content)
        assert told in refused(place, machine, "init --model churn --yes", "--key-file", str(place / "odd"))
    (place / "odd").unlink()
    assert "cannot be read" in refused(
        place, machine, "init --model churn --yes", "--key-file", str(place / "none")
    )
    for name in ("BAD", "顧客", "-x", "a b"):
        assert f'"{name}" cannot be the name of a model' in refused(
            place, machine, "init --yes", f"--model={name}"
        )
    assert "sudo" in refused(place, Played(root=False), "init --model churn --yes")
    without = Played(units=machine.units, keys=machine.keys, has_unit=False)
    assert "--no-start" in refused(place, without, "init --model churn --yes")
    assert (everything(place), machine.ran) == (before, [])
    assert run(place, without, "init --model churn --yes --no-start") == GOOD


def test_what_a_person_has_configured_is_not_changed(place, machine):
    set_up(place, machine)
    assert "drop =" in refused(place, machine, f"init --model churn --yes --drop {place}/other")
    assert "mode =" in refused(place, machine, "init --model churn --yes --mode train-only")
    config_of(place, f'[models.churn]\ndrop = "{place}/drop/churn"\napi_key = "x"\n')
    assert "credential =" in refused(place, machine, "init --model churn --yes")
    config_of(place, 'models = { price = { drop = "/p", api_key = "x" } }\n')
    assert "[models.churn]" in refused(place, machine, "init --model churn --yes")
    config_of(place, '[api]\nbase_url = "https://elsewhere.example.com"\n')
    assert "elsewhere" in refused(place, machine, "init --model churn --yes --edition japan")


def test_a_path_may_be_written_in_another_way(place, machine, capsys):
    set_up(place, machine)
    config = place / "etc/config.toml"
    config.write_text(config.read_text().replace('drop/churn"', 'drop//churn/"'))
    capsys.readouterr()
    assert set_up(place, machine) == GOOD


def test_secrets_are_hidden_however_they_are_written(place, machine, capsys):
    config_of(
        place,
        f"""[notify]
heartbeat = "https://beats.example.com/\\u0054oken"
urls = ["https://hooks.example.com/\\u0054oken"]
[models.price]
drop = "{place}/price"
api_key = "\\u0053ecret-key-0123"
[models.price.notify]
urls = [
    "https://hooks.example.com/\\u0054oken",
    "https://hooks.example.com/Token",
]
""",
    )
    assert run(place, machine, "model remove price --dry-run") == GOOD
    shown = capsys.readouterr().out
    assert "-[models.price]" in shown
    assert "ecret-key" not in shown
    assert "oken" not in shown


def test_two_commands_do_not_set_up_at_once(place, machine):
    (place / "etc").mkdir()
    with alone(place / "etc"):
        assert "Another command" in refused(place, machine, "init --model churn --yes")
    assert set_up(place, machine) == GOOD


def test_a_link_to_the_configuration_stays_one(place, machine):
    (place / "etc").mkdir()
    (place / "kept").mkdir()
    (place / "kept/mine.toml").write_text("# mine\n")
    (place / "etc/config.toml").symlink_to(place / "kept/mine.toml")
    assert set_up(place, machine) == GOOD
    assert (place / "etc/config.toml").is_symlink()
    assert load(place / "etc/config.toml")[0].models["churn"]


def test_without_a_yes_nothing_is_done(place, machine, capsys, monkeypatch):
    before = everything(place)
    assert run(place, machine, "init --model churn") == 1
    assert "--yes" in capsys.readouterr().out
    assert (everything(place), machine.ran) == (before, [])


def test_in_a_terminal_it_asks_until_the_answers_can_be_used(place, machine, capsys, monkeypatch):
    typed = [
        "",
        "顧客",
        "churn",
        "here",
        f"{place}/drop/churn",
        "Bad Name",
        "",
        "both",
        "pair",
        "",
        "n",
        "yes",
    ]
    answers = iter(typed)
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    keys = iter(["not a key", KEY])
    monkeypatch.setattr("getpass.getpass", lambda _: next(keys))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    options = parse(["init", "-c", f"{place}/etc/config.toml"])
    assert init.init(options, machine) == GOOD
    assert next(answers, None) is None
    assert load(place / "etc/config.toml")[0].models["churn"].drop == place / "drop/churn"
    assert not any("backup" in line for line in machine.ran)
    told = " ".join(capsys.readouterr().out.split())
    for text, remedy in (
        ("顧客", "Use at most 63 lower-case letters"),
        ("here", "Begin the path with /"),
        ("Bad Name", "Use lower-case letters"),
        ("both", "Answer pair or train-only"),
    ):
        assert f'"{text}" cannot be used. {remedy}' in told
