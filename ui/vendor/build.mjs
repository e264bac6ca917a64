// Makes the bundles of ui/vendor, their licences and their checksums from the packages that package-lock.json pins.
//
//   node build.mjs DIR           write them into DIR
//   node build.mjs --check DIR   compare them with DIR, byte for byte
//
// The packages are looked up from this file's folder upwards, so run it in a copy: nothing is installed in a checkout.
// CI runs the check (.ci/ui). To change a version, or what a bundle exports, from the top of the checkout:
//
//   work=$(mktemp -d) && cp -R ui/vendor/. "$work"   # then edit package.json or src/ there
//   (cd "$work" && npm install && node build.mjs . && rm -r node_modules) && cp -R "$work"/. ui/vendor
//
// One version of esbuild writes the same bytes on every machine, and no path gets into them.

import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build, transform } from "esbuild";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const SCRIPTS = ["core", "events", "answer", "hljs", "temml", "uplot"];
const STYLES = {
  temml: { from: "temml/dist/Temml-Local.css", edit: withSystemFonts },
  uplot: { from: "uplot/dist/uPlot.min.css", edit: (source) => source },
};
// Noto after DejaVu: Chromium does not stretch its brackets.
const MATH_FONTS = '"STIX Two Math", "Latin Modern Math", "DejaVu Math TeX Gyre", "Noto Sans Math"';
const COMMON = { charset: "utf8", legalComments: "none", logLevel: "warning", minify: true, target: "es2022" };
const PACKAGE_FOLDER = /^.*node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/;
const MARKED = /^([^]*)var (\w+)=new \w+;function \w+\(\w+,\w+\)\{return \2\.parse[^]*export(\{[^{}]*\});/;
const RULE = "=".repeat(100);

/**
 * marked without what would make HTML of a text: the lexer is all that the page uses. The module ends with the function
 * `marked`, which holds on to the parser and the renderer, so that the bundler cannot see that nobody wants them.
 */
const lexerOnly = {
  name: "lexer-only",
  setup(builder) {
    builder.onLoad({ filter: /[\\/]marked\.esm\.js$/ }, async ({ path: file }) => {
      const source = await readFile(file, "utf8");
      const parts = MARKED.exec(source);
      if (!parts) throw new Error("marked no longer ends with its function: see what holds on to the renderer now");
      const exported = ["Lexer", "Tokenizer"].map((name) => new RegExp(`\\w+ as ${name}\\b`).exec(parts[3])[0]);
      return { contents: `${parts[1]}export{${exported}};` };
    });
  },
};

/** What LICENSES.txt says of one package, read from its folder. */
async function readPackage(folder) {
  const { name, version, license } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  // A NOTICE travels with the code as the licence does (Apache-2.0, section 4d).
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
  if (!files.length) throw new Error(`${name} ${version} brings no licence text`);
  const texts = await Promise.all(files.map((file) => readFile(path.join(folder, file), "utf8")));
  return { name, version, license, text: texts.map((text) => text.replaceAll("\r\n", "\n").trim()).join("\n\n") };
}

/** The packages that these files come from, by name. */
async function packagesOf(files) {
  const folders = new Set(files.map((file) => PACKAGE_FOLDER.exec(path.resolve(HERE, file))?.[0]).filter(Boolean));
  return (await Promise.all([...folders].map(readPackage))).sort(byName);
}

const byName = (a, b) => (a.name < b.name ? -1 : 1);

function bundleOf(packages, code) {
  const names = packages.map(({ name, version }) => `${name} ${version}`).join(", ");
  return { packages, text: `/*! ${names}. Made by build.mjs; licences in LICENSES.txt */\n${code}` };
}

async function script(name) {
  const entry = { absWorkingDir: HERE, entryPoints: [`src/${name}.js`], plugins: [lexerOnly] };
  const result = { bundle: true, format: "esm", metafile: true, write: false };
  const { metafile, outputFiles } = await build({ ...COMMON, ...entry, ...result });
  return bundleOf(await packagesOf(Object.keys(metafile.inputs)), outputFiles[0].text);
}

/**
 * Temml's stylesheet for the math fonts that systems have, by their family names (the package has PostScript names,
 * which only some browsers know), and without the file it brings for script capitals: the page loads nothing more.
 */
function withSystemFonts(source) {
  const fontless = source.replace(/[^{}]*\{\s*font-family:\s*(["']?)Temml\1;?[^{}]*\}/g, "");
  const named = fontless.replace("'STIXTwoMath-Regular', 'NotoSansMath-Regular'", MATH_FONTS);
  const left = /Temml|url\((?!["']?data:|%23)/.exec(named);
  if (named === fontless || left) throw new Error("Temml's stylesheet names its fonts otherwise than it did");
  return named;
}

async function style(name) {
  const { from, edit } = STYLES[name];
  const file = createRequire(import.meta.url).resolve(from);
  const source = (await readFile(file, "utf8")).replace(/\/\*[^]*?\*\//g, "");
  const { code } = await transform(edit(source), { ...COMMON, loader: "css" });
  return bundleOf(await packagesOf([file]), code);
}

function licences(bundles) {
  const entries = new Map();
  for (const [file, { packages }] of bundles) {
    for (const each of packages) {
      if (!entries.has(each.name)) entries.set(each.name, { ...each, files: [] });
      entries.get(each.name).files.push(file);
    }
  }
  const blocks = [...entries.values()].sort(byName).map(({ name, version, license, files, text }) =>
    `${RULE}\n${name} ${version}\nLicence: ${license}\nIn: ${files.join(", ")}\n${RULE}\n\n${text}\n`);
  return `The packages in the bundles beside this file. Made by build.mjs.\n\n${blocks.join("\n")}`;
}

/** Every generated file's text, by name. */
async function generate() {
  const scripts = SCRIPTS.map(async (name) => [`${name}.js`, await script(name)]);
  const styles = Object.keys(STYLES).map(async (name) => [`${name}.css`, await style(name)]);
  const bundles = await Promise.all([...scripts, ...styles]);
  const files = new Map(bundles.map(([file, { text }]) => [file, text]));
  files.set("LICENSES.txt", licences(bundles));
  const sums = [...files].sort().map(([file, text]) => `${createHash("sha256").update(text).digest("hex")}  ${file}\n`);
  return files.set("SHA256SUMS", sums.join(""));
}

/** The generated files that folder has not got, or has otherwise: a sentence each. */
async function differences(files, folder) {
  const sentences = await Promise.all([...files].map(async ([file, text]) => {
    const found = await readFile(path.join(folder, file), "utf8").catch(() => null);
    if (found === null) return `${file} is missing`;
    return found === text ? "" : `${file} differs: ${found.length} characters, ${text.length} when built`;
  }));
  return sentences.filter(Boolean);
}

const { values, positionals } = parseArgs({ options: { check: { type: "boolean" } }, allowPositionals: true });
if (positionals.length !== 1) throw new Error("usage: node build.mjs [--check] DIR");
const files = await generate();
if (values.check) {
  const found = await differences(files, positionals[0]);
  for (const sentence of found) console.error(sentence);
  if (found.length) console.error("Build them again and commit them: the top of ui/vendor/build.mjs says how.");
  process.exitCode = found.length ? 1 : 0;
} else {
  await Promise.all([...files].map(([file, text]) => writeFile(path.join(positionals[0], file), text)));
}
