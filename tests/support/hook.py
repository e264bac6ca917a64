"""
HOOK: the gateway's command line with faults at named functions, put there from outside, so that none of it is shipped.

``python -m tests.support.hook serve …`` is ``llms serve …`` with what the variable ``HOOKS`` holds: a JSON list of
objects, which the workers of ``--workers`` have as well.

    {"at": "llms.gateway:Gateway.open", "block_s": 3}             block the event loop at the start of each call
    {"at": "llms.call_log:write", "raise": "OSError", "errno": 28}  raise instead of what is there
    {"at": "llms.cli.workers:_SILENT_S", "set": 2}                put another value in a module
    {"at": "llms.ledger.spool:Spool.add", "kill": "after"}          end the process, as by kill -9, before or after it
    {"audit": "heard"}                                            no fault: note what no request may lead to in that file

A fault with ``while`` is there for as long as the file of that name, so that a test can switch it; so is the ear.
"""

import functools
import importlib
import inspect
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llms.cli import main

_NEVER = frozenset(
    {
        *(
            "subprocess.Popen",
            "os.system",
            "os.exec",
            "os.spawn",
            "os.posix_spawn",
            "os.fork",
            "os.forkpty",
            "pty.spawn",
        ),
        *("exec", "compile", "code.__new__", "import", "marshal.loads", "pickle.find_class", "ctypes.dlopen"),
    }
)
"""The interpreter's events that no request leads to."""


def install(faults: list[dict[str, Any]]) -> None:
    """Put the faults where they belong."""
    for fault in faults:
        if "audit" in fault:
            _listen(Path(fault["audit"]))
            continue
        module, _, path = fault["at"].partition(":")
        owner = importlib.import_module(module)
        *outer, name = path.split(".")
        for part in outer:
            owner = getattr(owner, part)
        there = getattr(owner, name)  # a misspelt name is an error
        setattr(owner, name, _value(fault["set"]) if "set" in fault else _faulty(there, fault))


def _listen(path: Path) -> None:
    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _NEVER and path.exists():
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{event} {arguments!r:.300}\n")

    sys.addaudithook(hear)


def _value(value: Any) -> Any:
    """Give a value; a string such as ``asyncio:new_event_loop`` stands for what is there."""
    if not isinstance(value, str) or ":" not in value:
        return value
    module, _, name = value.partition(":")
    return getattr(importlib.import_module(module), name)


def _faulty(there: Callable[..., Any], fault: dict[str, Any]) -> Callable[..., Any]:
    @functools.wraps(there)
    def faulty(*args: Any, **options: Any) -> Any:
        if "while" not in fault or Path(fault["while"]).exists():
            if "block_s" in fault:
                time.sleep(fault["block_s"])
            if "raise" in fault:
                raise _failure(fault)
            if fault.get("kill") == "before":
                _kill()
            if fault.get("kill") == "after":
                return _then_kill(there(*args, **options))
        return there(*args, **options)

    return faulty


def _then_kill(result: Any) -> Any:
    async def awaited() -> None:
        await result
        _kill()

    if inspect.isawaitable(result):
        return awaited()
    return _kill()


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def _failure(fault: dict[str, Any]) -> BaseException:
    kind: type[BaseException] = (
        _value(fault["raise"]) if ":" in fault["raise"] else _value(f"builtins:{fault['raise']}")
    )
    number = fault.get("errno")
    return kind(number, os.strerror(number)) if number is not None else kind("a fault of the test")


if __name__ in ("__main__", "__mp_main__"):  # workers import the module of their parent under the second name
    install(json.loads(os.environ.get("HOOKS", "[]")))

if __name__ == "__main__":
    main()
