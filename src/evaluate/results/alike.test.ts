import { expect, test } from "vitest";
import { wilson } from "../../statistics/index.ts";
import { alikeScore } from "./alike.ts";
import type { ItemResult } from "./item.ts";

const item = (n: number, more: Partial<ItemResult>): ItemResult => ({
  id: `i${n}`,
  place: `items.jsonl:${n}`,
  prompt: "",
  right: "",
  came: "",
  ms: 0,
  attributes: {},
  ...more,
});
const chose = (answers: readonly string[], more: Partial<ItemResult> = {}) =>
  answers.map((came, n) => item(n, { came, choices: ["a", "b", "c"], ...more }));

test("wins and losses that make up for each other are told: the score stays, the answers do not", () => {
  const before = chose(["a", "b", "a", "b"]);
  const after = chose(["b", "a", "a", "b"]);
  expect(alikeScore({ first: after, second: before })).toMatchObject({ metric: "alike", items: 4, ...wilson(2, 4), interval: "wilson" });
  expect(alikeScore({ first: before, second: before })!.value).toBe(1);
});

test("the same wrong answer is alike, whichever place its option has", () => {
  const before = [item(0, { came: "b", choices: ["a", "b"], gold: [0] })];
  const turned = [item(0, { came: "b", choices: ["b", "a"], gold: [1] })];
  expect(alikeScore({ first: turned, second: before })!.value).toBe(1);
});

test("programs are alike where as many pass, whatever the others fail by", () => {
  const program = (passed: readonly boolean[], came: string) => [item(0, { passed, texts: [came], came })];
  expect(alikeScore({ first: program([true, false], "1 of 2; a"), second: program([false, true], "1 of 2; b") })!.value).toBe(1);
  expect(alikeScore({ first: program([true, true], "x"), second: program([true, false], "x") })!.value).toBe(0);
});

test("items that belong together are drawn together", () => {
  const before = Array.from({ length: 40 }, (_, n) => item(n, { came: "a", texts: ["a"], cluster: `c${n >> 2}` }));
  const after = before.map((i, n) => (n >> 2 < 3 ? { ...i, came: "b" } : i));
  const clustered = alikeScore({ first: after, second: before })!;
  expect(clustered).toMatchObject({ value: 0.7, interval: "bootstrap" });
  const alone = wilson(28, 40);
  expect(clustered.high - clustered.low).toBeGreaterThan(alone.high - alone.low);
});

test("texts that are only scored have no answer", () => {
  const scored = [item(0, { logLikelihood: -3, words: 1, textBytes: 4 })];
  expect(alikeScore({ first: scored, second: scored })).toBeUndefined();
});
