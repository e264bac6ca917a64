"""What ``llms serve`` prints once it listens: where, with which providers, and what to try. Pure."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from llms import __version__
from llms.catalog import ProviderState
from llms.cli.pick import chat_model
from llms.config import Config
from llms.process.serve import Start


def welcome(start: Start, config: Config) -> str:
    """
    Give the text.

    Args:
        config: Says which variable holds a key, if one is needed.
    """
    url, states = start.url, start.providers
    on = [state for state in states if state.on]
    width = max((len(state.name) for state in on), default=0)
    lines = [f"llms {__version__} listens on {url}", ""]
    lines += [f"  {state.name:<{width}}  {_count(state)}" for state in on] or ["  no provider is on"]
    off = len(states) - len(on)
    if off:
        lines.append(f"  and {off} that {'are' if off > 1 else 'is'} off: llms models says why")
    if start.minted is not None:
        lines += ["", *_minted(start.minted)]
    keys = config.server.keys or (("$LLMS_KEY",) if start.needs_key else ())
    return "\n".join([*lines, "", *_to_try(_reachable(url), _first_model(on), keys)])


def _minted(secret: str) -> list[str]:
    return [
        "Other machines can reach it, so callers need a key. This one was made for you; it may do everything, and is",
        "shown this once:",
        f"  export LLMS_KEY={secret}",
        "More of them, with less: llms keys add --help",
    ]


def _count(state: ProviderState) -> str:
    if state.models is None:
        return state.reason
    return f"{len(state.models)} model{'s' * (len(state.models) != 1)}"


def _first_model(on: Sequence[ProviderState]) -> str:
    # The demo answers at once, whatever the other keys are worth.
    by_preference = sorted(on, key=lambda state: state.name != "demo")
    names = (chat_model(model.id for model in state.models or ()) for state in by_preference)
    return next((name for name in names if name), "demo")


def _reachable(url: str) -> str:
    """Give the URL by which this machine reaches what listens on every address."""
    parts = urlsplit(url)
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(parts.hostname or "")  # noqa: S104 - compared, not bound
    return f"{parts.scheme}://{host}:{parts.port}" if host else url


def _to_try(url: str, model: str, keys: Sequence[str]) -> list[str]:
    variable = next((key[1:] for key in keys if key.startswith("$")), "LLMS_KEY")
    header = f' -H "Authorization: Bearer ${variable}"' if keys else ""
    key = f'os.environ["{variable}"]' if keys else '"none"'
    modules = "import os; from" if keys else "from"
    body = f'{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"Hello"}}]}}'
    message = '{"role": "user", "content": "Hello"}'
    code = (
        f'{modules} openai import OpenAI; c = OpenAI(base_url="{url}/v1", api_key={key}).chat.completions; '
        f'[print(p.choices[0].delta.content or "", end="", flush=True) '
        f'for p in c.create(model="{model}", stream=True, messages=[{message}])]'
    )
    return [
        f"Chat in a browser: {url}/",
        "",
        "Try it:",
        f"  curl -N {url}/v1/chat/completions{header} -H 'Content-Type: application/json' -d '{body}'",
        "",
        "Or with the openai package:",
        f"  python3 -c '{code}'",
        "",
    ]
