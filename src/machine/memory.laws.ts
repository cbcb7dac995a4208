/** For laws: memory that kernels read and write, numbers from a seed, and the float formats as the standard has them. */

import { appendFileSync } from "node:fs";
import { expect } from "vitest";
import { random } from "../base/index.ts";
import type { KernelCode } from "./kernel-code.ts";
import * as native from "./native.ts";
import { forbidPages, loadCode, machineFunction, type Pages } from "./native.ts";
import { MachineProgram, type Team, teamOf } from "./team.ts";

/** Numbers in (-1, 1) from a seed. */
export function drawnFloats(length: number, seed: number): Float32Array {
  let state = seed | 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}

/** Numbers of a normal distribution from a seed. */
export function normalFloats(seed: string, count: number, scale = 1): Float32Array {
  const r = random(seed);
  return Float32Array.from({ length: count }, () => scale * r.normal());
}

const pageBytes = 4096;
/** `LOAM_GUARDS`: buffers end right before a page that nobody may touch, or begin right behind one. What does ends the process (guard-pages.test.ts). */
const guards = process.env.LOAM_GUARDS as "behind" | "before" | undefined;
/** Elements that laws ask for behind a result, to see that nothing is written there: none where a page guards it. */
export const spareElements = (count: number): number => (guards ? 0 : count);

let named: string | undefined;
/** Names the test that runs in the file `LOAM_GUARDS_LOG`: the last one there is the one that ended the process. */
function nameTest(): void {
  const name = expect.getState().currentTestName;
  if (name === named || !process.env.LOAM_GUARDS_LOG) return;
  named = name;
  appendFileSync(process.env.LOAM_GUARDS_LOG, `${name}\n`);
}

/** Memory for operands and results of kernels, between guards where there are any. */
export function allocatePages(bytes: number, dense?: boolean): Pages {
  if (!guards) return native.allocatePages(bytes, dense);
  nameTest();
  const inner = pageBytes * Math.max(1, Math.ceil(bytes / pageBytes));
  const whole = native.allocatePages(inner + 2 * pageBytes, false);
  forbidPages(whole.address, pageBytes);
  forbidPages(whole.address + BigInt(pageBytes + inner), pageBytes);
  const offset = guards === "behind" ? pageBytes + inner - bytes : pageBytes;
  return { address: whole.address + BigInt(offset), buffer: native.viewMemory(whole.address + BigInt(offset), bytes), free: whole.free };
}

/** Pages that hold an array. */
export function pagesOf(data: Float32Array | Int32Array | BigInt64Array | Uint8Array): Pages {
  const pages = allocatePages(data.byteLength);
  new Uint8Array(pages.buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return pages;
}

/** Pages of what is no number. */
export const strangePages = (length: number): Pages => pagesOf(new Float32Array(length).fill(Number.NaN));

/** Runs the kernels over a record of addresses, the last item first. */
export function runKernels({ code, kernels }: Pick<KernelCode, "code" | "kernels">, places: readonly Pages[]): void {
  const record = allocatePages(8 * places.length);
  new BigUint64Array(record.buffer).set(places.map(p => p.address));
  const start = loadCode(code);
  for (const { at, items } of kernels) {
    const kernel = machineFunction(start + BigInt(at));
    for (let i = items; i-- > 0; ) kernel(record.address, i);
  }
  record.free();
}

let team: Team | undefined;
/** Runs one operation on a team of two threads. */
export function runOperation(kernel: bigint, argument: bigint, items: number): Promise<void> {
  team ??= teamOf(2);
  const program = new MachineProgram([{ kernel, argument, items }]);
  return team.run(program).finally(() => program.free());
}

export const floatPages = (count: number) => {
  const pages = allocatePages(4 * count);
  return { address: pages.address, data: new Float32Array(pages.buffer).subarray(0, count), pages };
};
export const bytePages = (count: number) => {
  const pages = allocatePages(count);
  return { address: pages.address, data: new Int8Array(pages.buffer).subarray(0, count), pages };
};
export const integerPages = (count: number) => {
  const pages = allocatePages(4 * count);
  return { address: pages.address, data: new Int32Array(pages.buffer).subarray(0, count), pages };
};

/** Rounded to so many bits of mantissa, halves to even; numbers below `least` are multiples of its last place. */
function toMantissa(x: number, bits: number, least: number): number {
  if (x === 0 || !Number.isFinite(x)) return x;
  const place = 2 ** (Math.floor(Math.log2(Math.max(Math.abs(x), least))) - bits);
  const whole = Math.floor(x / place);
  const rest = x / place - whole;
  const up = rest > 0.5 || (rest === 0.5 && whole % 2 !== 0);
  return (up ? whole + 1 : whole) * place;
}
/** As bf16 keeps a float32 (8 bits of mantissa, one of them not written), within the range of normal numbers. */
export const asBf16 = (x: number): number => toMantissa(x, 7, 2 ** -126);
/** As f16 keeps a float32 below 65,504. */
export const asF16 = (x: number): number => toMantissa(x, 10, 2 ** -14);
