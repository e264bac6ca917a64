"""What would become of a call, said without sending anything: the answer of ``POST /v1/route/explain``. Pure."""

from dataclasses import asdict
from typing import Any

from llms import capabilities
from llms.health import Health
from llms.ranking import Plan
from llms.records import Call, Route, Target


def document(call: Call, route: Route, plan: Plan, health: Health) -> dict[str, Any]:
    """
    Give the targets of a call's model in the order in which they would be tried, and why each other one would not be.

    Args:
        route: What its model's name stands for.
        plan: The targets in order, as far as the request decides.
        health: Puts those last that asked for a rest, and leaves out those that are not to be asked now.
    """
    notes = {target.label: reason for target, reason in plan.last}
    tried: list[dict[str, Any]] = []
    skipped = [{"target": target.label, "reason": reason} for target, reason in plan.skipped]
    final = ""  # the target that no other follows
    for target in health.rested(plan.targets):
        unfit = health.unfit(target)
        if unfit is not None:
            skipped.append({"target": target.label, "reason": unfit.reason})
        elif final:
            skipped.append({"target": target.label, "reason": f"{final} has fallback switched off"})
        else:
            rest_s = health.rest_s(target)
            note = f"it asked for a rest of {rest_s:.0f} s more" if rest_s else notes.get(target.label)
            tried.append({**_shown(target), **({"last_because": note} if note else {})})
        if not target.terms.fallback:
            final = final or target.label
    return {
        "object": "route",
        "model": call.model,
        "needs": asdict(capabilities.needs(call.body)),
        "order_within_rank": "by conversation" if route.sticky else "at random",
        "hedge_percent": route.hedge_percent,
        "targets": tried,
        "skipped": skipped,
    }


def _shown(target: Target) -> dict[str, Any]:
    return {
        "target": target.label,
        "provider": target.provider,
        "model": target.model,
        "credential": target.credential,
        "rank": target.rank,
        "weight": target.weight,
        "retries": target.terms.retries,
        "fallback": target.terms.fallback,
        "breaker": target.terms.breaker,
        "clocks": asdict(target.terms.clocks),
    }
