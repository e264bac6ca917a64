import { exportAll, exportThread, importAll } from "/ui/app/store/transfer.js";
import { assert, assertEqual, assertThrows, test } from "./harness.js";
import { message, testBoth, thread, withStore } from "./store_rows.js";

/** @typedef {import("/ui/app/store/store.js").Store} Store */

const BYTES = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7919) % 256);

const PICTURES = [
  { id: "p1", name: "a.png", type: "image/png", blob: new Blob([BYTES], { type: "image/png" }) },
  { id: "p2", name: "empty.gif", type: "image/gif", blob: new Blob([], { type: "image/gif" }) },
];

const FAILURE = { code: "HTTP_429", detail: "slow\ndown", type: "rate", retryAt: 99, raw: "{]", requestId: "r" };

const TITLE = 'Quotes " and \\ and } ] ,';

const CODE = '```js\nlet a = "[{,\\"]";\n```';

const CONTENT = {
  threads: [
    thread({ title: TITLE, pinned: true, parameters: { temperature: 0, stop: ["a"] }, head: "m3" }),
    thread({ id: "t2", system: "Be brief. 😀 \u2028", model: "demo/echo", updated: 7 }),
  ],
  messages: [
    message({ content: "Look", pictures: PICTURES }),
    message({ id: "m2", parent: "m1", role: "assistant", content: CODE, created: 2, model: "x" }),
    message({
      id: "m3",
      parent: "m1",
      role: "assistant",
      created: 3,
      status: "failed",
      failure: FAILURE,
      reasoning: "hm",
      reasoningMs: 12.5,
      tools: [{ id: "c", name: "f", arguments: '{"a": ' }],
      finish: "length",
      usage: { input: 1, output: 2, reasoning: 0, cached: 0, costUsd: null },
      timing: { sentAt: 1, firstMs: null, totalMs: 2 },
      servedBy: { provider: "p", model: "m", requestId: "r" },
    }),
  ],
  drafts: [
    { thread: "t2", text: "half a sen" },
    { thread: "", text: "new" },
  ],
};

/** @param {Store} store */
async function contentOf(store) {
  const threads = (await store.threads()).sort((one, other) => (one.id < other.id ? -1 : 1));
  const messages = [];
  const drafts = [["", await store.draft("")]];
  for (const { id } of threads) {
    drafts.push([id, await store.draft(id)]);
    for (const row of await store.messages(id)) {
      const bytes = await Promise.all(row.pictures.map((picture) => picture.blob.arrayBuffer()));
      messages.push({ ...row, bytes: bytes.map((buffer) => new Uint8Array(buffer)) });
    }
  }
  return { threads, messages, drafts };
}

/**
 * A file as an export makes it, changed.
 *
 * @param {(file: any) => unknown} change
 */
async function changedFile(change) {
  const file = {
    format: "llms-chats",
    version: 1,
    exported: 5,
    threads: CONTENT.threads,
    drafts: CONTENT.drafts,
    messages: CONTENT.messages.map((row) => ({ ...row, pictures: [] })),
  };
  const plain = JSON.parse(JSON.stringify(file));
  return new Blob([JSON.stringify(change(plain) ?? plain, null, 2)]);
}

/**
 * @param {Store} store
 * @param {Blob} file
 * @returns {Promise<string>} Where it is wrong.
 */
async function refusedAt(store, file) {
  const error = await assertThrows(() => importAll(store, file));
  assertEqual("IMPORT_INVALID", error.code, String(error));
  assert(error.message.includes(error.path), `${error.message} does not name ${error.path}`);
  return error.path;
}

testBoth("what is exported comes back whole after a wipe, pictures and drafts too", async (store) => {
  await store.put(CONTENT);
  const before = await contentOf(store);

  const file = await exportAll(store, { stream: false, theme: "dark" });
  await store.wipe();
  const imported = await importAll(store, file);

  assertEqual(before, await contentOf(store));
  const settings = { stream: false, theme: "dark" };
  assertEqual({ threads: 2, messages: 3, skipped: 0, copied: 0, mended: 0, settings }, imported);
});

testBoth("an export says what it is and when it was made", async (store) => {
  await store.put(CONTENT);

  const { format, version, exported } = JSON.parse(await (await exportAll(store)).text());

  assertEqual(["llms-chats", 1, await store.meta("lastExport")], [format, version, exported]);
  assert(Math.abs(Date.now() - exported) < 60_000);
});

testBoth("an export of nothing is a file, too", async (store) => {
  const imported = await importAll(store, await exportAll(store));

  assertEqual({ threads: 0, messages: 0, skipped: 0, copied: 0, mended: 0, settings: null }, imported);
});

testBoth("deleted threads are not exported, an answer that is coming is exported as interrupted", async (store) => {
  const answer = message({ role: "assistant", content: "so f", status: "streaming" });
  await store.put({ threads: [thread({}), thread({ id: "gone", deleted: 5 })], messages: [answer] });

  const { threads, messages } = JSON.parse(await (await exportAll(store)).text());

  assertEqual(["t1"], threads.map((/** @type {any} */ row) => row.id));
  assertEqual(["so f", "failed", "INTERRUPTED"], [messages[0].content, messages[0].status, messages[0].failure.code]);
});

test("an export succeeds where there is no space to note its date", () =>
  withStore(async (store) => {
    await store.put(CONTENT);
    const putMeta = () => Promise.reject(new Error("full"));

    const file = await exportAll({ ...store, putMeta });

    assert((await file.text()).includes("half a sen"));
  }));

testBoth("threads that are there already are skipped", async (store) => {
  await store.put(CONTENT);
  const file = await exportAll(store);
  await store.put({
    threads: [thread({ id: "t2", updated: 8, title: "gone on" })],
    messages: [message({ id: "m4", thread: "t2", created: 8 })],
    drafts: [{ thread: "t2", text: "another" }],
  });
  const before = await contentOf(store);

  const imported = await importAll(store, file);

  assertEqual([0, 0, 2, 0], [imported.threads, imported.messages, imported.skipped, imported.copied]);
  assertEqual(before, await contentOf(store));
});

testBoth("a thread that differs comes in beside the one that is there, with ids of its own", async (store) => {
  await store.put(CONTENT);
  const file = await exportAll(store);
  await store.putMessage(message({ content: "Look", pictures: [PICTURES[1], PICTURES[0]] }));
  const before = await contentOf(store);

  const imported = await importAll(store, file);

  assertEqual([1, 3, 1, 1], [imported.threads, imported.messages, imported.skipped, imported.copied]);
  const copy = (await store.threads()).find((row) => !["t1", "t2"].includes(row.id));
  assert(copy !== undefined);
  assertEqual(`${TITLE} (imported)`, copy.title);
  const rows = await store.messages(copy.id);
  assertEqual([null, rows[0].id, rows[0].id], rows.map((row) => row.parent));
  assertEqual([rows[2].id, []], [copy.head, await store.known([])]);
  assertEqual([3, 0], [rows.length, rows.filter((row) => ["m1", "m2", "m3"].includes(row.id)).length]);
  await store.removeThread(copy.id);
  assertEqual(before, await contentOf(store));
});

testBoth("a picture that differs in one byte is a difference", async (store) => {
  await store.put(CONTENT);
  const file = await exportAll(store);
  const other = new Blob([BYTES.with(69_999, 1)], { type: "image/png" });
  await store.putMessage(message({ content: "Look", pictures: [{ ...PICTURES[0], blob: other }, PICTURES[1]] }));

  assertEqual(1, (await importAll(store, file)).copied);
});

testBoth("a thread that waits to be purged does not count as there", async (store) => {
  await store.put(CONTENT);
  const file = await exportAll(store);
  await store.putThread({ ...CONTENT.threads[0], updated: 5, deleted: 5 });

  assertEqual([1, 1], [(await importAll(store, file)).copied, (await store.threads()).length - 2]);
});

testBoth("message ids that another thread has are not overwritten", async (store) => {
  await store.put({ threads: [thread({ id: "mine" })], messages: [message({ thread: "mine", content: "mine" })] });

  const imported = await importAll(store, await changedFile(() => {}));

  assertEqual([2, 1], [imported.threads, imported.copied]);
  assertEqual(["mine"], (await store.messages("mine")).map((row) => row.content));
});

testBoth("what cannot be written is not half there", async (store) => {
  const file = await changedFile(() => {});
  /** @type {Store["put"]} */
  const put = (rows, options) => {
    const unstorable = /** @type {any} */ ({ thread: () => {}, text: "x" });
    return store.put({ ...rows, drafts: [unstorable] }, options);
  };

  await assertThrows(() => importAll({ ...store, put }, file));

  assertEqual([], await store.threads());
});

testBoth("a bad row is named by its place, and nothing of the file is written", async (store) => {
  /** @type {[string, (file: any) => unknown][]} */
  const cases = [
    ["messages[1].role", (file) => (file.messages[1].role = "system")],
    ["messages[0].content", (file) => delete file.messages[0].content],
    ["messages[0].content", (file) => (file.messages[0].content = ["text"])],
    ["messages[2].status", (file) => (file.messages[2].status = "streaming")],
    ["messages[2].failure.code", (file) => (file.messages[2].failure.code = 5)],
    ["messages[2].usage.input", (file) => (file.messages[2].usage.input = -1)],
    ["messages[2].tools[0].name", (file) => (file.messages[2].tools[0].name = null)],
    ["messages[0].created", (file) => (file.messages[0].created = "yesterday")],
    ["messages[0].created", (file) => (file.messages[0].created = null)],
    ["messages[0].id", (file) => (file.messages[0].id = "")],
    ["messages[0].id", (file) => (file.messages[0].id = "x".repeat(201))],
    ["messages[1].id", (file) => (file.messages[1].id = "m1")],
    ["messages[0]", (file) => (file.messages[0] = null)],
    ["messages[0].thread", (file) => (file.messages[0].thread = "nowhere")],
    ["messages[0].pictures[0].type", (file) => file.messages[0].pictures.push(svg("image/svg+xml", "AAAA"))],
    ["messages[0].pictures[0].data", (file) => file.messages[0].pictures.push(svg("image/png", "no base64!"))],
    ["threads[1].parameters.temperature", (file) => (file.threads[1].parameters.temperature = "hot")],
    ["threads[1].id", (file) => (file.threads[1].id = "t1")],
    ["threads[0].title", (file) => delete file.threads[0].title],
    ["drafts[0].text", (file) => (file.drafts[0].text = 1)],
    ["settings.theme", (file) => ({ ...file, settings: { theme: "pink" } })],
  ];
  for (const [path, change] of cases) {
    const wrong = await changedFile((file) => {
      const other = change(file);
      return typeof other === "object" && other !== null && "format" in other ? other : file;
    });
    assertEqual(path, await refusedAt(store, wrong));
  }
  assertEqual([[], ""], [await store.threads(), await store.draft("")]);
});

/**
 * @param {string} type
 * @param {string} data
 */
function svg(type, data) {
  return { id: "p", name: "p", type, data };
}

testBoth("a tree that cannot be is refused", async (store) => {
  const circle = await changedFile((file) => {
    file.messages[0].parent = "m3";
  });
  const itself = await changedFile((file) => {
    file.messages[1].parent = "m2";
  });
  const elsewhere = await changedFile((file) => {
    file.messages[2].thread = "t2";
  });

  assertEqual("messages[0].parent", await refusedAt(store, circle));
  assertEqual("messages[1].parent", await refusedAt(store, itself));
  assertEqual("messages[2].parent", await refusedAt(store, elsewhere));
});

testBoth("a file that lost a message gives back the others, and says so", async (store) => {
  const file = await changedFile((content) => {
    content.messages.shift();
    content.threads[0].head = "m1";
  });

  const imported = await importAll(store, file);

  assertEqual([2, 3], [imported.messages, imported.mended]);
  assertEqual([null, null], (await store.messages("t1")).map((row) => row.parent));
  assertEqual("m3", (await store.thread("t1"))?.head);
});

testBoth("fields that are not known are dropped, and a prototype is not smuggled in", async (store) => {
  const text = await (await changedFile(() => {})).text();
  const inRow = '{ "__proto__": {"pinned": true}, "constructor": 1, "more": [1, [2]], "id": "m1",';
  const inFile = '{ "__proto__": {"x": [1]}, "extra": [{}], "toString": [1], "format"';
  const changed = text.replace(/\{\s+"id": "m1",/, inRow).replace(/^\{\s+"format"/, inFile);
  assert(changed.includes(inRow) && changed.includes(inFile));

  await importAll(store, new Blob([changed]));

  const [row] = await store.messages("t1");
  assertEqual(Object.keys(message({})).sort(), Object.keys(row).sort());
  assertEqual([Object.prototype, undefined], [Object.getPrototypeOf(row), Reflect.get({}, "pinned")]);
});

testBoth("what is no export is refused, and so is one that is cut off", async (store) => {
  const others = ["", "hello", "[]", "{}", '"llms-chats"', '{"chats": []}', '{"messages": [{"role": "user"}]}'];
  for (const text of others) assertEqual("", await refusedAt(store, new Blob([text])), text);
  assertEqual("", await refusedAt(store, new Blob([new Uint8Array([0x89, 0x50, 0x4e, 0x47])])));
  const whole = await (await changedFile(() => {})).text();
  for (let end = 1; end < whole.length; end += 97) await refusedAt(store, new Blob([whole.slice(0, end)]));
  for (const tail of ["}", ",", " x", "{}", "]"]) await refusedAt(store, new Blob([whole + tail]));
  /** @type {[string, string][]} */
  const slips = [
    ['"version": 1,', '"version": 1,,'],
    ['"version": 1,', '"version": 1, "version": 1,'],
    ['"version": 1,', '"version": 1 "a": 2,'],
    ['"version": 1,', '"version": 1, 5,'],
    ['"version": 1,', '"version": 1, [],'],
    ['"version": 1,', '"version": 1},'],
    ['"version": 1,', '"version": 1],'],
    ['"drafts": [', '"drafts": [,'],
    ['"drafts": [', '"drafts": x ['],
    ['"drafts"', '"threads"'],
    ["\n  ],", "\n  ,],"],
    ["\n  ],", "\n  ] 1,"],
    ["\n  ],", "\n  },"],
    ["\n  ]\n}", "\n  ],\n}"],
  ];
  for (const [from, to] of slips) {
    assert(whole.includes(from), from);
    await refusedAt(store, new Blob([whole.replace(from, to)]));
  }
  assertEqual([], await store.threads());

  const newer = await changedFile((file) => ({ ...file, version: 2 }));
  assert((await assertThrows(() => importAll(store, newer))).message.includes("newer"));
});

testBoth("a file is read the same however it is cut into pieces", async (store) => {
  await store.put(CONTENT);
  const bytes = new Uint8Array(await (await exportAll(store)).arrayBuffer());
  const before = await contentOf(store);
  for (const size of [1, 2, 3, 7, 1021]) {
    await store.wipe();
    const stream = () => new ReadableStream({
      start(controller) {
        const end = size < 7 ? 4_000 : bytes.length; // The head byte by byte, the pictures in one.
        for (let at = 0; at < end; at += size) controller.enqueue(bytes.slice(at, Math.min(at + size, end)));
        if (end < bytes.length) controller.enqueue(bytes.slice(end));
        controller.close();
      },
    });

    await importAll(store, /** @type {any} */ ({ stream }));

    assertEqual(before, await contentOf(store), `in pieces of ${size}`);
  }
});

testBoth("one thread is exported with all its branches, and can be imported elsewhere", async (store) => {
  await store.put(CONTENT);

  const file = await exportThread(store, "t1", "json");
  await store.wipe();
  await importAll(store, file);

  assertEqual([["t1"], ""], [(await store.threads()).map((row) => row.id), await store.draft("")]);
  assertEqual(["m1", "m2", "m3"], (await store.messages("t1")).map((row) => row.id));
  assertEqual(0, (await exportThread(store, "nobody", "json")).size);
});

testBoth("a thread as Markdown: title, roles, the branch that is shown, code intact", async (store) => {
  const content = "Sure:\n\n~~~~py\nif a:\n```\n";
  await store.put({
    threads: [thread({ title: "A\ntitle", head: "m3" })],
    messages: [
      message({ content: "    indented\n\nLook", pictures: [PICTURES[0]] }),
      message({ id: "m2", parent: "m1", role: "assistant", content: "not shown", created: 2 }),
      message({ id: "m3", parent: "m1", role: "assistant", model: "demo", status: "stopped", content, created: 3 }),
    ],
  });

  const text = await (await exportThread(store, "t1", "markdown")).text();

  assertEqual(
    "# A title\n\n## You\n\n*Picture: a.png*\n\n    indented\n\nLook\n\n" +
      "## Assistant · demo\n\nSure:\n\n~~~~py\nif a:\n```\n~~~~\n\n*Stopped before the end*\n",
    text,
  );
});

testBoth("tool calls and failures are in the Markdown, and closed code stays as it is", async (store) => {
  const content = "```\na\n```\n\nb ``` c";
  const tools = [{ id: "c", name: "f", arguments: '"```"' }];
  const answer = message({ role: "assistant", content, tools, status: "failed", failure: FAILURE });
  await store.put({ threads: [thread({ head: "m1" })], messages: [answer] });

  const text = await (await exportThread(store, "t1", "markdown")).text();

  assertEqual(`# Hi\n\n## Assistant\n\n${content}\n\n\`\`\`\`\nf("\`\`\`")\n\`\`\`\`\n\n*Failed: HTTP_429*\n`, text);
});
