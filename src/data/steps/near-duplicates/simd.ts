/**
 * The inner loop of MinHash as WebAssembly with 128-bit vectors, its few instructions written by hand: four hashes an instruction where
 * JavaScript computes one. The same values as the plain loop in `minhash.ts`, bit for bit. Opcodes: WebAssembly core specification 2.0, 5.4.
 */

/** Hashes that one round of the loop keeps in registers: four vectors of four, with their factors and sums twelve of sixteen registers. */
export const lanes = 16;

/** Unsigned LEB128. */
const leb = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...leb(n >>> 7)]);
const counted = (bytes: readonly number[]): number[] => [...leb(bytes.length), ...bytes];
const section = (id: number, ...items: readonly number[][]): number[] => [id, ...counted([...leb(items.length), ...items.flat()])];
const name = (text: string): number[] => counted([...Buffer.from(text)]);

const [i32, v128, empty] = [0x7f, 0x7b, 0x40];
const get = (local: number) => [0x20, ...leb(local)];
const set = (local: number) => [0x21, ...leb(local)];
const tee = (local: number) => [0x22, ...leb(local)];
const constant = (n: number) => [0x41, ...leb(n)];
const simd = (opcode: number, ...rest: number[]) => [0xfd, ...leb(opcode), ...rest];
const load = (offset: number) => simd(0x00, 4, ...leb(offset));
const loadSplat = simd(0x09, 2, 0);
const store = (offset: number) => simd(0x0b, 4, ...leb(offset));
const ones = simd(0x0c, ...new Array<number>(16).fill(0xff));
const [add, multiply, leastUnsigned] = [simd(0xae), simd(0xb5), simd(0xb7)];
const [addI32, subI32, lessUnsigned] = [0x6a, 0x6b, 0x49];
const loop = (...body: readonly (number | number[])[]) => [0x03, empty, ...body.flat(), 0x0b];
const again = [0x0d, 0];

/** sign(shingle, end, table, out, blocks): addresses of the first shingle and behind the last, of 16 factors and 16 summands a block, of the results. */
function moduleBytes(): Uint8Array<ArrayBuffer> {
  const [first, end, table, out, blocks, at] = [0, 1, 2, 3, 4, 5];
  const [factor, summand, least, splat] = [6, 10, 14, 18];
  const quarters = [0, 1, 2, 3];
  const body = loop(
    ...quarters.flatMap(q => [
      ...[...get(table), ...load(16 * q), ...set(factor + q)],
      ...[...get(table), ...load(64 + 16 * q), ...set(summand + q)],
      ...[...ones, ...set(least + q)],
    ]),
    ...[...get(first), ...set(at)],
    loop(
      ...[...get(at), ...loadSplat, ...set(splat)],
      ...quarters.flatMap(q => [
        ...[...get(least + q), ...get(factor + q), ...get(splat), ...multiply, ...get(summand + q), ...add, ...leastUnsigned],
        ...set(least + q),
      ]),
      ...[...get(at), ...constant(4), addI32, ...tee(at), ...get(end), lessUnsigned, ...again],
    ),
    ...quarters.flatMap(q => [...get(out), ...get(least + q), ...store(16 * q)]),
    // 128 and 64 as signed LEB128 take two bytes.
    ...[...get(table), 0x41, 0x80, 0x01, addI32, ...set(table)],
    ...[...get(out), 0x41, 0xc0, 0x00, addI32, ...set(out)],
    ...[...get(blocks), ...constant(1), subI32, ...tee(blocks), ...again],
  );
  const locals = [2, 1, i32, 13, v128];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [0x60, 5, i32, i32, i32, i32, i32, 0]),
    ...section(3, [0]),
    ...section(5, [0x00, 1]),
    ...section(7, [...name("memory"), 0x02, 0], [...name("sign"), 0x00, 0]),
    ...section(10, counted([...locals, ...body, 0x0b])),
  ]);
}

/** What a WebAssembly instance of `moduleBytes` offers. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  sign(first: number, end: number, table: number, out: number, blocks: number): void;
}

const page = 65536;

/** Signatures of the family (factors, summands), or undefined where the machine has no vectors. The result is a view, valid until the next call. */
export function vectorHasher(factors: Uint32Array, summands: Uint32Array): ((shingles: Uint32Array) => Uint32Array) | undefined {
  const bytes = moduleBytes();
  if (typeof WebAssembly === "undefined" || !WebAssembly.validate(bytes)) return undefined;
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const { memory, sign } = instance.exports as object as Exports;
  const n = factors.length;
  const blocks = Math.ceil(n / lanes);
  const [outAt, tableAt] = [0, 64 * blocks];
  const shinglesAt = tableAt + 128 * blocks;
  const reserve = (sizeBytes: number) => {
    const missing = Math.ceil(sizeBytes / page) - memory.buffer.byteLength / page;
    if (missing > 0) memory.grow(missing);
  };
  reserve(shinglesAt);
  let words = new Uint32Array(memory.buffer);
  for (let k = 0; k < n; k++) {
    const at = tableAt / 4 + 32 * Math.floor(k / lanes) + (k % lanes);
    words[at] = factors[k]!;
    words[at + lanes] = summands[k]!;
  }
  return shingles => {
    if (shingles.length === 0) return new Uint32Array(n).fill(0xffffffff);
    if (memory.buffer.byteLength < shinglesAt + shingles.byteLength) {
      // Half more than needed, so that few texts make it grow.
      reserve(shinglesAt + Math.ceil(1.5 * shingles.byteLength));
    }
    if (words.buffer !== memory.buffer) words = new Uint32Array(memory.buffer);
    words.set(shingles, shinglesAt / 4);
    sign(shinglesAt, shinglesAt + shingles.byteLength, tableAt, outAt, blocks);
    return words.subarray(0, n);
  };
}
