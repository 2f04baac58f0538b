import hashlib
import io
import json
import os
import re
import shutil
import stat
import sys
import threading
import time
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import jsonschema
import pytest

from retraind.api.client import TrainingStatus
from retraind.bundle import deflate
from retraind.bundle.progress import Doing, under_way
from retraind.bundle.zip_writer import Member, build
from retraind.domain.failures import Hold, Stopped
from retraind.domain.job import LIFE, Outcome, Role, State
from retraind.domain.problems import problem
from retraind.emulator import Fault
from retraind.reconcile.upkeep.caretaker import Caretaker
from retraind.report import notes
from retraind.report.report_json import Report
from retraind.report.wording import Voice
from retraind.system.clock import for_people
from support.clock import ManualClock
from support.variants import long
from support.words import legacy
from support.world import KEY, a_world, table


@pytest.fixture
def world(tmp_path):
    with a_world(tmp_path) as made:
        yield made


def test_every_state_of_the_table_has_the_step_that_it_names(world):
    steps = world.pipeline.steps
    assert {state: step.__name__ for state, step in steps.items()} == {
        state: stage.step for state, stage in LIFE.items() if stage.step is not None
    }


def test_a_good_delivery_ends_in_done_trained_and_not_switched(world):
    job = world.run(world.sealing())
    assert (job.state, job.outcome) == (State.DONE, Outcome.TRAINED)
    folder = world.share / "done" / job.id
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        "RESULT.txt",
        "eval_2026-11.csv",
        "job.json",
        "report.json",
        "results.zip",
        "train_2026-11.csv",
    ]
    assert (folder / "train_2026-11.csv").read_bytes() == table()
    note = world.read(job, "RESULT.txt")
    assert "The published model has not been changed" in note
    assert f"ask the operator of retraind; the job is {job.id}" in " ".join(note.split())
    assert "train_2026-11.csv (training" in note
    assert zipfile.ZipFile(folder / "results.zip").testzip() is None
    assert len(world.records("training_started")) == 1
    assert not world.records("model_switched")
    assert not list((world.root / "state" / "spool").iterdir())


@pytest.mark.parametrize(("mbit_per_second", "compressor"), [(8, deflate.small()), (800, deflate.fast())])
def test_the_bundle_is_made_for_the_line_that_the_last_uploads_have_shown(
    world, tmp_path, mbit_per_second, compressor
):
    files = {"train_src/train_2026-11.csv": table(5000), "eval_src/eval_2026-11.csv": table(20)}
    job = world.sealing(train=table(5000), evaluation=table(20))
    for slower in (1, 1.1, 50):  # the last one met something else
        shown = {"bytes": 10_000_000, "seconds": slower * 80 / mbit_per_second}
        job = world.journal.jobs.write(job, job, "upload_complete", shown)
    job = world.run(job, until=State.BUNDLED)
    members = [Member(name, len(content), partial(io.BytesIO, content)) for name, content in files.items()]
    build(tmp_path / "expected.zip", members, compressor)
    made = world.root / "state" / "spool" / f"{job.id}.zip"
    assert made.read_bytes() == (tmp_path / "expected.zip").read_bytes()


def test_the_service_gets_exactly_the_zip_it_wants(world):
    job = world.run(world.sealing(), until=State.BUNDLED)
    with zipfile.ZipFile(world.root / "state" / "spool" / f"{job.id}.zip") as bundle:
        assert bundle.namelist() == ["train_src/train_2026-11.csv", "eval_src/eval_2026-11.csv"]
        assert bundle.read("train_src/train_2026-11.csv") == table()
    made = (world.root / "state" / "spool" / f"{job.id}.zip").read_bytes()
    assert len(made) == job.bundle.bytes
    world.run(job)
    (put,) = world.records("put_received")
    assert (put["sha256"], put["size"]) == (hashlib.sha256(made).hexdigest(), len(made))


@pytest.mark.parametrize("mode", ["pair", "train-only"])
def test_how_far_a_step_has_come_is_noted_while_it_lasts(tmp_path, monkeypatch, mode):
    """Bytes that were read, of all data files; of a large delivery alone."""
    seen = []
    with a_world(tmp_path, mode=mode) as world:
        spool = world.root / "state" / "spool"

        def look() -> None:
            if (noted := under_way(spool).get(job.id)) and noted not in seen:
                seen.append(noted)

        train, evaluation = table(300_000), table(90_000) if mode == "pair" else None
        monkeypatch.setattr(world.pipeline, "_pause", look)
        job = world.sealing("1", train, evaluation)
        world.run(job, until=State.BUNDLED)
        assert seen == [], "a small one is read before anybody can ask"
        monkeypatch.setattr("retraind.bundle.progress._WORTH_A_NOTE", 1)
        job = world.sealing("2", b"age,plan,churned\n0,b,1\n" + train[20:], evaluation)
        total = sum(file.signature.size for file in job.data_files)
        world.run(job, until=State.BUNDLED)
    kinds = [Doing.PREFLIGHT] if mode == "pair" else [Doing.PREFLIGHT, Doing.BUNDLE]
    assert list(dict.fromkeys(noted.doing for noted in seen)) == kinds
    for kind in kinds:
        done = [noted.done for noted in seen if noted.doing is kind]
        assert done == sorted(done)
        assert done[0] == 0
        assert 0.9 * total < done[-1] <= total
    assert {noted.total for noted in seen} == {total}
    assert under_way(spool) == {}


def test_train_only_sends_the_file_itself(tmp_path):
    with a_world(tmp_path, mode="train-only") as world:
        job = world.run(world.sealing(evaluation=None))
        assert job.outcome is Outcome.TRAINED
        (put,) = world.records("put_received")
        assert put["file_name"] == "train_2026-11.csv"
        assert put["size"] == len(table())
        assert (world.folder(job) / "train_2026-11.csv").read_bytes() == table()


@pytest.mark.parametrize(("mode", "files"), [("pair", "both files"), ("train-only", "the file")])
def test_data_that_breaks_rules_is_to_be_delivered_again_with_the_files_that_there_are(tmp_path, mode, files):
    with a_world(tmp_path, mode=mode) as world:
        job = world.run(world.sealing(train=table(5), evaluation=table(5) if mode == "pair" else None))
        said = " ".join(world.read(job, "ERROR.txt").split())
        assert f"Correct the data at its source and deliver {files} again." in said
        assert ("both files" in said) == (mode == "pair")


def test_report_json_keeps_its_schema(world):
    job = world.run(world.sealing())
    document = json.loads(world.read(job, "report.json"))
    jsonschema.validate(document, Report.model_json_schema())
    assert document["outcome"] == "trained"
    assert document["files"][0]["sha256"] == job.files[0].sha256
    assert document["service"]["status"] == "job_finished"


def test_always_switches(tmp_path):
    with a_world(tmp_path, switch="always") as world:
        job = world.run(world.sealing())
        assert job.outcome is Outcome.SWITCHED
        assert [record["retrain_job_id"] for record in world.records("model_switched")] == [
            job.retrain_job_id
        ]
        assert "the new model was published" in world.read(job, "RESULT.txt")


GATE = """
import json, pathlib, sys
told = json.load(sys.stdin)
assert pathlib.Path(told["results"]).is_file() and sys.argv[1] == told["folder"]
print("I looked at", told["rows"]["train"], "rows")
sys.exit(int(pathlib.Path(__file__).with_name("verdict").read_text()))
"""


@pytest.mark.parametrize(
    ("verdict", "outcome"), [(0, Outcome.SWITCHED), (1, Outcome.TRAINED), (77, Outcome.TRAINED)]
)
def test_the_gate_decides_by_its_exit_code_and_its_words_are_kept(tmp_path, verdict, outcome):
    (tmp_path / "gate.py").write_text(GATE)
    (tmp_path / "verdict").write_text(str(verdict))
    with a_world(tmp_path, switch="gate", gate=[sys.executable, str(tmp_path / "gate.py")]) as world:
        job = world.run(world.sealing())
        assert (job.state, job.outcome, job.gate.exit) == (State.DONE, outcome, verdict)
        assert len(world.records("model_switched")) == (outcome is Outcome.SWITCHED)
        assert "I looked at 41 rows" in world.read(job, "RESULT.txt")


@pytest.mark.parametrize(
    ("gate", "sentence"),
    [
        (["sh", "-c", "sleep 60"], "did not finish within 1 s"),
        (["/no/such/gate"], "could not be started"),
    ],
)
def test_a_gate_that_gives_no_verdict_does_not_switch(tmp_path, gate, sentence):
    with a_world(tmp_path, switch="gate", gate=gate, gate_timeout=1) as world:
        job = world.run(world.sealing())
        assert job.outcome is Outcome.TRAINED
        assert sentence in world.read(job, "RESULT.txt")
        assert not world.records("model_switched")


def test_a_gate_that_is_stopped_together_with_the_daemon_has_said_nothing(tmp_path):
    gate = ["sh", "-c", "sleep 0.6; kill -TERM $$"]
    with a_world(tmp_path, switch="gate", gate=gate) as world:
        job = world.run(world.sealing(), until=State.TRAINED)
        threading.Timer(0.3, world.stopping.set).start()
        with pytest.raises(Stopped):
            world.pipeline.steps[State.TRAINED](job)
        assert not list((tmp_path / "state" / "gate").iterdir())


def test_a_gate_sees_no_secrets_in_its_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("RETRAIND_MODELS__CHURN__SETTLE", "1s")
    with a_world(tmp_path, switch="gate", gate=["sh", "-c", "env"]) as world:
        job = world.run(world.sealing())
        assert "PATH=" in (job.gate.output or "")
        assert "RETRAIND_" not in (job.gate.output or "")


def test_bad_data_fails_before_anything_is_sent_and_says_where_and_what_to_do(world):
    broken = table().replace(b"21,b,1\n", b"21,b\n", 1)
    job = world.run(world.sealing(train=broken))
    assert (job.state, job.outcome, job.end.failed_in) == (State.FAILED, Outcome.FAILED, State.SEALED)
    assert not world.records("registered")
    folder = world.share / "failed" / job.id
    assert (folder / "train_2026-11.csv").read_bytes() == broken
    note = world.read(job, "ERROR.txt")
    for words in ("line 3", "3", "rows with a different number of variables", "deliver", "train_2026-11.csv"):
        assert words in note
    jsonschema.validate(json.loads(world.read(job, "report.json")), Report.model_json_schema())


def test_the_services_own_message_is_passed_on_when_training_fails(tmp_path):
    with a_world(tmp_path, service={"faults": {"train_fails": 1.0}}) as world:
        job = world.run(world.sealing())
        assert job.state is State.FAILED
        assert job.training.message
        assert job.training.message in world.read(job, "ERROR.txt")


@pytest.mark.parametrize("when", ["before the check", "after the check"])
def test_a_file_that_changes_after_it_was_sealed_goes_back(world, when):
    job = world.run(world.sealing(), until=State.SEALED if when == "before the check" else State.CHECKED)
    with (world.folder(job) / "train_2026-11.csv").open("ab") as late_writer:
        late_writer.write(b"99,a,1\n")
    job = world.run(job)
    assert job.state is State.RETURNED
    assert world.files() == {"train_2026-11.csv": table() + b"99,a,1\n", "eval_2026-11.csv": table(20)}
    assert not world.records("registered")
    assert not (world.share / ".retraind" / job.id).exists()


@pytest.mark.parametrize("mode", ["pair", "train-only"])
def test_bytes_that_change_under_an_unchanged_signature_are_noticed(tmp_path, mode):
    with a_world(tmp_path, mode=mode) as world:
        job = world.sealing() if mode == "pair" else world.sealing(evaluation=None)
        job = world.run(job, until=State.CHECKED)
        # Else what was checked is there to be sent.
        (world.root / "state" / "spool" / f"{job.id}.zip").unlink(missing_ok=mode != "pair")
        path = world.folder(job) / "train_2026-11.csv"
        before = path.stat()
        path.write_bytes(table().replace(b"20,a", b"29,a", 1))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert world.run(job).state is State.RETURNED
        assert not world.records("put_received")


def test_a_changed_file_whose_name_was_taken_again_is_filed_and_nothing_is_lost(world):
    job = world.run(world.sealing(), until=State.SEALED)
    old = world.folder(job) / "train_2026-11.csv"
    old.write_bytes(b"half of it")
    world.drop("train_2026-11.csv", b"the newer file")
    job = world.run(job)
    assert job.state is State.FAILED
    assert world.files() == {
        "train_2026-11.csv": b"the newer file",
        "eval_2026-11.csv": table(20),
        f"failed/{job.id}/train_2026-11.csv": b"half of it",
    }
    note = world.read(job, "ERROR.txt")
    assert "a newer file with the same name" in note.replace("\n", " ")
    assert re.search(r"File: +train_2026-11\.csv", note)
    assert "eval_2026-11.csv" not in note, "it is back in the drop folder, and the note is of what is here"


def test_the_same_bytes_again_are_told_and_not_trained_twice(world):
    first = world.run(world.sealing())
    second = world.run(world.sealing(key="again"))
    assert second.outcome is Outcome.DUPLICATE
    assert first.id in world.read(second, "RESULT.txt")
    assert len(world.records("training_started")) == 1


def test_the_same_bytes_again_are_trained_where_the_owner_wants_that(tmp_path):
    with a_world(tmp_path, on_duplicate="retrain") as world:
        world.run(world.sealing())
        assert world.run(world.sealing(key="again")).outcome is Outcome.TRAINED
        assert len(world.records("training_started")) == 2


# ---------------------------------------------------------------------- credentials and holds


def test_a_bad_key_holds_the_model_and_the_job_goes_on_after_its_release(world):
    world.key_file.write_text("not-the-key")
    job = world.run(world.sealing())
    hold = world.journal.holds.all()["churn"]
    assert hold.credential
    assert "the API key from the key file (models.churn.api_key_file)" in world.tell(job, hold.problem)
    assert f"into {world.key_file}; retraind notices within a minute" in world.tell(job, hold.problem)
    assert (job.state, job.hold) == (State.BUNDLED, None)
    world.key_file.write_text(KEY)
    assert world.pipeline.keys.present_fingerprint("churn") != world.pipeline.keys.refused["churn"]
    world.journal.holds.release("churn", problem("released_by_person"))
    assert world.run(job).outcome is Outcome.TRAINED


def test_a_key_that_expires_during_training_holds_and_nothing_is_sent_twice(world):
    job = world.run(world.sealing(), until=State.UPLOADED)
    world.emulator.expire_key("churn")
    job = world.run(job)
    assert job.state is State.UPLOADED
    assert "churn" in world.journal.holds.all()
    world.key_file.write_text(world.emulator.replace_key("churn"))
    world.journal.holds.release("churn", problem("released_by_person"))
    assert world.run(job).outcome is Outcome.TRAINED
    assert len(world.records("put_received")) == 1


def test_a_self_fetched_key_is_replaced_once_before_anybody_is_troubled(tmp_path):
    secret = tmp_path / "secret"
    secret.touch(0o600)
    secret.write_text("account-secret-0123456789")
    with a_world(tmp_path, api_key_file=None, secret_key_file=secret, model_id=1001) as world:
        job = world.run(world.sealing(), until=State.UPLOADED)
        world.emulator.expire_key("churn")
        assert world.run(job).outcome is Outcome.TRAINED
        assert len(world.records("api_key_issued")) == 2
        assert not world.journal.holds.all()


def test_a_refused_secret_key_is_not_asked_with_again_until_it_is_replaced(tmp_path):
    secret = tmp_path / "secret"
    secret.touch(0o600)
    secret.write_text("not-the-secret-0123456789")
    with a_world(tmp_path, api_key_file=None, secret_key_file=secret, model_id=1001) as world:
        job = world.run(world.sealing())
        assert world.journal.holds.all()["churn"].credential
        assert world.pipeline.keys.present_fingerprint("churn") == world.pipeline.keys.refused["churn"]
        assert not world.records("api_key_issued")
        secret.write_text("account-secret-0123456789")
        assert world.pipeline.keys.present_fingerprint("churn") != world.pipeline.keys.refused["churn"]
        world.journal.holds.release("churn", problem("released_by_person"))
        assert world.run(job).outcome is Outcome.TRAINED
        assert len(world.records("api_key_issued")) == 1


def test_a_bundle_that_is_not_what_was_built_is_built_again(world):
    job = world.run(world.sealing(), until=State.REGISTERED)
    spooled = world.root / "state" / "spool" / f"{job.id}.zip"
    built = spooled.read_bytes()
    spooled.write_bytes(built[:-100])
    job = world.run(job)
    assert job.outcome is Outcome.TRAINED
    (put,) = world.records("put_received")
    assert put["sha256"] == hashlib.sha256(built).hexdigest()


def test_a_deleted_model_holds_until_a_person_releases_it(world):
    world.emulator.delete_model("churn")
    job = world.run(world.sealing())
    hold = world.journal.holds.all()["churn"]
    assert not hold.credential
    assert "model may have been deleted" in world.tell(job, hold.problem)
    assert job.state is State.BUNDLED


def test_a_job_of_a_model_that_left_the_configuration_is_held(world):
    job = world.run(world.sealing(), until=State.SEALED)
    world.pipeline.configure(world.settings.model_copy(update={"models": {}}))
    job = world.pipeline.advance(job)
    assert job.hold is not None
    assert (job.hold.problem.code, job.hold.problem.facts["model"]) == ("model_not_configured", "churn")


def test_a_model_that_leaves_the_configuration_during_a_step_breaks_nothing_off(world, monkeypatch):
    job = world.sealing()
    plain = world.journal.jobs.write

    def leaving(*arguments):
        world.pipeline.configure(world.settings.model_copy(update={"models": {}}))
        return plain(*arguments)

    monkeypatch.setattr(world.journal.jobs, "write", leaving)
    job = world.pipeline.advance(job)
    assert job.state is State.SEALED
    assert job.hold.problem.code == "model_not_configured"


# ---------------------------------------------------------------------- passing trouble


@pytest.mark.parametrize(
    "fault",
    ["api_503", "api_429_date", "api_429_bare", "api_html", "api_truncated", "api_wrong_json", "api_redirect",
     "upload_503", "upload_reset", "upload_lost_answer", "results_reset", "results_truncated", "results_403",
     *map(long, ("api_500", "api_429", "api_empty", "upload_500"))],
)  # fmt: skip
def test_passing_trouble_is_overcome_and_starts_no_second_training(world, fault):
    world.emulator.set_faults({fault: Fault(times=2)})
    job = world.run(world.sealing())
    assert job.outcome is Outcome.TRAINED, job
    assert len(world.records("fault_struck")) >= 1
    assert len(world.records("training_started")) == 1
    complete = [put for put in world.records("put_received") if put["complete"]]
    assert len(complete) == 1


def test_the_wait_grows_and_honours_what_the_service_asks_for(world):
    world.emulator.set_faults({"api_503": 1.0})
    job = world.run(world.sealing(), until=State.BUNDLED)
    waits = []
    for _ in range(12):
        job = world.step(job)
        waits.append(job.wait.wake_at - world.clock.now())
        world.wait_until(job.wait.wake_at)
    assert job.wait.attempts == 12
    assert "503" in world.tell(job, job.wait.trouble)
    assert max(waits) <= world.settings.work.retry_longest
    assert max(waits[6:]) > max(waits[:2])
    world.emulator.set_faults({"api_429": 1.0})
    job = world.step(replace(job, wait=replace(job.wait, attempts=0)))
    assert job.wait.wake_at - world.clock.now() >= timedelta(seconds=2)


def test_an_expired_address_leads_to_a_new_retrain_job_only_while_the_old_one_never_started(world):
    job = world.run(world.sealing(), until=State.REGISTERED)
    world.clock.pass_time(timedelta(hours=2))
    job = world.run(job)
    assert job.outcome is Outcome.TRAINED
    assert len(world.records("registered")) == 2
    assert len(world.records("training_started")) == 1


@pytest.mark.parametrize(("fault", "registered"), [("upload_lost_answer", 1), ("upload_reset", 2)])
def test_an_address_that_expires_after_a_broken_upload_leads_to_a_new_retrain_job_only_if_nothing_arrived(
    world, fault, registered
):
    world.emulator.set_faults({fault: Fault(times=1)})
    job = world.step(world.run(world.sealing(), until=State.REGISTERED))
    assert (job.state, job.wait.attempts) == (State.REGISTERED, 1)
    world.emulator.expire_urls()
    world.clock.pass_time(timedelta(hours=2))
    assert world.run(job).outcome is Outcome.TRAINED
    assert len(world.records("registered")) == registered
    assert len(world.records("training_started")) == 1


@pytest.mark.parametrize(
    ("state", "is_another_models"), [(State.UPLOADED, False), (State.UPLOADED, True), (State.DONE, False)]
)
def test_a_retrain_job_of_another_delivery_gets_nothing_and_publishes_nothing(
    tmp_path, monkeypatch, state, is_another_models
):
    with a_world(tmp_path, switch="always") as world:
        earlier = world.run(world.sealing("1"), until=state)
        register, others = world.client.register, [earlier.retrain_job_id]

        def mixed_up(name, key):
            given = register(name, key)
            return given.model_copy(update={"retrain_job_id": others.pop()}) if others else given

        def refused(retrain_job_id, key):
            if retrain_job_id == earlier.retrain_job_id:
                raise Hold(problem("key_wrong"), credential=True, refused=True)
            return status(retrain_job_id, key)

        status = world.client.status
        if is_another_models:
            monkeypatch.setattr(world.client, "status", refused)
        monkeypatch.setattr(world.client, "register", mixed_up)
        job = world.run(world.sealing("2", table(offset=1)))
        assert not others
        assert job.outcome is Outcome.SWITCHED
        assert job.retrain_job_id != earlier.retrain_job_id
        assert [record["retrain_job_id"] for record in world.records("put_received")] == [
            earlier.retrain_job_id,
            job.retrain_job_id,
        ]


def test_an_address_refused_at_once_does_not_register_in_a_circle(world):
    world.emulator.set_faults({"upload_403": 1.0})
    job = world.run(world.sealing(), most=timedelta(minutes=5))
    assert job.state in {State.REGISTERED, State.BUNDLED}
    assert len(world.records("registered")) <= 6


def looking_after(world):
    return Caretaker(
        world.pipeline, world.journal, world.credentials,
        clock=world.clock, stopping=world.stopping, changed=lambda _model: None,
    )  # fmt: skip


def test_a_delivery_whose_uploads_are_all_refused_gets_five_retrain_jobs_and_then_one_a_day(world):
    caretaker = looking_after(world)
    world.emulator.set_faults({"upload_403": 1.0})
    job = world.run(world.sealing())
    assert job.hold is not None
    assert "each of 5 retrain jobs" in world.tell(job, job.hold.problem)
    assert "rejected the upload URL" in world.tell(job, job.hold.problem)
    assert len(world.records("registered")) == 5
    since = job.wait.since
    for number in (6, 7):
        world.clock.pass_time(job.hold.until - world.clock.now() - timedelta(minutes=1))
        caretaker.mind()
        assert world.journal.jobs.get(job.id).hold is not None
        world.clock.pass_time(timedelta(minutes=2))
        caretaker.mind()
        job = world.run(world.journal.jobs.get(job.id))
        assert job.hold is not None
        assert len(world.records("registered")) == number
        assert (job.wait.since, job.wait.stuck) == (since, True)
    world.emulator.set_faults({})
    world.clock.pass_time(timedelta(days=1))
    caretaker.mind()
    job = world.run(world.journal.jobs.get(job.id))
    assert (job.outcome, job.tries.upload_held) == (Outcome.TRAINED, False)
    events = [event.event for event in world.journal.events.history(job.id)]
    assert events.count("held") == events.count("released") == 1, "nobody is told of each try"
    assert (events.count("hold_tried"), events.count("hold_goes_on")) == (3, 2)
    assert (events.count("job_stuck"), events.count("job_moves")) == (1, 1)


def test_a_restart_leaves_the_hold_of_failed_uploads_as_it_is(world):
    world.emulator.set_faults({"upload_404": 1.0})
    job = world.run(world.sealing())
    world.pipeline.reconsider()
    assert world.journal.jobs.get(job.id) == job


def test_a_retry_by_a_person_gets_retrain_jobs_of_its_own(world):
    world.emulator.set_faults({"upload_403": Fault(times=3), "train_fails": Fault(times=1)})
    job = world.run(world.sealing())
    assert (job.state, job.tries.registrations) == (State.FAILED, 4)
    job = world.run(world.asked_to_retry(job))
    assert (job.outcome, job.tries.registrations) == (Outcome.TRAINED, 1)


def test_trouble_counts_on_through_doubts_and_registrations_until_the_upload_succeeds(world):
    job = world.run(world.sealing(), until=State.REGISTERED)
    began = world.clock.now()
    waits = []
    for fault in ("upload_reset", "upload_503", "upload_403", "upload_html", "upload_500", "upload_404"):
        world.emulator.set_faults({fault: Fault(times=1)})
        struck = len(world.records("fault_struck"))
        while len(world.records("fault_struck")) == struck:
            world.wait_until(max(job.wait.wake_at or world.clock.now(), world.clock.now()))
            job = world.step(job)
        waits.append(job.wait.attempts)
        assert job.wait.since == began
    assert waits == [1, 2, 3, 4, 5, 6]
    world.emulator.set_faults({})
    job = world.run(job, until=State.UPLOADED)
    assert (job.wait.attempts, job.wait.since, job.wait.trouble) == (0, None, None)
    assert world.run(job).outcome is Outcome.TRAINED


def test_an_upload_that_one_host_fails_again_and_again_is_reported_though_it_answers_others(world):
    job = world.run(world.sealing(), until=State.REGISTERED)
    world.emulator.set_faults({"upload_503": 1.0})
    job = world.run(job, most=timedelta(hours=2))
    assert job.wait.stuck
    world.emulator.set_faults({})
    assert world.run(job).outcome is Outcome.TRAINED


def test_a_retry_after_of_a_day_is_waited_for_an_hour(world):
    job = world.run(world.sealing(), until=State.REGISTERED)
    world.emulator.set_faults({"upload_503_day": Fault(times=1)})
    job = world.step(job)
    assert timedelta(hours=1) <= job.wait.wake_at - world.clock.now() <= timedelta(hours=1, minutes=1)
    assert world.run(job).outcome is Outcome.TRAINED


def test_a_hold_of_a_model_ends_without_a_person_when_its_reason_has_gone(world):
    """The service has said that the model is deleted, and then no longer says so."""
    caretaker = looking_after(world)
    job = world.run(world.sealing(), until=State.BUNDLED)
    world.journal.holds.hold("churn", legacy("It is deleted.", "Look."), credential=False)
    world.clock.pass_time(timedelta(hours=5, minutes=59))
    caretaker.mind()
    assert world.journal.holds.is_held("churn")
    world.clock.pass_time(timedelta(minutes=2))
    caretaker.mind()
    assert world.run(job).outcome is Outcome.TRAINED
    (released,) = [event for event in world.journal.events.history() if event.event == "model_released"]
    assert "key" not in released.detail["why"].code


def test_a_hold_of_a_model_whose_reason_lasts_goes_on(world):
    caretaker = looking_after(world)
    world.emulator.delete_model("churn")
    job = world.run(world.sealing())
    for _ in range(2):
        world.clock.pass_time(timedelta(hours=6, minutes=1))
        caretaker.mind()
        assert not world.journal.holds.is_held("churn")
        job = world.run(world.journal.jobs.get(job.id))
        assert world.journal.holds.is_held("churn")
    events = [
        event.event for event in world.journal.events.history() if event.event.startswith(("model_", "hold_"))
    ]
    assert events == ["model_held", "hold_tried", "hold_goes_on", "hold_tried", "hold_goes_on"]


def test_a_retrain_job_that_is_unknown_for_a_while_after_its_upload_is_asked_for_again(tmp_path):
    facts = {"status_unknown": 1.0, "status_hidden": 1.0}
    service = {"facts": facts, "hidden_time": timedelta(minutes=4), "train_time": timedelta(minutes=1)}
    with a_world(tmp_path, service=service) as world:
        job = world.run(world.sealing())
        assert job.outcome is Outcome.TRAINED
        assert job.training.unknown_since is None


def test_an_address_locked_under_a_replaced_key_is_asked_for_anew(world):
    job = world.run(world.sealing(), until=State.REGISTERED)
    world.key_file.write_text(world.emulator.replace_key("churn"))
    assert world.run(job).outcome is Outcome.TRAINED
    assert len(world.records("training_started")) == 1


def test_a_training_that_takes_too_long_fails_and_retry_waits_on_for_the_same_one(tmp_path):
    service = {"train_time": timedelta(hours=3)}
    with a_world(tmp_path, service=service, poll_timeout=3600) as world:
        job = world.run(world.sealing())
        assert job.state is State.FAILED
        assert "has not finished within 1 h" in world.read(job, "ERROR.txt")
        world.clock.pass_time(timedelta(hours=3))
        job = world.run(world.asked_to_retry(job))
        assert job.outcome is Outcome.TRAINED
        assert len(world.records("put_received")) == 1
        assert not (world.folder(job) / "ERROR.txt").exists()


def test_the_service_is_asked_less_often_the_longer_it_takes(tmp_path):
    with a_world(tmp_path, service={"train_time": timedelta(hours=12)}, poll_interval=60) as world:
        job = world.run(world.sealing(), until=State.UPLOADED)
        waits = []
        while job.state is State.UPLOADED:
            job = world.step(job)
            if job.wait.wake_at:
                waits.append(job.wait.wake_at - world.clock.now())
                world.wait_until(job.wait.wake_at)
        assert waits == sorted(waits)
        assert waits[0] == timedelta(seconds=60)
        assert waits[-1] == world.settings.poll.slowest
        assert len(waits) < 80


def test_unknown_status_words_count_as_in_progress_and_are_recorded(tmp_path):
    with a_world(tmp_path, service={"train_time": timedelta(minutes=5)}) as world:
        job = world.run(world.sealing())
        seen = [
            event.detail["status"]
            for event in world.journal.events.history(job.id)
            if event.event == "status_seen"
        ]
        assert "job_running" in seen
        assert seen[-1] == "job_finished"


def test_trouble_that_lasts_is_an_event_when_it_has_lasted_and_when_it_ends(world):
    """What is not the host's, so that no circuit opens: a proxy that answers in its place, a full disk."""
    world.emulator.set_faults({"api_html": 1.0})
    job = world.run(world.sealing(), until=State.BUNDLED)
    begun = world.clock.now()
    job = world.run(job, most=timedelta(minutes=10))
    assert job.wait.since == begun
    assert not job.wait.stuck
    job = world.run(job, most=timedelta(hours=3))
    assert job.wait.stuck
    world.emulator.set_faults({})
    job = world.run(job)
    assert (job.outcome, job.wait.stuck, job.wait.since) == (Outcome.TRAINED, False, None)
    told = [
        event for event in world.journal.events.history(job.id) if event.event in {"job_stuck", "job_moves"}
    ]
    assert [event.event for event in told] == ["job_stuck", "job_moves"]
    assert "web page" in world.tell(job, told[0].detail["reason"])
    assert {datetime.fromisoformat(event.detail["since"]) for event in told} == {begun}


def test_an_outage_of_a_host_is_no_event_of_each_job_that_waits_for_it(world):
    world.emulator.set_faults({"api_500": 1.0})
    job = world.run(world.run(world.sealing(), until=State.BUNDLED), most=timedelta(hours=3))
    assert job.wait.host
    assert not job.wait.stuck


def test_results_that_cannot_be_had_for_days_do_not_make_the_history_longer(world):
    job = world.run(world.sealing(), until=State.UPLOADED)
    world.wait_for_trainings()
    world.emulator.set_faults({"results_truncated": 1.0})
    job = world.run(job, most=timedelta(hours=2))
    assert job.wait.attempts > 15
    events = [event.event for event in world.journal.events.history(job.id)]
    assert events[events.index("upload_complete") :].count("status_seen") == 1
    assert len(events) < 15
    world.emulator.set_faults({})
    assert world.run(job).outcome is Outcome.TRAINED


def test_an_upload_waits_for_its_window(tmp_path):
    with a_world(tmp_path) as world:
        local = world.clock.now().astimezone()
        begin = local + timedelta(hours=2)
        world.configure(upload_window=f"{begin:%H:%M}-{begin + timedelta(hours=1):%H:%M}")
        job = world.run(world.sealing(), until=State.BUNDLED)
        job = world.step(job)
        assert job.state is State.BUNDLED
        assert timedelta(hours=1, minutes=58) < job.wait.wake_at - world.clock.now() <= timedelta(hours=2)
        assert world.run(job).outcome is Outcome.TRAINED


def test_a_budget_holds_further_deliveries_until_a_person_or_the_calendar_lets_them_through(tmp_path):
    with a_world(tmp_path, budget="1/month", service={"key_lifetime": timedelta(days=400)}) as world:
        assert world.run(world.sealing()).outcome is Outcome.TRAINED
        second = world.run(world.sealing(key="2", train=table(offset=2)))
        assert second.hold is not None
        assert "budget of 1 training a month is used up" in world.tell(second, second.hold.problem)
        assert len(world.records("registered")) == 1
        next_month = (world.clock.now().astimezone().replace(day=1) + timedelta(days=32)).replace(day=1)
        assert second.hold.until.astimezone().date() == next_month.date()
        second = world.journal.jobs.write(
            second, replace(second, hold=None, waived=replace(second.waived, budget=True)), "released"
        )
        assert world.run(second).outcome is Outcome.TRAINED
        third = world.run(world.sealing(key="3", train=table(offset=3)))
        assert third.hold is not None
        world.clock.pass_time(timedelta(days=40))
        third = world.journal.jobs.write(third, replace(third, hold=None), "released")
        assert world.run(third).outcome is Outcome.TRAINED


def test_a_waived_budget_is_waived_for_one_training(tmp_path):
    with a_world(tmp_path, budget="1/year") as world:
        world.run(world.sealing())
        world.emulator.set_faults({"train_fails": Fault(times=1)})
        held = world.run(world.sealing(key="2", train=table(offset=2)))
        failed = world.run(
            world.journal.jobs.write(
                held, replace(held, hold=None, waived=replace(held.waived, budget=True)), "released"
            )
        )
        assert (failed.state, failed.end.failed_in) == (State.FAILED, State.UPLOADED)
        again = world.run(world.asked_to_retry(failed))
        assert "budget of 1 training a year is used up" in world.tell(again, again.hold.problem)


def hours(clock, after: int) -> str:
    """Return a window of an hour that opens in so many hours."""
    begin = clock.now().astimezone() + timedelta(hours=after)
    return f"{begin:%H:%M}-{begin + timedelta(hours=1):%H:%M}"


NIGHTS = {
    # the zone, the window, an evening before it, when it opens
    "forward": ("Europe/Berlin", "03:00-03:30", "2027-03-27T20:00+01:00", "2027-03-28T03:00+02:00"),
    "back": ("Europe/Berlin", "03:00-03:30", "2027-10-30T20:00+02:00", "2027-10-31T03:00+01:00"),
    "forward past its beginning": ("Europe/Berlin", "02:30-04:00", "2027-03-27T20:00+01:00", "2027-03-28T03:00+02:00"),
    "forward at midnight": ("Africa/Cairo", "00:00-05:00", "2026-04-23T23:30+02:00", "2026-04-24T01:00+03:00"),
}  # fmt: skip


@pytest.mark.parametrize("night", NIGHTS)
def test_a_window_is_not_missed_in_the_night_in_which_the_clocks_change(tmp_path, monkeypatch, night):
    zone, window, evening, opening = NIGHTS[night]
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        clock = ManualClock(datetime.fromisoformat(evening))
        with a_world(tmp_path, clock=clock, upload_window=window) as world:
            job = world.step(world.run(world.sealing(), until=State.BUNDLED))
            assert job.wait.wake_at == datetime.fromisoformat(opening)
            assert f"its window ({window}), which opens on {for_people(job.wait.wake_at)}." in world.tell(
                job, job.wait.trouble
            )
            clock.pass_time(job.wait.wake_at - clock.now())
            assert world.step(job).state is State.REGISTERED
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_window_with_a_zone_opens_by_its_clocks_and_is_told_by_them_in_each_language(tmp_path):
    friday_night = ManualClock(datetime.fromisoformat("2026-11-27T20:00+00:00"))
    window = "mon-fri 22:00-05:00 Asia/Tokyo"
    with a_world(tmp_path, clock=friday_night, upload_window=[window, "sun 23:00-23:30 UTC"]) as world:
        job = world.step(world.run(world.sealing(), until=State.BUNDLED))
        assert job.wait.wake_at == datetime.fromisoformat("2026-11-29T23:00+00:00")
        world.configure(upload_window=window)
        world.pipeline.reconsider()
        job = world.step(world.journal.jobs.get(job.id))
        assert job.wait.wake_at == datetime.fromisoformat("2026-11-30T22:00+09:00")
        assert world.tell(job, job.wait.trouble) == (
            f"The upload waits for its window ({window}), which opens on 2026-11-30 22:00:00 JST. "
            f"To send it now, run: retraind release {job.id}"
        )
        assert "2026年11月30日 22:00:00 JSTに開始します。" in Voice(language="ja").tell(job.wait.trouble)
        assert world.run(job, most=timedelta(days=4)).outcome is Outcome.TRAINED


def test_a_job_that_waited_for_a_window_before_windows_had_zones_is_told_of_as_it_was():
    then = problem("upload_waits_for_window", window="22:00-06:00", opens="2026-11-30T22:00:00+09:00")
    moment = for_people(datetime.fromisoformat("2026-11-30T22:00:00+09:00"))
    assert Voice().tell(then) == f"The upload waits for its window (22:00-06:00), which opens on {moment}."


def test_on_a_companys_own_holidays_uploads_wait(tmp_path):
    clock = ManualClock(datetime.fromisoformat("2026-12-28T14:00+00:00"))
    holidays = tmp_path / "holidays.txt"
    holidays.write_text("2026-12-28 founding day\n2026-12-29\n")
    window = "business-days JP 22:00-05:00 Asia/Tokyo"
    with a_world(tmp_path, clock=clock, upload_window=window, upload_holidays=holidays) as world:
        job = world.step(world.run(world.sealing(), until=State.BUNDLED))
        assert job.wait.wake_at == datetime.fromisoformat("2026-12-30T22:00+09:00")
        holidays.write_text(
            "".join(f"{clock.now().date() + timedelta(days=each)}\n" for each in range(-1, 500))
        )
        world.pipeline.reconsider()
        job = world.step(world.journal.jobs.get(job.id))
        assert job.wait.wake_at == clock.now() + timedelta(days=1)
        assert "does not open within a year. Check the dates in the file that upload_holidays names." in (
            world.tell(job, job.wait.trouble)
        )
        holidays.unlink()
        world.pipeline.reconsider()
        job = world.step(world.journal.jobs.get(job.id))
        assert job.state is State.REGISTERED


@pytest.mark.parametrize("afterwards", [{}, {"upload_window": "other"}], ids=["no window", "another window"])
def test_a_job_that_waits_for_its_window_heeds_a_changed_configuration(tmp_path, afterwards):
    with a_world(tmp_path) as world:
        world.configure(upload_window=hours(world.clock, 2))
        job = world.step(world.run(world.sealing(), until=State.BUNDLED))
        assert job.waits_for_window
        world.configure(**{key: hours(world.clock, 5) for key in afterwards})
        world.pipeline.reconsider()
        job = world.step(world.journal.jobs.get(job.id))
        if afterwards:
            assert timedelta(hours=4) < job.wait.wake_at - world.clock.now() <= timedelta(hours=5)
        else:
            assert job.state is State.REGISTERED


def test_a_window_that_is_gone_is_not_waited_for_when_a_models_table_comes_back(tmp_path):
    with a_world(tmp_path) as world:
        world.configure(upload_window=hours(world.clock, 2))
        job = world.step(world.run(world.sealing(), until=State.BUNDLED))
        world.pipeline.configure(world.settings.model_copy(update={"models": {}}))
        world.pipeline.reconsider()
        assert world.journal.jobs.get(job.id).hold.problem.code == "model_not_configured"
        world.configure()
        world.pipeline.reconsider()
        job = world.journal.jobs.get(job.id)
        assert (job.hold, job.wait.trouble) == (None, None)
        assert job.due(world.clock.now()) == world.clock.now()


def test_a_waived_window_is_not_waited_for(tmp_path):
    with a_world(tmp_path) as world:
        world.configure(upload_window=hours(world.clock, 2))
        job = world.step(world.run(world.sealing(), until=State.BUNDLED))
        job = world.journal.jobs.write(
            job,
            replace(job, wait=replace(job.wait, wake_at=None), waived=replace(job.waived, window=True)),
            "released",
        )
        assert world.step(job).state is State.REGISTERED


def test_a_held_job_heeds_a_raised_budget(tmp_path):
    with a_world(tmp_path, budget="1/month") as world:
        world.run(world.sealing())
        held = [world.run(world.sealing(key=str(key), train=table(offset=key))) for key in (2, 3)]
        events = len(world.journal.events.history())
        world.pipeline.reconsider()
        assert [world.journal.jobs.get(job.id).hold for job in held] == [job.hold for job in held]
        assert len(world.journal.events.history()) == events  # nobody is told again of what they know
        world.configure(budget="2/month")
        world.pipeline.reconsider()
        first, second = (world.journal.jobs.get(job.id) for job in held)
        assert first.hold is None
        assert world.run(first).outcome is Outcome.TRAINED
        second = world.run(second)
        assert "budget of 2 trainings a month" in world.tell(second, second.hold.problem)
        world.configure(budget="1/month")
        world.pipeline.reconsider()
        assert "budget of 1 training a month" in world.tell(
            second, world.journal.jobs.get(second.id).hold.problem
        )


def test_a_job_whose_model_leaves_the_configuration_is_held_at_once_and_goes_on_when_it_is_back(world):
    job = world.run(world.sealing(), until=State.SEALED)
    table_of_model = world.settings.models["churn"]
    other = world.settings.model_copy(update={"models": {"other": table_of_model}})
    world.pipeline.configure(other)
    world.pipeline.reconsider()
    job = world.journal.jobs.get(job.id)
    assert job.hold.problem.code == "model_not_configured"
    world.pipeline.configure(world.settings)
    world.pipeline.reconsider()
    assert world.run(world.journal.jobs.get(job.id)).outcome is Outcome.TRAINED


# ---------------------------------------------------------------------- retry, switch, filing


def test_retry_takes_the_files_as_they_are_now(world):
    broken = table().replace(b"21,b,1\n", b"21,b\n", 1)
    job = world.run(world.sealing(train=broken))
    (world.folder(job) / "train_2026-11.csv").write_bytes(table())
    job = world.run(world.asked_to_retry(job))
    assert (job.state, job.outcome) == (State.DONE, Outcome.TRAINED)
    assert world.folder(job).parent.name == "done"
    assert not (world.share / "failed" / job.id).exists()


@pytest.mark.parametrize("gone", ["the folder", "a file"])
def test_a_retry_without_the_files_says_so_and_stays_failed(world, gone):
    job = world.run(world.sealing(train=b"one\n1\n"))
    if gone == "the folder":
        shutil.rmtree(world.folder(job))
    else:
        (world.folder(job) / "eval_2026-11.csv").unlink()
    job = world.run(world.asked_to_retry(job))
    assert job.state is State.FAILED
    assert "nothing to retry with" in world.tell(job, job.problem)
    assert not (world.model.work_folder / job.id).exists()


def test_a_retry_that_begins_anew_tells_nothing_of_the_training_before(tmp_path):
    with a_world(tmp_path, switch="always") as world:
        job = world.run(world.sealing(), until=State.SWITCHING)
        job = world.run(
            world.journal.jobs.write(
                job,
                replace(
                    job, registration=replace(job.registration, retrain_job_id="forgotten-by-the-service")
                ),
            )
        )
        assert "retrained with this data, but a later step failed" in world.read(job, "ERROR.txt")
        (world.folder(job) / "train_2026-11.csv").write_bytes(b"age\n1\n")
        job = world.run(world.asked_to_retry(job))
        assert world.read(job, "ERROR.txt").startswith("The model was NOT retrained with this data.")
        assert "Trained:" not in world.read(job, "ERROR.txt")


@pytest.mark.parametrize("came", [Role.TRAIN, Role.EVAL])
def test_half_a_delivery_is_not_retried_whatever_was_put_beside_it(world, came):
    job = world.sealing()
    late = next(file for file in job.files if file.role is not came)
    problem = legacy("It stayed incomplete.", "Deliver both files again.")
    job = world.run(world.journal.jobs.write(job, replace(job, files=(job.file(came),), flaw=problem)))
    (world.share / late.name).rename(world.folder(job) / late.name)
    before = world.files()
    job = world.run(world.asked_to_retry(job))
    assert job.state is State.FAILED
    assert [flaw.code for flaw in job.problem.facts["flaws"]] == [
        f"{'training' if late.role is Role.TRAIN else 'evaluation'}_file_missing"
    ]
    assert not world.records("registered")
    assert world.files() == before


def test_a_published_model_without_api_fails_the_switch_and_retry_repeats_only_that(tmp_path):
    with a_world(tmp_path, switch="always") as world:
        world.emulator.delete_classifier("churn")
        job = world.run(world.sealing())
        assert (job.state, job.end.failed_in, job.end.resume_in) == (
            State.FAILED,
            State.SWITCHING,
            State.SWITCHING,
        )
        assert "retrained with this data, but a later step failed" in world.read(job, "ERROR.txt")
        assert (world.folder(job) / "results.zip").exists()


def test_switching_later_and_back(world):
    old, new = world.run(world.sealing()), world.run(world.sealing(key="2", train=table(offset=7)))
    for each in (new, old):
        job = world.run(world.asked_to_switch(world.journal.jobs.get(each.id)))
        assert (job.state, job.outcome) == (State.DONE, Outcome.SWITCHED)
        assert "the new model was published" in world.read(job, "RESULT.txt")
    switched = [record["retrain_job_id"] for record in world.records("model_switched")]
    assert switched == [new.retrain_job_id, old.retrain_job_id]


def test_going_back_is_told_as_such_with_its_time_and_with_what_the_next_delivery_will_do(tmp_path):
    with a_world(tmp_path, switch="always") as world:
        old = world.run(world.sealing())
        new = world.run(world.sealing(key="2", train=table(offset=7)))
        assert "the next delivery" not in world.read(new, "RESULT.txt")
        world.clock.pass_time(timedelta(days=1))
        back = world.run(world.asked_to_switch(old))
        note = world.read(back, "RESULT.txt")
        assert "the new model was published again by hand." in note.splitlines()[0]
        assert (
            f"Published:    {for_people(old.publication.at)}\nAgain:        "
            f"{for_people(back.publication.at)}\n" in note
        )
        assert back.publication.at - old.publication.at >= timedelta(days=1)
        told = " ".join(note.split())
        assert (
            'trained with the next delivery is published automatically (switch = "always") and replaces this one.'
            in told
        )
        assert "To prevent that, ask the operator of retraind; the model is churn." in told
        report = json.loads((world.folder(back) / "report.json").read_text())
        assert datetime.fromisoformat(report["first_switched_at"]) == old.publication.at
        twice = world.run(world.asked_to_switch(back))
        assert twice.publication.first_at == old.publication.at


def test_a_later_switch_that_fails_leaves_the_job_done_and_says_so(world):
    job = world.run(world.sealing())
    world.emulator.delete_classifier("churn")
    job = world.run(world.asked_to_switch(job))
    assert (job.state, job.outcome) == (State.DONE, Outcome.TRAINED)
    note = " ".join(world.read(job, "RESULT.txt").split())
    assert "A later switch failed: The API of the published model no longer exists" in note
    assert f"To publish the model after that, ask the operator of retraind; the job is {job.id}." in note


def test_a_later_switch_of_what_the_service_has_forgotten_is_not_to_be_retried(world):
    job = world.run(world.sealing())
    world.emulator.delete_job(job.retrain_job_id)
    job = world.run(world.asked_to_switch(job))
    assert job.state is State.DONE
    assert world.tell(job, job.switch_note).startswith(
        "A later switch failed: The service does not know the retrain job"
    )
    assert "again, ask the operator" not in " ".join(world.read(job, "RESULT.txt").split())


def test_done_and_failed_may_be_on_another_file_system(tmp_path, elsewhere):
    (elsewhere / "done").mkdir()
    (elsewhere / "failed").mkdir()
    with a_world(tmp_path, done=elsewhere / "done", failed=elsewhere / "failed") as world:
        good = world.run(world.sealing())
        bad = world.run(world.sealing(key="bad", train=b"one column\n1\n"))
        assert (elsewhere / "done" / good.id / "train_2026-11.csv").read_bytes() == table()
        assert (elsewhere / "failed" / bad.id / "train_bad.csv").read_bytes() == b"one column\n1\n"
        assert (elsewhere / "failed" / bad.id / "ERROR.txt").exists()
        assert world.files() == {}
        again = world.run(world.asked_to_retry(bad))
        assert again.state is State.FAILED
        assert world.files() == {}


@pytest.mark.parametrize("deleted", [[], ["results.zip", "train_2026-11.csv"]], ids=["before", "in"])
def test_a_filing_cut_off_before_or_in_the_deletion_of_the_original_is_completed(
    tmp_path, elsewhere, monkeypatch, deleted
):
    def cut_off(folder):
        for name in deleted:
            (folder / name).unlink()
        raise Stopped

    (elsewhere / "done").mkdir()
    with a_world(tmp_path, done=elsewhere / "done") as world:
        job = world.run(world.sealing(), until=State.FILING)
        with monkeypatch.context() as patch:
            patch.setattr("retraind.jobs.folders.delete", cut_off)
            with pytest.raises(Stopped):
                world.step(job)
        assert (elsewhere / "done" / job.id).is_dir()
        assert (world.share / ".retraind" / job.id).is_dir()
        job = world.run(job)
        assert job.state is State.DONE
        assert world.files() == {}
        filed = elsewhere / "done" / job.id
        assert (filed / "train_2026-11.csv").read_bytes() == table()
        assert (filed / "eval_2026-11.csv").read_bytes() == table(20)
        assert (filed / "results.zip").exists()
        assert "look at results.zip" in world.read(job, "RESULT.txt")


def test_a_spool_that_cannot_be_written_is_waited_for(world):
    job = world.run(world.sealing(), until=State.SEALED)
    spool = world.root / "state" / "spool"
    spool.parent.mkdir(exist_ok=True)
    spool.write_text("a file where the folder should be")
    job = world.step(job)
    assert (job.state, job.wait.attempts) == (State.SEALED, 1)
    assert str(spool) in world.tell(job, job.wait.trouble)
    spool.unlink()
    assert world.run(job).outcome is Outcome.TRAINED


def test_stopping_interrupts_long_steps_and_they_are_repeated(world):
    job = world.run(world.sealing(), until=State.SEALED)
    world.stopping.set()
    assert world.pipeline.advance(job) == job
    with pytest.raises(Stopped):
        world.step(job)
    world.stopping.clear()
    assert world.run(job).outcome is Outcome.TRAINED


def test_no_secret_is_in_the_journal_or_on_the_share(tmp_path):
    with a_world(tmp_path, service={"faults": {"upload_reset": Fault(times=1)}}) as world:
        job = world.run(world.sealing(), until=State.REGISTERED)
        urls = [job.registration.ticket]
        assert urls[0] is not None
        assert "http" not in urls[0]
        world.run(job)
        world.journal.close()
        kept = [*(tmp_path / "state").rglob("*"), *world.share.rglob("*")]
        for path in kept:
            if path.is_file():
                content = path.read_bytes()
                assert KEY.encode() not in content, path
                assert b"Signature" not in content, path
                if path.is_relative_to(world.share):
                    assert urls[0].encode() not in content, path


def test_notes_can_be_read_by_whoever_can_read_the_share(world):
    job = world.run(world.sealing())
    for name in ("RESULT.txt", "report.json", "results.zip"):
        assert stat.S_IMODE((world.folder(job) / name).stat().st_mode) & 0o444 == 0o444, name
    raw = (world.folder(job) / "RESULT.txt").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\n") == raw.count(b"\r\n")


def test_a_timed_out_delivery_is_filed_as_failed_with_its_reason(world):
    job = world.sealing(evaluation=None)
    job = world.journal.jobs.write(
        job, replace(job, flaw=legacy("The evaluation file never came.", "Send both."))
    )
    job = world.run(job)
    assert job.state is State.FAILED
    assert "The evaluation file never came." in world.read(job, "ERROR.txt")
    assert job.file(Role.TRAIN) is not None


def test_the_zip_is_made_while_the_data_is_checked_and_used_as_it_is(world):
    job = world.run(world.sealing(), until=State.CHECKED)
    spooled = world.root / "state" / "spool" / f"{job.id}.zip"
    before = spooled.stat()
    assert job.bundle.bytes == before.st_size
    world.run(job, until=State.BUNDLED)
    assert spooled.stat().st_ino == before.st_ino


def test_nothing_of_a_delivery_stays_on_the_spool_while_the_service_trains(tmp_path):
    with a_world(tmp_path, service={"train_time": timedelta(hours=1)}) as world:
        job = world.run(world.sealing(), until=State.UPLOADED)
        job = world.step(job)
        assert job.state is State.UPLOADED
        assert not list((world.root / "state" / "spool").iterdir())
        assert world.run(job).outcome is Outcome.TRAINED


def test_nothing_of_a_delivery_stays_on_the_spool_while_its_models_budget_is_used_up(tmp_path):
    with a_world(tmp_path, budget="1/month") as world:
        world.run(world.sealing())
        held = world.run(world.sealing(key="2", train=table(offset=2)))
        assert held.hold is not None
        assert not list((world.root / "state" / "spool").iterdir())
        released = world.journal.jobs.write(
            held, replace(held, hold=None, waived=replace(held.waived, budget=True)), "released"
        )
        assert world.run(released).outcome is Outcome.TRAINED


def test_data_that_breaks_a_rule_leaves_nothing_on_the_spool(world):
    job = world.run(world.sealing(train=b"a\n1\n"), until=State.FILING)
    assert job.outcome is Outcome.FAILED
    assert not list((world.root / "state" / "spool").iterdir())


UNMARKED = table().decode("utf-8-sig").replace("age", "年齢").encode()


@pytest.mark.parametrize("late", [False, True], ids=["seen at once", "seen after the first piece"])
def test_the_missing_mark_is_added_in_the_zip_and_never_in_the_file(tmp_path, monkeypatch, late):
    if late:
        monkeypatch.setattr("retraind.bundle.packer._unmarked_utf8", lambda _start: False)
    with a_world(tmp_path, fix=["bom"]) as world:
        evaluation = UNMARKED.replace(b"20,a", b"21,a")
        job = world.run(world.sealing(train=UNMARKED, evaluation=evaluation), until=State.BUNDLED)
        with zipfile.ZipFile(world.root / "state" / "spool" / f"{job.id}.zip") as bundle:
            assert bundle.read("train_src/train_2026-11.csv") == b"\xef\xbb\xbf" + UNMARKED
        job = world.run(job)
        assert job.outcome is Outcome.TRAINED
        assert (world.folder(job) / "train_2026-11.csv").read_bytes() == UNMARKED


def test_the_missing_mark_is_sent_before_a_training_file_alone(tmp_path):
    with a_world(tmp_path, mode="train-only", fix=["bom"]) as world:
        world.run(world.sealing(train=UNMARKED, evaluation=None))
        (put,) = world.records("put_received")
        assert put["sha256"] == hashlib.sha256(b"\xef\xbb\xbf" + UNMARKED).hexdigest()


def lines(names: str, rows: list[str]) -> bytes:
    return "\n".join([names, *rows, ""]).encode()


EARLIER = lines("age,plan,churned", [f"{row},a,{row % 2}" for row in range(2_400)])
WARNED = {
    "fewer rows than advised": (lines("age,plan,churned", ["1,b,0", "2,b,1"] * 20), "the service recommends 100 to"),
    "UTF-8 without a mark": (lines("age,plan,churned", ["1,日,0", "2,b,1"] * 900), "without a byte order mark"),
    "Shift_JIS that begins like ASCII": (
        lines("age,plan,churned", ["1,b,0", "2,b,1"] * 900 + ["3,日本,1"]).decode().encode("cp932"),
        "its first 1,000 bytes are plain ASCII",
    ),
    "a class that shows itself late": (
        lines("age,plan,churned", ["1,b,0", "2,b,1"] * 900 + ["3,b,maybe"]), 'The class "maybe" of the target column'),
    "other columns than last time": (
        lines("age,tariff,churned", ["1,b,0", "2,b,1"] * 900), 'lacks "plan" and also has "tariff"'),
    "half the rows of last time": (lines("age,plan,churned", ["1,b,0", "2,b,1"] * 300), "fell from 2,400"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WARNED)
def test_what_is_odd_about_the_data_is_told_beside_the_result(tmp_path, kind):
    train, told = WARNED[kind]
    evaluation = lines(train.split(b"\n")[0].decode(), ["1,b,0", "2,b,1"] * 10)
    with a_world(tmp_path, target="churned") as world:
        earlier = world.run(world.sealing("1", EARLIER, lines("age,plan,churned", ["1,b,0", "2,b,1"] * 10)))
        assert earlier.outcome is Outcome.TRAINED
        assert earlier.warnings == ()
        job = world.run(world.sealing("2", train, evaluation))
        assert len(world.records("put_received")) == 2
        assert told in " ".join(world.read(job, notes.note_name(job)).split())


def test_a_delivery_that_could_not_be_used_is_no_measure_for_the_next(world):
    assert world.run(world.sealing("1", lines("other,columns", ["1,2"] * 5))).outcome is Outcome.FAILED
    second = world.run(world.sealing("2"))
    assert not [found for found in second.warnings if "delivery" in found.facts]
    third = world.run(world.sealing("3", table(12), table(12)))
    assert second.id in {found.facts.get("delivery") for found in third.warnings}


def test_types_and_classes_are_compared_with_the_last_trained_delivery_s(tmp_path):
    def rows(age: str, *plans: str) -> bytes:
        return lines("age,churned", [f"{age},{plan}" for plan in plans for _ in range(60)])

    with a_world(tmp_path, target="churned", mode="train-only") as world:
        first = world.run(world.sealing("1", rows("30", "basic", "pro"), None))
        assert (first.data.kinds, first.data.target, first.data.classes) == (
            ("number", "text"), "churned", ("basic", "pro"),
        )  # fmt: skip
        assert not first.warnings
        second = world.run(world.sealing("2", rows("thirty", "basic", "gold"), None))
        found = {each.rule: each for each in second.warnings}
        assert found.keys() == {"column-types-changed", "classes-changed"}
        assert found["column-types-changed"].facts["changed"] == (("age", "number", "text"),)
        assert found["classes-changed"].facts["missing"] == ("pro",)
        assert found["classes-changed"].facts["extra"] == ("gold",)
        assert {each.facts["delivery"] for each in second.warnings} == {first.id}


def test_a_target_that_is_missing_and_the_limits_of_time_series_are_found_before_the_upload(tmp_path):
    with a_world(tmp_path, target="sales", time_series=True) as world:
        wide = lines(",".join(f"c{at}" for at in range(201)), [",".join("1" * 201)] * 20)
        job = world.run(world.sealing("1", wide, wide))
        note = " ".join(world.read(job, "ERROR.txt").split())
        assert 'The column "sales", which the model predicts, is not in the file.' in note
        assert "201 columns; the service accepts at most 200 in time-series mode" in note
        assert not world.emulator.jobs()


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("insufficient data", "Correct the data"),
        ("An internal error occurred.", "If it fails again, check the data"),
    ],
)
def test_only_a_failure_that_the_data_caused_is_told_as_one(world, monkeypatch, message, remedy):
    job = world.run(world.sealing(), until=State.UPLOADED)
    monkeypatch.setattr(
        world.client, "status", lambda *_: TrainingStatus(status="job_failed", message=message)
    )
    job = world.run(job)
    assert job.state is State.FAILED
    assert remedy in world.tell(job, job.problem)
    assert message.rstrip(".") in world.tell(job, job.problem)


def test_results_that_somebody_deleted_are_not_promised_any_more(world):
    job = world.run(world.sealing())
    assert json.loads(world.read(job, "report.json"))["results"] == "results.zip"
    shutil.rmtree(world.folder(job))
    job = world.run(world.asked_to_switch(job))
    assert job.outcome is Outcome.SWITCHED
    assert json.loads(world.read(job, "report.json"))["results"] is None
