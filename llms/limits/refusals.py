"""
How callers are told what is left: the words of a refusal, and the headers of rates; pure.

A refusal says which limit of whom it was, how much that is, and what can be done. A budget goes before a rate, since
waiting for the rate would be in vain; a call that needs more than a limit allows in all is told so, since it would be
sent again for ever.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from llms.errors import BudgetSpentError, GatewayError, OverLimitError, OverWholeLimitError
from llms.keys import Window
from llms.limits import Need, Scope
from llms.limits.state import EPOCH, MINUTE_MS, WINDOWS, State

_MICROS = 1_000_000


def refusal(scopes: Sequence[Scope], states: Sequence[State], need: Need, at: int) -> GatewayError:
    """Say why a call that does not fit was not admitted."""
    counted = list(zip(scopes, states, strict=True))
    for (subject, limits), state in counted:
        for window, most in limits.budgets():
            if state.spent[WINDOWS.index(window)] + state.reserved + need.cost > most:
                return BudgetSpentError(_budget(subject, state, window, most, need))
    told = headers(scopes, states, at)
    for scope in scopes:
        for text in _never(scope, need):
            return OverWholeLimitError(text, headers=told)
    for scope, state in counted:
        for text in _rates(scope, state, need):
            left_ms = max((state.minute + 1) * MINUTE_MS - at, 1)
            return OverLimitError(text, headers=told, retry_after_s=left_ms / 1000)
    full = next(scope for scope, state in counted if state.running >= (scope.limits.concurrency or state.running + 1))
    text = f"{_whose(full.subject)} may run {_calls(full.limits.concurrency or 0)} at once, and as many run."
    return OverLimitError(f"{text} Wait until one has ended.", headers=told, retry_after_s=1)


def _never(scope: Scope, need: Need) -> Iterator[str]:
    limits, who = scope.limits, _whose(scope.subject)
    if limits.tpm is not None and need.tokens > limits.tpm:
        yield (
            f"This call may take {need.tokens} tokens, and {who[0].lower()}{who[1:]} may take {limits.tpm} in a "
            "minute: it can never be served. Shorten the prompt, or ask for fewer tokens (max_tokens)."
        )
    if limits.rpm == 0 or limits.concurrency == 0:
        yield f"{who} may make no calls at all."


def _rates(scope: Scope, state: State, need: Need) -> Iterator[str]:
    limits, who = scope.limits, _whose(scope.subject)
    if limits.rpm is not None and state.requests >= limits.rpm:
        yield f"{who} may make {_calls(limits.rpm)} in a minute, and has made them. Wait for the next one."
    if limits.tpm is not None and state.tokens + need.tokens > limits.tpm:
        left = max(limits.tpm - state.tokens, 0)
        yield (
            f"{who} may take {limits.tpm} tokens in a minute, of which {min(left, limits.tpm)} are left, and this call "
            f"may take {need.tokens}. Wait for the next one, or ask for fewer tokens (max_tokens)."
        )


def _budget(subject: str, state: State, window: Window, most: int, need: Need) -> str:
    left = max(most - state.spent[WINDOWS.index(window)] - state.reserved, 0)
    said = f"{_whose(subject)} has a budget of {dollars(most)} {_IN[window]}"
    if need.cost > most:
        said += f", and this call may cost {dollars(need.cost)}: it can never be served. Ask for fewer tokens"
        return f"{said} (max_tokens), for a cheaper model, or for a greater budget."
    said += f", of which {dollars(left)} is left, and this call may cost {dollars(need.cost)}."
    if window is Window.TOTAL:
        return f"{said} Ask for a greater budget."
    return f"{said} It begins anew on {_next(state, window)} (UTC)."


_IN = {
    Window.TOTAL: "in all",
    Window.DAY: "a day",
    Window.WEEK: "a week",
    Window.MONTH: "a month",
}


def _next(state: State, window: Window) -> date:
    start = date.fromordinal(EPOCH + state.starts[WINDOWS.index(window)])
    if window is Window.MONTH:
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=1 if window is Window.DAY else 7)


def dollars(micros: int) -> str:
    """Give micro-dollars as ``$1.25``: exactly, and with two digits at least."""
    whole, rest = divmod(micros, _MICROS)
    return f"${whole}.{f'{rest:06}'.rstrip('0').ljust(2, '0')}"


def _whose(subject: str) -> str:
    kind, _, name = subject.partition(":")
    if kind == "key":
        return "Your key"
    return f"The {kind} {name}" if name else "This gateway"


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"


def headers(scopes: Sequence[Scope], states: Sequence[State], at: int) -> dict[str, str]:
    """
    Give the ``x-ratelimit-*`` headers of the rates that are tightest, in OpenAI's form.

    Source: https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
    """
    minute = at // MINUTE_MS
    requests: _Rate | None = None
    tokens: _Rate | None = None
    for (_, limits), state in zip(scopes, states, strict=True):
        if state.minute < minute:
            called, used, left_ms = 0, 0, (minute + 1) * MINUTE_MS - at
        else:
            called, used, left_ms = state.requests, state.tokens, (state.minute + 1) * MINUTE_MS - at
        if (most := limits.rpm) is not None:
            rate = (most - called if called < most else 0), most, left_ms
            requests = rate if requests is None or rate < requests else requests
        if (most := limits.tpm) is not None:
            rate = (most if used < 0 else most - used if used < most else 0), most, left_ms
            tokens = rate if tokens is None or rate < tokens else tokens
    found = {}
    if requests is not None:
        found["x-ratelimit-limit-requests"] = str(requests[1])
        found["x-ratelimit-remaining-requests"] = str(requests[0])
        found["x-ratelimit-reset-requests"] = _duration(requests[2])
    if tokens is not None:
        found["x-ratelimit-limit-tokens"] = str(tokens[1])
        found["x-ratelimit-remaining-tokens"] = str(tokens[0])
        found["x-ratelimit-reset-tokens"] = _duration(tokens[2])
    return found


_Rate = tuple[int, int, int]
"""What is left of it, how much it is, milliseconds until it begins anew."""


def _duration(left_ms: int) -> str:
    seconds = -(-left_ms // 1000)
    return _SHORT[seconds] if 0 <= seconds < len(_SHORT) else f"{seconds // 60}m{seconds % 60}s"


_SHORT = [f"{seconds}s" for seconds in range(60)]
"""Nearly all: each answer has two of them."""
