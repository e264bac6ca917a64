"""F16: whether a user of the openai package sees that an answer was cut short."""

import asyncio

import openai
from openai import AsyncOpenAI

from tests.soak.plan import Plan
from tests.soak.report import Figure
from tests.soak.stage import Stage, stage

_WORDS = 20
_KINDS = ("U12", "U13", "U15", "short", "reset", "U31", "U33", "U37", "U08")
_EVERY_S = (0.0, 0.01)
_KILLED = 40
_AT_ONCE = 8


async def measure() -> list[Figure]:
    """Cut streams of 20 words after each of their words, in each way that there is, and kill the gateway in their middle."""
    async with stage() as scene:
        user = AsyncOpenAI(base_url=f"http://127.0.0.1:{scene.port}/v1", api_key="sk-x", max_retries=0, timeout=30)
        plans = [
            Plan(f"{kind}-{at}-{every_s}", _WORDS, every_s, faults={"a": kind}, at=at)
            for kind in _KINDS
            for at in range(_WORDS + 1)
            for every_s in _EVERY_S
        ]
        whole = [Plan(f"U14-{number}", faults={"a": "U14"}) for number in range(_WORDS)]
        slots = asyncio.Semaphore(_AT_ONCE)
        seen = await asyncio.gather(*(_seen(user, plan, slots, stream=True) for plan in plans))
        seen_whole = await asyncio.gather(*(_seen(user, plan, slots, stream=False) for plan in whole))
        killed = await _killed(scene, user)
        await user.close()
    rows = (
        (f"streams cut after each of {_WORDS} words in {len(_KINDS)} ways", seen),
        ("whole answers cut short", seen_whole),
        ("streams whose gateway was killed (SIGKILL)", killed),
    )
    return [_figure(what, outcomes) for what, outcomes in rows]


def _figure(what: str, outcomes: list[str]) -> Figure:
    raised, silent = outcomes.count("raised"), outcomes.count("silent")
    said = f"{raised} of {len(outcomes)} raised, {silent} silently short"
    whole = len(outcomes) - raised - silent
    said += f", {whole} whole all the same" if whole else ""
    return Figure(
        "F16", f"{what}: in openai-python {openai.__version__}", said, "all raise, 0 silent", silent == 0 and raised > 0
    )


async def _seen(user: AsyncOpenAI, plan: Plan, slots: asyncio.Semaphore, *, stream: bool) -> str:
    """Say what a user sees: an exception, a whole answer, or one that is short without a word."""
    request = plan.request("alone", stream=stream)
    said = []
    async with slots:
        try:
            answer = await user.chat.completions.create(**request)
            if not stream:
                said = [answer.choices[0].message.content]
            else:
                async for chunk in answer:
                    said += [choice.delta.content or "" for choice in chunk.choices]
        except openai.APIError:
            return "raised"
        except Exception as error:
            # Of the transport below the package, which it does not translate in mid-stream: httpx.RemoteProtocolError.
            return "raised" if type(error).__module__.startswith("httpx") else "silent"
    return "whole" if "".join(said) == plan.text else "silent"


async def _killed(scene: Stage, user: AsyncOpenAI) -> list[str]:
    slots = asyncio.Semaphore(_KILLED)
    plans = [Plan(f"killed-{number}", 400, 0.02) for number in range(_KILLED)]
    streams = [asyncio.create_task(_seen(user, plan, slots, stream=True)) for plan in plans]
    await asyncio.sleep(2)
    scene.process.kill()
    return list(await asyncio.gather(*streams))
