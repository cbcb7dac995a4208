/**
 * An assembler for the few WebAssembly instructions that the inner loops here are written in: expressions are lists of bytes, put together
 * by functions named after the instructions. Leaves out everything else. Opcodes: WebAssembly core specification 2.0, 5.4.
 */

export type Code = readonly number[];

const unsignedLeb = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...unsignedLeb(n >>> 7)]);
const signedLeb = (n: number): number[] =>
  (n >= 0 && n < 64) || (n < 0 && n >= -64) ? [n & 127] : [(n & 127) | 128, ...signedLeb(n >> 7)];
const join = (parts: readonly Code[]): number[] => parts.flatMap(p => p as number[]);

export const wasmConstant = (n: number): Code => [0x41, ...signedLeb(n | 0)];
export const getLocal = (local: number): Code => [0x20, ...unsignedLeb(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsignedLeb(local)];

const binary =
  (opcode: number) =>
  (a: Code, b: Code): Code => [...a, ...b, opcode];
export const wasmAdd = binary(0x6a);
export const wasmSub = binary(0x6b);
export const wasmMul = binary(0x6c);
export const wasmAnd = binary(0x71);
export const shiftLeft = binary(0x74);
export const shiftRight = binary(0x76);
export const xor = binary(0x73);
export const lessUnsigned = binary(0x49);
/** `a` where the condition is not 0, else `b`; without a branch. */
export const wasmSelect = (a: Code, b: Code, condition: Code): Code => [...a, ...b, ...condition, 0x1b];

export const loadAt = (at: Code, offset = 0): Code => [...at, 0x28, 2, ...unsignedLeb(offset)];
export const loadHalf = (at: Code): Code => [...at, 0x2f, 1, 0];
export const loadByte = (at: Code, offset = 0): Code => [...at, 0x2d, 0, ...unsignedLeb(offset)];
export const storeByte = (at: Code, value: Code): Code => [...at, ...value, 0x3a, 0, 0];
export const store = (at: Code, value: Code): Code => [...at, ...value, 0x36, 2, 0];

const simd = (opcode: number, ...rest: readonly number[]): number[] => [0xfd, ...unsignedLeb(opcode), ...rest];
const vectorBinary =
  (opcode: number) =>
  (a: Code, b: Code): Code => [...a, ...b, ...simd(opcode)];
export const vectorAdd = vectorBinary(0xae);
export const vectorMul = vectorBinary(0xb5);
export const vectorXor = vectorBinary(0x51);
export const vectorLeastUnsigned = vectorBinary(0xb7);
/** Every lane shifted right by a number of bits, zeros coming in. */
export const vectorShiftRight = vectorBinary(0xad);
export const splat = (value: Code): Code => [...value, ...simd(0x11)];
export const vectorOnes: Code = simd(0x0c, ...new Array<number>(16).fill(0xff));
export const vectorLoad = (at: Code, offset = 0): Code => [...at, ...simd(0x00, 0, ...unsignedLeb(offset))];
/** One 32-bit number in all four lanes. */
export const vectorLoadSplat = (at: Code): Code => [...at, ...simd(0x09, 2, 0)];
export const vectorStore = (at: Code, value: Code, offset = 0): Code => [...at, ...value, ...simd(0x0b, 0, ...unsignedLeb(offset))];

/** Runs the body once, and again while the condition holds. */
export const repeatWhile = (condition: Code, ...body: readonly Code[]): Code => [0x03, 0x40, ...join(body), ...condition, 0x0d, 0, 0x0b];

/** A function of `numParams` integers; locals are numbered behind them: first integers, then vectors. */
export interface Func {
  readonly name: string;
  readonly numParams: number;
  readonly numInts: number;
  readonly numVectors: number;
  readonly body: readonly Code[];
  /** The integer it gives. */
  readonly result?: Code;
}

const [i32, v128] = [0x7f, 0x7b];
const counted = (bytes: Code): number[] => [...unsignedLeb(bytes.length), ...bytes];
const section = (id: number, items: readonly Code[]): number[] => [id, ...counted([...unsignedLeb(items.length), ...join(items)])];
const name = (text: string): number[] => counted([...Buffer.from(text)]);

/** A module of functions over one memory, which it exports as `memory`. */
export function assembleWasm(functions: readonly Func[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(f => [0x60, ...counted(new Array<number>(f.numParams).fill(i32)), ...(f.result ? [1, i32] : [0])]);
  const bodies = functions.map(f =>
    counted([2, ...unsignedLeb(f.numInts), i32, ...unsignedLeb(f.numVectors), v128, ...join(f.body), ...(f.result ?? []), 0x0b]),
  );
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(
      3,
      functions.map((_, i) => unsignedLeb(i)),
    ),
    ...section(5, [[0x00, 1]]),
    ...section(7, [[...name("memory"), 0x02, 0], ...functions.map((f, i) => [...name(f.name), 0x00, ...unsignedLeb(i)])]),
    ...section(10, bodies),
  ]);
}

/** What an instance offers: its functions by name, and its memory. */
export interface Instance<Name extends string> {
  readonly call: Readonly<Record<Name, (...parameters: number[]) => number>>;
  /** The memory, at least `sizeBytes` of it; earlier views may be dead afterwards. */
  memory(sizeBytes: number): ArrayBuffer;
}

const page = 65536;

/** As much of the WebAssembly interface as is used; Node's types do not declare it. */
interface Engine {
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
}

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** An instance of a module, or undefined on a machine without WebAssembly or its vectors. */
export function instantiate<Name extends string>(bytes: Uint8Array<ArrayBuffer>): Instance<Name> | undefined {
  const engine = (globalThis as { readonly WebAssembly?: Engine }).WebAssembly;
  if (!engine?.validate(bytes)) return undefined;
  const { exports } = new engine.Instance(new engine.Module(bytes));
  const { memory } = exports as { readonly memory: Memory };
  return {
    call: exports as Record<Name, (...parameters: number[]) => number>,
    memory(sizeBytes) {
      const missing = Math.ceil(sizeBytes / page) - memory.buffer.byteLength / page;
      // Half more than needed, so that few texts make it grow.
      if (missing > 0) memory.grow(Math.ceil(1.5 * missing));
      return memory.buffer;
    },
  };
}
