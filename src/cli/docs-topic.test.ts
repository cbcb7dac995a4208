import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { docsTopic, errorMeanings } from "./docs-topic.ts";

test("every error's code has a meaning, and a page beyond the list of errors", () => {
  const codes = [...errorMeanings().keys()];
  // the rows that are read are all rows there are
  expect(codes).toHaveLength(readFileSync("docs/errors.md", "utf8").match(/^\| `[a-z]+\//gm)!.length);
  expect(codes).toContain("data/sourceEmpty");
  for (const code of codes) {
    const { meaning, page } = docsTopic(code);
    expect(meaning, code).toMatch(/\w{3}/);
    expect(page, code).not.toMatch(/errors\.md$/);
  }
});

test("a page is found by its name; what is neither is refused with the nearest", () => {
  expect(docsTopic("training")).toMatchObject({ meaning: null, page: expect.stringMatching(/docs.training\.md$/) });
  expect(() => docsTopic("data/sourceEmty")).toThrow('Did you mean "data/sourceEmpty"?');
  expect(() => docsTopic("../README")).toThrow("expected an error's code");
});
