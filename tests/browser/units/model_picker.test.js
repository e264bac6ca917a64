// Which models the picker finds, and how it groups them.

import { assertEqual, test } from "./harness.js";
import { read } from "/ui/app/models.js";
import { contextText, priceText } from "/ui/app/views/model_facts.js";
import { findModels, firstOf, groupModels } from "/ui/app/views/model_search.js";

/**
 * @param {string} id
 * @param {string} [owner]
 */
const model = (id, owner = "openai") => read({ id, owned_by: owner });

/** @param {import("/ui/app/views/model_search.js").ModelGroup[]} groups */
const outline = (groups) => groups.map(({ kind, owner, models }) => [kind, owner, models.map(({ id }) => id)]);

const MODELS = [
  model("fast", "llms"),
  model("gpt-5"),
  model("gpt-5-mini"),
  model("llama-4-scout", "groq"),
  model("meta/llama-4-scout", "together"),
];

test("Without a query, favourites come first and the others under their owner, each model once", () => {
  assertEqual(
    [
      ["favourites", "", ["llama-4-scout", "gpt-5"]],
      ["owner", "llms", ["fast"]],
      ["owner", "openai", ["gpt-5-mini"]],
      ["owner", "together", ["meta/llama-4-scout"]],
    ],
    outline(groupModels(MODELS, "", ["llama-4-scout", "gpt-5"])),
  );
});

test("A favourite that is not served any more is not shown", () => {
  assertEqual(["owner"], groupModels([MODELS[1]], "", ["gone"]).map(({ kind }) => kind));
});

test("A query is one list, of models whose name or owner has every word in any case", () => {
  assertEqual([["found", "", ["llama-4-scout"]]], outline(groupModels(MODELS, "GROQ scout", [])));
  assertEqual([], groupModels(MODELS, "groq gpt", []));
});

test("A name that begins with the query comes before one where a word does, and that before any other", () => {
  const models = [model("xllama"), model("meta/llama"), model("llama")];

  assertEqual(["llama", "meta/llama", "xllama"], findModels(models, "llama").map(({ id }) => id));
});

test("A query is no pattern", () => {
  assertEqual([], findModels(MODELS, ".*("));
  assertEqual(["a.b(c"], findModels([model("a.b(c"), model("aXb(c")], ".b(").map(({ id }) => id));
});

test("The first rows of the groups are the first rows, and an empty group goes", () => {
  const groups = groupModels(MODELS, "", []);

  assertEqual([["owner", "llms", ["fast"]], ["owner", "openai", ["gpt-5"]]], outline(firstOf(groups, 2)));
  assertEqual(outline(groups), outline(firstOf(groups, 99)));
  assertEqual([], firstOf(groups, 0));
});

test("Finding among 2,000 models takes no time that one could see", () => {
  const many = Array.from({ length: 2000 }, (_, at) => model(`vendor-${at % 7}/model-${at}`, `owner-${at % 9}`));
  const before = performance.now();

  for (const query of ["", "m", "mo", "model-1", "vendor-3 owner-2", "nothing at all"]) groupModels(many, query, ["x"]);

  const took = performance.now() - before;
  assertEqual(true, took < 250, `${took} ms`);
});

test("A context is written as people say it, whichever thousand the provider counts in", () => {
  const said = [512, 8192, 32_768, 128_000, 131_072, 200_000, 1_000_000, 1_048_576, 2_097_152, 1_047_576, 1_500_000];

  assertEqual(
    ["512", "8k", "32k", "128k", "128k", "200k", "1M", "1M", "2M", "1M", "1.5M"],
    said.map(contextText),
  );
  assertEqual("—", contextText(null));
});

test("A price is for a million tokens, and one that is not known is a dash", () => {
  const usd = [0, 1.5e-7, 2.5e-6, 1e-5, 7.5e-8, 1e-9];

  assertEqual(["$0.00", "$0.15", "$2.50", "$10.00", "$0.075", "$0.001"], usd.map(priceText));
  assertEqual("—", priceText(undefined));
});
