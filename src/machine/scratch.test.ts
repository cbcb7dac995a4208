/** Room for packed operands: taken by one at a time, grown where too small, given back to the system when asked. */
import { expect, test } from "vitest";
import { Assembler, gpr } from "./assembler.ts";
import { processorFeatures } from "./features.ts";
import { loadCode, machineFunction } from "./native.ts";
import { freeScratch, heldScratchBytes, leaveScratch, takeScratch } from "./scratch.ts";

const isHere = processorFeatures().wide512;
const why = isHere ? "" : " (skipped: no Linux on a processor with AVX-512)";
const { r12, rdi } = gpr;

/** Takes room, and gives it back where the argument is 0; the result is where the room is. */
function taking(bytes: number): (keeps: number) => bigint {
  const a = new Assembler();
  a.push(r12);
  a.push(rdi);
  takeScratch(a, bytes);
  a.pop(rdi);
  const end = a.label();
  a.test(rdi, rdi);
  a.jumpIf("ne", end);
  leaveScratch(a);
  a.place(end);
  a.pop(r12);
  a.ret();
  const f = machineFunction(loadCode(a.code()));
  return keeps => BigInt.asIntN(64, f(keeps));
}

test.skipIf(!isHere)(`what is given back is taken again, what is kept is not, and all free room can be freed${why}`, () => {
  freeScratch();
  expect(heldScratchBytes()).toBe(0);
  const [small, large] = [taking(1000), taking(5 * 2 ** 20)];
  const first = small(0);
  expect(small(0)).toBe(first);
  const kept = large(1);
  expect(large(0)).not.toBe(kept);
  expect(heldScratchBytes()).toBe(12 * 2 ** 20);
  freeScratch();
  expect(heldScratchBytes()).toBe(6 * 2 ** 20); // what is taken stays
});

test.skipIf(!isHere)(`more than the system has is a refusal, and the place is there again${why}`, () => {
  const huge = taking(2 ** 52);
  expect(huge(0)).toBeLessThan(0n);
  expect(taking(1000)(0)).toBeGreaterThan(0n);
});
