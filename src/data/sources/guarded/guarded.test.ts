import { parquetWriteBuffer } from "hyparquet-writer";
import { expect, test } from "vitest";
import type { RandomAccess } from "../file.ts";
import { parquetLimits } from "../parquet.ts";
import { readGuarded } from "./guarded.ts";

const rows = 3000;
const bytes = (tag: string) =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: [{ name: "text", data: Array.from({ length: rows }, (_, i) => `${tag} ${i}`), type: "STRING" }],
      rowGroupSize: 500,
    }),
  );
const access = (content: Buffer): RandomAccess => ({
  sizeBytes: content.length,
  read: async (start, end) => content.subarray(start, end),
  close: async () => {},
});
const options = { roots: ["text"], maxGroupBytes: 2 ** 30, maxGroupRows: 2 ** 24 };
type Item = { readonly rows?: readonly (readonly unknown[])[] };
async function texts(content: Buffer, limits = parquetLimits, each = async () => {}): Promise<unknown[]> {
  const out: unknown[] = [];
  for await (const item of readGuarded<Item>("parquet", access(content), options, limits)) {
    out.push(...(item.rows ?? []).map(r => r[0]));
    await each();
  }
  return out;
}
const want = (tag: string) => Array.from({ length: rows }, (_, i) => `${tag} ${i}`);

test("several files at once do not mix, and processes are used again", async () => {
  const tags = ["a", "b", "c"];
  for (let round = 0; round < 2; round++) expect(await Promise.all(tags.map(tag => texts(bytes(tag))))).toEqual(tags.map(want));
});

test("who stops early takes nothing from who reads next", async () => {
  for (let i = 0; i < 3; i++) for await (const _ of readGuarded<Item>("parquet", access(bytes("x")), options, parquetLimits)) break;
  expect(await texts(bytes("y"))).toEqual(want("y"));
});
