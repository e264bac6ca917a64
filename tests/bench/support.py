"""Rows of a run, for tests."""

from typing import Any


def row(number: int, target: str, cpu_us: float | None, *, p50: float = 0, **more: Any) -> dict[str, Any]:
    """A row of the suite ``calls``, unless ``more`` says otherwise."""
    nothing = {"err": 0, "unfinished": 0, "trouble": "", "foreign": 0.0}
    figures = {"cpu_us": cpu_us, "latency_us": {"p50": p50}}
    return {"round": number, "target": target, "suite": "calls", **figures, **nothing, **more}
