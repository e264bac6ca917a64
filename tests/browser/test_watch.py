"""What guards all the other tests: the watch sees what no page may do, and the tests do not pass for want of a browser."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.browser.chat import until

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("deed", "trace"),
    [
        ("console.error('said aloud')", "console: said aloud"),
        ("setTimeout(() => { throw new Error('thrown') })", "uncaught"),
        ("setTimeout(() => alert('canary'))", "dialog: canary"),
        ("void fetch('http://elsewhere.test/').catch(() => {})", "policy violated: connect-src http://elsewhere.test"),
        ("new Image().src = 'http://elsewhere.test/'", "policy violated: img-src"),
        ("document.body.setAttribute('style', 'color: red')", "policy violated: style-src"),
        ("try { document.body.innerHTML = '<b>x</b>' } catch {}", "policy violated: require-trusted-types-for"),
        ("void window.open('http://elsewhere.test/')", "request left the origin: http://elsewhere.test/"),
    ],
)
async def test_watch_sees(chat, deed, trace):
    """Each of these would fail the test in which it happened."""
    opened = await chat()
    opened.watch.expect(".")

    await opened.page.evaluate(f"() => {{ {deed} }}")
    await until(opened.page, "() => new Promise((resolve) => setTimeout(resolve, 50, true))")

    assert any(trace in line for line in opened.watch.found), opened.watch.found


@pytest.mark.parametrize(
    ("required", "code", "said"), [("", 5, "left out, as the browser tests need Chromium"), ("1", 1, "need Chromium")]
)
async def test_without_a_browser(required, code, said):
    """Where there is no browser the tests are left out, in one clear line; where they have to run they fail."""
    environ = {**os.environ, "CHROMIUM_PATH": "/nowhere", "LLMS_BROWSER_REQUIRED": required, "PYTEST_ADDOPTS": ""}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        str(HERE / "test_basics.py"),
        "-k",
        "no_key",
    ]

    done = await asyncio.create_subprocess_exec(
        *command, env=environ, cwd=HERE.parents[1], stdout=asyncio.subprocess.PIPE
    )
    told = (await done.communicate())[0].decode()

    assert code == done.returncode, told
    assert said in told
