import { expect, test } from "vitest";
import { poolingOption } from "./read-encoder.ts";

test("a pooling that there is not is refused with those that there are; without the option the model's own holds", () => {
  expect(["mean", "cls", "none", undefined].map(poolingOption)).toEqual(["mean", "cls", "none", undefined]);
  expect(() => poolingOption("last")).toThrow(/--pooling: expected mean, cls, none, got "last"/);
});
