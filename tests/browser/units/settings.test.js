import { change, settings } from "/ui/app/settings.js";
import { assertEqual, test } from "./harness.js";

test("a setting is kept, and what else was kept stays", () => {
  change({ stream: false });
  change({ theme: "dark" });

  const kept = JSON.parse(localStorage.getItem("llms.settings") ?? "{}");

  assertEqual([false, "dark"], [kept.stream, kept.theme]);
  assertEqual([false, "dark"], [settings.value.stream, settings.value.theme]);
});

test("kept values of the wrong kind are not used", async () => {
  localStorage.setItem("llms.settings", '{"stream": "yes", "theme": "pink", "lifeTimeoutS": -1, "typeOn": true}');

  const fresh = await import("/ui/app/settings.js?again");

  const { stream, theme, lifeTimeoutS, typeOn } = fresh.settings.value;
  assertEqual([true, "system", 30, true], [stream, theme, lifeTimeoutS, typeOn]);
});
