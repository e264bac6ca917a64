from tests.soak import judge
from tests.soak.client import call
from tests.soak.plan import Plan
from tests.soak.stage import stage


async def test_a_gateway_with_a_window():
    """A call is right; the garbage collector leaves alone what is there from the start (P39)."""
    plan = Plan("c1", words=5)

    async with stage() as scene:
        outcome = await call(scene.port, "shared", plan, stream=True)
        now = await scene.sample()

    assert "" == judge.of_right(plan, outcome, stream=True)
    assert now.frozen > 10_000
    assert now.tasks > 0
    assert now.late_ms
