import { directionOf } from "/ui/app/views/text_box.js";
import { assertEqual, test } from "./harness.js";

const LONG = 30_000;

test("the browser finds the direction of a short text, line by line", () => {
  assertEqual(["auto", "auto"], [directionOf(""), directionOf("שלום\nhello")]);
});

test("a long text runs as its first letter does", () => {
  assertEqual(["ltr", "rtl", "rtl"], ["hello ", "1. שלום ", "«مرحبا» "].map((text) => directionOf(text.repeat(LONG))));
  assertEqual("ltr", directionOf("1".repeat(LONG)), "no letter at all");
});
