import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import fidelity
from tests.fuzz.mutate import mutate
from tests.fuzz.target import CORPUS, Target
from tests.fuzz.targets import TARGETS

SEEDS = [(target, path) for target in TARGETS.values() for path in target.seeds()]
CASES = list(fidelity.cases())


@pytest.mark.parametrize(("target", "path"), SEEDS, ids=[f"{target.name}-{path.name}" for target, path in SEEDS])
def test_corpus(target: Target, path) -> None:
    """Every input that was made by hand or once broke something keeps all invariants, cut at every point."""
    target.check(path.read_bytes(), thorough=True)


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_changed(target: Target, seed: int) -> None:
    """Changed inputs keep them too."""
    chance = random.Random(seed)
    seeds = [path.read_bytes() for path in target.seeds()]

    target.check(mutate(chance.choice(seeds), chance, target.form, chance.choice(seeds)), thorough=False)


def test_every_folder_is_a_target() -> None:
    """No corpus lies there unused, none is empty, and each stays small."""
    assert {*TARGETS, "http"} == {path.name for path in CORPUS.iterdir()}
    assert [] == [target.name for target in TARGETS.values() if not 0 < len(list(target.corpus.iterdir())) <= 60]
    assert [] == [path for _, path in SEEDS if path.stat().st_size > 16_384]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_fidelity(case: int) -> None:
    """F17: the client gets the same bytes for every line end, with and without BOM, at every cut."""
    data, expected = CASES[case]

    for at in range(len(data) + 1):
        assert expected == fidelity.to_client([data[:at], data[at:]])
