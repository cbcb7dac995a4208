import { expect, test } from "vitest";
import { z } from "zod";
import { check } from "./config.ts";
import { replacingKey } from "./replaced-key.ts";
import { parseBytes } from "./units.ts";

test("a key that another one has replaced is refused with what to write, wherever the new key's schema stands", () => {
  const room = replacingKey(z.string().optional(), "space", "Write `room: large`.");
  const schema = z.strictObject({ a: z.strictObject({ ...z.strictObject({ room }).shape, other: z.number().optional() }) });
  expect(check(schema, { a: { room: "small" } }, "x.yaml")).toEqual({ a: { room: "small" } });
  expect(() => check(schema, { a: { space: true } }, "x.yaml")).toThrow(
    'x.yaml: a.space: expected one of room, other, got "space". Write `room: large`.',
  );
  expect(() => check(schema, { a: { othr: 1 } }, "x.yaml")).toThrow(/Did you mean "other"\?/);
});

test("amounts of memory are read with decimal and binary units, and nothing else is", () => {
  const read = ["2GB", "512 MiB", "1.5kB", "10b", 1000.9].map(parseBytes);
  expect(read).toEqual([2e9, 512 * 2 ** 20, 1500, 10, 1000]);
  for (const wrong of ["2", "GB", "2 G", "-1GB", "1e9B", -1, Number.NaN]) expect(parseBytes(wrong)).toBeUndefined();
});
