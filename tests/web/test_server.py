import pytest

from llms.web.server import canonical_path


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/chat/completions", "/v1/chat/completions"),
        ("/chat/completions/", "/v1/chat/completions"),
        ("//v1//chat/completions", "/v1/chat/completions"),
        ("/v1/v1/chat/completions", "/v1/chat/completions"),
        ("/api/v1/models", "/v1/models"),
        ("/openai/v1/models/", "/v1/models"),
        ("/models/a/b?x=/models/", "/v1/models/a/b?x=/models/"),
        ("/v1/models/a%2Fb", "/v1/models/a%2Fb"),
        ("/v1/models/models/x", "/v1/models/models/x"),
        ("/v1/", "/v1"),
        ("/v1", "/v1"),
        ("/", "/"),
        ("//", "/"),
        ("/?x=1", "/?x=1"),
        ("/providers", "/v1/providers"),
        ("/ui/chat/a", "/ui/chat/a"),
        ("/ui/models/", "/ui/models"),
        ("/healthz/", "/healthz"),
        ("/v1/../healthz", "/v1/../healthz"),
        ("*", "*"),
        ("http://evil.example//v1/models", "http://evil.example//v1/models"),
    ],
)
def test_one_spelling(target, expected):
    """Every spelling of a path that clients use is brought to one; dots and escapes are left alone."""
    assert expected == canonical_path(target)


@pytest.mark.parametrize("target", ["/v1/chat/completions", "/", "/healthz", "/v1/models/a"])
def test_usual_path_is_not_copied(target):
    """The usual spelling is handed on as it is."""
    assert canonical_path(target) is target
