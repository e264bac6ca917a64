import pytest

from llms.wire.scrub import scrub


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Incorrect API key provided: sk-abcd1234.", "Incorrect API key provided: [key]"),
        ("key sk-…abcd is wrong", "key [key] is wrong"),
        ("sk-***abcd, gsk_12345678; xai-abcdef", "[key], [key]; [key]"),
        ("Authorization: Bearer abc.def", "Authorization: [key]"),
        ("api-key12345678 and key_live_12345", "[key] and [key]"),
        ("AIza0123456789abcdefghijk eyJhbGciOiJIUzI1NiJ9.eyJ", "[key] [key]"),
        ("Unsupported parameter: api_version; see key_points", "Unsupported parameter: api_version; see key_points"),
        ("task-oriented risk-free sk-8", "task-oriented risk-free sk-8"),
        ("POST http://10.0.0.7:8000/v1/x?k=1 failed", "POST [url] failed"),
        ("dial tcp 10.0.0.7:8000: refused", "dial tcp [address]: refused"),
        ("host llm.internal:8000 [::1]:80 down", "host [address] [address] down"),
        ("a\r\nb\x1b[31m\u202ec\u2028", "a b [31m c"),
        ("", ""),
    ],
)
def test_scrub(text: str, expected: str) -> None:
    """No key, address or control character of an upstream's text reaches a client; words stay."""
    assert expected == scrub(text)


def test_secrets() -> None:
    """A known secret is taken out whatever it looks like."""
    assert "a [key] b" == scrub("a hunter2 b", ["", "hunter2"])


def test_length() -> None:
    """At most 500 characters, and a key at the cut does not survive in part."""
    assert "x" * 499 + "…" == scrub("x" * 501)
    assert "x" * 500 == scrub("x" * 500)
    assert "sk-" not in scrub("y " * 990 + "sk-" + "a" * 100)
    assert "[url] at" == scrub("http://" + "y" * 1980 + " at hunter2hunter2hunter2", ["hunter2hunter2hunter3"])
    assert "[url] [key]" == scrub("http://" + "y" * 1985 + " hunter2", ["hunter2"])


@pytest.mark.parametrize(
    "leak",
    [
        "llm.internal.corp",
        "db-1.svc",
        "localhost",
        "Basic dXNlcjpwYXNz",
        "sess-abc123def",
        "ghp_abcdef123456",
        "0a1b2c3d4e5f60718293a4b5",
    ],
)
def test_private_names_and_other_keys(leak):
    """Names of machines inside, and keys of other makers, are taken out too."""
    assert leak not in scrub(f"host {leak} says no")


def test_indexes_are_no_addresses():
    """A field's path stays as it is."""
    assert "messages[0].content[12] is wrong" == scrub("messages[0].content[12] is wrong")
