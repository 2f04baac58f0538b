"""The upload and the download against an S3 that others wrote, by addresses that boto3 signed."""

import os

import pytest

from retraind.api.failures import InDoubt
from retraind.api.object_store import ObjectStore
from retraind.domain.failures import JobFailed

# moto checks neither signatures nor their expiry; what these bring is tested against the emulator.


@pytest.fixture(scope="module")
def server():
    # Each of these takes longer to import than many tests take, and no other test needs them.
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


def connect_to(server, signature):
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        signature_version=signature, s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}
    )
    return boto3.client(
        "s3",
        endpoint_url=server,
        region_name="us-east-1",
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="example",
        config=config,
    )


@pytest.fixture(scope="module")
def s3(server):
    client = connect_to(server, "s3v4")
    client.create_bucket(Bucket="uploads")
    return client


@pytest.fixture
def store(api, server):
    return ObjectStore(api(server))


def signed(s3, what, key, bucket="uploads"):
    return s3.generate_presigned_url(what, Params={"Bucket": bucket, "Key": key}, ExpiresIn=60)


KEYS = [
    ("plain", "jobs/2026/bundle.zip"),
    ("Japanese", "取込/顧客データ.zip"),
    ("every sign that is encoded one way or another", "a b+c~d'e(f)*g!h%20i&j=k@l:m,n;o$p.zip"),
]


@pytest.mark.parametrize("key", [pytest.param(key, id=why) for why, key in KEYS])
@pytest.mark.parametrize("size", [1, 3_000_001])
def test_what_was_sent_is_read_back_byte_for_byte(s3, store, tmp_path, key, size):
    content = os.urandom(size)
    (tmp_path / "bundle.zip").write_bytes(content)
    store.put(signed(s3, "put_object", key), tmp_path / "bundle.zip", lambda: None)
    assert s3.get_object(Bucket="uploads", Key=key)["Body"].read() == content
    store.get(signed(s3, "get_object", key), tmp_path / "back.zip", lambda: None)
    assert (tmp_path / "back.zip").read_bytes() == content


def test_the_older_kind_of_signature_works_too(s3, server, store, tmp_path):
    (tmp_path / "bundle.zip").write_bytes(b"PK")
    store.put(
        signed(connect_to(server, "s3"), "put_object", "old.zip"), tmp_path / "bundle.zip", lambda: None
    )
    assert s3.get_object(Bucket="uploads", Key="old.zip")["Body"].read() == b"PK"


def test_sending_again_replaces_the_object(s3, store, tmp_path):
    address = signed(s3, "put_object", "twice.zip")
    for content in (b"first", b"second"):
        (tmp_path / "bundle.zip").write_bytes(content)
        store.put(address, tmp_path / "bundle.zip", lambda: None)
    assert s3.get_object(Bucket="uploads", Key="twice.zip")["Body"].read() == b"second"


def test_a_bucket_that_is_gone_refuses_the_address_by_name(s3, store, tmp_path):
    (tmp_path / "bundle.zip").write_bytes(b"PK")
    with pytest.raises(InDoubt, match="NoSuchBucket") as caught:
        store.put(signed(s3, "put_object", "k", bucket="gone"), tmp_path / "bundle.zip", lambda: None)
    assert caught.value.address_refused


def test_results_that_are_gone_fail_the_step_by_name(s3, store, tmp_path):
    with pytest.raises(JobFailed, match="NoSuchKey") as caught:
        store.get(signed(s3, "get_object", "gone.zip"), tmp_path / "results.zip", lambda: None)
    assert not caught.value.restart
    assert not (tmp_path / "results.zip").exists()
