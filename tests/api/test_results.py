"""Fetching the results: whole or not at all, and never more than the disk and the memory can take."""

import gzip
import io
import os
import tracemalloc
import zipfile

import pytest

from retraind.api.failures import AddressExpired, NoResults
from retraind.api.object_store import ObjectStore
from retraind.domain.failures import JobFailed, Retry, Stopped
from support.peers import ENDLESS, answer, drip, in_words

MIB = 1 << 20


def in_zip(content, comment=b""):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("metrics.json", content)
        archive.comment = comment
    return made.getvalue()


@pytest.fixture
def fetch(api, tmp_path):
    """Fetch from a peer into a folder of its own, and tell what is in it afterwards."""

    class Fetch:
        folder = tmp_path / "job"
        target = folder / "results.zip"

        def __call__(self, other, pause=lambda: None, *, timeout=5, **rest):
            self.folder.mkdir(exist_ok=True)
            address = other if isinstance(other, str) else f"{other.url}/x?sig=s3cret"
            url = address.split("?")[0]
            ObjectStore(api(url, timeout=timeout)).get(address, self.target, pause, **rest)

        @property
        def left(self):
            return sorted(path.name for path in self.folder.iterdir())

    return Fetch()


def test_results_arrive_whole_under_their_name(peer, fetch):
    content = os.urandom(3 * MIB + 1)
    other = peer(answer(200, content))
    fetch(other)
    assert fetch.target.read_bytes() == content
    assert fetch.left == ["results.zip"]
    (visit,) = other.visits
    assert (visit.method, visit.target) == ("GET", "/x?sig=s3cret")
    assert visit.headers["accept-encoding"] == "identity"
    assert "x-api-key" not in visit.headers


def test_results_without_a_length_end_with_the_connection(peer, fetch):
    fetch(peer(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nPK-without-length"))
    assert fetch.target.read_bytes() == b"PK-without-length"


def test_results_in_chunks_are_put_together(peer, fetch):
    fetch(peer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nPK\r\n3\r\nabc\r\n0\r\n\r\n"))
    assert fetch.target.read_bytes() == b"PKabc"


def test_results_that_the_store_keeps_compressed_are_unpacked(peer, fetch):
    fetch(peer(answer(200, gzip.compress(b"PK-inside"), Content_Encoding="gzip")))
    assert fetch.target.read_bytes() == b"PK-inside"


A_ZIP = in_zip(os.urandom(200_000))


def test_a_zip_is_complete_with_the_longest_comment_and_in_pieces(peer, fetch):
    content = in_zip(os.urandom(200_000), b"c" * 0xFFFF)
    fetch(peer(answer(200, content)))
    assert fetch.target.read_bytes() == content


def silent(visit):
    visit.connection.sendall(answer(200, b"x" * MIB)[: MIB // 2])
    visit.connection.recv(1)


PAGE = "<!doctype html><html><body>Please log in.</body></html>"
TROUBLE = [
    ("shorter than announced", answer(200, b"x" * 1000)[:-400], Retry, "connection_lost"),
    (
        "a chunk that is missing",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nPK\r\n5\r\nab",
        Retry,
        "connection_lost",
    ),
    (
        "not compressed as it says",
        answer(200, b"PK", Content_Encoding="gzip"),
        Retry,
        "response_not_decompressed",
    ),
    ("silent in the middle", silent, Retry, "connection_stalled"),
    ("byte by byte", drip, Retry, "connection_stalled"),
    ("interim answers without an end", ENDLESS["interim answers"], Retry, "response_endless"),
    ("a sign-in page", answer(200, PAGE, Content_Type="application/zip"), Retry, "web_page_returned"),
    (
        "an expired address",
        answer(403, "<Error><Code>AccessDenied</Code></Error>"),
        AddressExpired,
        "results_address_expired",
    ),
    (
        "an expired signer",
        answer(400, "<Error><Code>ExpiredToken</Code></Error>"),
        AddressExpired,
        "results_address_expired",
    ),
    ("a redirect", answer(302, Location="/elsewhere"), Retry, "redirect_returned"),
    ("slow down", answer(503), Retry, "error_returned.*503"),
    ("an error of its own", answer(500), Retry, "error_returned.*500"),
    ("gone, by a page", answer(404), Retry, "error_returned.*404"),
    ("gone, by the store's word", answer(404, "<Code>NoSuchKey</Code>"), JobFailed, "results_refused.*404"),
    ("an empty file", answer(200), NoResults, "results_incomplete.*received.: 0"),
    (
        "a zip without its end, and nobody says that more was to come",
        b"HTTP/1.1 200 OK\r\n\r\n" + A_ZIP[:-30],
        NoResults,
        "results_incomplete",
    ),
    ("a zip that somebody else cut off", answer(200, A_ZIP[:-30]), NoResults, "results_incomplete"),
    ("nothing at all", answer(204), Retry, "error_returned.*204"),
    ("only a part", answer(206, "PK"), Retry, "error_returned.*206"),
]


@pytest.mark.parametrize(("play", "wanted", "code"), [pytest.param(*row[1:], id=row[0]) for row in TROUBLE])
def test_trouble_leaves_nothing_behind_and_the_next_try_succeeds(peer, fetch, play, wanted, code):
    other = peer(play, answer(200, b"PK-at-last"))
    with pytest.raises(wanted, match=code) as caught:
        fetch(other, timeout=0.2 if play in {silent, drip} else 30)
    assert in_words(caught.value).what
    assert fetch.left == []
    assert len(other.visits) == 1
    fetch(other)
    assert fetch.target.read_bytes() == b"PK-at-last"


def test_a_stop_ends_a_wait_for_results(peer, fetch):
    def stop():
        raise Stopped

    with pytest.raises(Stopped):
        fetch(peer(lambda visit: visit.connection.recv(1)), stop, timeout=0.6)
    assert fetch.left == []


def test_it_is_said_how_much_of_the_results_came(peer, fetch):
    with pytest.raises(Retry) as caught:
        fetch(peer(answer(200, b"x" * 2000)[:-800]))
    assert in_words(caught.value).what.endswith("was lost after 1,200 of 2,000 bytes.")


def test_a_failed_repetition_keeps_what_was_there(peer, fetch):
    other = peer(answer(200, b"PK-old"), answer(200, b"x" * 1000)[:-400])
    fetch(other)
    with pytest.raises(Retry):
        fetch(other)
    assert fetch.target.read_bytes() == b"PK-old"


@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
def test_a_left_over_of_an_earlier_try_is_replaced_and_never_written_through(peer, fetch, tmp_path, kind):
    fetch.folder.mkdir()
    left_over, precious = fetch.folder / ".results.zip.part", tmp_path / "precious"
    if kind == "file":
        left_over.write_bytes(b"y" * 5000)
    else:
        left_over.symlink_to(precious)
    if kind == "link":
        precious.write_text("mine")
    fetch(peer(answer(200, b"PK")))
    assert fetch.target.read_bytes() == b"PK"
    assert not fetch.target.is_symlink()
    assert not precious.exists() or precious.read_text() == "mine"


@pytest.mark.parametrize(
    "fault", ["results_403", "results_reset", "results_truncated", "results_cut", "results_empty"]
)
def test_each_fault_of_the_emulated_store_leaves_nothing_behind(emulate, connect, fetch, tmp_path, fault):
    emulator = emulate(faults={})
    rows = "".join(f"{number},{number % 3},{number % 2}\n" for number in range(40))
    (tmp_path / "train.csv").write_text("a,b,c\n" + rows, encoding="utf-8-sig")
    client = connect(emulator.url)
    given = client.register("train.csv", "key-of-churn")
    store = ObjectStore(client._settings)
    store.put(given.upload_url, tmp_path / "train.csv", lambda: None)
    while (status := client.status(given.retrain_job_id, "key-of-churn")).status != "job_finished":
        assert status.status in {"job_waiting", "job_running"}
    emulator.set_faults({fault: 1.0})
    with pytest.raises((AddressExpired, Retry)):
        fetch(status.download_url)
    assert fetch.left == []
    emulator.set_faults({})
    fetch(status.download_url)
    assert fetch.target.read_bytes().startswith(b"PK")
    tampered = status.download_url[:-4] + "0000"
    emulator.expire_urls()
    for address in (status.download_url, tampered):
        with pytest.raises(AddressExpired):
            fetch(address)


# -- sizes -----------------------------------------------------------------------------------------------


def endless(visit):
    visit.connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        visit.connection.sendall(b"x" * MIB)


TOO_LONG = [
    ("announced", answer(200, b"", Content_Length=str(3 << 30))),
    ("endless", endless),
    ("grown out of compression", answer(200, gzip.compress(b"x" * 30 * MIB, 1), Content_Encoding="gzip")),
]


@pytest.mark.parametrize("play", [pytest.param(play, id=why) for why, play in TOO_LONG])
def test_results_beyond_the_limit_fail_the_step_and_not_the_training(peer, fetch, play):
    with pytest.raises(JobFailed, match=f"results_too_long.*{20 * MIB}") as caught:
        fetch(peer(play), largest=20 * MIB)
    assert not caught.value.restart
    assert in_words(caught.value).remedy
    assert fetch.left == []


def test_results_of_just_the_limit_are_fetched(peer, fetch):
    fetch(peer(answer(200, b"x" * 1000)), largest=1000)
    assert fetch.target.stat().st_size == 1000
    with pytest.raises(JobFailed):
        fetch(peer(answer(200, b"x" * 1001)), largest=1000)


def test_memory_does_not_grow_with_the_results(peer, fetch):
    def long(visit):
        visit.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (60 * MIB))
        block = bytes(MIB)
        for _ in range(60):
            visit.connection.sendall(block)

    tracemalloc.start()
    try:
        fetch(peer(long))
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()
    assert fetch.target.stat().st_size == 60 * MIB


# -- stopping and disks ------------------------------------------------------------------------------------


def test_a_stop_ends_the_download_and_leaves_nothing_behind(peer, fetch):
    looks = []

    def pause():
        looks.append(1)
        if len(looks) > 3:
            raise Stopped

    with pytest.raises(Stopped):
        fetch(peer(endless), pause)
    assert fetch.left == []


def test_a_folder_that_is_gone_is_the_disks_trouble_and_not_the_networks(peer, api, tmp_path):
    other = peer(answer(200, b"PK"))
    with pytest.raises(FileNotFoundError):
        ObjectStore(api(other.url)).get(f"{other.url}/x", tmp_path / "gone" / "results.zip", lambda: None)
