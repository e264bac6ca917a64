import pytest

from tests.fuzz.linear import MOST, SHAPES, growth


@pytest.mark.parametrize("name", SHAPES)
def test_linear(name: str) -> None:
    """Twice the input takes about twice the calls and memory, never four times: U35, U54, C45."""
    more, held = growth(SHAPES[name], 256)

    assert more <= MOST
    assert held <= MOST


def test_quadratic_is_seen() -> None:
    """The count tells a loop in a loop, and a list of lists, from a single one."""
    more, held = growth(lambda n: lambda: [[repr(at) for at in range(n)] for _ in range(n)], 256)

    assert more > MOST
    assert held > MOST
