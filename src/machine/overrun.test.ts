/** For guard-pages.test.ts: a kernel that reads a number behind its operand. Without guards the page is its own, and nothing happens. */
import { expect, test } from "vitest";
import { Assembler, at, gpr } from "./assembler.ts";
import { processorTiers } from "./features.ts";
import { drawnFloats, pagesOf, runKernels } from "./memory.laws.ts";

test.skipIf(processorTiers().length === 0)("a kernel that reads one number too many", () => {
  const a = new Assembler();
  a.mov(gpr.rax, at(gpr.rdi));
  a.mov32(gpr.rax, at(gpr.rax, 4 * 5));
  a.ret();
  const pages = pagesOf(drawnFloats(5, 1));
  runKernels({ code: a.code(), kernels: [{ at: 0, items: 1 }] }, [pages]);
  pages.free();
  expect(process.env.LOAM_GUARDS).toBeUndefined();
});
