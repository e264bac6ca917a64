"""What of the gateway that is tested is compiled; see docs/compiled.md."""

from importlib.util import find_spec


def is_compiled(module: str) -> bool:
    """Whether a module is; what is in it cannot be replaced then."""
    found = find_spec(module)
    return found is not None and not str(found.origin).endswith(".py")


COMPILED = is_compiled("llms.gateway")
