import { assert, assertEqual, test } from "./harness.js";
import { LIMITS, attach, filesOf } from "/ui/app/views/pictures.js";

/** A file that says it is so large. */
function file(name = "p.png", type = "image/png", size = 10) {
  const made = new File(["x"], name, { type });
  Object.defineProperty(made, "size", { value: size });
  return made;
}

test("pictures of the four kinds are attached behind those that are", () => {
  const first = attach([file("a.png"), file("b.jpg", "image/jpeg")], []);
  const both = attach([file("c.webp", "image/webp"), file("d.gif", "image/gif")], first.pictures);

  assertEqual([], both.problems);
  assertEqual(["a.png", "b.jpg", "c.webp", "d.gif"], both.pictures.map(({ name }) => name));
});

test("what is no such picture is named in a sentence, the others are taken", () => {
  const { pictures, problems } = attach([file("x.svg", "image/svg+xml"), file(), file("page.html", "text/html")], []);

  assertEqual(1, pictures.length);
  assertEqual(2, problems.length);
  assert(problems[0].includes("x.svg") && problems[1].includes("page.html"));
});

test("no more than so many, no larger than so large, together not larger than so large", () => {
  const many = attach(Array.from({ length: LIMITS.count + 2 }, () => file()), []);
  assertEqual([LIMITS.count, 2], [many.pictures.length, many.problems.length]);

  const large = attach([file("a.png", "image/png", LIMITS.bytes + 1), file("b.png", "image/png", LIMITS.bytes)], []);
  assertEqual(["b.png"], large.pictures.map(({ name }) => name));

  const full = attach([file("a.png", "image/png", LIMITS.bytes), file("b.png", "image/png", LIMITS.bytes), file("c.png", "image/png", 1)], []);
  assertEqual(["a.png", "b.png"], full.pictures.map(({ name }) => name));
  assert(full.problems[0].includes("c.png"));
});

test("files beside text are the picture of that text", () => {
  const data = new DataTransfer();
  data.items.add(file());
  assertEqual(1, filesOf(data).length);
  data.setData("text/plain", "words");
  assertEqual([], filesOf(data));
  assertEqual([], filesOf(null));
});
