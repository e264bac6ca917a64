"""What is compiled keeps to what compiled code does as interpreted code does; see docs/compiled.md."""

import ast
import tomllib
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
HOOK = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"][
    "custom"
]
MODULES = HOOK["modules"]

LOOKED_UP = {"llms/http1/head.py": {"Headers"}}
"""Classes that are abstract ones' of the standard library and that nobody may ask ``isinstance`` about."""


def found(path, kind):
    return [node for node in ast.walk(ast.parse((TOP / path).read_text())) if isinstance(node, kind)]


def waits(nodes):
    kinds = (ast.Await, ast.AsyncWith, ast.AsyncFor)
    return [node.lineno for one in nodes for node in ast.walk(one) if isinstance(node, kinds)]


@pytest.mark.parametrize("path", MODULES)
def test_no_wait_while_an_exception_is_handled(path):
    """Compiled coroutines share the exception that is being handled with whoever runs while they wait."""
    tries = found(path, ast.Try)

    assert [] == [node.lineno for node in found(path, ast.AsyncWith)]
    assert [] == [line for node in tries for line in waits(node.finalbody)]
    assert [] == [line for node in tries for handler in node.handlers for line in waits(handler.body)]


@pytest.mark.parametrize("path", MODULES)
def test_no_optional_is_looked_at_at_the_end(path):
    """What a name was given before the exception is taken, in a compiled ``finally``, for what it has there."""
    at_the_end = [node for one in found(path, ast.Try) for part in one.finalbody for node in ast.walk(part)]
    compares = [node for node in at_the_end if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name)]

    assert [] == [node.lineno for node in compares if isinstance(node.ops[0], ast.Is | ast.IsNot)]


@pytest.mark.parametrize("path", MODULES)
def test_no_generator_cleans_up(path):
    """A compiled generator that nobody goes on with is not closed when it is forgotten."""
    kinds = (ast.Yield, ast.YieldFrom)
    inside = [node for kind in (ast.Try, ast.With) for node in found(path, kind)]

    assert [] == [node.lineno for one in inside for node in ast.walk(one) if isinstance(node, kinds)]


@pytest.mark.parametrize("path", MODULES)
def test_no_abstract_class_is_inherited_from(path):
    """A compiled class that is a ``Sequence`` takes every sequence for one of its own."""
    abstract = ("Mapping", "MutableMapping", "Sequence", "MutableSequence", "Set", "Iterator", "Iterable")
    names = {
        node.name
        for node in found(path, ast.ClassDef)
        for base in node.bases
        if ast.unparse(base).partition("[")[0] in abstract
    }

    assert LOOKED_UP.get(path, set()) == names
    for name in names:
        assert not [one for one in TOP.glob("llms/**/*.py") if f", {name})" in one.read_text()]


def test_modules_are_there():
    assert sorted(set(MODULES)) == MODULES
    assert [] == [path for path in MODULES if not (TOP / path).is_file()]
