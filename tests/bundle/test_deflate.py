import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retraind.bundle import deflate

MBIT = 1e6 / 8


@pytest.mark.parametrize(
    ("line", "cores", "fitting"),
    [
        (None, 2, "fast"),  # nothing was uploaded yet
        (5 * MBIT, 2, "small"),
        (30 * MBIT, 2, "small"),
        (40 * MBIT, 2, "fast"),
        (1000 * MBIT, 2, "fast"),
        (40 * MBIT, 8, "small"),  # more cores make the smaller one sooner
        (15 * MBIT, 1, "small"),
        (20 * MBIT, 1, "fast"),
    ],
)
def test_the_compressor_is_the_one_with_which_the_bundle_is_over_the_line_soonest(
    monkeypatch, line, cores, fitting
):
    monkeypatch.setattr(deflate, "cores", lambda: cores)
    assert deflate.fitting(line) == {"fast": deflate.fast(), "small": deflate.small()}[fitting]


def test_it_does_not_take_more_cores_than_this_process_may_use(monkeypatch):
    monkeypatch.setattr(deflate.os, "sched_getaffinity", lambda _: {3})
    assert deflate.cores() == 1
    monkeypatch.setattr(deflate.os, "sched_getaffinity", lambda _: set(range(64)))
    assert deflate.cores() == 8


@pytest.mark.parametrize("module", ["isal.isal_zlib", "zlib_ng.zlib_ng", "zlib"])
@given(st.lists(st.binary(max_size=2000)))
@example([b"x" * deflate.PIECE, b"y" * deflate.PIECE, b"", b"z"])
def test_the_checksum_of_the_whole_is_joined_from_those_of_its_pieces(module, parts):
    pytest.importorskip(module)
    compressor = deflate.Compressor(module, 1)
    joined = 0
    for part in parts:
        joined = compressor.joined_checksum(joined, compressor.checksum(part), len(part))
    assert joined == zlib.crc32(b"".join(parts))


@given(st.binary(max_size=2000), st.binary(max_size=2000))
@example(b"x" * deflate.PIECE, b"y" * deflate.PIECE)
def test_checksums_are_combined_where_no_library_does_it(before, after):
    assert deflate.combined(zlib.crc32(before), zlib.crc32(after), len(after)) == zlib.crc32(before + after)
