"""Compressed answers are undone within bounds."""

import gzip
import zlib

import pytest

from llms.errors import UpstreamBadResponseError, UpstreamEventTooLargeError, UpstreamTruncatedError
from llms.wire.content_coding import inflater

TEXT = b'data: {"choices": []}\n\n' * 50
ZIPPED = gzip.compress(TEXT, mtime=0)  # bodies are in the tests' names, and those are the same in each run
WRAPPED = zlib.compress(TEXT)
RAW = WRAPPED[2:-4]


def undone(coding, *reads):
    stage = inflater(coding)
    out = b"".join(piece for data in reads for piece in stage.feed(data))
    stage.close()
    return out


def members(count, content=b""):
    return gzip.compress(content) * count


@pytest.mark.parametrize("coding", ["", "identity", " Identity "])
def test_no_coding(coding):
    """No coding, or the one that does nothing, needs nothing undone."""
    assert inflater(coding) is None


@pytest.mark.parametrize("coding", ["br", "zstd", "zip", "gzip, gzip", "gzip,identity", "compress", "gzip;q=1"])
def test_unknown_coding(coding):
    """A coding that the gateway does not know, or several, are the provider's failure."""
    with pytest.raises(UpstreamBadResponseError):
        inflater(coding)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", ZIPPED),
        ("Gzip", ZIPPED),
        (" X-GZIP ", ZIPPED),
        ("gzip", gzip.compress(TEXT[:100]) + members(3) + gzip.compress(TEXT[100:])),
        ("deflate", WRAPPED),
        ("deflate", RAW),
    ],
)
def test_same_text_for_every_cut(coding, body):
    """The text is the same however the bytes are cut."""
    for cut in range(len(body) + 1):
        assert TEXT == undone(coding, body[:cut], body[cut:])
    assert TEXT == undone(coding, *(body[i : i + 1] for i in range(len(body))))


def test_flushed_part_is_there_at_once():
    """What the sender flushed is not held back."""
    packer = zlib.compressobj(wbits=31)
    stage = inflater("gzip")

    for text in (b"one", b"two"):
        sent = packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)
        assert text == b"".join(stage.feed(sent))


@pytest.mark.parametrize("body", [ZIPPED[:-1], ZIPPED[:5], gzip.compress(b"x", mtime=0) + b"\x1f"])
def test_truncated(body):
    """A body that stops before its coding ends is cut short."""
    with pytest.raises(UpstreamTruncatedError):
        undone("gzip", body)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b"no such thing"),
        ("gzip", ZIPPED[:-8] + b"12345678"),
        ("gzip", ZIPPED + b"rest"),
        ("deflate", WRAPPED + b"rest"),
        ("deflate", b"\xff\xff\xff\xff"),
    ],
)
def test_broken(coding, body):
    """A body that is not in its coding is the provider's failure."""
    with pytest.raises(UpstreamBadResponseError):
        undone(coding, body)


def test_empty_body():
    """A body without a byte is an empty one."""
    assert b"" == undone("gzip")


@pytest.mark.parametrize("read", [100, 4096, 1 << 20])
def test_bomb(read):
    """What unpacks to far more than it is, is stopped after little more than a megabyte, however it is read."""
    bomb = gzip.compress(bytes(100_000_000))
    stage = inflater("gzip")
    length = 0

    with pytest.raises(UpstreamEventTooLargeError):
        for start in range(0, len(bomb), read):
            for piece in stage.feed(bomb[start : start + read]):
                assert len(piece) <= 128 << 10
                length += len(piece)

    assert length < 2_000_000


def test_long_text_within_bounds():
    """Text that packs well is no bomb: ten megabytes of the same event over and over."""
    text = TEXT * 9000

    assert text == undone("gzip", gzip.compress(text, 1))


def test_output_that_ends_where_a_piece_does():
    """Nothing is left inside when the output fills its pieces exactly."""
    text = bytes(range(256)) * 256 * 3

    packer = zlib.compressobj(wbits=31)
    sent = packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)

    assert text == b"".join(inflater("gzip").feed(sent))


def test_empty_members():
    """A long run of members without content is refused; members with content may be many."""
    assert b"x" * 500 == undone("gzip", members(500, b"x"))
    with pytest.raises(UpstreamBadResponseError):
        undone("gzip", members(100_000))
