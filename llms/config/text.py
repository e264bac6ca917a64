"""From the bytes of ``config.json`` to plain JSON values, with the mistakes that JSON readers pass over."""

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from llms.config.problems import ConfigError, Loc, Problem

MAX_BYTES = 4 << 20

_MAX_DIGITS = 30


def read(path: Path) -> bytes:
    """
    Give the file's bytes.

    Raises:
        ConfigError: There is no such file, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise _refused(str(path), "there is no such file") from error
    except IsADirectoryError as error:
        raise _refused(str(path), "is a directory; name the file in it") from error
    except PermissionError as error:
        # What Windows says when asked to open a directory, too.
        message = "is a directory; name the file in it" if path.is_dir() else "no permission to read it"
        raise _refused(str(path), message) from error
    except OSError as error:
        raise _refused(str(path), f"cannot be read: {error.strerror}") from error


def decode(data: bytes, source: str) -> tuple[Any, list[Problem]]:
    """
    Give the JSON value, and a problem for each key that is there twice.

    Raises:
        ConfigError: Not JSON in UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise _refused(source, f"is larger than {MAX_BYTES >> 20} MiB; this is no configuration")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refused(source, f"is not UTF-8 (line {line}); save it as UTF-8") from error
    if not text.strip():
        raise _refused(source, "is empty; the least there can be is {}")
    problems: list[Problem] = []
    return _plain(_parsed(text, source), (), problems), problems


class _Object(list[tuple[str, Any]]):
    """A JSON object as its pairs, so that keys which are there twice can still be seen."""


def _parsed(text: str, source: str) -> object:
    try:
        value = json.loads(
            text, object_pairs_hook=_Object, parse_int=_whole, parse_float=_finite, parse_constant=_no_constant
        )
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        message = f"is not JSON: {where}: {error.msg[:1].lower()}{error.msg[1:]}"
        raise _refused(source, message) from error
    except RecursionError as error:
        raise _refused(source, "is nested too deeply") from error
    except UnicodeEncodeError as error:
        raise _refused(source, "holds half of a surrogate pair (\\ud800 to \\udfff)") from error
    except ValueError as error:
        raise _refused(source, f"is not JSON: {error}") from error
    return value


def _no_constant(name: str) -> NoReturn:
    message = f"{name} is no number of JSON"
    raise ValueError(message)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        message = "a number in it is too large"
        raise ValueError(message)
    return number


def _whole(digits: str) -> int:
    return int(digits if len(digits) < _MAX_DIGITS else _finite("1e999"))


def _plain(value: object, at: Loc, problems: list[Problem]) -> object:
    if isinstance(value, _Object):
        plain: dict[str, object] = {}
        for key, inner in value:
            if key in plain:
                problems.append(Problem((*at, key), "is there twice; keep one"))
            plain[key] = _plain(inner, (*at, key), problems)
        return plain
    if isinstance(value, list):
        return [_plain(inner, (*at, index), problems) for index, inner in enumerate(value)]
    return value


def _refused(source: str, message: str) -> ConfigError:
    return ConfigError(source, [Problem((), message)])
