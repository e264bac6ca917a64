"""``llms route``."""

import json

CONFIG = {
    "server": {"port": 0},
    "providers": {"demo": {}, "mine": {"base_url": "http://127.0.0.1:9/v1", "models": ["a"]}, "groq": {}},
    "models": {"fast": [[{"target": "mine/a", "weight": 2, "can": {"vision": False}}], "demo/demo", "groq/x"]},
}
NO_KEY = {"GROQ_API_KEY": None}


def test_the_table(llms):
    """Targets in the order in which they would be tried, then those that would not, each with the reason."""
    expected = """\
   target     rank  weight  why
1  mine/a     0     2
2  demo/demo  1     1
-  groq/x                   skipped: GROQ_API_KEY is not set
"""

    assert expected == llms("route", "fast", config=CONFIG, environ=NO_KEY).stdout


def test_what_the_request_needs(llms):
    """It can be asked as for a request with a picture, tools, a schema, or of some length."""
    found = json.loads(llms("route", "fast", "--vision", "--tools", "--json-schema", "--tokens", "500", "--json", config=CONFIG, environ=NO_KEY).stdout)  # fmt: skip

    assert ["demo/demo"] == [target["target"] for target in found["targets"]]
    assert {"target": "mine/a", "reason": "takes no pictures"} in found["skipped"]
    assert (True, True, True) == tuple(found["needs"][name] for name in ("tools", "vision", "json_schema"))
    assert found["needs"]["context"] > 500


def test_no_such_model(llms):
    """A name that is not there is said in one line."""
    done = llms("route", "fats", config=CONFIG, environ=NO_KEY)

    assert 1 == done.exit_code
    assert "Did you mean fast" in done.stderr


def test_nobody_there(llms):
    """A gateway that is named and does not answer is said to be missing."""
    done = llms("route", "fast", "--url", "http://127.0.0.1:9", config=CONFIG)

    assert (1, "llms: nothing answers at http://127.0.0.1:9; start the gateway with: llms serve\n") == (
        done.exit_code,
        done.stderr,
    )
