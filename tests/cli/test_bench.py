"""``llms bench``: against scripted servers, nginx and the gateway itself."""

import asyncio
import gzip
import json
import os
import shutil
import signal
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llms.bench.arrivals import Arrivals
from llms.bench.base_url import base_url
from llms.bench.causes import Head, causes
from llms.bench.reading import Stream
from llms.bench.spread import Spread
from llms.bench.verdict import Flow, Tally, Verdict, flow
from tests.upstream import openai
from tests.upstream.framing import answer
from tests.upstream.server import Upstream
from tests.upstream.steps import fin, send, sleep

PATH = "/v1/chat/completions"
KEYS = {"OPENAI_API_KEY": None}


def paced(count=30, every_s=0.02):
    """A stream of a chunk every so often."""
    return openai.stream([part for n in range(count) for part in (f"{n} ", sleep(every_s))])


def clumps(count=6, of=8, every_s=0.15):
    """The same, held back: several chunks in one write, and a pause."""
    chunk = b"".join(openai.event(openai.chunk({"content": f"{n} "})) for n in range(of))
    return openai.stream([part for _ in range(count) for part in (chunk, sleep(every_s))])


WHOLE = b"".join(openai.event(openai.chunk({"content": f"{n} "})) for n in range(60)) + b"data: [DONE]\n\n"


@pytest.fixture
async def upstream():
    async with Upstream() as started:
        started.on("GET", "/v1/models", openai.models(["m"]))
        yield started


@pytest.fixture
def bench(llms):
    async def run(*arguments, environ=KEYS):
        return await asyncio.to_thread(llms, "bench", *arguments, environ=environ)

    return run


async def measured(bench, *arguments):
    """Give what ``--json`` prints."""
    done = await bench(*arguments, "--json")
    return done.exit_code, json.loads(done.stdout)


async def test_a_stream_that_streams(bench, upstream):
    """Figures of chunks, gaps and tokens, a picture, and that nothing holds them back."""
    upstream.on("POST", PATH, paced())

    done = await bench(upstream.url, "-n", "3", "-c", "3")

    assert 0 == done.exit_code
    assert "model m" in done.stdout
    assert "It streams: chunks come one by one." in done.stdout
    assert all(word in done.stdout for word in ("first chunk, p50", "gap, p99", "tokens/s", "20 ms"))
    assert 4 == len([one for one in upstream.requests if one.method == "POST"])  # one that does not count


async def test_as_json(bench, upstream):
    """The same for machines, in seconds."""
    upstream.on("POST", PATH, paced())

    status, found = await measured(bench, f"{upstream.url}/v1/", "-n", "2", "-m", "m")

    [result] = found["urls"]
    assert (0, False) == (status, found["interrupted"])
    assert (f"{upstream.url}/v1", "m", 2) == (result["url"], result["model"], result["whole"])
    assert "smooth" in json.dumps(result)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (clumps(), ("clumps", "x-accel-buffering: no")),
        ((sleep(0.4), *answer(WHOLE, content_type="text/event-stream")), ("at the end", "content-length")),
    ],
    ids=["clumps", "at the end"],
)
async def test_something_holds_chunks_back(bench, upstream, script, words):
    """It is said, with what may be to blame and what to try."""
    upstream.on("POST", PATH, script)

    done = await bench(upstream.url, "-n", "2", "-c", "1")

    assert 0 == done.exit_code
    assert all(word in done.stdout.lower() for word in words)


async def test_compression_is_to_blame(bench, upstream):
    """A compressed answer is read, and named as the cause."""
    whole = answer(gzip.compress(WHOLE), content_type="text/event-stream", headers=[("Content-Encoding", "gzip")])
    upstream.on("POST", PATH, (sleep(0.3), *whole))

    done = await bench(upstream.url, "-n", "2", "-c", "1")

    assert "Content-Encoding: gzip" in done.stdout


async def test_two_urls(bench, upstream):
    """Side by side, in turn, with difference and ratio."""
    async with Upstream() as other:
        other.on("GET", "/v1/models", openai.models(["n"]))
        other.on("POST", PATH, clumps())
        upstream.on("POST", PATH, paced())

        done = await bench(upstream.url, other.url, "-n", "2", "-c", "1")

    assert 0 == done.exit_code
    assert all(word in done.stdout for word in ("B - A", "B / A", "model m", "model n"))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (openai.error(401, "no"), ("OPENAI_API_KEY", "--key-env")),
        (openai.error(404, "no"), ("base URL", "/v1")),
        (openai.error(400, "no"), ("-m",)),
        (answer(b"{}", status=404), ("status 404; is http",)),
        (openai.completion("Hello"), ("whole JSON answer",)),
        (answer(b"<html>", content_type="text/html"), ("web page",)),
        (answer(b"{}", status=302, headers=[("Location", "http://elsewhere.example/?key=1")]), ("redirects",)),
    ],
    ids=["401", "404", "400", "no words", "json", "html", "redirect"],
)
async def test_nothing_to_measure(bench, upstream, script, words):
    """One message, what to do next, and status 1."""
    upstream.on("POST", PATH, script)

    done = await bench(upstream.url, "-n", "2")

    assert 1 == done.exit_code
    assert all(word in done.stderr for word in words)
    assert "key=1" not in done.stderr
    assert 1 == len([one for one in upstream.requests if one.method == "POST"])


@pytest.mark.parametrize("script", [openai.error(500), openai.error(429, "slow down")], ids=["500", "429"])
async def test_streams_that_fail(bench, upstream, script):
    """Those that come are measured, those that fail are counted by their kind, and the status is 1."""
    upstream.on("POST", PATH, paced(8, 0.01), paced(8, 0.01), script, paced(8, 0.01))

    done = await bench(upstream.url, "-n", "3", "-c", "1")

    assert 1 == done.exit_code
    assert "first chunk" in done.stdout
    assert "1" in done.stderr


async def test_a_stream_that_is_cut(bench, upstream):
    """It counts as failed, not as short."""
    chunk = openai.event(openai.chunk({"content": "x"}))
    cut = (send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 1000\r\n\r\n" + chunk), fin())
    upstream.on("POST", PATH, paced(8, 0.01), cut)

    done = await bench(upstream.url, "-n", "2", "-c", "1")

    assert (1, True) == (done.exit_code, "cut short" in done.stderr)


async def test_older_and_newer_services(bench, upstream):
    """A service that does not know a field is asked without it."""
    upstream.on("POST", PATH, openai.error(400, "unknown field stream_options"), paced(8, 0.01))

    done = await bench(upstream.url, "-n", "1")

    assert 0 == done.exit_code
    assert b"stream_options" not in upstream.requests[-1].body


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("http://127.0.0.1:9/v1", "-m", "m"), 1, "nothing answers"),
        (("nonsense",), 2, "no base URL"),
        (("http://a", "http://b", "http://c"), 2, "one URL, or two"),
        (("http://a", "-m", "x", "-m", "y"), 2, "once for each URL"),
        (("http://a", "--key-env", "NOT_SET"), 1, "NOT_SET is not set"),
    ],
)
async def test_mistakes(bench, arguments, status, words):
    """Each says what to do."""
    done = await bench(*arguments)

    assert (status, True) == (done.exit_code, words in done.stderr)


async def test_interrupted(upstream):
    """Ctrl-C prints what there is, and ends with a shell's status for it."""
    upstream.on("POST", PATH, paced(8, 0.01), paced(8, 0.01), paced(2000, 0.05))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "llms", "bench", upstream.url, "-n", "5", "-c", "1",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, "OPENAI_API_KEY": ""},
    )  # fmt: skip
    while len([one for one in upstream.requests if one.method == "POST"]) < 3:  # noqa: ASYNC110 - any of three paths
        await asyncio.sleep(0.05)
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(20):
        printed, said = await process.communicate()

    assert 130 == process.returncode
    assert b"first chunk" in printed
    assert b"interrupted" in said


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is missing: apt-get install nginx-light")
@pytest.mark.parametrize(("buffering", "verdict"), [("on", "proxy_buffering off"), ("off", "It streams")])
async def test_nginx(bench, upstream, tmp_path, unused_tcp_port, buffering, verdict):  # noqa: PLR0913, PLR0917
    """Nginx as it comes holds chunks back, and is named; told not to, it does not."""
    upstream.on(
        "POST", PATH, openai.stream([part for n in range(150) for part in (f"{n} ", sleep(0.01))], framing="close")
    )
    config = tmp_path / "nginx.conf"
    config.write_text(f"""
daemon off; master_process off; pid {tmp_path}/pid; error_log stderr;
events {{}}
http {{
  access_log off; client_body_temp_path {tmp_path}; proxy_temp_path {tmp_path}; fastcgi_temp_path {tmp_path};
  uwsgi_temp_path {tmp_path}; scgi_temp_path {tmp_path};
  server {{ listen 127.0.0.1:{unused_tcp_port};
    location / {{ proxy_pass {upstream.url}; proxy_buffering {buffering}; }} }}
}}
""")
    nginx = await asyncio.create_subprocess_exec("nginx", "-c", str(config), "-e", "stderr", stderr=-3)
    try:
        for _ in range(100):
            try:
                (await asyncio.open_connection("127.0.0.1", unused_tcp_port))[1].close()
                break
            except OSError:
                await asyncio.sleep(0.05)
        done = await bench(f"http://127.0.0.1:{unused_tcp_port}", "-n", "2", "-c", "1")
    finally:
        nginx.terminate()
        await nginx.wait()

    assert (0, True) == (done.exit_code, verdict in done.stdout)


@given(st.lists(st.floats(1e-6, 100) | st.just(0.0), min_size=1, max_size=200))
def test_quantiles(durations):
    """Off by a bin at most; the extremes and the sum are exact."""
    spread = Spread()
    for duration in durations:
        spread.add(duration)
    found, ordered = spread.figures(), sorted(durations)

    assert ordered[-1] == found.longest_s
    assert sum(durations) / len(durations) == pytest.approx(found.mean_s)
    assert len(durations) == sum(bar.count for bar in spread.bars())
    for share, value in ((0.5, found.p50_s), (0.95, found.p95_s), (0.99, found.p99_s)):
        exact = ordered[-(-len(ordered) * round(share * 100) // 100) - 1]
        assert value == pytest.approx(exact, rel=0.011, abs=1e-12)


@given(st.lists(st.tuples(st.floats(0.0001, 1), st.integers(1, 20)), min_size=1, max_size=60))
def test_every_chunk_is_in_a_group(reads):
    """Groups hold each chunk once, the first group aside."""
    arrivals, at = Arrivals(), 0.0
    for gap_s, chunks in reads:
        at += gap_s
        arrivals.feed(at, chunks)
    clumped = arrivals.clumps()

    assert sum(chunks for _, chunks in reads) == arrivals.chunks
    assert clumped.chunks + clumped.others <= arrivals.chunks
    assert clumped.groups * 4 <= clumped.chunks


def arrived(*reads, tokens=None, total_s=None):
    """A stream of reads, each of a time and so many chunks."""
    arrivals = Arrivals()
    for at, chunks in reads:
        arrivals.feed(at, chunks)
    return Stream(
        reads[0][0], reads[0][0], reads[-1][0], total_s or reads[-1][0], arrivals.chunks, arrivals.reads,
        arrivals.gaps, arrivals.clumps(), tokens, 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (arrived(*((n * 0.02, 1) for n in range(1, 40))), Flow.SMOOTH),
        (arrived(*((n * 0.2, 8) for n in range(1, 8))), Flow.CLUMPS),
        (arrived((1.0, 60)), Flow.AT_END),
        (arrived(*((n * 0.2, 1) for n in range(1, 6)), tokens=100), Flow.MERGED),
        (arrived((0.01, 60)), Flow.UNKNOWN),
        (arrived((1.0, 3)), Flow.UNKNOWN),
        (arrived(*((n * 0.02 + (n > 20), 1) for n in range(1, 40))), Flow.SMOOTH),
        (arrived(*((0.2 + n * 0.001, 2) for n in range(1, 400))), Flow.SMOOTH),
    ],
)
def test_flow(stream, expected):
    """How chunks came: a stall, or a service that is fast, is no buffer."""
    assert expected is flow(stream)


def test_most_streams_decide():
    """One hiccup is no verdict."""
    tally = Tally()
    for _ in range(3):
        tally.add(arrived(*((n * 0.02, 1) for n in range(1, 40))))
    tally.add(arrived(*((n * 0.2, 8) for n in range(1, 8))))

    assert Flow.SMOOTH is tally.summary(1.0).verdict.flow


@pytest.mark.parametrize(
    ("version", "headers", "word"),
    [
        ("1.1", {"server": "nginx"}, "proxy_buffering"),
        ("1.1", {"content-encoding": "gzip"}, "compression"),
        ("1.1", {"cf-ray": "1"}, "Cloudflare"),
        ("1.1", {"apigw-requestid": "1"}, "API Gateway"),
        ("1.1", {"via": "1.1 proxy"}, "Via: 1.1 proxy"),
        ("1.1", {"server": "Apache"}, "flushpackets"),
        ("1.1", {"content-length": "10"}, "Content-Length: 10"),
        ("1.0", {}, "HTTP/1.0"),
        ("1.1", {}, "no header tells"),
        ("1.1", {"x-accel-buffering": "no"}, "nginx is not to blame"),
    ],
)
def test_causes(version, headers, word):
    """What the answer's head gives away; of a stream that flows nothing is said."""
    held, smooth = (Verdict(kind, 3, 8.0, 0.2, 1.0) for kind in (Flow.CLUMPS, Flow.SMOOTH))
    head = Head(version, headers)

    assert word in " ".join(f"{cause.what} {cause.advice}" for cause in causes(held, head))
    assert [] == causes(smooth, head)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1"),
        ("https://api.example/v1/", "https://api.example/v1"),
        ("https://api.example/v1/chat/completions", "https://api.example/v1"),
    ],
)
def test_base_url(given, expected):
    """With ``/v1`` or without."""
    assert expected == base_url(given)
