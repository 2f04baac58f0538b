import errno
import json
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from retraind.cli import main
from retraind.config import load as config_load
from retraind.config.exposure import HOLDS
from retraind.config.load import _refusal, find_config, load, load_each, load_to_look, unknown_variables
from retraind.config.settings import ApiSettings, StateSettings
from retraind.domain.failures import ConfigError
from retraind.domain.problems import Problem
from retraind.intake.share_identity import Shares
from retraind.report.wording import Voice
from retraind.store import backup
from retraind.system.addresses import place_of, shown
from retraind.system.log import mask
from retraind.system.mounts import mounts
from support.variants import variants

SECRET = "key-that-must-never-be-shown"


@pytest.fixture
def world(tmp_path):
    """A folder with a share and a key, and a way to write and load configurations there."""
    return World(tmp_path)


class World:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.drop = self.folder("share/churn")
        self.folder("share/churn/.retraind")
        self.key = root / "churn.key"
        self.key.write_text(SECRET)
        self.key.chmod(0o600)
        self.file = root / "config.toml"

    def folder(self, name: str) -> Path:
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, text: str) -> Path:
        self.file.write_text(text.replace("DROP", str(self.drop)).replace("KEY", str(self.key)))
        return self.file

    def problems(self, text: str) -> Sequence[Problem]:
        with pytest.raises(ConfigError) as caught:
            load(self.write(text))
        assert SECRET not in str(caught.value)
        assert SECRET not in told(*caught.value.problems)
        return caught.value.problems


def mistake_of(problem: Problem) -> Problem:
    """Return what is wrong, wherever it is."""
    return problem.facts.get("mistake", problem)


def told(*problems: Problem) -> str:
    return "\n".join(map(Voice().tell, problems))


SMALLEST = '[models.churn]\ndrop = "DROP"\napi_key_file = "KEY"\n'


def test_three_lines_are_enough(world):
    settings, file = load(world.write(SMALLEST))
    assert file == world.file
    model = settings.models["churn"]
    assert model.drop == world.drop
    assert (model.mode, model.switch, model.ready, model.backlog) == ("pair", "manual", "settle", "all")
    assert settings.state.url.startswith("sqlite:////")


def test_variables_override_the_file(world, monkeypatch):
    monkeypatch.setenv("RETRAIND_POLL__INTERVAL", "5m")
    monkeypatch.setenv("RETRAIND_MODELS__CHURN__SETTLE", "3s")
    settings, _ = load(world.write(SMALLEST + 'settle = "1h"\n[poll]\ninterval = "1h"\n'))
    assert settings.poll.interval == timedelta(minutes=5)
    assert settings.models["churn"].settle == timedelta(seconds=3)


def test_a_key_can_come_from_a_variable_alone(world, monkeypatch):
    monkeypatch.setenv("RETRAIND_MODELS__CHURN__API_KEY", SECRET)
    settings, _ = load(world.write('[models.churn]\ndrop = "DROP"\n'))
    key = settings.models["churn"].api_key
    assert key is not None
    assert key.get_secret_value() == SECRET
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.model_dump(mode="json"))


def test_the_named_file_goes_before_the_variable_and_the_variable_before_the_usual_places(world, monkeypatch):
    named, variable, here = (world.root / name for name in ("named.toml", "variable.toml", "config.toml"))
    for file in (named, variable, here):
        file.touch()
    monkeypatch.chdir(world.root)
    assert find_config() == Path("config.toml")
    monkeypatch.setenv("RETRAIND_CONFIG", str(variable))
    assert find_config() == variable
    assert find_config(named) == named


def test_no_configuration_at_all_says_where_it_was_looked_for(world, monkeypatch):
    monkeypatch.chdir(world.folder("empty"))
    # retraind may be installed on the machine of the tests.
    monkeypatch.setattr(config_load, "SYSTEM_CONFIG", world.root / "etc/retraind/config.toml")
    with pytest.raises(ConfigError) as caught:
        find_config()
    (problem,) = caught.value.problems
    for word in ("config.example.toml", "./config.toml", "/etc/retraind/config.toml", "$RETRAIND_CONFIG"):
        assert word in told(problem)
    with pytest.raises(ConfigError, match=r"config_missing .*nowhere\.toml") as caught:
        find_config(Path("nowhere.toml"))
    assert "nowhere.toml" in told(*caught.value.problems)
    with pytest.raises(ConfigError, match="config_not_a_file"):
        find_config(world.root)


MISTAKES = [
    # what is wrong, the text, the code, what the message must contain
    ("an unknown key, with the right one proposed", SMALLEST + 'setle = "1s"\n',
     "setting_unknown", ["models.churn.setle", "settle"]),
    ("an unknown key in a table within a model's",
     SMALLEST + '[models.churn.expect]\nevery = "month"\nby = "5th 09:00"\ncallendar = "JP"\n',
     "setting_unknown", ["models.churn.expect.callendar", "Did you mean calendar?"]),
    ("an unknown key of a model's recipients", SMALLEST + "[models.churn.notify]\nto = []\n",
     "setting_unknown", ["models.churn.notify.to", "Known keys: digest, on, urls."]),
    ("an unknown section", SMALLEST + "[pol]\ninterval = 1\n", "setting_unknown", ["pol", "poll"]),
    ("no model at all", "[poll]\ninterval = 1\n", "setting_missing", ["models", "No model", "[models.NAME]"]),
    ("no drop folder", '[models.churn]\napi_key_file = "KEY"\n',
     "setting_missing", ["models.churn.drop", "required", "Name the folder"]),
    ("a missing folder", SMALLEST.replace("DROP", "DROP/gone"),
     "path_missing", ["models.churn.drop", "gone", "does not exist"]),
    ("a file for a folder", SMALLEST.replace("DROP", "KEY"),
     "not_a_folder", ["models.churn.drop", "not a folder"]),
    ("a folder that cannot be looked at", SMALLEST.replace("DROP", "KEY/x"),
     "path_inaccessible", ["models.churn.drop", "cannot be accessed"]),
    ("a relative folder", SMALLEST.replace("DROP", "share"),
     "path_relative", ["models.churn.drop", "absolute path"]),
    ("a folder in a home that is nobody's", SMALLEST.replace("DROP", "~no-such-user/x"),
     "path_relative", ["churn.drop", "absolute path"]),
    ("a key file in such a home", SMALLEST.replace("KEY", "~no-such-user/x"),
     "path_missing", ["api_key_file", "does not exist"]),
    ("certificates in such a home", SMALLEST + '[api]\nca_bundle = "~no-such-user/x"\n',
     "path_missing", ["api.ca_bundle", "not exist"]),
    ("a folder with a NUL", SMALLEST.replace("DROP", "DROP\\u0000"), "path_with_nul", ["churn.drop", "NUL"]),
    ("a spool that depends on where one is", SMALLEST + '[state]\nspool = "spool"\n',
     "path_relative", ["state.spool", "absolute path"]),
    ("a missing key file", SMALLEST.replace("KEY", "KEY.gone"),
     "path_missing", ["api_key_file", "gone", "does not exist"]),
    ("no credential", '[models.churn]\ndrop = "DROP"\n',
     "credentials_not_one", ["models.churn", "exactly one credential"]),
    ("two credentials", SMALLEST + 'credential = "x"\n',
     "credentials_not_one", ["models.churn", "api_key_file and credential"]),
    ("a secret key without its model", '[models.churn]\ndrop = "DROP"\nsecret_key_file = "KEY"\n',
     "model_id_missing", ["model_id"]),
    ("patterns that overlap", SMALLEST + 'train = "*{key}*"\n',
     "patterns_overlap", ["models.churn", "both match", "train_{key}"]),
    ("a pattern with two keys", SMALLEST + 'train = "{key}{key}"\n',
     "pattern_with_two_keys", ["models.churn.train", "only once"]),
    ("a key on one side only", SMALLEST + 'train = "train"\n',
     "key_in_one_pattern", ["models.churn", "{key}"]),
    ("a wrong choice", SMALLEST + 'mode = "both"\n',
     "value_invalid", ["models.churn.mode", '"both"', '"pair" or "train-only"']),
    ("a duration without a unit", SMALLEST + 'settle = "soon"\n',
     "duration_unreadable", ["models.churn.settle", '"soon"', '"30s"']),
    ("a duration beyond all calendars", SMALLEST + 'retention = "99999999999d"\n',
     "duration_out_of_range", ["models.churn.retention", "36500d"]),
    ("a duration of three thousand years", SMALLEST + 'poll_timeout = "1000000d"\n',
     "duration_out_of_range", ["poll_timeout", "36500d"]),
    ("so many seconds", SMALLEST + "settle = 99999999999\n",
     "duration_out_of_range", ["models.churn.settle", "36500d"]),
    ("a negative duration", SMALLEST + "settle = -1\n",
     "duration_out_of_range", ["models.churn.settle", "negative"]),
    ("a gate without its command", SMALLEST + 'switch = "gate"\n',
     "gate_missing", ["models.churn", "requires gate"]),
    ("a command without the gate", SMALLEST + 'gate = "true"\n',
     "gate_unused", ["models.churn", 'switch = "gate"']),
    ("a time without a time series", SMALLEST + 'target = "x"\ntime_column = "t"\n',
     "setting_requires", ["models.churn", "time_column is used only with time_series = true"]),
    ("a series without its times", SMALLEST + 'target = "x"\ntime_series = true\nseries_column = "s"\n',
     "setting_requires", ["models.churn", "series_column is used only with time_column"]),
    ("a prediction type of nothing", SMALLEST + 'prediction_type = "binary"\n',
     "setting_requires", ["models.churn", "prediction_type is used only with target"]),
    ("a positive number", SMALLEST + 'target = "x"\nprediction_type = "regression"\npositive_value = "1"\n',
     "settings_contradict", ["models.churn", 'positive_value and prediction_type = "regression"']),
    ("a time series of classes", SMALLEST + 'target = "x"\nprediction_type = "binary"\ntime_series = true\n',
     "settings_contradict", ["models.churn", 'time_series and prediction_type = "binary"']),
    ("a column with two meanings",
     SMALLEST + 'target = "x"\ntime_series = true\ntime_column = "x"\n',
     "column_named_twice", ["models.churn", 'time_column and target name the same column ("x")']),
    ("an unknown prediction type", SMALLEST + 'target = "x"\nprediction_type = "Binary"\n',
     "value_invalid", ["models.churn.prediction_type", '"binary", "multiclass" or "regression"']),
    ("a gate in whatever folder one is", SMALLEST + 'switch = "gate"\ngate = "./gate.py"\n',
     "program_path_relative", ["churn.gate", "absolute path"]),
    ("a gate in a home", SMALLEST + 'switch = "gate"\ngate = ["~/gate.py", "x"]\n',
     "program_path_relative", ["churn.gate", "path of ~/gate.py", "absolute path"]),
    ("data filed where it arrives", SMALLEST + 'done = "DROP/../churn"\n',
     "filing_folder_in_use", ["models.churn", "done is the folder", "arrive"]),
    ("data filed where it is in work", SMALLEST + 'failed = "DROP/.retraind"\n',
     "filing_folder_in_use", ["models.churn", "failed is", "in work"]),
    ("one folder for used and unused data", SMALLEST + 'done = "/tmp"\nfailed = "/tmp/"\n',
     "filing_folders_equal", ["models.churn", "Name two"]),
    ("a gate's variable that leads to keys", SMALLEST + 'gate_environment = ["retraind_x__api_key"]\n',
     "variable_reserved", ["gate_environment", "belongs to retraind"]),
    ("a rule that is not there", SMALLEST + 'rules = { late-clas = "warn" }\n',
     "rule_unknown", ["models.churn.rules", 'There is no rule "late-clas"', "late-class"]),
    ("a rule that nobody overrules", SMALLEST + 'rules = { not-text = "ignore" }\n',
     "rule_fixed", ["models.churn.rules", "not-text cannot be overruled"]),
    ("a rule made something that there is not", SMALLEST + 'rules = { late-class = "warning" }\n',
     "value_invalid", ["models.churn.rules.late-class", '"warn", "ignore" or "error"']),
    ("a gate's variable with a value", SMALLEST + 'gate_environment = ["A=b"]\n',
     "variable_name_unreadable", ["gate_environment", '"A=b"', "not the name"]),
    ("a window that is none", SMALLEST + 'upload_window = "8-9"\n',
     "window_unreadable", ['models.churn.upload_window = "8-9"', "22:00-06:00"]),
    ("one of several windows", SMALLEST + 'upload_window = ["22:00-06:00", "sat-sun Tokyo"]\n',
     "zone_unknown", ["models.churn.upload_window.1", '"sat-sun Tokyo"', '"Asia/Tokyo"']),
    ("no window at all", SMALLEST + "upload_window = []\n",
     "window_list_empty", ["models.churn.upload_window", "no upload would ever begin"]),
    ("a window of another type", SMALLEST + "upload_window = 22\n", "value_invalid",
     ["models.churn.upload_window = 22", "This is a number, not text.", 'such as: upload_window = "mon-fri']),
    ("a window that is a time of TOML", SMALLEST + "upload_window = 22:00:00\n", "value_invalid",
     ["upload_window = 22:00:00:", "This is a time, not text."]),
    ("a window in a table", SMALLEST + 'upload_window = { days = "mon" }\n', "value_invalid",
     ["This is a table, not text."]),
    ("a number among windows", SMALLEST + 'upload_window = ["sat-sun", 22]\n', "value_invalid",
     ["models.churn.upload_window.1 = 22", "This is a number, not text.", "such as: upload_window = "]),
    ("a rate that is a boolean", SMALLEST + "[work]\nupload_rate = true\n", "value_invalid",
     ["work.upload_rate = true", "This is a boolean, not text.", 'such as: upload_rate = "20 MB/s"']),
    ("holidays in the configuration itself",
     SMALLEST + 'upload_window = "days-off JP"\nupload_holidays = ["2026-12-29"]\n', "value_invalid",
     ["This is a list, not text.", 'such as: upload_holidays = "/etc/']),
    ("holidays that are a date", SMALLEST + 'upload_window = "days-off JP"\nupload_holidays = 2026-12-29\n',
     "value_invalid", ["upload_holidays = 2026-12-29:", "This is a date, not text."]),
    ("a language that is a number", "language = 5\n" + SMALLEST, "value_invalid",
     ["language = 5", 'Write "en" or "ja".']),
    ("rules in a list", SMALLEST + 'rules = ["late-class"]\n', "table_expected", ["[models.churn.rules]"]),
    ("a rule that is a boolean", SMALLEST + "rules = { late-class = true }\n", "value_invalid",
     ["models.churn.rules.late-class = true", '"warn", "ignore" or "error"']),
    ("a rule that is like no other", SMALLEST + 'rules = { xyz = "warn" }\n', "rule_unknown",
     ["docs/data-rules.md lists all rules."]),
    ("a prediction type that is a boolean", SMALLEST + 'target = "x"\nprediction_type = true\n',
     "value_invalid", ["prediction_type = true", 'Write "binary", "multiclass" or "regression".']),
    ("a column without a name", SMALLEST + 'target = ""\n', "value_invalid",
     ["This text is empty.", 'such as: target = "churned"']),
    ("deliveries every 35 of nothing", SMALLEST + "expect = { every = 35 }\n", "duration_without_unit",
     ["models.churn.expect.every = 35", "seconds", "with its unit"]),
    ("deliveries every 35 of nothing, as a text", SMALLEST + 'expect = { every = "35" }\n',
     "duration_without_unit", ["models.churn.expect.every"]),
    ("deliveries at no interval", SMALLEST + 'expect = { every = "0d" }\n', "duration_zero",
     ["models.churn.expect.every"]),
    ("deliveries at another interval", SMALLEST + 'expect = { every = "fortnight" }\n', "every_unreadable",
     ['models.churn.expect.every = "fortnight":', '"month", "week", "day", "auto"', '"35d"']),
    ("deliveries at a boolean", SMALLEST + "expect = { every = true }\n", "every_unreadable",
     ["models.churn.expect.every = true"]),
    ("a due date that is a time of TOML", SMALLEST + 'expect = { every = "day", by = 09:00:00 }\n',
     "value_invalid", ["models.churn.expect.by = 09:00:00:", "This is a time, not text."]),
    ("a zone that is a number",
     SMALLEST + 'expect = { every = "day", by = "09:00", tz = 9 }\n',
     "value_invalid", ["models.churn.expect.tz = 9", 'such as: tz = "Asia/Tokyo"']),
    ("a country that is a boolean",
     SMALLEST + 'expect = { every = "day", by = "09:00", calendar = true }\n',
     "value_invalid", ["models.churn.expect.calendar = true", 'such as: calendar = "JP"']),
    ("a roll that is none",
     SMALLEST + 'expect = { every = "day", by = "09:00", calendar = "JP", roll = "forward" }\n',
     "value_invalid", ['"none", "next-business-day" or "previous-business-day"']),
    ("one month off", SMALLEST + 'expect = { every = "day", by = "09:00", months_off = 8 }\n', "value_invalid",
     ["This is a number, not a list.", "such as: months_off = [8]"]),
    ("a month off by its name", SMALLEST + 'expect = { every = "day", by = "09:00", months_off = ["Aug"] }\n',
     "value_invalid", ["This is text, not a number.", "such as: months_off = [8]"]),
    ("expectations without a table", SMALLEST + 'expect = "month"\n', "table_expected",
     ["[models.churn.expect]"]),
    ("a model's recipients that are a number", SMALLEST + "notify = { urls = 5 }\n", "value_invalid",
     ["models.churn.notify.urls", "This is a number, not a list."]),
    ("an event that there is not", SMALLEST + '[notify]\non = ["failed", "lat"]\n', "value_invalid",
     ['notify.on.1 = "lat"', '"late"']),
    ("events that are a boolean", SMALLEST + "[notify]\non = true\n", "value_invalid",
     ["notify.on = true", "This is a boolean, not a list.", 'such as: on = ["failed", "held", "late"]']),
    ("a digest at eight", SMALLEST + "[notify]\ndigest = 8\n", "value_invalid",
     ["notify.digest = 8", 'such as: digest = "weekly mon 08:00"']),
    ("a patience that is a boolean", SMALLEST + "[notify]\npatience = true\n", "value_invalid",
     ["This is a boolean, not text.", 'such as: patience = "15m"']),
    ("a port alone", SMALLEST + "[metrics]\nlisten = 8088\n", "value_invalid",
     ["metrics.listen = 8088", 'such as: listen = "127.0.0.1:8088"']),
    ("a page's port alone", SMALLEST + "[page]\nlisten = 8087\n", "value_invalid",
     ["page.listen = 8087", 'such as: listen = "127.0.0.1:8087"']),
    ("metrics that are a boolean", "metrics = true\n" + SMALLEST, "table_expected", ["Write [metrics]"]),
    ("a number that is a boolean", SMALLEST + "[work]\nparallel = true\n", "value_invalid",
     ["work.parallel = true", "This is a boolean, not a number.", "Write a whole number."]),
    ("a size that is a boolean", SMALLEST + "[state]\nkeep_free = true\n", "value_invalid",
     ["This is a boolean, not text.", 'such as: keep_free = "200MiB"']),
    ("a retention that is a boolean", SMALLEST + "retention = true\n", "value_invalid",
     ["This is a boolean, not text.", 'such as: retention = "400d"']),
    ("neither true nor false", SMALLEST + 'time_series = "ture"\n',
     "value_invalid", ["models.churn.time_series", '"ture"', "Write true or false."]),
    ("a number that is none", SMALLEST + 'retention_count = "many"\n',
     "value_invalid", ["models.churn.retention_count", '"many"', "Write a whole number."]),
    ("a column that is a number", SMALLEST + "target = 5\n",
     "value_invalid", ["models.churn.target", 'Write text in double quotes, such as: target = "churned"']),
    ("holidays that no window asks for",
     SMALLEST + 'upload_window = "22:00-06:00"\nupload_holidays = "/etc/holidays"\n',
     "holidays_unused", ["models.churn", "upload_holidays is used only with business-days or days-off"]),
    ("a rate that may be bits or bytes", SMALLEST + '[work]\nupload_rate = "20 Mb"\n',
     "rate_unreadable", ["work.upload_rate", "20 MB/s", "20 Mbit/s"]),
    ("a rate without a unit", SMALLEST + "[work]\nupload_rate = 20\n",
     "rate_unreadable", ["work.upload_rate", "20 MB/s"]),
    ("a rate of nothing", SMALLEST + '[work]\nupload_rate = "0 MB/s"\n',
     "rate_too_low", ["work.upload_rate", "10 kB/s", "Remove the key"]),
    ("a journal that is not SQLite", SMALLEST + '[state]\nurl = "mysql://x"\n',
     "journal_url_unsupported", ["state.url", "sqlite:///"]),
    ("a journal that is a folder", SMALLEST + '[state]\nurl = "sqlite:////tmp/"\n',
     "journal_url_unsupported", ["state.url", "sqlite:///"]),
    ("a journal without a name", SMALLEST + '[state]\nurl = "sqlite:////"\n',
     "journal_url_unsupported", ["state.url", "sqlite:///"]),
    ("a model's name with capitals", SMALLEST.replace("churn", "Churn"),
     "model_name_unreadable", ["models", "models.Churn", "lower-case letters"]),
    ("a budget that is none", SMALLEST + 'budget = "a few"\n',
     "budget_unreadable", ["models.churn.budget", "4/month"]),
    (
        "a retention in which trainings are forgotten that count",
        SMALLEST + 'budget = "4/month"\nretention = "7d"\n',
        "retention_too_short", ["models.churn", "retention", "31d"],
    ),
    ("a retention without a unit", SMALLEST + "retention = 400\n",
     "duration_without_unit", ["models.churn.retention", "without a unit", "400d"]),
    ("a retention in a text without a unit", SMALLEST + 'retention = "400"\n',
     "duration_without_unit", ["models.churn.retention", "400d"]),
    ("a retention that is none", SMALLEST + 'budget = "4/month"\nretention = "long"\n',
     "duration_unreadable", ["models.churn.retention", "30d"]),
    ("a base address that is none", SMALLEST + '[api]\nbase_url = "service"\n',
     "address_unreadable", ["api.base_url", '"service"', "https://"]),
    ("a proxy without a host", SMALLEST + '[api]\nproxy = "http://"\n',
     "address_unreadable", ["api.proxy", "host or port", "http://proxy"]),
    ("a proxy without a port that is one", SMALLEST + '[api]\nproxy = "http://p:high"\n',
     "address_unreadable", ["api.proxy", "host or port", "http://proxy"]),
    ("a proxy of another kind", SMALLEST + '[api]\nproxy = "ftp://proxy"\n',
     "address_unreadable", ["api.proxy", '"ftp://proxy"', "http://, "]),
    ("no TOML", "models = x\n", "config_not_toml", ["not valid TOML", "line"]),
    ("a number of too many digits", f"x = {'1' * 5_000}\n", "config_not_toml", ["too many digits"]),
    ("lists in lists without end", f"x = {'[' * 5_000}\n", "config_not_toml", ["nested too deeply"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "named"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_a_mistake_is_told_with_file_key_value_and_remedy(world, text, code, named):
    (problem,) = world.problems(text)
    assert mistake_of(problem).code == code
    for word in [str(world.file), *named]:
        assert word in told(problem)


ONLY_THE_DAEMON = [
    ("a missing folder", SMALLEST.replace("DROP", "DROP/gone"), "path_missing"),
    ("a file for a folder", SMALLEST.replace("DROP", "KEY"), "not_a_folder"),
    ("a folder that cannot be looked at", SMALLEST.replace("DROP", "KEY/x"), "path_inaccessible"),
    ("a missing key file", SMALLEST.replace("KEY", "KEY.gone"), "path_missing"),
    ("missing certificates", SMALLEST + '[api]\nca_bundle = "/nowhere"\n', "path_missing"),
    ("a folder for a key file", SMALLEST.replace("KEY", "DROP"), "not_a_file"),
    ("a key that others can read", SMALLEST.replace("KEY", "OPEN"), "key_file_exposed"),
    ("a configuration that others can read", f'[models.churn]\ndrop = "DROP"\napi_key = "{SECRET}"\n',
     "secrets_exposed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code"), [row[1:] for row in ONLY_THE_DAEMON], ids=[row[0] for row in ONLY_THE_DAEMON]
)
def test_what_only_the_daemon_enforces_is_told_to_commands_and_stops_none(world, text, code):
    exposed = world.root / "exposed.key"
    exposed.touch()
    exposed.chmod(0o644)
    file = world.write(text.replace("OPEN", str(exposed)))
    file.chmod(0o644)
    settings, *_, problems = load_to_look(file)
    assert set(settings.models) == {"churn"}
    assert [mistake_of(each).code for each in problems] == [code]
    if code in HOLDS:
        assert set(load(file)[0].models) == {"churn"}, "the daemon holds the model instead"
        return
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert list(caught.value.problems) == problems


@pytest.mark.parametrize("reason", [errno.ENOTCONN, errno.ETIMEDOUT, errno.ESTALE, errno.EIO])
def test_a_folder_whose_share_is_out_of_reach_is_no_mistake_but_a_key_file_there_is(
    world, monkeypatch, reason
):
    answer = OSError(reason, os.strerror(reason))
    monkeypatch.setattr("retraind.config.checks.ask_each", lambda asked: [answer for _ in asked])
    (problem,) = world.problems(SMALLEST)
    assert (problem.facts["setting"], mistake_of(problem).code) == (
        "models.churn.api_key_file",
        "path_inaccessible",
    )
    assert os.strerror(reason) in told(problem)


def test_a_command_is_stopped_by_all_other_mistakes_and_told_of_those_too(world):
    with pytest.raises(ConfigError) as caught:
        load_to_look(world.write(SMALLEST.replace("DROP", "DROP/gone") + 'settle = "soon"\n'))
    assert {mistake_of(each).code for each in caught.value.problems} == {
        "duration_unreadable",
        "path_missing",
    }


def test_no_mistake_hides_another_in_its_table(world):
    text = """
        [models.Capital]
        drop = "/nowhere"
        setle = "1s"
        switch = "gate"
        api_key_file = "/nowhere.key"
        model_id = 5
        [models.other]
        drop = "DROP"
        settle = "ten"
    """
    found = {(each.facts["setting"], mistake_of(each).code) for each in world.problems(text)}
    assert found == {
        ("models.Capital", "model_name_unreadable"),
        ("models.Capital.drop", "path_missing"),
        ("models.Capital.setle", "setting_unknown"),
        ("models.Capital", "gate_missing"),
        ("models.Capital.api_key_file", "path_missing"),
        ("models.Capital", "model_id_unneeded"),
        ("models.other.settle", "duration_unreadable"),
        ("models.other", "credentials_not_one"),
    }


def test_all_mistakes_are_told_at_once(world):
    text = """
        [polls]
        [models.one]
        drop = "/nowhere/one"
        api_key_file = "KEY"
        mode = "x"
        [models.two]
        drop = "DROP"
        api_key_file = "KEY"
        settle = "x"
        [models.three]
        drop = "DROP"
        api_key_file = "KEY"
    """
    problems = world.problems(text)
    found = [each.facts["setting"] for each in problems]
    keys = ["polls", "models.one.drop", "models.one.mode", "models.two.settle", "models.three.drop"]
    assert sorted(found) == sorted(keys)
    assert "models.two.drop" in told(*problems)


@pytest.mark.parametrize("inner", ["", "/", "/deeper", "/done"])
def test_two_models_cannot_share_a_drop_folder_or_lie_in_one_another(world, inner):
    (world.drop / "deeper").mkdir()
    (world.drop / "done").mkdir()
    text = SMALLEST + f'[models.other]\ndrop = "DROP{inner}"\napi_key_file = "KEY"\n'
    (problem,) = world.problems(text)
    assert mistake_of(problem).code == "drop_folder_overlaps"
    assert problem.facts["setting"] in {"models.other.drop", "models.churn.drop"}
    assert "its own drop folder" in told(problem)


@pytest.mark.parametrize("inner", ["", "/done", "/.retraind"])
@pytest.mark.parametrize("key", ["done", "failed"])
def test_nothing_is_filed_in_the_drop_folder_of_another_model(world, key, inner):
    other = world.folder("share/price")
    world.folder(f"share/price{inner}")
    link = world.root / "link"
    link.symlink_to(other)
    text = f'[models.price]\ndrop = "{other}"\napi_key_file = "KEY"\n'
    (problem,) = world.problems(f'{SMALLEST}{key} = "{link}{inner}"\n{text}')
    assert problem.facts["setting"] == f"models.churn.{key}"
    assert "in models.price.drop" in told(problem)


def test_several_models_may_file_in_one_archive(world):
    archive = world.folder("share/churn-archive")
    world.folder("share/churn/failed")
    other = world.folder("share/price")
    text = f'[models.price]\ndrop = "{other}"\napi_key_file = "KEY"\ndone = "{archive}"\n'
    settings, _ = load(world.write(f'{SMALLEST}done = "{archive}"\nfailed = "DROP/failed"\n{text}'))
    assert set(settings.models) == {"churn", "price"}


@pytest.mark.parametrize(
    "state", ['url = "sqlite:///DROP/journal.db"', 'spool = "DROP/.retraind/spool"', 'spool = "LINK/spool"']
)
def test_the_journal_and_the_bundles_are_not_where_others_write(world, state):
    (world.root / "link").symlink_to(world.drop)
    state = state.replace("LINK", str(world.root / "link"))
    (problem, *_) = world.problems(f"[state]\n{state}\n{SMALLEST}")
    assert problem.facts["setting"] == f"state.{state.partition(' ')[0]}"
    assert "in models.churn.drop, where others write" in told(problem)


@pytest.mark.parametrize("key", ["drop", "done", "failed"])
@pytest.mark.parametrize("place", ["gate", "gate/churn", "shares", "backups/x", "spool/churn", "link"])
def test_a_models_folders_are_not_where_retraind_clears_away(world, key, place):
    state = world.folder("state")
    (state / "link").symlink_to(world.folder("state/gate"))
    folder = state / place if place == "link" else world.folder(f"state/{place}")
    other = world.folder("share/price")
    table = SMALLEST.replace("DROP", str(folder)) if key == "drop" else f'{SMALLEST}{key} = "{folder}"\n'
    text = (
        f'[state]\nurl = "sqlite:///{state}/journal.db"\nspool = "{state}/spool"\n'
        f'{table}[models.price]\ndrop = "{other}"\napi_key_file = "KEY"\n'
    )
    loaded = load_each(world.write(text))
    assert set(loaded.settings.models) == {"price"}
    (problem,) = loaded.refused["churn"]
    assert (problem.facts["setting"], mistake_of(problem).code) == (
        f"models.churn.{key}",
        "place_in_own_folder",
    )


def test_what_retraind_clears_away_is_where_it_is_said_to_be(tmp_path):
    state = StateSettings(url=f"sqlite:///{tmp_path}/journal.db", spool=str(tmp_path / "spool"))
    journal = state.journal_file
    known = {state.spool, Shares.beside(journal).memory.folder, journal.with_name(backup.FOLDER)}
    assert known < set(state.own_folders)


def test_a_drop_folder_may_be_elsewhere_in_the_state_folder(world):
    drop = world.folder("state/drops/churn")
    text = f'[state]\nurl = "sqlite:///{world.root}/state/journal.db"\n' + SMALLEST.replace("DROP", str(drop))
    assert set(load_each(world.write(text)).settings.models) == {"churn"}


def test_a_link_to_another_models_folder_counts_as_that_folder(world):
    link = world.root / "link"
    link.symlink_to(world.drop)
    (problem,) = world.problems(SMALLEST + f'[models.other]\ndrop = "{link}"\napi_key_file = "KEY"\n')
    assert mistake_of(problem).code == "drop_folder_overlaps"
    assert "the same folder as" in told(problem)


def test_folders_whose_names_begin_alike_are_not_inside_one_another(world):
    other = world.folder("share/churn2")
    settings, _ = load(world.write(SMALLEST + f'[models.other]\ndrop = "{other}"\napi_key_file = "KEY"\n'))
    assert set(settings.models) == {"churn", "other"}


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602])
def test_a_key_file_that_others_can_read_is_told(world, mode):
    world.key.chmod(mode)
    *_, (problem,) = load_to_look(world.write(SMALLEST))
    assert problem.code == "key_file_exposed"
    assert f"chmod o= {world.key}" in told(problem)


def test_a_key_file_for_the_group_is_fine(world):
    world.key.chmod(0o640)
    load(world.write(SMALLEST))


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("models.churn.api_key", f'[models.churn]\ndrop = "DROP"\napi_key = "{SECRET}"\n'),
        ("api.proxy", f'{SMALLEST}[api]\nproxy = "http://me:{SECRET}@proxy.example:3128"\n'),
        ("notify.urls", f'{SMALLEST}[notify]\nurls = ["https://hooks.example.com/{SECRET}"]\n'),
        (
            "models.churn.notify.urls",
            f'{SMALLEST}[models.churn.notify]\nurls = ["https://hooks.example.com/{SECRET}"]\n',
        ),
    ],
)
def test_a_secret_in_a_configuration_that_others_can_read_is_told(world, setting, text):
    file = world.write(text)
    file.chmod(0o644)
    *_, (problem,) = load_to_look(file)
    assert problem.code == "secrets_exposed"
    assert problem.facts["settings"] == (setting,)
    assert SECRET not in told(problem)
    file.chmod(0o600)
    assert load_to_look(file).problems == []


def test_a_model_s_malformed_recipient_is_not_shown(world):
    text = f'{SMALLEST}[models.churn.notify]\nurls = ["://{SECRET}", "https://u:{SECRET}@"]\n'
    with pytest.raises(ConfigError) as refused:
        load(world.write(text))
    assert len(refused.value.problems) == 2
    assert not any(SECRET in told(each) + repr(each) for each in refused.value.problems)


@pytest.mark.parametrize("proxy", ["http://proxy.example:3128", "http://me@proxy.example:3128"])
def test_a_proxy_without_a_password_is_no_secret(world, proxy):
    file = world.write(f'{SMALLEST}[api]\nproxy = "{proxy}"\n')
    file.chmod(0o644)
    assert load_to_look(file).problems == []


def test_a_variable_that_is_for_no_table_is_told_and_keeps_nothing_from_starting(world, monkeypatch):
    monkeypatch.setenv("RETRAIND_POL__INTERVAL", "1s")
    load(world.write(SMALLEST))
    (problem,) = unknown_variables()
    assert problem.code == "variable_unknown"
    assert "RETRAIND_POL__INTERVAL" in told(problem)
    assert "POLL" in told(problem)


KUBERNETES = {
    "RETRAIND_PORT": "tcp://10.0.0.1:80",
    "RETRAIND_PORT_80_TCP": "tcp://10.0.0.1:80",
    "RETRAIND_PORT_80_TCP_ADDR": "10.0.0.1",
    "RETRAIND_PORT_80_TCP_PORT": "80",
    "RETRAIND_PORT_80_TCP_PROTO": "tcp",
    "RETRAIND_SERVICE_HOST": "10.0.0.1",
    "RETRAIND_SERVICE_PORT": "80",
    "RETRAIND_SERVICE_PORT_HTTP": "80",
    "RETRAIND_API_SERVICE_HOST": "10.0.0.2",
}


def test_what_kubernetes_sets_for_services_of_this_name_sets_nothing(world, monkeypatch):
    before = load(world.write(SMALLEST))
    for name, value in KUBERNETES.items():
        monkeypatch.setenv(name, value)
    assert load(world.file) == before
    assert [problem.facts["variable"] for problem in unknown_variables()] == sorted(KUBERNETES)


def test_a_key_that_a_known_table_does_not_have_remains_a_mistake_in_a_variable_too(world, monkeypatch):
    monkeypatch.setenv("RETRAIND_POLL__INTERVALL", "1s")
    (problem,) = world.problems(SMALLEST)
    assert "RETRAIND_POLL__INTERVALL" in told(problem)


def test_a_byte_order_mark_before_the_configuration_is_no_part_of_it(world):
    file = world.write(SMALLEST)
    before = load(file)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert load(file) == before


def test_a_wrong_value_in_a_variable_is_blamed_on_the_variable(world, monkeypatch):
    monkeypatch.setenv("RETRAIND_MODELS__CHURN__SETTLE", "soon")
    (problem,) = world.problems(SMALLEST)
    assert told(problem).startswith("Environment variable RETRAIND_MODELS__CHURN__SETTLE")


@pytest.mark.parametrize("text", ["*.bak *.old", '["*.bak", "*.old"]'])
def test_a_list_in_a_variable_is_words_or_json(world, monkeypatch, text):
    monkeypatch.setenv("RETRAIND_SWEEP__IGNORE", text)
    assert load(world.write(SMALLEST))[0].sweep.ignore == ("*.bak", "*.old")


def test_a_table_in_a_variable_is_merged_with_the_one_in_the_file(world, monkeypatch):
    monkeypatch.setenv("RETRAIND_MODELS", '{"churn": {"settle": "3s"}}')
    monkeypatch.setenv("RETRAIND_MODELS__CHURN__BUDGET", "4/month")
    churn = load(world.write(SMALLEST))[0].models["churn"]
    assert (churn.settle, churn.budget, churn.drop) == (timedelta(seconds=3), "4/month", world.drop)
    monkeypatch.setenv("RETRAIND_MODELS", '{"churn": {"credential": "x"}, "price": {"drop": "/nowhere"}}')
    found = {(each.facts["setting"], mistake_of(each).code) for each in world.problems(SMALLEST)}
    assert found == {
        ("models.churn", "credentials_not_one"),
        ("models.price", "credentials_not_one"),
        ("models.price.drop", "path_missing"),
    }


WRONG_LISTS = [
    ("RETRAIND_NOTIFY__URLS", f"https://hooks.example.com/{SECRET} {SECRET}", "notify.urls.1 = (hidden)"),
    ("RETRAIND_NOTIFY__ON", "failed fail", 'notify.on.1 = "fail"'),
    ("RETRAIND_SWEEP", "often", "sweep: This must be a table. Write [sweep], and its keys below."),
    ("RETRAIND_NOTIFY", f"https://hooks.example.com/{SECRET}", "notify: This must be a table"),
    ("RETRAIND_MODELS", SECRET, "models: This must be a table. Write [models.NAME], and its keys below."),
    ("RETRAIND_MODELS__CHURN__FIX", "bomb", 'models.churn.fix.0 = "bomb"'),
]


@pytest.mark.parametrize(("variable", "text", "words"), WRONG_LISTS, ids=[case[0] for case in WRONG_LISTS])
def test_a_wrong_list_or_table_in_a_variable_is_told_in_words(world, monkeypatch, variable, text, words):
    monkeypatch.setenv(variable, text)
    (problem,) = world.problems(SMALLEST)
    assert told(problem).startswith(f"Environment variable {variable}: {words}")


MISPLACED = [
    ("in a key that is misspelt", SMALLEST + f'apikey = "{SECRET}"\n', "churn.apikey: There is no such key."),
    ("in a list that is", SMALLEST + f'[notify]\nurl = ["https://x/{SECRET}"]\n', "url: There is no such"),
    ("without a key", f'[models]\nchurn = "{SECRET}"\n', "churn: This must be a table. Write [models.churn]"),
    ("in a proxy of the wrong kind", SMALLEST + f'[api]\nproxy = ["http://me:{SECRET}@p"]\n',
     'proxy = ["http://(hidden)@p"]'),
    ("in an address", SMALLEST + f'[api]\nbase_url = "ftp://me:{SECRET}@host"\n',
     'base_url = "ftp://(hidden)@host"'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), [row[1:] for row in MISPLACED], ids=[row[0] for row in MISPLACED])
def test_a_secret_in_the_wrong_place_is_not_shown(world, text, words):
    (problem,) = world.problems(text)
    assert words in told(problem)


def test_a_secret_with_a_mistake_beside_it_is_not_shown(world, monkeypatch):
    monkeypatch.setenv("RETRAIND_MODELS__CHURN__API_KEY", SECRET)
    (problem,) = world.problems('[models.churn]\ndrop = "DROP"\napi_key_file = "KEY"\n')
    assert "api_key and api_key_file" in told(problem)


def test_a_gate_can_be_written_as_a_shell_would_read_it(world):
    settings, _ = load(world.write(SMALLEST + 'switch = "gate"\ngate = "/bin/judge \'at least\' 0.8"\n'))
    assert settings.models["churn"].gate == ("/bin/judge", "at least", "0.8")


@pytest.mark.parametrize(
    "proxy", ["http://me:pass@proxy.example.com:3128", "https://[::1]:8080", "proxy.example.com:3128"]
)
def test_a_proxy_is_an_address(world, proxy):
    assert load(world.write(SMALLEST + f'[api]\nproxy = "{proxy}"\n'))[0].api.proxy == proxy


def test_a_proxy_that_needs_what_is_not_installed_is_told_without_its_password(world, monkeypatch):
    monkeypatch.setattr("retraind.config.checks.find_spec", lambda _: None)
    world.file.touch(0o600)
    (problem,) = world.problems(SMALLEST + f'[api]\nproxy = "socks5h://me:{SECRET}@proxy:1080"\n')
    assert 'api.proxy = "socks5h://(hidden)@proxy:1080": SOCKS requires PySocks' in told(problem)


def test_windows_and_a_rate_can_come_from_variables(world, monkeypatch):
    monkeypatch.setenv("RETRAIND_MODELS__CHURN__UPLOAD_WINDOW", "mon-fri 22:00-05:00 Asia/Tokyo")
    monkeypatch.setenv("RETRAIND_WORK__UPLOAD_RATE", "20 MB/s")
    settings, _ = load(world.write(SMALLEST))
    assert settings.models["churn"].upload_window == ("mon-fri 22:00-05:00 Asia/Tokyo",)
    assert settings.work.bytes_per_second == 20_000_000
    monkeypatch.setenv("RETRAIND_MODELS__CHURN__UPLOAD_WINDOW", '["22:00-06:00", "sat-sun"]')
    monkeypatch.setenv("RETRAIND_WORK__UPLOAD_RATE", "20")
    (problem,) = world.problems(SMALLEST)
    assert mistake_of(problem).code == "rate_unreadable"
    for word in ("RETRAIND_WORK__UPLOAD_RATE", "20 MB/s", "20 Mbit/s"):
        assert word in told(problem)
    monkeypatch.delenv("RETRAIND_WORK__UPLOAD_RATE")
    assert load(world.write(SMALLEST))[0].models["churn"].upload_window == ("22:00-06:00", "sat-sun")


def test_the_state_folder_follows_systemd(world, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/retraind:/other")
    settings, _ = load(world.write(SMALLEST))
    assert settings.state.journal_file == Path("/var/lib/retraind/journal.db")
    assert settings.state.spool == Path("/var/lib/retraind/spool")


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_configuration_that_cannot_be_read_is_told(world):
    world.write(SMALLEST).chmod(0)
    with pytest.raises(ConfigError, match="config_unreadable"):
        load(world.file)


USER, PASSWORD = "us3r-name", "s3/cret"
MALFORMED = [
    # an address as somebody writes it whose password has a sign that ends it
    f"http://{USER}:{PASSWORD}@proxy.example.com:3128",
    f"http://{USER}:80/{PASSWORD}@proxy.example.com:3128",
    f"{USER}:{PASSWORD}@proxy.example.com:3128",
    f"http://{USER}:s3#cret@proxy.example.com",
    f"http://{USER}:s3?cret@proxy.example.com",
    f"http://{USER}:s3 cret@proxy.example.com",
    f"http://{USER}:s3\tcret@proxy.example.com",
    f'http://{USER}:s3"/cret@proxy.example.com/',
    f"http://{USER}:s3cr@et/s3cret@proxy.example.com",
    f"http//{USER}:s3cret@proxy.example.com",
    f"http:/{USER}:s3cret@proxy.example.com",
    f"http:{USER}:s3cret@proxy.example.com",
    f"://{USER}:s3cret@proxy.example.com",
    f"ftp://{USER}:{PASSWORD}@proxy.example.com",
    f"http://{USER}:s3cret@[::1",
    f"http://{USER}:s3cret@:3128",
    f"http://{USER}:s3cret@proxy.example.com:99999",
    f"http://DOMAIN/{USER}:s3cret@proxy.example.com",
    f"http://{USER}:{PASSWORD}",
    f" http://{USER}:{PASSWORD}@proxy.example.com",
]
SETTERS = [
    "api.proxy",
    "api.base_url",
    "notify.urls",
    "state.url",
    "api.proxy as a list",
    "models.churn.gate_timeout",
]
PIECES_OF_SECRETS = ("us3r", "s3", "cret", "DOMAIN")


WHERE = ["file", "variable", "a variable for the whole table"]


@pytest.mark.parametrize(
    ("address", "setter", "where"),
    variants(
        MALFORMED, SETTERS, WHERE,
        default=[
            (address, setter, where)
            for number, address in enumerate(MALFORMED)
            for place, setter in enumerate(SETTERS)
            for where in WHERE
            if (number + place) % (2 if where == "file" else len(SETTERS)) == 0
        ],
    ),
)  # fmt: skip
def test_no_part_of_a_user_or_password_is_shown_however_an_address_is_malformed(  # noqa: PLR0917
    world, monkeypatch, capsys, address, setter, where
):
    key, _, is_list = setter.partition(" as ")
    *table, name = key.split(".")
    value = json.dumps([address] if is_list or name == "urls" else address)
    given = {name: json.loads(value)}
    if where == "file":
        world.write(f"{SMALLEST}[{'.'.join(table)}]\n{name} = {value}\n" if table[0] != "models" else
                    f"{SMALLEST}{name} = {value}\n")  # fmt: skip
    else:
        world.write(SMALLEST)
        variable = f"RETRAIND_{'__'.join(table)}".upper()
        if where == "variable":
            monkeypatch.setenv(f"{variable}__{name}".upper(), value if is_list else address)
        else:
            monkeypatch.setenv(variable, json.dumps(given))
    world.file.chmod(0o600)
    main(["check", "-c", str(world.file)])
    main(["check", "--json", "-c", str(world.file)])
    said = "".join(capsys.readouterr())
    assert not [piece for piece in PIECES_OF_SECRETS if piece in said.replace(str(world.root), "")]
    assert table[0] in said


SECRET_SIGNS = st.text(st.sampled_from(list("Zq:/?#@ []%'\"\\<&;$é€\t")), min_size=1, max_size=8)


@given(
    st.sampled_from(["http://", "https://", "socks5://", "ftp://", "http:/", "http:", "//", ""]),
    SECRET_SIGNS,
    SECRET_SIGNS,
    st.sampled_from(["h.example", "h.example:3128", "[::1]:1", "h.example/path", "h..example", ""]),
)
def test_no_address_that_is_refused_shows_anything_of_its_user_or_password(scheme, user, password, host):
    address = f"{scheme}{user}:{password}@{host}"
    said = [place_of(address), shown(address)]
    for key in ("proxy", "base_url"):
        try:
            said.append(ApiSettings(**{key: address}).host)
        except ValidationError as error:
            problem = _refusal(Path("config.toml"), error.errors()[0]).problem
            said += [told(problem), str(ConfigError([problem]))]
    assert not {"Z", "q", "é", "€"} & set("".join(said))


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Z"], exclude_characters="@"), min_size=1),
    st.sampled_from(["", "@"]),
)
def test_no_text_in_the_log_shows_what_stands_in_front_of_the_last_at(password, more):
    found = mask(f"Cannot reach http://me:{password}{more}@proxy.example.com:3128 now.")
    assert found == "Cannot reach http://(hidden)@proxy.example.com:3128 now."


def test_a_folder_that_the_unit_hides_is_told_with_the_directive(world, monkeypatch):
    table = mounts("1 1 254:0 / / rw - ext4 a rw\n2 1 0:5 /systemd/inaccessible/dir /home ro - tmpfs t rw")
    monkeypatch.setattr("retraind.config.checks.present_mounts", lambda: table)
    text = SMALLEST.replace("DROP", "/home/nobody-of-this-name/drop")
    (problem,) = world.problems(text)
    assert mistake_of(problem).code == "path_missing", "outside a unit nothing is hidden"
    monkeypatch.setenv("INVOCATION_ID", "0123456789abcdef")
    (problem,) = world.problems(text)
    assert mistake_of(problem).facts == {"directive": "ProtectHome"}


def test_rules_are_overruled_in_a_variable_as_in_the_file(world, monkeypatch):
    world.write(SMALLEST + 'rules = { late-class = "ignore" }\n')
    assert load(world.file)[0].models["churn"].rules == {"late-class": "ignore"}
    monkeypatch.setenv("RETRAIND_MODELS__CHURN__RULES", '{"row-count": "error", "not-text": "error"}')
    assert load(world.file)[0].models["churn"].rules == {
        "late-class": "ignore",
        "row-count": "error",
        "not-text": "error",
    }
    monkeypatch.setenv("RETRAIND_MODELS__CHURN__RULES", '{"row-cout": "error"}')
    with pytest.raises(ConfigError) as caught:
        load(world.file)
    assert "RETRAIND_MODELS__CHURN__RULES" in told(*caught.value.problems)
    assert "row-count" in told(*caught.value.problems)


def test_a_heartbeat_is_as_secret_as_the_other_addresses_where_it_is_wrong(world):
    (problem,) = world.problems(SMALLEST + '[notify]\nheartbeat = "htps://hc-ping.com/2d1f-s3cr3t"\n')
    assert mistake_of(problem).code == "address_unreadable"
    assert "s3cr3t" not in told(problem)
