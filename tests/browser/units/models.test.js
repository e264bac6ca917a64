// The list of models: reading it in every dialect, filtering and ordering it.

import { assertEqual, assertThrows, test } from "./harness.js";
import { loadModels, models, modelsLoading, modelsProblem, read, readAll } from "/ui/app/models.js";
import { identity } from "/ui/app/session.js";
import { filterModels, modalitiesOf, ownersOf, sortModels } from "/ui/app/views/model_order.js";

/** @param {unknown} more */
const entry = (more) => ({ id: "m", object: "model", created: 0, owned_by: "openai", ...Object(more) });

test("A model of which only OpenAI's four keys are known has nothing else", () => {
  assertEqual({ id: "m", owner: "openai", context: null, inputs: [], abilities: [], price: null }, read(entry({})));
});

test("The context is read from whatever key the provider has for it", () => {
  for (const name of ["context_length", "context_window", "max_model_len", "max_context_length"]) {
    assertEqual(4096, read(entry({ [name]: 4096 })).context);
  }
  assertEqual(8192, read(entry({ meta: { n_ctx_train: 8192 } })).context);
  for (const wrong of ["4096", 0, -1, null, {}]) assertEqual(null, read(entry({ context_length: wrong })).context);
});

test("What a model takes in and can do is read from each provider's own keys", () => {
  const openrouter = read(
    entry({
      architecture: { input_modalities: ["text", "image", 5] },
      supported_parameters: ["tools", "reasoning", "response_format"],
    }),
  );
  const mistral = read(entry({ capabilities: { vision: true, function_calling: true } }));
  const fireworks = read(entry({ supports_image_input: true, supports_tools: true }));
  const gateway = read(entry({ capabilities: { tools: true, reasoning: true, json_schema: true } }));

  assertEqual([["text", "image"], ["tools", "reasoning", "json"]], [openrouter.inputs, openrouter.abilities]);
  assertEqual([["text", "image"], ["tools"]], [mistral.inputs, mistral.abilities]);
  assertEqual([["text", "image"], ["tools"]], [fireworks.inputs, fireworks.abilities]);
  assertEqual(["tools", "reasoning", "json"], gateway.abilities);
});

test("A price is for one token, however the provider counts; half a price is none", () => {
  const price = { inputUsd: 1e-6, outputUsd: 2e-6 };
  const none = [null, 3, {}, { prompt: "1" }, { prompt: "-1", completion: "-1" }, { prompt: "x", completion: "1" }];

  assertEqual(price, read(entry({ pricing: { prompt: "0.000001", completion: "0.000002" } })).price);
  assertEqual(price, read(entry({ pricing: { input: 1, output: 2 } })).price);
  const cached = { prompt: "0.000001", completion: "0.000002", input_cache_read: "0.0000001" };
  assertEqual({ ...price, cachedUsd: 1e-7 }, read(entry({ pricing: cached })).price);
  for (const pricing of none) assertEqual(null, read(entry({ pricing })).price);
});

test("A name that is listed twice is shown once, and what has no name not at all", () => {
  const listing = { data: [entry({}), entry({ owned_by: "groq" }), {}, null, "x", { id: 5 }, { id: "" }, { id: "n" }] };

  assertEqual([["m", "openai"], ["n", ""]], readAll(listing).map(({ id, owner }) => [id, owner]));
});

test("What is no list of models is a problem, not an empty list", () => {
  for (const listing of [null, {}, { data: {} }, "x"]) assertThrows(() => readAll(listing));
});

test("Two questions at once are one; who has logged in meanwhile asks anew, and only that answer counts", async () => {
  /** @type {{by: number, answer: (id: string) => void}[]} */
  const asked = [];
  const real = globalThis.fetch;
  globalThis.fetch = () =>
    new Promise((resolve) => {
      const answer = (/** @type {string} */ id) => resolve(new Response(JSON.stringify({ data: [{ id }] })));
      asked.push({ by: identity.value, answer });
    });
  try {
    const [first, second] = [loadModels(), loadModels()];
    identity.value = 7;
    const third = loadModels();
    assertEqual([0, 7], asked.map((each) => each.by));
    asked[1].answer("new");
    await third;
    asked[0].answer("old");
    await Promise.all([first, second]);

    assertEqual(["new"], models.value.map(({ id }) => id));
    assertEqual(["", false], [modelsProblem.value, modelsLoading.value]);
  } finally {
    globalThis.fetch = real;
    identity.value = 0;
    models.value = [];
  }
});

test("A list that cannot be loaded leaves the one before, and says why", async () => {
  const real = globalThis.fetch;
  models.value = [read(entry({}))];
  globalThis.fetch = async () => new Response(JSON.stringify({ error: { message: "Draining." } }), { status: 503 });
  try {
    await loadModels();
    assertEqual(["m"], models.value.map(({ id }) => id));
    assertEqual(["Draining.", false], [modelsProblem.value, modelsLoading.value]);
  } finally {
    globalThis.fetch = real;
    models.value = [];
    modelsProblem.value = "";
  }
});

const LISTED = [
  read({ id: "b-10", owned_by: "groq", context_length: 1000, pricing: { prompt: "2e-6", completion: "1e-6" } }),
  read({ id: "b-9", owned_by: "groq", context_length: 3000, architecture: { input_modalities: ["text", "image"] } }),
  read({ id: "a", owned_by: "openai", context_length: null, pricing: { prompt: "1e-6", completion: "9e-6" } }),
];

/** @param {import("/ui/app/types.js").Model[]} sorted */
const names = (sorted) => sorted.map(({ id }) => id);

test("Models are filtered by search, owner and what they take in, all at once", () => {
  const any = { query: "", owner: "", modality: "" };

  assertEqual(["b-10", "b-9", "a"], names(filterModels(LISTED, any)));
  assertEqual(["b-10", "b-9"], names(filterModels(LISTED, { ...any, owner: "groq" })));
  assertEqual(["b-9"], names(filterModels(LISTED, { ...any, modality: "image" })));
  assertEqual([], filterModels(LISTED, { query: "a", owner: "groq", modality: "image" }));
});

test("Names are sorted as people count; what is not known comes last, up or down", () => {
  assertEqual(["a", "b-9", "b-10"], names(sortModels(LISTED, { by: "name", down: false })));
  assertEqual(["b-10", "b-9", "a"], names(sortModels(LISTED, { by: "name", down: true })));
  assertEqual(["b-10", "b-9", "a"], names(sortModels(LISTED, { by: "context", down: false })));
  assertEqual(["b-9", "b-10", "a"], names(sortModels(LISTED, { by: "context", down: true })));
  assertEqual(["a", "b-10", "b-9"], names(sortModels(LISTED, { by: "input", down: false })));
  assertEqual(["a", "b-10", "b-9"], names(sortModels(LISTED, { by: "output", down: true })));
  assertEqual(["b-10", "b-9", "a"], names(sortModels(LISTED, { by: "listed", down: false })));
});

test("The filters offer what there is, once and in order", () => {
  assertEqual(["groq", "openai"], ownersOf(LISTED));
  assertEqual(["image", "text"], modalitiesOf(LISTED));
});
