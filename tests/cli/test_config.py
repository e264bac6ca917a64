"""``llms config``."""

import json

import pytest

from llms.config import json_schema


def test_path_of_the_file_that_is_used(llms, tmp_path):
    """One line, absolute, for scripts."""
    assert f"{tmp_path / 'config.json'}\n" == llms("config", "path", config={}).output


def test_path_when_one_is_named(llms, tmp_path):
    """--config goes before everything."""
    (tmp_path / "x.json").write_text("{}", "utf-8")

    assert f"{tmp_path / 'x.json'}\n" == llms("config", "path", "--config", "x.json").output


def test_path_of_a_file_that_is_not_there(llms):
    """A typing error in LLMS_CONFIG is a mistake in the configuration."""
    done = llms("config", "path", environ={"LLMS_CONFIG": "gone.json"})

    assert (78, "llms: gone.json: there is no such file; LLMS_CONFIG names it\n") == (done.exit_code, done.stderr)


@pytest.mark.parametrize("words", [("config", "path"), ("models",)])
def test_a_file_that_is_named_and_not_there(llms, words):
    """So is one in --config, whatever the command."""
    done = llms(*words, "-c", "gone.json")

    assert (78, "llms: gone.json: there is no such file; --config names it\n") == (done.exit_code, done.stderr)


def test_check_of_a_right_file(llms):
    """It says which file, and how much is in it."""
    done = llms("config", "check", config={"providers": {"demo": {}}, "models": {"fast": "demo/demo"}})

    assert (0, "config.json is right; providers: 1, models: 1\n") == (done.exit_code, done.stdout)


def test_check_of_a_wrong_file(llms):
    """Status 78, and each mistake on a line of its own that begins with its path."""
    done = llms("config", "check", config={"server": {"prot": 1}, "providers": {"opnai": {"base_url": 1}}})

    assert (78, "") == (done.exit_code, done.stdout)
    assert [
        "server.prot: unknown option; did you mean `port`?",
        "providers.opnai.base_url: must be a string",
        "llms: 2 mistakes in config.json",
    ] == done.stderr.splitlines()


def test_check_of_a_file_with_one_mistake(llms):
    """One is one."""
    assert "llms: 1 mistake in config.json" == llms("config", "check", config={"server": 1}).stderr.splitlines()[-1]


def test_schema(llms):
    """JSON on standard output, to be put in a file."""
    assert json_schema() == json.loads(llms("config", "schema").stdout)


def test_any_command_refuses_a_wrong_file(llms):
    """Status 78 and a line for each mistake, before anything starts."""
    done = [
        llms(*words, config={"server": {"prot": 1}}) for words in (("serve",), ("models",), ("check",), ("chat", "x"))
    ]

    assert [(78, "llms: config.json: server.prot: unknown option; did you mean `port`?\n")] * 4 == [
        (entry.exit_code, entry.stderr) for entry in done
    ]
