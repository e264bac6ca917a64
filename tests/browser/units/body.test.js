import { chatBody, continueBody } from "/ui/app/stream/body.js";
import { assert, assertEqual, assertThrows, test } from "./harness.js";

/** @typedef {import("/ui/app/types.js").Message} Message */

/**
 * @param {"user" | "assistant"} role
 * @param {string} content
 * @param {Partial<Message>} [more]
 * @returns {Message}
 */
function message(role, content, more = {}) {
  const blank = {
    id: "m",
    thread: "t",
    parent: null,
    pictures: [],
    reasoning: "",
    reasoningMs: 0,
    tools: [],
    model: "",
  };
  const rest = { failure: null, finish: null, usage: null, timing: null, servedBy: null, created: 0 };
  return { ...blank, ...rest, status: "done", role, content, ...more };
}

/** @param {Partial<import("/ui/app/stream/body.js").Asked>} [more] */
function asked(more = {}) {
  return { model: "m", system: "", parameters: {}, messages: [message("user", "Hi")], stream: true, ...more };
}

const PIXEL = new Blob([Uint8Array.of(1, 2, 3)]);
const picture = { id: "p", name: "a.png", type: "image/png", blob: PIXEL };

test("a streamed request asks for its usage, one that is not streamed says so", async () => {
  const messages = [{ role: "user", content: "Hi" }];

  assertEqual({ model: "m", messages, stream: true, stream_options: { include_usage: true } }, await chatBody(asked()));
  assertEqual({ model: "m", messages, stream: false }, await chatBody(asked({ stream: false })));
});

test("the system prompt comes first, and not at all where it is blank", async () => {
  const body = await chatBody(asked({ system: " Be brief. " }));
  const blank = await chatBody(asked({ system: " \n" }));

  assertEqual(
    [
      { role: "system", content: " Be brief. " },
      { role: "user", content: "Hi" },
    ],
    body.messages,
  );
  assertEqual([{ role: "user", content: "Hi" }], blank.messages);
});

test("parameters that are set are sent, others and foreign ones are not", async () => {
  const parameters = { temperature: 0, top_p: NaN, max_tokens: 5, seed: undefined, reasoning_effort: "", stop: ["a"] };
  const foreign = { ...parameters, messages: "x", model: "other", stream: "x", tools: [] };

  const body = await chatBody(asked({ parameters: foreign }));

  const { messages, stream_options, ...rest } = body;
  assertEqual({ model: "m", stream: true, temperature: 0, max_tokens: 5, stop: ["a"] }, rest);
  assertEqual("stop" in (await chatBody(asked({ parameters: { stop: [] } }))), false);
});

test("an answer that broke off is sent as far as it came, an empty one is not", async () => {
  const messages = [
    message("user", "1"),
    message("assistant", "", { status: "failed", reasoning: "Hm" }),
    message("user", "2"),
    message("assistant", "Half", {
      status: "stopped",
      reasoning: "Hm",
      tools: [{ id: "a", name: "f", arguments: "{}" }],
    }),
    message("user", "3"),
    message("assistant", "", { tools: [{ id: "a", name: "f", arguments: "{}" }] }),
    message("user", "4"),
  ];

  const body = await chatBody(asked({ messages }));

  const sent = [
    ["user", "1"],
    ["user", "2"],
    ["assistant", "Half"],
    ["user", "3"],
    ["user", "4"],
  ];
  assertEqual(
    sent.map(([role, content]) => ({ role, content })),
    body.messages,
  );
});

test("pictures are sent as data URLs of their own type, after the text", async () => {
  const messages = [message("user", "What?", { pictures: [picture] }), message("user", "", { pictures: [picture] })];

  const body = await chatBody(asked({ messages }));

  const image = { type: "image_url", image_url: { url: "data:image/png;base64,AQID" } };
  assertEqual(
    [
      { role: "user", content: [{ type: "text", text: "What?" }, image] },
      { role: "user", content: [image] },
    ],
    body.messages,
  );
});

test("a picture that can no longer be read is named", async () => {
  const reading = FileReader.prototype.readAsDataURL;
  FileReader.prototype.readAsDataURL = function () {
    queueMicrotask(() => this.dispatchEvent(new ProgressEvent("error")));
  };
  try {
    const messages = [message("user", "What?", { pictures: [picture] })];

    await assertThrows(() => chatBody(asked({ messages })), "The picture a.png can no longer be read.");
  } finally {
    FileReader.prototype.readAsDataURL = reading;
  }
});

test("to continue an answer is to ask for what comes after it", async () => {
  const messages = [message("user", "Count"), message("assistant", "One two", { status: "stopped" })];

  const body = await continueBody(asked({ messages, system: "S" }));

  const sent = /** @type {{role: string, content: string}[]} */ (body.messages);
  assertEqual(
    ["system", "user", "assistant", "user"],
    sent.map(({ role }) => role),
  );
  assertEqual("One two", sent[2].content);
  assert(sent[3].content.includes("exactly where it ends"));
  assertEqual([true, "m"], [body.stream, body.model]);
});

test("to continue an answer without a word is to ask the question again", async () => {
  const messages = [message("user", "Count"), message("assistant", "", { status: "failed" })];

  const body = await continueBody(asked({ messages }));

  assertEqual([{ role: "user", content: "Count" }], body.messages);
});
