import { expect, test } from "vitest";
import type { ModelVersion, Serving } from "./generated/server.ts";
import { findServed, servedIds, versionsBehind } from "./served.ts";

const version = (name: string, number: number): ModelVersion => ({
  id: `${name}@${number}`,
  name,
  version: number,
  artifact: `model-${name}${number}`,
  createdAt: number,
  aliases: [],
  scores: {},
});
const serving = (...states: readonly (readonly [string, string])[]): Serving =>
  ({ versions: states.map(([id, state]) => ({ id, state })) }) as unknown as Serving;

test("every version that is ready is served, and a model is behind where its newest version is not among them", () => {
  const versions = [version("mail", 10), version("mail", 9), version("spam", 1), version("spam", 2), version("idle", 3)];
  const now = serving(["mail@9", "ready"], ["mail@10", "loading"], ["spam@1", "ready"], ["spam@2", "ready"]);
  expect([...servedIds(now)]).toEqual(["mail@9", "spam@1", "spam@2"]);
  // a model of which nothing is served is behind nobody
  expect(versionsBehind(versions, now)).toEqual([{ model: "mail", latest: "mail@10", served: "mail@9" }]);
  expect(versionsBehind(versions, undefined)).toEqual([]);
});

test("a version and an alias name the served model that requests reach by them", () => {
  const models = [
    { id: "mail", tells: "text" as const, aliases: ["mail@1", "mail@latest"] },
    { id: "mail@2", tells: "text" as const },
    { id: "spam", tells: "classes" as const, aliases: ["spam@3"] },
  ];
  expect(["mail", "mail@1", "mail@latest", "mail@2", "spam@3"].map(name => findServed(models, name)?.id)).toEqual([
    "mail",
    "mail",
    "mail",
    "mail@2",
    "spam",
  ]);
  expect([findServed(models, "mail@3"), findServed(models, "")]).toEqual([undefined, undefined]);
});
