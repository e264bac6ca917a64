// Sums of money: read as people write them, kept in whole micro-dollars, written back.

import { assertEqual, test } from "./harness.js";
import { dollarsOf, exactDollars, microsOf, plainDollars } from "/ui/app/admin/money.js";

test("dollars are read to the micro-dollar, however a person writes them", () => {
  const written = { "20": 20_000_000, "$12.50": 12_500_000, " 0,5 ": 500_000, ".1": 100_000, "0.000001": 1, "5.": 5_000_000 };

  for (const [text, micros] of Object.entries(written)) assertEqual(micros, microsOf(text), text);
});

test("sums that no binary fraction holds lose nothing", () => {
  assertEqual([100_000, 200_000, 300_000, 1_005_000], ["0.1", "0.2", "0.3", "1.005"].map(microsOf));
  assertEqual(999_999_999_999_999, microsOf("999999999.999999"));
});

test("what is no sum, may mean two, is too fine or too much is refused", () => {
  for (const text of ["", "$", ".", "x", "1e3", "-1", "1,000", "1.000.000", "1 000", "0.0000001", "1000000001", "१"]) {
    assertEqual(null, microsOf(text), text);
  }
  assertEqual(1e15, microsOf("1000000000"));
});

test("what is written into a form is read back as the same", () => {
  for (const micros of [0, 1, 10, 500_000, 12_500_000, 1_000_001, 999_999_999_999_999]) {
    assertEqual(micros, microsOf(plainDollars(micros)));
  }
  assertEqual(["12.50", "0.000001", "0.00"], [12_500_000, 1, 0].map(plainDollars));
});

test("small sums are shown finer than large ones, and exactly where one looks closer", () => {
  assertEqual(["$0.00", "$0.000042", "$0.0312", "$12.35"], [0, 42, 31_200, 12_345_678].map(dollarsOf));
  assertEqual("$12.345678", exactDollars(12_345_678));
});
