import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { docsTopic } from "./docs-topic.ts";

test("an error's code has a meaning and a page that is there", () => {
  for (const code of ["data/sourceEmpty", "base/config", "train/mesh", "cli/usage", "gateway/secret", "store/notFound"]) {
    const { meaning, page } = docsTopic(code);
    expect(meaning, code).toMatch(/\w{3}/);
    expect(existsSync(page), page).toBe(true);
  }
});

test("a page is found by its name; what is neither is refused with the nearest", () => {
  expect(docsTopic("training")).toMatchObject({ meaning: null, page: expect.stringMatching(/docs.training\.md$/) });
  expect(() => docsTopic("data/sourceEmty")).toThrow('Did you mean "data/sourceEmpty"?');
  expect(() => docsTopic("../README")).toThrow("expected an error's code");
});
