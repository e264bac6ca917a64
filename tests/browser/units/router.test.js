import { assertEqual, test, until } from "./harness.js";
import { callPath, chatPath, follow, followHistory, go, parse, route, takeQuestion } from "/ui/app/router.js";

test("an address names a new chat, a chat, or the models", () => {
  assertEqual({ page: "chat", thread: null }, parse("/"));
  assertEqual({ page: "chat", thread: "ab12" }, parse("/ui/chat/ab12"));
  assertEqual({ page: "models" }, parse("/ui/models"));
});

test("an address that is none of them is a new chat", () => {
  for (const path of ["/ui/chat/", "/ui/chat/a/b", "/ui/elsewhere", "/ui/chat/%ff", "/ui/logs/", "/ui/keys/a"]) {
    assertEqual({ page: "chat", thread: null }, parse(path), path);
  }
});

test("an address names one of the gateway's pages, with what it shows", () => {
  assertEqual({ page: "keys", query: "" }, parse("/ui/keys"));
  assertEqual({ page: "usage", query: "?by=day" }, parse("/ui/usage", "?by=day"));
  assertEqual({ page: "logs", call: null, query: "?model=a" }, parse("/ui/logs", "?model=a"));
  assertEqual({ page: "logs", call: "req_1/ü", query: "" }, parse(callPath("req_1/ü")));
});

test("what a page shows is in its address: another query is another page", () => {
  go("/ui/usage?by=day");
  const shown = route.value;
  go("/ui/usage?by=day");
  assertEqual(true, shown === route.value);

  go("/ui/usage?by=key");

  assertEqual({ page: "usage", query: "?by=key" }, route.value);
});

test("the query of such a page is not a question for a chat", () => {
  history.replaceState(null, "", "/ui/logs?q=x");

  assertEqual(["", "?q=x"], [takeQuestion(), location.search]);
});

test("what an id holds comes back from its address", () => {
  assertEqual({ page: "chat", thread: "ä /?" }, parse(chatPath("ä /?")));
});

test("going to a page changes the address, and back leads to where one was", async () => {
  followHistory();
  go("/ui/chat/one");
  go("/ui/models");
  assertEqual("/ui/models", location.pathname);

  history.back();

  await until(() => location.pathname === "/ui/chat/one");
  await until(() => JSON.stringify(route.value) === JSON.stringify({ page: "chat", thread: "one" }));
});

test("replacing an address leaves no way back to it", async () => {
  go("/ui/chat/first");
  go("/");
  const before = history.length;

  go("/ui/chat/second", { replace: true });

  assertEqual(before, history.length);
  history.back();
  await until(() => location.pathname === "/ui/chat/first");
});

test("a page that is shown already is not shown anew", () => {
  go("/ui/chat/same");
  const shown = route.value;

  go("/ui/chat/same");

  assertEqual(true, shown === route.value);
});

test("a link is followed within the page, but not where it is to open elsewhere", () => {
  go("/");
  const link = document.createElement("a");
  link.href = "/ui/models";
  link.addEventListener("click", (event) => {
    follow(event);
    event.preventDefault();
  });
  document.body.append(link);

  link.dispatchEvent(new MouseEvent("click", { ctrlKey: true, cancelable: true }));
  assertEqual("chat", route.value.page);
  link.click();

  assertEqual("models", route.value.page);
  link.remove();
});

test("a question in the address is given once and taken out of it", () => {
  history.replaceState(null, "", "/?q=What%20is%20%3Cthis%3E%3F&x=1");

  assertEqual("What is <this>?", takeQuestion());
  assertEqual("/", location.pathname + location.search);
  assertEqual("", takeQuestion());
});
