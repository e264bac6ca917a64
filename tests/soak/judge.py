"""Whether what came of a call is what had to. Pure."""

from tests.soak.client import Outcome
from tests.soak.faults import Fault
from tests.soak.plan import Plan


def of_right(plan: Plan, outcome: Outcome, *, stream: bool) -> str:
    """Say what is wrong with the answer to a call without a fault; nothing if it is exactly right."""
    if outcome.status != 200 or outcome.code or outcome.trouble or not outcome.complete:
        return f"{outcome.status} {outcome.code} {outcome.trouble}".strip()
    if outcome.text != plan.text:
        return f"{len(outcome.text)} instead of {len(plan.text)} characters, or others: …{outcome.text[-40:]!r}"
    if outcome.finish != "stop" or outcome.done != int(stream):
        return f"finish {outcome.finish}, {outcome.done} times [DONE]"
    return ""


def of_left(plan: Plan, outcome: Outcome) -> str:
    """Say what is wrong with what a client got before it left."""
    if outcome.status not in (None, 200) or outcome.code or outcome.trouble:
        return f"{outcome.status} {outcome.code} {outcome.trouble}".strip()
    return "" if plan.text.startswith(outcome.text) else f"said {outcome.text[-40:]!r}"


def of_faulted(plan: Plan, fault: Fault, outcome: Outcome) -> str:
    """Say what is wrong with the outcome of a fault, its time apart."""
    if fault.code is None:
        return of_right(plan, outcome, stream=fault.stream)
    if outcome.status not in (fault.status, fault.early) or outcome.code != fault.code:
        return f"{outcome.status} {outcome.code} {outcome.trouble} instead of {fault.status} {fault.code}"
    if not outcome.complete or outcome.done or not plan.text.startswith(outcome.text):
        return f"complete {outcome.complete}, {outcome.done} times [DONE], …{outcome.text[-40:]!r}"
    return ""
