"""The JavaScript units, in the browser that they are written for, under the policy that they are served with."""

import mimetypes
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_UNITS = Path(__file__).parent / "units"
_ORIGIN = "http://localhost:9"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_FOLDERS = {"/ui/app/": _ROOT / "ui", "/units/": _UNITS, "/corpus/": Path(__file__).parent / "corpus"}
_START = "file => import(file).then(() => import('/units/harness.js')).then(harness => harness.run())"


@pytest.mark.parametrize("unit", sorted(path.name for path in _UNITS.glob("*.test.js")))
async def test_unit(watched, unit):
    """Each module does what its unit tests say."""
    context, _watch = await watched(_ORIGIN)
    await context.route(f"{_ORIGIN}/**", _serve)
    page = await context.new_page()
    await page.goto(f"{_ORIGIN}/")

    results = await page.evaluate(_START, f"/units/{unit}")

    failed = [f"{result['name']}: {result['failure']}" for result in results if result["failure"]]
    assert results, "no test in it"
    assert [] == failed, "\n\n".join(failed)


async def _serve(route):
    path = route.request.url.removeprefix(_ORIGIN).partition("?")[0]
    for prefix, folder in _FOLDERS.items():
        file = folder / path.removeprefix(prefix)
        if path.startswith(prefix) and file.is_file():
            kind = "text/javascript" if file.suffix == ".js" else mimetypes.guess_type(file.name)[0]
            await route.fulfill(body=file.read_bytes(), content_type=kind, headers={"Content-Security-Policy": _POLICY})
            return
    if path == "/":
        page = "<!doctype html><html lang=en><title>units</title><link rel=icon href=data:,><body></body></html>"
        await route.fulfill(body=page, content_type="text/html", headers={"Content-Security-Policy": _POLICY})
    else:
        await route.fulfill(status=404)
