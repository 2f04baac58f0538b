"""What is wrong with one model keeps no other from running, and is seen."""

import json
import shutil
import signal

import pytest

from support.process import deliver_pair, filed, until
from support.variants import variants
from support.world import an_account, key_of

NAMES = ("churn", "price")


@pytest.fixture
def service(tmp_path):
    with an_account(tmp_path, *NAMES) as emulator:
        yield emulator


@pytest.fixture
def drops(site):
    site._text += '[sweep]\ninterval = "1s"\n'
    return {name: site.add_model(name, key_of(name), f'settle = "0s"\n# of {name}') for name in NAMES}


def events(site, name):
    return [each for each in site.events() if each["event"] == name]


def status_of(site):
    done = site.command("status", "--json")
    models = json.loads(done.stdout)["models"]
    return done.returncode, {model["name"]: model for model in models}


def works(drop, key="1"):
    before = len(filed(drop))
    deliver_pair(drop, key, int(key))
    until(lambda: len(filed(drop)) > before, f"{drop.name} works")


def rewrite(site, before, after):
    assert before in site._text
    site._text = site._text.replace(before, after)
    site.write()


def reload(site):
    count = len(events(site, "reloaded"))
    site.process.send_signal(signal.SIGHUP)
    until(lambda: len(events(site, "reloaded")) > count, "it is reloaded")


MISTAKES = {
    "an unknown key": ("# of churn", "colour = 1"),
    "a value of the wrong kind": ("# of churn", 'pair_timeout = "soon"'),
    "no key for a gate": ("# of churn", 'switch = "gate"'),
    "a folder that never existed": ("share/churn", "share/chrun"),
    "the folder of another model": ("share/churn", "share/price"),
}


@pytest.mark.parametrize(
    ("when", "mistake"),
    variants(
        ["start", "reload"],
        MISTAKES,
        default=zip(["start", "reload", "start", "reload", "start"], MISTAKES, strict=True),
    ),
)
def test_a_mistake_in_one_table_keeps_no_other_model_down_and_is_seen(site, drops, mistake, when):
    if mistake == "the folder of another model":
        # The later of the two is wrong.
        site._text = site._text.replace("[models.churn]", "[models.x]", 1)
        churn = site._text[site._text.index("[models.x]") : site._text.index("[models.price]")]
        site._text = site._text.replace(churn, "") + churn.replace("[models.x]", "[models.churn]")
    if when == "reload":
        site.write()
        site.start()
    good = site._text
    rewrite(site, *MISTAKES[mistake])
    if when == "start":
        site.start()
    else:
        reload(site)
    assert {each["model"] for each in events(site, "model_refused")} == {"churn"}
    works(drops["price"])
    code, models = status_of(site)
    assert code == 1
    assert models["churn"]["trouble"]
    assert models["price"]["trouble"] is None
    deliver_pair(drops["churn"])
    site._text = good
    site.write()
    reload(site)
    until(lambda: filed(drops["churn"]), "it works once the mistake is corrected")
    assert status_of(site)[0] == 0
    assert site.stop() == 0


@pytest.mark.quick
def test_a_job_of_a_model_whose_table_is_refused_waits_as_it_is(site, drops, service):
    def told():
        return (drops["churn"] / "STATUS.txt").read_text(encoding="utf-8-sig")

    site.start()
    service.stop()
    deliver_pair(drops["churn"])
    until(site.jobs, "it is taken in")
    rewrite(site, "# of churn", "colour = 1")
    reload(site)
    assert "contain a mistake" in told()
    (job,) = site.jobs()
    assert job["hold"] is None
    rewrite(site, "colour = 1", "# of churn")
    reload(site)
    until(lambda: "contain a mistake" not in told(), "its folder is watched again")
    (job,) = site.jobs()
    assert job["hold"] is None


@pytest.mark.quick
def test_a_run_once_ends_with_1_where_a_model_is_refused(site, drops):
    rewrite(site, "# of churn", "colour = 1")
    deliver_pair(drops["price"])
    site.start("--once", wait=False)
    assert site.process.wait(60) == 1
    assert filed(drops["price"])


@pytest.mark.parametrize("when", ["start", "reload"])
def test_a_known_folder_that_is_missing_is_waited_for(site, drops, tmp_path, when):
    site.start()
    works(drops["churn"])
    if when == "start":
        assert site.stop() == 0
    away = shutil.move(drops["churn"], tmp_path / "away")
    if when == "start":
        site.start()
    else:
        reload(site)
    works(drops["price"])
    assert not events(site, "model_refused")
    code, models = status_of(site)
    assert code == 1
    assert "No such file or directory" in models["churn"]["trouble"]
    shutil.move(away, drops["churn"])
    works(drops["churn"], "2")


@pytest.mark.parametrize("when", ["start", pytest.param("reload", marks=pytest.mark.long)])
def test_a_missing_key_is_told_at_once_and_ended_by_the_key(site, drops, tmp_path, when):
    key = tmp_path / "churn.key"
    if when == "reload":
        site.start(hurried=True)
    key.rename(tmp_path / "kept")
    if when == "start":
        site.start(hurried=True)
    else:
        rewrite(site, "# of churn", 'budget = "5/day"')
        reload(site)
    until(lambda: status_of(site)[1]["churn"]["hold"], "it is on hold, without a delivery")
    assert status_of(site)[0] == 1
    works(drops["price"])
    (tmp_path / "kept").rename(key)
    works(drops["churn"])


@pytest.mark.quick
def test_it_ends_with_2_where_nothing_at_all_can_run(site, drops):
    for name in NAMES:
        rewrite(site, f"# of {name}", "colour = 1")
    done = site.command("run")
    assert done.returncode == 2
    assert done.stderr.count("colour") >= 2
