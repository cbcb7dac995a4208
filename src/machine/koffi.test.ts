import { expect, test } from "vitest";
import { loadKoffi } from "./koffi.ts";

test("a second copy of Loam in a process finds koffi set up, though a library is loaded", async () => {
  loadKoffi().load(process.platform === "win32" ? "ucrtbase.dll" : null);
  const copy = "./koffi.ts?second";
  const second = (await import(copy)) as typeof import("./koffi.ts");
  expect(second.loadKoffi).not.toBe(loadKoffi);
  expect(second.loadKoffi()).toBe(loadKoffi());
});
