"""
K20: what requests lead to, as the interpreter itself tells it (``sys.addaudithook``).

What is imported when it is first needed is found here too: a request must not wait for that, nor fail by it.
"""

import pytest

from tests.faults.test_canaries import OWN, PATH, Talk, all_of_it, bearer, prepared
from tests.support.process import configure, serving
from tests.upstream import openai
from tests.upstream.server import Upstream

TEMPLATES = (
    "{{7*7}}",
    "${7*7}",
    "__import__('os').system('id')",
    "%(x)s {0.__class__}",
    "!!python/object/new:os.system [id]",
)


async def odd_ones(talk, upstream):
    """Ask what would be run, if anything were."""
    upstream.on("POST", "/v1/embeddings", openai.embeddings([[0.5]]))
    upstream.on("POST", PATH, openai.completion("Hello"))
    for text in TEMPLATES:
        for fields in ({"user": text}, {"model": text}, {"stop": text}, {"metadata": {"x": text}}, {"tools": text}):
            await talk.chat(OWN, text, **fields)
        await talk.ask("POST", "/v1/embeddings", bearer(OWN), {"model": "m", "input": text})
        await talk.ask("POST", "/v1/completions", bearer(OWN), {"model": "m", "prompt": text})
        await talk.ask("POST", PATH, [*bearer(OWN), ("Content-Type", "application/x-python-pickle")], text.encode())
    for target in ("/", "/healthz", "/readyz", "/v1/models", "/v1/models/m", "/nothing"):
        await talk.ask("GET", target, bearer(OWN))


@pytest.mark.case("K20")
async def test_what_requests_lead_to(tmp_path, record_property):
    """No request starts a process, imports or compiles anything, runs what it is sent, or reads a pickle."""
    heard = tmp_path / "heard"
    async with Upstream() as upstream:
        environ = await prepared(tmp_path, upstream)
        async with serving(tmp_path, environ=environ, hooks=[{"audit": str(heard)}]) as served:
            await served.get("/admin/v1/openapi.json")  # made when it is first asked for, of nothing that anybody sends
            heard.touch()
            talk = Talk(served.port)
            await odd_ones(talk, upstream)
            await all_of_it(talk, upstream)
            await served.until(lambda: not list(tmp_path.glob("llms.db.spool/*/*.rows")))
            said = heard.read_text("utf-8").splitlines()

    assert [] == said
    assert len(talk.answers) > 60
    record_property("came_out", f"{len(talk.answers)} requests, nothing of it")


async def test_it_is_heard(tmp_path):
    """The ear hears what it is there for."""
    heard = tmp_path / "heard"
    configure(tmp_path, {"providers": {"demo": {}}})
    heard.touch()
    async with serving(tmp_path, hooks=[{"audit": str(heard)}]):
        pass

    assert {"import", "exec"} <= {line.split()[0] for line in heard.read_text("utf-8").splitlines()}
