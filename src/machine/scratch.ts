/**
 * Room for packed operands: places that an operation takes for itself and gives back, each with memory that grows to what was needed most. It is
 * asked of the system by the operation's own code, which runs where no JavaScript may.
 */
import { type Assembler, at, gpr } from "./assembler.ts";
import { allocatePages, type Pages, unmapPages } from "./native.ts";

const { rax, rcx, rdx, rsi, rdi, r8, r9, r10, r12 } = gpr;

/** More than threads of Node's pool run at once. */
const places = 64;
const placeBytes = 64;
/** In a place: taken (1) or free (0), where its memory is, how much. */
const fields = { taken: 0, address: 8, bytes: 16 } as const;

/** Linux on x86-64. */
const calls = { mmap: 9, munmap: 11, madvise: 28 } as const;
const [readWrite, privateAnonymous, hugePages] = [3, 0x22, 14];
const granularity = 2 ** 21;

let table: Pages | undefined;
const open = (): Pages => {
  table ??= allocatePages(places * placeBytes, false);
  return table;
};

/** r12 := a place of the caller's own, rax := its memory of at least `bytes`, or negative where the system gives none. Changes rcx, rdx, rsi, rdi, r8 to r11. */
export function takeScratch(a: Assembler, bytes: number): void {
  const { address } = open();
  const size = BigInt(Math.ceil(bytes / granularity) * granularity);
  const [again, next, taken, fits, end] = [a.label(), a.label(), a.label(), a.label(), a.label()];
  a.place(again);
  a.setAddress(r12, address);
  a.setAddress(rcx, address + BigInt(places * placeBytes));
  a.place(next);
  a.set(rax, 1);
  a.exchange32(at(r12, fields.taken), rax);
  a.test(rax, rax);
  a.jumpIf("e", taken);
  a.alu("add", r12, { value: placeBytes });
  a.alu("cmp", r12, rcx);
  a.jumpIf("b", next);
  a.pause();
  a.jump(again);

  a.place(taken);
  a.setAddress(rsi, size);
  a.alu("cmp", rsi, at(r12, fields.bytes));
  a.jumpIf("be", fits);
  // what was there is too small
  const fresh = a.label();
  a.mov(rdi, at(r12, fields.address));
  a.test(rdi, rdi);
  a.jumpIf("e", fresh);
  a.mov(rsi, at(r12, fields.bytes));
  a.set(rax, calls.munmap);
  a.syscall();
  a.alu("xor", rax, rax);
  a.store(at(r12, fields.address), rax);
  a.store(at(r12, fields.bytes), rax);
  a.place(fresh);
  a.set(rax, calls.mmap);
  a.alu("xor", rdi, rdi);
  a.setAddress(rsi, size);
  a.set(rdx, readWrite);
  a.set(r10, privateAnonymous);
  a.set(r8, -1);
  a.alu("xor", r9, r9);
  a.syscall();
  a.alu("cmp", rax, { value: 0 });
  a.jumpIf("l", end);
  a.store(at(r12, fields.address), rax);
  a.mov(rdi, rax);
  a.setAddress(rsi, size);
  a.store(at(r12, fields.bytes), rsi);
  a.set(rdx, hugePages);
  a.set(rax, calls.madvise);
  a.syscall();
  a.place(fits);
  a.mov(rax, at(r12, fields.address));
  a.place(end);
}

/** Gives the place at r12 back. Changes rcx. */
export function leaveScratch(a: Assembler): void {
  a.alu("xor", rcx, rcx);
  a.store32(at(r12, fields.taken), rcx);
}

/** Memory of places that nobody has taken goes back to the system. */
export function freeScratch(): void {
  if (!table) return;
  const words = new Int32Array(table.buffer);
  const long = new BigUint64Array(table.buffer);
  for (let i = 0; i < places; i++) {
    const at = i * placeBytes;
    if (long[(at + fields.bytes) / 8] === 0n || Atomics.compareExchange(words, at / 4, 0, 1) !== 0) continue;
    const bytes = Number(long[(at + fields.bytes) / 8]!);
    if (bytes > 0) unmapPages(long[(at + fields.address) / 8]!, bytes);
    long[(at + fields.address) / 8] = 0n;
    long[(at + fields.bytes) / 8] = 0n;
    Atomics.store(words, at / 4, 0);
  }
}

/** Bytes that all places hold. */
export function heldScratchBytes(): number {
  if (!table) return 0;
  const long = new BigUint64Array(table.buffer);
  return Array.from({ length: places }, (_, i) => Number(long[(i * placeBytes + fields.bytes) / 8]!)).reduce((s, x) => s + x, 0);
}
