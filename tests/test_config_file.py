"""The file of the configuration: which one it is, and what is wrong with it before it is JSON."""

import json
from pathlib import Path

import pytest

from llms.config import ConfigError, find, load, parse
from llms.config.locate import packaged
from llms.config.text import MAX_BYTES

TOP = Path(__file__).parent.parent


def write(path, text="{}"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def refusal(call, *arguments):
    with pytest.raises(ConfigError) as caught:
        call(*arguments)
    return str(caught.value)


def test_the_order_in_which_files_are_looked_for(tmp_path):
    """--config, then LLMS_CONFIG, then ./config.json, then the user's own, then the packaged one."""
    chosen, named = write(tmp_path / "chosen.json"), write(tmp_path / "named.json")
    here = write(tmp_path / "here" / "config.json")
    own = write(tmp_path / "xdg" / "llms" / "config.json")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}

    assert [chosen, named, here, own, TOP / "config.json"] == [
        find(chosen, {**environ, "LLMS_CONFIG": str(named)}, here.parent),
        find(None, {**environ, "LLMS_CONFIG": str(named)}, here.parent),
        find(None, {**environ, "LLMS_CONFIG": ""}, here.parent),
        find(None, environ, tmp_path),
        find(None, {}, tmp_path),
    ]


@pytest.mark.parametrize(
    ("platform", "environ", "folder"),
    [
        ("linux", {"HOME": "{home}"}, ".config"),
        ("linux", {"HOME": "{home}", "XDG_CONFIG_HOME": "{home}/x"}, "x"),
        ("linux", {"HOME": "{home}", "XDG_CONFIG_HOME": "relative"}, ".config"),
        ("darwin", {"HOME": "{home}"}, "Library/Application Support"),
        ("win32", {"APPDATA": "{home}/Roaming"}, "Roaming"),
    ],
)
def test_the_users_own_folder(tmp_path, platform, environ, folder):
    """It is where the platform has it."""
    own = write(tmp_path / folder / "llms" / "config.json")
    environ = {name: value.format(home=tmp_path) for name, value in environ.items()}

    assert own == find(None, environ, tmp_path / "empty", platform)


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_no_folder_of_the_users_own(tmp_path, platform):
    """A process without a home runs on the packaged default."""
    assert TOP / "config.json" == find(None, {}, tmp_path, platform)


def test_a_file_that_is_named_has_to_be_there(tmp_path):
    """A typing error in LLMS_CONFIG or --config does not fall back to another file in silence."""
    gone = tmp_path / "gone.json"

    assert f"{gone}: there is no such file; LLMS_CONFIG names it" == refusal(find, None, {"LLMS_CONFIG": str(gone)})
    assert f"{gone}: there is no such file; --config names it" == refusal(find, gone, {})
    assert f"{gone}: there is no such file" == refusal(load, gone, {})


def test_the_packaged_default_lies_in_the_package_or_at_the_top_of_a_checkout(tmp_path):
    """An installed package has its own copy; a checkout has the file at the top."""
    package = tmp_path / "llms"
    assert tmp_path / "config.json" == packaged(package)

    inside = write(package / "config.json")

    assert inside == packaged(package)


def test_the_packaged_default_is_right():
    """It loads without a key in sight, ends in the demo and listens on this machine only."""
    found = load(TOP / "config.json", {})

    assert ("127.0.0.1", 8000, "demo") == (found.server.host, found.server.port, list(found.providers)[-1])
    assert str(TOP / "config.json") == found.source


def test_the_packaged_default_names_every_vendor():
    """Every provider that the README promises is there, local ones after those with a key."""
    keyed = ["openai", "airefinery", "openrouter", "groq", "deepseek", "mistral", "xai", "together", "fireworks"]
    keyed += ["cerebras", "nvidia", "huggingface", "deepinfra", "moonshot"]
    local = ["ollama", "lmstudio", "llamacpp", "vllm", "sglang"]

    assert [*keyed, *local, "demo"] == list(load(TOP / "config.json", {}).providers)


def test_a_file_that_cannot_be_read(tmp_path):
    """A directory is told from a missing file and from one that is not ours to read."""

    class Locked(type(tmp_path)):
        def open(self, *_):
            raise PermissionError

    class Broken(type(tmp_path)):
        def open(self, *_):
            raise OSError(5, "Input/output error")

    file = write(tmp_path / "config.json")

    assert [
        f"{tmp_path}: is a directory; name the file in it",
        f"{file}: no permission to read it",
        f"{tmp_path}: is a directory; name the file in it",
        f"{file}: cannot be read: Input/output error",
    ] == [refusal(load, path, {}) for path in (tmp_path, Locked(file), Locked(tmp_path), Broken(file))]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "is empty; the least there can be is {}"),
        (b" \n\t", "is empty; the least there can be is {}"),
        (b"\xef\xbb\xbf", "is empty; the least there can be is {}"),
        (b"{", "is not JSON: line 1, column 2: expecting property name enclosed in double quotes"),
        (b'{\n  "server": {},,\n}', "is not JSON: line 2, column 16: expecting property name enclosed in double quotes"),
        (b'{} {"a"', "is not JSON: line 1, column 4: extra data"),
        (b'{"server": {"port": 08}}', "is not JSON: line 1, column 22: expecting ',' delimiter"),
        (b'{"server": {"body_s": NaN}}', "is not JSON: NaN is no number of JSON"),
        (b'{"server": {"body_s": -Infinity}}', "is not JSON: -Infinity is no number of JSON"),
        (b'{"server": {"body_s": 1e999}}', "is not JSON: a number in it is too large"),
        (b'{"server": {"port": ' + b"9" * 5000 + b"}}", "is not JSON: a number in it is too large"),
        (b'{\n"x": "\xff"}', "is not UTF-8 (line 2); save it as UTF-8"),
        ('{"x": "€"}'.encode("utf-16"), "is not UTF-8 (line 1); save it as UTF-8"),
        (b'{"x": "\\ud83d"}', "holds half of a surrogate pair (\\ud800 to \\udfff)"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"a":' * 100_000, "is nested too deeply"),
        (b" " * (MAX_BYTES + 1), "is larger than 4 MiB; this is no configuration"),
    ],
)  # fmt: skip
def test_bytes_that_are_no_configuration(data, expected):
    """What is wrong, and where, in words for people."""
    assert f"f: {expected}" == refusal(parse, data, {}, "f")


def test_a_byte_order_mark_does_no_harm():
    """Editors on Windows write one."""
    assert 9 == parse(b'\xef\xbb\xbf{"server": {"port": 9}}', {}, "f").server.port


def test_the_size_limit_is_exact():
    """4 MiB are read, one byte more is not."""
    assert 8000 == parse(b"{}" + b" " * (MAX_BYTES - 2), {}, "f").server.port


def test_a_file_over_the_limit_is_not_read_whole(tmp_path):
    """Pointing at a disk image costs 4 MiB."""
    file = tmp_path / "config.json"
    with file.open("wb") as sparse:
        sparse.truncate(1 << 33)

    assert f"{file}: is larger than 4 MiB; this is no configuration" == refusal(load, file, {})


def test_keys_that_are_there_twice():
    """JSON readers keep the last in silence, which hides half of what was meant; here each is named."""
    data = b'{"server": {"port": 1, "port": 2}, "models": {}, "models": {"a": [{"b": 1, "b": 1}]}}'

    assert [
        "f: server.port: is there twice; keep one",
        "f: models: is there twice; keep one",
        "f: models.a[0].b: is there twice; keep one",
        "f: models.a[0].target: is required",
        "f: models.a[0].b: unknown option; known are target, weight, defaults, overrides, drop, can",
    ] == refusal(parse, data, {}, "f").splitlines()


def test_a_file_is_loaded_with_its_name(tmp_path):
    """Messages name the file as it was found."""
    file = write(tmp_path / "config.json", json.dumps({"server": {"port": 0}}))

    assert (str(file), 0) == (load(file, {}).source, load(file, {}).server.port)
