/**
 * The sum of the squares of an array: each item sums a part in the lanes of four sums, and the parts are added in their
 * order, so the bits do not depend on the threads.
 */
import { at, gpr } from "../assembler.ts";
import { type FloatTier, floatAssembler } from "../float-tier.ts";
import type { KernelCode } from "../kernel-code.ts";

const { rax, rcx, rsi, rdi, r8, r9 } = gpr;

/** Elements of a part: whole turns of the loop. */
const partElements = 16_384;
const sums = 4;
/** Bytes that one part's sum takes: a line, which no other thread writes to. */
const lineBytes = 64;

/** kernel(run, part), then kernel(run, 0). The run is the array, the result, and the scratch. */
export function squaresCode(size: number, tier: FloatTier = "avx512"): KernelCode {
  const parts = Math.ceil(size / partElements);
  const lastElements = size - (parts - 1) * partElements;
  const a = floatAssembler(tier);
  const { lanes } = a;
  const clear = () => {
    for (let s = 0; s < sums; s++) a.v("vpxord", s, s, s);
  };
  clear();
  a.imulBy(r8, rsi, 4 * partElements);
  a.alu("add", r8, at(rdi, 0));
  a.set(rcx, partElements);
  const isFull = a.label();
  a.alu("cmp", rsi, { value: parts - 1 });
  a.jumpIf("ne", isFull);
  a.set(rcx, lastElements);
  a.place(isFull);
  const [turn, single, done] = [a.label(), a.label(), a.label()];
  a.place(turn);
  a.alu("cmp", rcx, { value: lanes * sums });
  a.jumpIf("l", single);
  for (let s = 0; s < sums; s++) {
    a.load(sums + s, at(r8, 4 * lanes * s));
    a.v("vfmadd231ps", s, sums + s, sums + s);
  }
  a.alu("add", r8, { value: 4 * lanes * sums });
  a.alu("sub", rcx, { value: lanes * sums });
  a.jump(turn);
  a.place(single);
  a.alu("cmp", rcx, { value: lanes });
  const tail = a.label();
  a.jumpIf("l", tail);
  a.load(sums, at(r8));
  a.v("vfmadd231ps", 0, sums, sums);
  a.alu("add", r8, { value: 4 * lanes });
  a.alu("sub", rcx, { value: lanes });
  a.jump(single);
  a.place(tail);
  if (lastElements % lanes > 0) {
    a.test(rcx, rcx);
    a.jumpIf("e", done);
    a.setMask(1, lastElements % lanes);
    a.loadMasked(sums, at(r8), 1);
    a.v("vfmadd231ps", 0, sums, sums);
    a.place(done);
  }
  a.v("vaddps", 0, 0, 1);
  a.v("vaddps", 2, 2, 3);
  a.v("vaddps", 0, 0, 2);
  a.reduce("vaddps", 0, 1);
  a.mov(r9, at(rdi, 16));
  a.imulBy(rax, rsi, lineBytes);
  a.saveLane(at(r9, 0, rax), 0);
  a.vzeroupper();
  a.ret();

  const totalAt = a.length;
  a.mov(r9, at(rdi, 16));
  a.v("vpxord", 0, 0, 0);
  a.set(rcx, parts);
  const next = a.here();
  a.broadcast(1, at(r9));
  a.v("vaddps", 0, 0, 1);
  a.alu("add", r9, { value: lineBytes });
  a.alu("sub", rcx, { value: 1 });
  a.jumpIf("ne", next);
  a.mov(r9, at(rdi, 8));
  a.saveLane(at(r9), 0);
  a.vzeroupper();
  a.ret();
  return {
    code: a.code(),
    kernels: [
      { at: 0, items: parts },
      { at: totalAt, items: 1 },
    ],
    scratchBytes: lineBytes * parts,
  };
}
