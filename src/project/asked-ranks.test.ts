import { expect, test } from "vitest";
import { check } from "../base/index.ts";
import { tunedModel } from "../tune/part.ts";
import { withTuningMesh } from "./asked-ranks.ts";
import type { ProjectFile } from "./project-file.ts";

const recipes = {
  sir: { task: "instruct", on: "x.jsonl", zero: 1 },
  spam: { task: "classify", on: "mail" },
  private: { task: "classify", on: "mail", privacy: { epsilon: 3, delta: 1e-5 } },
} as const;

function file(...names: (keyof typeof recipes)[]): ProjectFile {
  const entries = names.map(name => [name, check(tunedModel, { base: "m", tune: recipes[name] }, `models.${name}`)]);
  // of a project only its tuned models are read
  return { config: { tuned: Object.fromEntries(entries) } } as unknown as ProjectFile;
}

test("ranks that are asked for stand over those of the recipe, and other keys stay", () => {
  const made = withTuningMesh(file("sir", "spam"), ["sir"], { mesh: { data: 3 } });
  expect(made.config.tuned.sir!.tune).toEqual({ ...file("sir").config.tuned.sir!.tune, mesh: { data: 3 }, zero: 1 });
  expect(made.config.tuned.spam).toEqual(file("spam").config.tuned.spam);
  const same = file("sir");
  expect(withTuningMesh(same, ["sir"], {})).toBe(same);
});

test("what ranks do not tune is refused by name", () => {
  const asked = (name: keyof typeof recipes, mesh: Record<string, number>, zero?: number) => () =>
    withTuningMesh(file(name), [name], { mesh, ...(zero === undefined ? {} : { zero }) });
  expect(asked("sir", { tensor: 2 })).toThrow(/loam tune.*mesh.*tensor/);
  expect(asked("sir", { data: 0 })).toThrow(/loam tune.*mesh\.data/);
  expect(asked("sir", { data: 2 }, 3)).toThrow(/loam tune.*zero/);
  expect(asked("private", { data: 2 })).toThrow(/loam tune --mesh: expected a recipe without `privacy`, which one rank trains/);
  expect(asked("private", { data: 1 })).not.toThrow();
});

test("a recipe with a mesh refuses private training by its place in the file", () => {
  expect(() => check(tunedModel, { base: "m", tune: { ...recipes.private, mesh: { data: 2 } } }, "models.x")).toThrow(
    /models\.x: tune\.mesh: expected one rank beside `privacy`/,
  );
});
