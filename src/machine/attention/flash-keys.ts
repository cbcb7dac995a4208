/** Keys and values as the products of a tile read them: rows in the form, rows in pairs; a kernel that packs sixteen rows an item. */

import { type Assembler, at, gpr, type MemoryOperand } from "../assembler.ts";
import { atMost } from "../emit-loops.ts";
import { type FlashLayout, type FlashShape, keyStrip } from "./flash-shape.ts";
import { divideBy, loadOrder } from "./flash-sight.ts";
import { packTwoRows, setRowMasks } from "./tile-packing.ts";

const { rax, rcx, rdx, rbx, rbp, rsi, r8, r9, r10, r11, r12, r13, r14, r15 } = gpr;
export const flashSaved = [rbx, rbp, r12, r13, r14, r15] as const;

/** An array, and where in the scratch its rows and their pairs begin. */
interface Packed {
  readonly from: MemoryOperand;
  readonly rows?: number;
  readonly pairs?: number;
}

/** The kernel's code: item is sixteen rows of a matrix of each of the arrays. */
export function packKeys(a: Assembler, s: FlashShape, l: FlashLayout, scratch: MemoryOperand, all: readonly Packed[]): void {
  const bytes = 4 * s.size;
  a.push(...flashSaved);
  a.v("vpxord", 31, 31, 31);
  loadOrder(a);
  divideBy(a, rsi, l.packItems);
  a.mov(r13, rax);
  a.imulBy(r15, rdx, 16);
  a.lea(rbp, at(r15, 16));
  atMost(a, rbp, l.keyRows);
  const loop = a.here();
  a.mov(rax, r15);
  setRowMasks(a, s.keys);
  a.imulBy(r14, r13, s.keys * bytes);
  a.imulBy(rax, r15, bytes);
  a.alu("add", r14, rax);
  for (const { from, rows, pairs } of all) {
    a.mov(r8, r14);
    a.alu("add", r8, from);
    a.lea(r9, at(r8, bytes));
    const pointAt = (register: typeof r10 | typeof r11, region: number, matrixBytes: number) => {
      a.imulBy(register, r13, matrixBytes);
      a.imulBy(rcx, r15, matrixBytes / l.keyRows);
      a.alu("add", register, rcx);
      a.alu("add", register, scratch);
      a.setAddress(rcx, BigInt(region));
      a.alu("add", register, rcx);
    };
    if (rows !== undefined) pointAt(r10, rows, l.rowsBytes);
    if (pairs !== undefined) pointAt(r11, pairs, l.pairsBytes);
    packTwoRows(a, s.form, s.size, { ...(rows === undefined ? {} : { rows: r10 }), ...(pairs === undefined ? {} : { pairs: r11 }) });
  }
  a.alu("add", r15, { value: 2 });
  a.alu("cmp", r15, rbp);
  a.jumpIf("l", loop);
  a.vzeroupper();
  a.pop(...flashSaved.toReversed());
  a.ret();
}

/** A number as a multiple of a strip's keys: the next one, or the one before it. */
export function roundUpToStrip(a: Assembler, register: typeof rax | typeof rcx): void {
  a.alu("add", register, { value: keyStrip - 1 });
  a.alu("and", register, { value: -keyStrip });
}
