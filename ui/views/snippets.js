// A request to the gateway as code: curl, Python and JavaScript. Pure: the body as it is sent goes in, a program that
// sends the same comes out. The key is never among what goes in; each program reads it from LLMS_API_KEY.
//
// A picture is not written out: the program reads it from a file beside it (`pictureFiles` names them).

/**
 * @typedef {object} CodeRequest
 * @property {string} origin  Of the gateway.
 * @property {Record<string, any>} body  Of `POST /v1/chat/completions`.
 */

/** @typedef {{file: string, type: string}} PictureFile */

/**
 * How a language writes values.
 *
 * @typedef {object} Notation
 * @property {(text: string) => string} text
 * @property {(name: string) => string} name  A key of an object, with what separates it from its value.
 * @property {(picture: PictureFile) => string} picture
 * @property {{true: string, false: string, null: string}} words
 * @property {string} lastComma
 * @property {string} pad  Inside the braces of an object on one line.
 */

const PATH = "/v1/chat/completions";
const WIDTH = 88;
const JSON_WORDS = { true: "true", false: "false", null: "null" };

/** Stands in a body where a picture was. */
class PictureSlot {
  /** @param {PictureFile} picture */
  constructor(picture) {
    this.picture = picture;
  }
}

/**
 * The files that the programs read, in the order of the pictures.
 *
 * @param {CodeRequest} request
 * @returns {PictureFile[]}
 */
export function pictureFiles({ body }) {
  return withSlots(body).pictures;
}

/**
 * @param {CodeRequest} request
 * @returns {string} For bash, zsh and every other POSIX shell.
 */
export function curl({ origin, body }) {
  const { slotted, pictures } = withSlots(body);
  // A quoted here-document is taken as it stands. With pictures it has to be an open one, for the shell to put them in.
  const open = pictures.length > 0;
  const notation = open ? SHELL : JSON_TEXT;
  return `${[
    `curl ${body.stream === true ? "--no-buffer " : ""}"${origin}${PATH}" \\`,
    '  --header "Authorization: Bearer $LLMS_API_KEY" \\',
    '  --header "Content-Type: application/json" \\',
    `  --data-binary @- <<${open ? "JSON" : "'JSON'"}`,
    literal(slotted, notation, ""),
    "JSON",
  ].join("\n")}\n`;
}

/**
 * @param {CodeRequest} request
 * @returns {string}
 */
export function python({ origin, body }) {
  const { slotted, pictures } = withSlots(body);
  const values = Object.entries(slotted).map(([name, value]) => `    ${name}=${literal(value, PYTHON, "    ")},\n`);
  return [
    pictures.length > 0 ? "import os\nfrom base64 import b64encode\nfrom pathlib import Path\n" : "import os\n",
    "\nfrom openai import OpenAI\n\n",
    pictures.length > 0 ? `\n${PYTHON_DATA_URL}\n\n` : "",
    `client = OpenAI(\n    base_url="${origin}/v1",\n    api_key=os.environ.get("LLMS_API_KEY", "none"),\n)\n\n`,
    `${body.stream === true ? "stream" : "completion"} = client.chat.completions.create(\n${values.join("")})\n`,
    body.stream === true ? PYTHON_STREAM : "print(completion.choices[0].message.content)\n",
  ].join("");
}

/**
 * @param {CodeRequest} request
 * @returns {string} A module for Node.js, Deno or Bun.
 */
export function javascript({ origin, body }) {
  const { slotted, pictures } = withSlots(body);
  const values = Object.entries(slotted).map(
    ([name, value]) => `  ${JAVASCRIPT.name(name)}${literal(value, JAVASCRIPT, "  ")},\n`,
  );
  return [
    pictures.length > 0 ? 'import { readFile } from "node:fs/promises";\n' : "",
    'import OpenAI from "openai";\n\n',
    pictures.length > 0 ? `${JAVASCRIPT_DATA_URL}\n` : "",
    `const client = new OpenAI({\n  baseURL: "${origin}/v1",\n  apiKey: process.env.LLMS_API_KEY ?? "none",\n});\n\n`,
    `const ${body.stream === true ? "stream" : "completion"} = await client.chat.completions.create({\n`,
    `${values.join("")}});\n`,
    body.stream === true ? JAVASCRIPT_STREAM : "console.log(completion.choices[0].message.content);\n",
  ].join("");
}

const PYTHON_DATA_URL = `def data_url(path: str, media_type: str) -> str:
    return f"data:{media_type};base64,{b64encode(Path(path).read_bytes()).decode()}"
`;

const PYTHON_STREAM = `for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
`;

const JAVASCRIPT_DATA_URL = `const dataUrl = async (path, type) =>
  \`data:\${type};base64,\${(await readFile(path)).toString("base64")}\`;
`;

const JAVASCRIPT_STREAM = `for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}
console.log();
`;

/**
 * A text between double quotes, as JSON, JavaScript and Python all read it. Half a surrogate pair cannot be sent as
 * UTF-8, so it becomes what every reader would make of it.
 *
 * @param {string} text
 */
const quoted = (text) => JSON.stringify(text.replace(/\p{Surrogate}/gu, "\uFFFD"));

/** @type {Notation} */
const JSON_TEXT = {
  text: quoted,
  name: (name) => `${quoted(name)}: `,
  picture: () => "null", // a body with pictures is written by SHELL
  words: JSON_WORDS,
  lastComma: "",
  pad: "",
};

/** JSON in an open here-document: three characters mean something to the shell there. */
const inShell = (/** @type {string} */ text) => quoted(text).replace(/[\\$`]/g, "\\$&");

/** @type {Notation} */
const SHELL = {
  text: inShell,
  name: (name) => `${inShell(name)}: `,
  picture: ({ file, type }) => `"data:${type};base64,$(base64 < ${file} | tr -d '\\n')"`,
  words: JSON_WORDS,
  lastComma: "",
  pad: "",
};

/** @type {Notation} */
const PYTHON = {
  text: quoted,
  name: (name) => `${quoted(name)}: `,
  picture: ({ file, type }) => `data_url("${file}", "${type}")`,
  words: { true: "True", false: "False", null: "None" },
  lastComma: ",",
  pad: "",
};

/** @type {Notation} */
const JAVASCRIPT = {
  text: quoted,
  name: (name) => (/^[A-Za-z_]\w*$/.test(name) && name !== "__proto__" ? `${name}: ` : `[${quoted(name)}]: `),
  picture: ({ file, type }) => `await dataUrl("${file}", "${type}")`,
  words: JSON_WORDS,
  lastComma: ",",
  pad: " ",
};

/**
 * Write a value: on one line where that is short, else a line for each part.
 *
 * @param {unknown} value
 * @param {Notation} notation
 * @param {string} indent Of the line that it begins on.
 * @returns {string}
 */
function literal(value, notation, indent) {
  if (value instanceof PictureSlot) return notation.picture(value.picture);
  if (typeof value === "string") return notation.text(value);
  if (typeof value === "boolean" || value === null) return notation.words[/** @type {"true"} */ (String(value))];
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}  ${notation === PYTHON ? "  " : ""}`;
  if (Array.isArray(value)) {
    const items = value.map((item) => literal(item, notation, inner));
    return enclosed(items, ["[", "]"], { indent, inner, lastComma: notation.lastComma });
  }
  const members = Object.entries(value).map(([name, part]) => notation.name(name) + literal(part, notation, inner));
  return enclosed(members, [`{${notation.pad}`, `${notation.pad}}`], { indent, inner, lastComma: notation.lastComma });
}

/**
 * @param {string[]} parts
 * @param {[string, string]} brackets As they stand on one line.
 * @param {{indent: string, inner: string, lastComma: string}} layout
 */
function enclosed(parts, [start, end], { indent, inner, lastComma }) {
  if (parts.length === 0) return start.trim() + end.trim();
  const line = start + parts.join(", ") + end;
  if (line.length + indent.length <= WIDTH && !line.includes("\n")) return line;
  return `${start.trim()}\n${parts.map((part) => inner + part).join(",\n")}${lastComma}\n${indent}${end.trim()}`;
}

/**
 * Put a slot where a picture is, and drop what is not set.
 *
 * @param {Record<string, any>} body
 * @returns {{slotted: Record<string, any>, pictures: PictureFile[]}}
 */
function withSlots(body) {
  /** @type {PictureFile[]} */
  const pictures = [];
  /** @param {any} part */
  const replaced = (part) => {
    const type = part?.type === "image_url" && /^data:(image\/[a-z0-9.+-]+);base64,/.exec(part.image_url?.url)?.[1];
    if (!type) return part;
    const picture = { file: `picture-${pictures.length + 1}.${type.slice("image/".length)}`, type };
    pictures.push(picture);
    return { ...part, image_url: { ...part.image_url, url: new PictureSlot(picture) } };
  };
  const messages = body.messages.map((/** @type {any} */ message) =>
    Array.isArray(message.content) ? { ...message, content: message.content.map(replaced) } : message,
  );
  const set = Object.entries({ ...body, messages }).filter(([, value]) => value !== undefined);
  return { slotted: Object.fromEntries(set), pictures };
}
