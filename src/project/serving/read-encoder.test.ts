import { expect, test } from "vitest";
import { servePart } from "../../serve/part.ts";
import { servedPooling } from "./read-encoder.ts";

test("a pooling that there is not is refused with those that there are; without the option the model's own holds", () => {
  expect(["mean", "cls", "none", undefined].map(text => servedPooling(text))).toEqual(["mean", "cls", "none", undefined]);
  expect(() => servedPooling("last")).toThrow(/--pooling: expected mean, cls, none, got "last"/);
});

test("serve.pooling of loam.yaml holds where the option is left out", () => {
  const part = servePart.parse({ model: "minilm", pooling: "none" });
  expect([undefined, "cls"].map(text => servedPooling(text, part))).toEqual(["none", "cls"]);
  expect(servedPooling(undefined, servePart.parse({ model: "minilm" }))).toBeUndefined();
  expect(servePart.safeParse({ model: "minilm", pooling: "last" }).success).toBe(false);
});
