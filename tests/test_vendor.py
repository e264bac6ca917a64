"""The web chat ships the libraries it says it ships, and nothing in it makes code or HTML of a text."""

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

UI = Path(__file__).parents[1] / "ui"
VENDOR = UI / "vendor"
BUNDLES = sorted(path for suffix in ("js", "css") for path in VENDOR.glob(f"*.{suffix}"))
MODULES = sorted(path for path in UI.rglob("*.js") if VENDOR not in path.parents)
LOCK = (VENDOR / "package-lock.json").read_text("utf-8")

MAKES_CODE = re.compile(r"\beval\s*\(|\bnew Function\b|\bFunction\s*\(")
MAKES_HTML = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|srcdoc|document\.write(ln)?|setHTMLUnsafe"
    r"|parseHTMLUnsafe|parseFromString|createContextualFragment)\b"
)


def banner(bundle):
    """Give the packages that the first line of a bundle names, with their versions."""
    line = re.match(r"/\*! (.+?)\. Made by build\.mjs", bundle.read_text("utf-8"))
    assert line, f"{bundle.name} does not say what it holds"
    return dict(entry.rsplit(" ", 1) for entry in line[1].split(", "))


class Inline(HTMLParser):
    """Collects what a document runs or styles by itself, which the chat's Content-Security-Policy forbids."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(f"<{tag}>")
        self.found += [f"{tag}[{name}]" for name in names if name == "style" or name.startswith("on")]
        self.found += [f"{tag}[{name}={value}]" for name, value in attrs if (value or "").startswith("javascript:")]


def test_the_checksums_are_those_of_the_generated_files():
    generated = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in [*BUNDLES, VENDOR / "LICENSES.txt"]
    }

    lines = (VENDOR / "SHA256SUMS").read_text("utf-8").splitlines()

    assert generated == {name: digest for digest, name in (line.split("  ") for line in lines)}


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_the_licence_of_every_package_in_a_bundle_is_shipped_with_it(bundle):
    licences = (VENDOR / "LICENSES.txt").read_text("utf-8")
    headings = re.findall(r"^={100}\n(\S+) (\S+)\nLicence: .+\nIn: (.+)\n={100}\n\n\S", licences, re.MULTILINE)

    shipped = {name: version for name, version, files in headings if bundle.name in files.split(", ")}

    assert banner(bundle) == shipped


def test_the_bundles_hold_the_locked_packages_and_all_that_the_page_depends_on():
    manifest = json.loads((VENDOR / "package.json").read_text("utf-8"))
    locked = {path.removeprefix("node_modules/"): entry for path, entry in json.loads(LOCK)["packages"].items() if path}
    bundled = {name: version for bundle in BUNDLES for name, version in banner(bundle).items()}

    assert bundled == {name: locked[name]["version"] for name in bundled}
    assert manifest["dependencies"] == {name: bundled.get(name) for name in manifest["dependencies"]}


def test_every_package_is_locked_by_its_hash_and_no_registry_is_named():
    packages = {path: entry for path, entry in json.loads(LOCK)["packages"].items() if path}

    assert [] == [path for path, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")]
    assert [] == re.findall(r'"resolved"|registry|\.tgz', LOCK)


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_no_bundle_makes_code_of_a_text(bundle):
    assert [] == [match[0] for match in MAKES_CODE.finditer(bundle.read_text("utf-8"))]


def test_no_module_of_the_chat_makes_code_or_html_of_a_text():
    lines = [
        (path, number, line) for path in MODULES for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
    ]

    found = [
        f"{path.relative_to(UI)}:{number}: {match[0]}"
        for path, number, line in lines
        for match in [*MAKES_CODE.finditer(line), *MAKES_HTML.finditer(line)]
    ]

    assert [] == found


def test_no_module_of_the_chat_is_longer_than_300_lines():
    lengths = {str(path.relative_to(UI)): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    del lengths["strings.js"], lengths["admin/texts.js"]  # the tables of texts, a line for each

    assert {} == {name: length for name, length in lengths.items() if length > 300}


def test_the_document_has_no_inline_script_and_no_inline_style():
    document = Inline()

    document.feed((UI / "index.html").read_text("utf-8"))

    assert [] == document.found
