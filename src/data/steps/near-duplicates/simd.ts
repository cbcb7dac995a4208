/**
 * The inner loop of MinHash with 128-bit vectors: four hashes an instruction where JavaScript computes one. The same values as the plain
 * loop in `minhash.ts`, bit for bit.
 */
import {
  assembleWasm,
  getLocal,
  type Instance,
  instantiate,
  lessUnsigned,
  repeatWhile,
  set,
  vectorAdd,
  vectorLeastUnsigned,
  vectorLoad,
  vectorLoadSplat,
  vectorMul,
  vectorOnes,
  vectorStore,
  wasmAdd,
  wasmConstant,
  wasmSub,
} from "./wasm.ts";

/** Hashes that one round of the loop keeps in registers: least values, factors and summands fill twelve of sixteen. */
const lanes = 16;

/** sign(shingle, end, table, out, blocks): the first shingle, behind the last, 16 factors and 16 summands a block, results, how many blocks. */
function signModule(): Uint8Array<ArrayBuffer> {
  const [first, end, table, out, blocks, at] = [0, 1, 2, 3, 4, 5];
  const [factor, summand, least, shingle] = [6, 10, 14, 18];
  const quarters = [0, 1, 2, 3];
  const hash = (q: number) => vectorAdd(vectorMul(getLocal(factor + q), getLocal(shingle)), getLocal(summand + q));
  const body = repeatWhile(
    getLocal(blocks),
    ...quarters.flatMap(q => [
      set(factor + q, vectorLoad(getLocal(table), 16 * q)),
      set(summand + q, vectorLoad(getLocal(table), 64 + 16 * q)),
      set(least + q, vectorOnes),
    ]),
    set(at, getLocal(first)),
    repeatWhile(
      lessUnsigned(getLocal(at), getLocal(end)),
      set(shingle, vectorLoadSplat(getLocal(at))),
      ...quarters.map(q => set(least + q, vectorLeastUnsigned(getLocal(least + q), hash(q)))),
      set(at, wasmAdd(getLocal(at), wasmConstant(4))),
    ),
    ...quarters.map(q => vectorStore(getLocal(out), getLocal(least + q), 16 * q)),
    set(table, wasmAdd(getLocal(table), wasmConstant(128))),
    set(out, wasmAdd(getLocal(out), wasmConstant(64))),
    set(blocks, wasmSub(getLocal(blocks), wasmConstant(1))),
  );
  return assembleWasm([{ name: "sign", numParams: 5, numInts: 1, numVectors: 13, body: [body] }]);
}

let shared: { readonly instance: Instance<"sign"> | undefined; owner: object | undefined } | undefined;

/**
 * Signatures of the family (factors, summands), or undefined where the machine has no vectors. The result is a view, valid until the next
 * call of any of these functions: they share one memory, since every memory takes gigabytes of addresses.
 */
export function vectorHasher(factors: Uint32Array, summands: Uint32Array): ((shingles: Uint32Array) => Uint32Array) | undefined {
  shared ??= { instance: instantiate<"sign">(signModule()), owner: undefined };
  const { instance } = shared;
  if (!instance) return undefined;
  const common = shared;
  const n = factors.length;
  const blocks = Math.ceil(n / lanes);
  const [outAt, tableAt] = [0, 64 * blocks];
  const shinglesAt = tableAt + 128 * blocks;
  const writeTable = (words: Uint32Array) => {
    for (let k = 0; k < n; k++) {
      const at = tableAt / 4 + 2 * lanes * Math.floor(k / lanes) + (k % lanes);
      words[at] = factors[k]!;
      words[at + lanes] = summands[k]!;
    }
    common.owner = factors;
  };
  let words = new Uint32Array(instance.memory(shinglesAt));
  return shingles => {
    if (shingles.length === 0) return new Uint32Array(n).fill(0xffffffff);
    const memory = instance.memory(shinglesAt + shingles.byteLength);
    if (words.buffer !== memory) words = new Uint32Array(memory);
    if (common.owner !== factors) writeTable(words);
    words.set(shingles, shinglesAt / 4);
    instance.call.sign(shinglesAt, shinglesAt + shingles.byteLength, tableAt, outAt, blocks);
    return words.subarray(outAt / 4, outAt / 4 + n);
  };
}
