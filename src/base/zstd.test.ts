import { decompress } from "fzstd";
import { expect, test } from "vitest";
import { zstdLibrary } from "./zstd.ts";

test("another copy of Loam in the process begins to compress meanwhile: what is written is a frame of its text", async () => {
  const { compress } = await zstdLibrary();
  const isWhole = (text: Buffer) => Buffer.from(decompress(compress(text, 10))).equals(text);
  for (const copy of ["./zstd.ts?second", "./zstd.ts?third"]) {
    const other = (await import(copy)) as typeof import("./zstd.ts");
    expect(other.zstdLibrary).not.toBe(zstdLibrary);
    const starting = other.zstdLibrary();
    expect(isWhole(Buffer.from("meanwhile "))).toBe(true);
    await starting;
    for (const times of [0, 1, 100, 100_000]) expect(isWhole(Buffer.from("afterwards ".repeat(times)))).toBe(true);
  }
});
