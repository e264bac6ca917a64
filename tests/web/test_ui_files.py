import gzip
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

import pytest

from llms import __version__
from llms.web import ui_files
from llms.web.ui_files import File

REAL = ui_files.site(ui_files.folder())

FIRST_LOAD_BYTES = 90_000

FILES = {
    "index.html": '<!doctype html>\n<!-- modulepreload -->\n<script type="module" src="{{base}}/main.js"></script>\n',
    "main.js": 'import { a } from "./a.js";\nimport "./side.js";\nconst later = () => import("./lazy.js");\n',
    "a.js": "export * from \"./deep/b.js\";\nexport { c } from './deep/c.js';\n",
    "side.js": "",
    "lazy.js": 'import { d } from "./d.js";\n',
    "d.js": "",
    "deep/b.js": '/** @typedef {import("../types.js").T} T */\nimport {\n  a,\n  c as see,\n} from "../a.js";\n',
    "deep/c.js": 'const text = `\n  import { x } from "${place}"`;\nexport const from = "./d.js";\n// import "../d.js"\n',
    "types.js": "",
    "styles/all.css": "a {}",
    "icon.svg": "<svg/>",
    "icon.png": "png",
    "font.woff2": "font",
    "app.webmanifest": "{}",
    "words.json": "{}",
    "vendor/LICENSES.txt": "MIT",
}

UNSERVED = (
    ".npmrc",
    ".git/config.js",
    "README.md",
    "jsconfig.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "types.ts",
    "vendor/SHA256SUMS",
    "vendor/build.mjs",
    "vendor/core.d.ts",
    "vendor/node_modules/preact/index.js",
    "vendor/package-lock.json",
    "vendor/package.json",
    "vendor/src/core.js",
)


@pytest.fixture
def write(tmp_path):
    """Write files, by path, into the folder that is given back."""

    def written(files):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text, "utf-8")
        return tmp_path

    return written


def test_what_is_served(write):
    """The whole folder is, but for the document itself and what only developers need."""
    folder = write({**FILES, **dict.fromkeys(UNSERVED, "x")})

    assert set(FILES) - {"index.html"} == set(ui_files.site(folder).assets)


def test_types(write):
    """Each file has the type that browsers want, and is sent as it stands in the folder."""
    assets = ui_files.site(write(FILES)).assets

    assert {
        "main.js": "text/javascript; charset=utf-8",
        "styles/all.css": "text/css; charset=utf-8",
        "icon.svg": "image/svg+xml",
        "icon.png": "image/png",
        "font.woff2": "font/woff2",
        "app.webmanifest": "application/manifest+json",
        "words.json": "application/json",
        "vendor/LICENSES.txt": "text/plain; charset=utf-8",
    }.items() <= {path: file.type for path, file in assets.items()}.items()
    assert FILES["a.js"].encode() == assets["a.js"].content
    assert {"icon.png", "font.woff2"} == {path for path, file in assets.items() if not file.compressible}


def test_document(write):
    """Its links are absolute, so that it works at every page; the modules that the first one needs are named in it."""
    site = ui_files.site(write(FILES))
    preloaded = ["a.js", "side.js", "deep/b.js", "deep/c.js"]

    links = "\n".join(f'<link rel="modulepreload" href="{site.base}/{path}">' for path in preloaded)
    script = f'<script type="module" src="{site.base}/main.js"></script>'
    assert f"<!doctype html>\n{links}\n{script}\n" == site.document.content.decode()


def test_imports_of_no_file(write):
    """What is not there is not preloaded, and without a first module nothing is."""
    folder = write({"index.html": "<!-- modulepreload -->", "main.js": 'import "./none.js";\nimport "../../etc.js";\n'})
    site = ui_files.site(folder)

    assert ("", []) == (site.document.content.decode(), ui_files.imports(site.assets, "none.js"))


@pytest.mark.parametrize(
    "statement",
    [
        'import "./x.js";',
        "import './x.js'",
        'import x from "./x.js";',
        'import * as x from "./x.js";',
        'import x, { y as z } from "./x.js";',
        'import {\n  x,\n  y, // why\n} from\n  "./x.js";',
        'import{x}from"./x.js";',
        'export * from "./x.js";',
        'export * as x from "./x.js";',
        'export { x, y as default } from "./x.js";',
        '  import "./y/../x.js";',
    ],
)
def test_static_imports(statement):
    """Every way of writing a static import is known."""
    assert ["deep/x.js"] == ui_files.imported("deep/main.js", f"// first\n{statement}\nlater();\n".encode())


@pytest.mark.parametrize(
    "statement",
    [
        'import("./x.js");',
        'const x = await import("./x.js");',
        ' * import x from "./x.js"',
        '// import "./x.js"',
        'export const from = "./x.js";',
        'export const x = text("a from", "./x.js");',
        'export function from() {\n  return "./x.js";\n}',
        'import x from "preact";',
        'import x from "https://cdn.example/x.js";',
        'important from "./x.js"',
    ],
)
def test_no_static_imports(statement):
    """An import() is not wanted yet; comments, texts and bare names are no imports of ours."""
    assert [] == ui_files.imported("main.js", f"{statement}\n".encode())


@pytest.mark.parametrize("changed", [*FILES, "new.js"])
def test_version_changes_with_each_file(write, changed):
    """A changed or added file changes the address of all, so that no browser keeps an old one."""
    before = ui_files.site(write(FILES)).base
    after = ui_files.site(write({changed: "changed"})).base

    assert before != after
    for base in (before, after):
        assert re.fullmatch(rf"/ui/{re.escape(__version__)}-[0-9a-f]{{10}}", base)


def test_version_does_not_change_otherwise(write):
    """What is not served does not matter."""
    before = ui_files.site(write(FILES)).base

    assert before == ui_files.site(write(dict.fromkeys(UNSERVED, "x"))).base


def test_version_changes_with_a_name(write):
    """A file that moves is another file."""
    folder = write(FILES)
    before = ui_files.site(folder).base
    (folder / "side.js").rename(folder / "sides.js")

    assert before != ui_files.site(folder).base


def test_compressed_once():
    """A file is compressed once, however many ask at the same time."""
    file = File(b"text " * 200_000, ".js")
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: file.compressed(), range(32)))

    assert 1 == len(set(map(id, results)))
    assert file.content == gzip.decompress(results[0])


def test_first_load():
    """What the browser needs before it can show the chat is 90 kB of JavaScript in gzip at most."""
    paths = ["theme.js", ui_files.ENTRY, *ui_files.imports(REAL.assets, ui_files.ENTRY)]
    sizes = {path: len(REAL.assets[path].compressed()) for path in paths}

    assert sum(sizes.values()) <= FIRST_LOAD_BYTES, sorted(sizes.items(), key=lambda item: -item[1])
    assert "vendor/core.js" in sizes


def test_imports_lead_somewhere():
    """Every static import of the chat's modules is of a file that is served."""
    broken = [
        (path, name)
        for path, file in REAL.assets.items()
        if path.endswith(".js") and not path.startswith("vendor/")
        for name in ui_files.imported(path, file.content)
        if name not in REAL.assets
    ]

    assert [] == broken


def test_only_the_chat_is_served():
    """Nothing that only developers need is among the chat's own files."""
    suffixes = {PurePosixPath(path).suffix for path in REAL.assets}
    folders = {part for path in REAL.assets for part in PurePosixPath(path).parts[:-1]}

    assert suffixes <= {".js", ".css", ".svg", ".png", ".ico", ".json", ".webmanifest", ".woff2", ".txt"}
    assert not folders & {"src", "node_modules"}
    assert "vendor/LICENSES.txt" in REAL.assets


def test_comments_are_not_sent(write):
    """A module is sent without the comments that have a line to themselves; every line keeps its number."""
    module = """// What it is.
import { a } from "./d.js"; // kept

/**
 * @param {string} x * / still
 */
export const b = (x) => /** @type {any} */ (x);
  /* one */
const text = "// no comment";
"""
    expected = """
import { a } from "./d.js"; // kept




export const b = (x) => /** @type {any} */ (x);

const text = "// no comment";
"""

    assets = ui_files.site(write({**FILES, "main.js": module, "vendor/core.js": "/*! licence */\n"})).assets

    assert expected == assets["main.js"].content.decode()
    assert "/*! licence */\n" == assets["vendor/core.js"].content.decode()
