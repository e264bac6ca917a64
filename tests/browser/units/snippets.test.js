// Requests as code: quoting, pictures, streaming or not.

import { assert, assertEqual, test } from "./harness.js";
import { curl, javascript, pictureFiles, python } from "/ui/app/views/snippets.js";

const ORIGIN = "http://localhost:8080";
const PNG = "data:image/png;base64,iVBORw0KGgo=";
const JPEG = "data:image/jpeg;base64,AAEC";

// What means something to a shell, to JSON, to Python or to JavaScript, and what an editor could trip over.
const NASTY = [
  "'", '"', "\\", "$", "`", "$(id)", "${HOME}", "`id`", "\n", "\r\n", "\nJSON\n", "JSON", "!", "!!", '"""', "'''",
  "\\n", "\\$", "\\`", "\0", "\t", "\b\f", "\x7f", "\u0085", "\u2028", "\u2029", "\ud800", "\udc00", "😀", "שלום", "{x}", "%s",
  "#", "//", "/*", "</script>", "$LLMS_API_KEY", PNG,
];

/** @param {string} text */
const user = (text) => ({ role: "user", content: text });

/** @param {string} url */
const picture = (url) => ({ type: "image_url", image_url: { url } });

/** @param {Record<string, unknown>} given */
function requestOf(given) {
  return { origin: ORIGIN, body: { model: "demo", messages: [user("Hello")], ...given } };
}

/** @param {number} seed */
function* dice(seed) {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** @param {number} seed */
function nastyText(seed) {
  const random = dice(seed);
  const roll = () => Math.floor(Number(random.next().value) * NASTY.length);
  return Array.from({ length: 1 + (seed % 9) }, () => NASTY[roll()]).join(seed % 2 === 0 ? "" : "x");
}

/** @param {string} code What a shell hands to curl of a here-document that is quoted, and of one that is not. */
function heredoc(code) {
  const [, quote, text] = /<<('?)JSON'?\n([^]*)\nJSON\n$/.exec(code) ?? [];
  assert(text !== undefined, "no here-document");
  assert(!text.split("\n").includes("JSON"), "it ends early");
  if (quote !== "") return text;
  const files = text.replace(/\$\(base64 < (picture-\d+\.\w+) \| tr -d '\\n'\)/g, "<$1>");
  assert(!/(?<!\\)(?:\\\\)*[$`]/.test(files), "the shell would put something in");
  return files.replace(/\\([\\$`])/g, "$1");
}

/** @param {string} text Half a surrogate pair becomes what a reader makes of it. */
const wellFormed = (text) => text.replace(/\p{Surrogate}/gu, "\uFFFD");

test("What curl sends is the body, whatever a person has written", () => {
  for (let seed = 0; seed < 300; seed += 1) {
    const text = nastyText(seed);
    const sent = JSON.parse(heredoc(curl(requestOf({ messages: [user(text)], stop: [text], seed: 7 }))));
    assertEqual(wellFormed(text), sent.messages[0].content);
    assertEqual([wellFormed(text)], sent.stop);
    assertEqual(7, sent.seed);
  }
});

test("With pictures too, curl sends what a person has written, and the shell reads the pictures from files", () => {
  for (let seed = 0; seed < 300; seed += 1) {
    const text = nastyText(seed);
    const content = [{ type: "text", text }, picture(PNG), picture(JPEG)];
    const sent = JSON.parse(heredoc(curl(requestOf({ messages: [{ role: "user", content }] }))));
    assertEqual(wellFormed(text), sent.messages[0].content[0].text);
    assertEqual("data:image/png;base64,<picture-1.png>", sent.messages[0].content[1].image_url.url);
    assertEqual("data:image/jpeg;base64,<picture-2.jpeg>", sent.messages[0].content[2].image_url.url);
  }
});

test("Python and JavaScript hold a text as a literal that reads as the text, on one line", () => {
  for (let seed = 0; seed < 300; seed += 1) {
    const text = nastyText(seed);
    for (const code of [python(requestOf({ model: text })), javascript(requestOf({ model: text }))]) {
      const line = code.split("\n").find((each) => /^ +model(=|: )/.test(each)) ?? "";
      const literal = line.replace(/^ +model(=|: )/, "").replace(/,$/, "");
      assertEqual(wellFormed(text), JSON.parse(literal));
      // Both languages read the escapes of JSON as JSON does; no other may be there.
      assert(!/(?<!\\)(?:\\\\)*\\[^"\\bfnrtu]/.test(literal), literal);
    }
  }
});

test("Python gets its own words for true, false and null", () => {
  const options = { include_usage: true };
  const code = python(requestOf({ stream: true, logprobs: false, user: null, stream_options: options }));

  assert(code.includes("\n    stream=True,\n"), code);
  assert(code.includes("\n    logprobs=False,\n"), code);
  assert(code.includes("\n    user=None,\n"), code);
  assert(code.includes('\n    stream_options={"include_usage": True},\n'), code);
});

test("What is not set is not written", () => {
  for (const write of [curl, python, javascript]) assert(!write(requestOf({ top_p: undefined })).includes("top_p"));
});

test("A program reads the key from the environment, and talks to this gateway", () => {
  const request = requestOf({ stream: true });

  assert(curl(request).includes(`"${ORIGIN}/v1/chat/completions"`));
  assert(curl(request).includes('"Authorization: Bearer $LLMS_API_KEY"'));
  assert(python(request).includes(`base_url="${ORIGIN}/v1"`));
  assert(python(request).includes('os.environ.get("LLMS_API_KEY", "none")'));
  assert(javascript(request).includes(`baseURL: "${ORIGIN}/v1"`));
  assert(javascript(request).includes('process.env.LLMS_API_KEY ?? "none"'));
});

test("An answer that streams is printed as it comes, one that does not at once", () => {
  const [streamed, whole] = [requestOf({ stream: true }), requestOf({ stream: false })];

  assert(curl(streamed).startsWith("curl --no-buffer "));
  assert(!curl(whole).includes("--no-buffer"));
  assert(python(streamed).includes("for chunk in stream:"));
  assert(python(whole).includes("print(completion.choices[0].message.content)"));
  assert(javascript(streamed).includes("for await (const chunk of stream)"));
  assert(javascript(whole).includes("console.log(completion.choices[0].message.content)"));
});

test("A picture is read from a file beside the program, never written out", () => {
  const request = requestOf({ messages: [{ role: "user", content: [picture(PNG), picture(JPEG)] }] });

  assertEqual(
    [
      { file: "picture-1.png", type: "image/png" },
      { file: "picture-2.jpeg", type: "image/jpeg" },
    ],
    pictureFiles(request),
  );
  for (const write of [curl, python, javascript]) assert(!write(request).includes("iVBORw0KGgo"));
  assert(python(request).includes('data_url("picture-1.png", "image/png")'));
  assert(javascript(request).includes('await dataUrl("picture-2.jpeg", "image/jpeg")'));
});

test("A picture at an address of its own stays that address", () => {
  const url = "https://pictures.example/a.png";
  const request = requestOf({ messages: [{ role: "user", content: [picture(url)] }] });

  assertEqual([], pictureFiles(request));
  for (const write of [curl, python, javascript]) assert(write(request).includes(`"${url}"`));
});

test("A text that looks like a picture stays text", () => {
  const request = requestOf({ messages: [user(PNG)] });

  assertEqual([], pictureFiles(request));
  assert(python(request).includes(PNG));
});
