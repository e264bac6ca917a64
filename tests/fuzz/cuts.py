"""The ways to cut a stream into reads."""

import random
import zlib
from collections.abc import Iterator

EVERY_POINT_BYTES = 700
"""A stream up to this long is cut at every point if that is asked for; a longer one at as many points, spread out."""

SINGLE_BYTES = 128
"""A stream up to this long is cut into single bytes even where that is not asked for."""


def ways(data: bytes, *, thorough: bool) -> Iterator[list[bytes]]:
    """
    Give ways to cut ``data``, always the same ones: single bytes, in two, at random.

    Args:
        thorough: In two at every point, not at one; single bytes whatever the length.
    """
    chance = random.Random(zlib.crc32(data))
    size = len(data)
    if thorough or size <= SINGLE_BYTES:
        yield [data[at : at + 1] for at in range(size)]
    points = range(0, size + 1, max(1, size // EVERY_POINT_BYTES))
    for point in points if thorough else (chance.randint(0, size),):
        yield [data[:point], data[point:]]
    yield pieces(data, sorted(chance.randint(0, size) for _ in range(10)))


def pieces(data: bytes, points: list[int]) -> list[bytes]:
    """Cut at the points."""
    return [data[start:end] for start, end in zip([0, *points], [*points, len(data)], strict=True)]
