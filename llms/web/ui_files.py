"""
The files of the web chat: which of them are served, under which names, and the document that names them.

The folder is read once, when the gateway is built; after that a path that a client sends is looked up in a table and
never reaches the disk. Assets stand under a version that changes with any of them, so that a browser may keep them for
ever and a page never mixes modules of two versions.

Modules are sent as they stand, but for their comments.

A text is compressed when it is first asked for, in a thread, and kept. Compressing all of them at start would delay
every start for files that may never be wanted; compressing into the wheel would be a second way beside the one that a
checkout needs.
"""

import gzip
import hashlib
import posixpath
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from llms import __version__

DOCUMENT = "index.html"
ENTRY = "main.js"

_TEXTS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",  # licences
}
_TYPES = {**_TEXTS, ".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2"}

_DEVELOPMENT = re.compile(r"\.|(node_modules|src|package(-lock)?\.json|[jt]sconfig.*\.json)$")
"""Names of files and folders that only making and checking the chat needs, beside the types that are not served."""


class File:
    """
    One file as it is sent.

    Args:
        content: Uncompressed.
        suffix: Of its name; says its type.
    """

    def __init__(self, content: bytes, suffix: str) -> None:
        self.content = content
        self.type = _TYPES[suffix]
        self.compressible = suffix in _TEXTS
        self.digest = hashlib.sha256(content).hexdigest()
        self._compressing = threading.Lock()
        self._compressed: bytes | None = None

    def compressed(self) -> bytes:
        """Give the content in gzip; the first time it takes some milliseconds, so ask from a thread."""
        with self._compressing:
            if self._compressed is None:
                self._compressed = gzip.compress(self.content, mtime=0)
        return self._compressed


@dataclass(frozen=True, slots=True)
class Site:
    """
    All there is to serve.

    Args:
        base: The path that assets are under: ``/ui/`` and the version.
        document: What every page of the chat is made of.
        assets: By their path in the folder.
    """

    base: str
    document: File
    assets: Mapping[str, File]


def folder() -> Traversable:
    """Give the folder that is served."""
    packaged = resources.files("llms") / "ui"
    # In a checkout the chat is beside the package, not in it.
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "ui"


def site(source: Traversable) -> Site:
    """Read a folder."""
    assets = {path: File(_lean(path, content), Path(path).suffix) for path, content in _served(source)}
    raw = (source / DOCUMENT).read_bytes()
    names = "".join(f"{path}\n{file.digest}\n" for path, file in sorted(assets.items()))
    version = hashlib.sha256(names.encode() + raw).hexdigest()[:10]
    base = f"/ui/{__version__}-{version}"
    return Site(base, File(_document(raw.decode(), base, assets).encode(), ".html"), assets)


def imports(assets: Mapping[str, File], entry: str) -> list[str]:
    """Give the paths of what ``entry`` imports statically, of what that imports, and so on."""
    found: list[str] = []
    waiting = [entry]
    while waiting:
        path = waiting.pop(0)
        if path not in found and path in assets:
            found.append(path)
            waiting += imported(path, assets[path].content)
    return found[1:]


def imported(path: str, content: bytes) -> list[str]:
    """Give the paths that one module imports statically; ``import()`` is what is not wanted yet."""
    names = (match.group(1).decode() for match in _IMPORT.finditer(content))
    return [posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) for name in names]


_IMPORT = re.compile(rb"""^[ \t]*(?:import|export)\b(?:[^;"'()]*?\bfrom)?\s*["'](\.\.?/[^"'\n]+)["']""", re.MULTILINE)


def _served(source: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in source.iterdir():
        path = prefix + entry.name
        if _DEVELOPMENT.match(entry.name) or path == DOCUMENT:
            continue
        if entry.is_dir():
            yield from _served(entry, f"{path}/")
        elif Path(path).suffix in _TYPES:
            yield path, entry.read_bytes()


def _lean(path: str, content: bytes) -> bytes:
    # A third of the modules' bytes are comments. .ci/ui proves that what is left is the same program.
    if not path.endswith(".js") or path.startswith("vendor/"):
        return content
    return _COMMENT.sub(lambda match: b"\n" * match[0].count(b"\n"), content)


_COMMENT = re.compile(rb"^[ \t]*(?://[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)[ \t]*$", re.MULTILINE)
"""Comments that have their lines to themselves. The lines stay, empty: an error's place is that in the source."""


def _document(raw: str, base: str, assets: Mapping[str, File]) -> str:
    # Without these lines a browser learns of a module only when it has read the one that imports it.
    links = (f'<link rel="modulepreload" href="{base}/{path}">' for path in imports(assets, ENTRY))
    return raw.replace("{{base}}", base).replace("<!-- modulepreload -->", "\n".join(links))
