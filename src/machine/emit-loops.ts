/** Loops and branches whose bounds are known when code is made. */
import { type Assembler, type Gpr, gpr } from "./assembler.ts";

const { rax, rcx, rdx, rsi } = gpr;

/** rax := the item's number below `parts`, rdx := its number of `parts`: item rsi = stack * parts + part. */
export function emitPartOfItem(a: Assembler, parts: number): void {
  a.mov(rax, rsi);
  a.alu("xor", rdx, rdx);
  a.set(rcx, parts);
  a.divide(rcx);
}

/** Runs `body` as often as `count` says, which is known when code is made. */
export function emitTimes(a: Assembler, counter: Gpr, count: number, body: () => void): void {
  if (count === 0) return;
  a.set(counter, count);
  const loop = a.here();
  body();
  a.alu("sub", counter, { value: 1 });
  a.jumpIf("ne", loop);
}

/** `full()`, or for the last part `last()` where it differs. */
export function emitByPart(a: Assembler, part: Gpr, parts: number, differs: boolean, full: () => void, last: () => void): void {
  if (!differs) {
    full();
    return;
  }
  const [isLast, end] = [a.label(), a.label()];
  a.alu("cmp", part, { value: parts - 1 });
  a.jumpIf("e", isLast);
  if (parts > 1) full();
  a.jump(end);
  a.place(isLast);
  last();
  a.place(end);
}

/** register := min(register, value). */
export function atMost(a: Assembler, register: Gpr, value: number): void {
  const fits = a.label();
  a.alu("cmp", register, { value });
  a.jumpIf("le", fits);
  a.set(register, value);
  a.place(fits);
}

/** register := max(register, value). */
export function atLeast(a: Assembler, register: Gpr, value: number): void {
  const fits = a.label();
  a.alu("cmp", register, { value });
  a.jumpIf("ge", fits);
  a.set(register, value);
  a.place(fits);
}
