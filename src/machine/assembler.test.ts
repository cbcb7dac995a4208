import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Assembler, at, gpr, spread } from "./assembler.ts";
import { processorFeatures } from "./features.ts";
import { drawnFloats, pagesOf, runKernels, strangePages } from "./memory.laws.ts";
import { allocatePages, loadCode, machineFunction } from "./native.ts";
import { MachineProgram, Team } from "./team.ts";

const { rax, rcx, rdi, rsi, rsp, r8, r9, r12, r13 } = gpr;
const hex = (emit: (a: Assembler) => void): string => {
  const a = new Assembler();
  emit(a);
  return Buffer.from(a.code()).toString("hex");
};

/** What GNU as 2.40 makes of the same line. */
const encodings: readonly (readonly [string, (a: Assembler) => void, string])[] = [
  ["mov rax, [rdi + 8]", a => a.mov(rax, at(rdi, 8)), "488b4708"],
  ["mov r9d, [rsp + 8]", a => a.mov32(r9, at(rsp, 8)), "448b4c2408"],
  ["mov [r12], r8", a => a.store(at(r12), r8), "4d890424"],
  ["movsxd r8, [r13]", a => a.movsxd(r8, at(r13)), "4d634500"],
  ["lea rax, [r9 + r8 * 8 + 12]", a => a.lea(rax, at(r9, 12, r8, 8)), "4b8d44c10c"],
  ["lock xadd [r12 + 32], eax", a => a.fetchAdd32(at(r12, 32), rax), "f0410fc1442420"],
  ["imul rcx, r9, 96", a => a.imulBy(rcx, r9, 96), "4969c960000000"],
  ["vaddps zmm1, zmm17, zmm30", a => a.v("vaddps", 1, 17, 30), "6291744058ce"],
  ["vmulps zmm31, zmm2, [rsi + 4]{1to16}", a => a.v("vmulps", 31, 2, spread(at(rsi, 4))), "62616c58597e01"],
  ["vpdpbusd zmm5, zmm28, [rdi + r9 * 2 + 4]{1to16}", a => a.v("vpdpbusd", 5, 28, spread(at(rdi, 4, r9, 2))), "62b21d50506c4f01"],
  ["vfmadd231ps zmm20, zmm3, [rax + 64]", a => a.v("vfmadd231ps", 20, 3, at(rax, 64)), "62e26548b86001"],
  ["vmovups [r13 - 64], zmm30", a => a.save(at(r13, -64), 30), "62417c481175ff"],
  ["vpmovsdb [rdi + 16], zmm7", a => a.saveBytes(at(rdi, 16), 7), "62f27e48217f01"],
  ["vrndscaleps zmm3, zmm19, 8", a => a.round(3, 19), "62b37d4808db08"],
  ["vdpbf16ps zmm5, zmm28, [rdi + r9 * 2 + 4]{1to16}", a => a.v("vdpbf16ps", 5, 28, spread(at(rdi, 4, r9, 2))), "62b21e50526c4f01"],
  ["vcvtne2ps2bf16 zmm3, zmm19, zmm7", a => a.v("vcvtne2ps2bf16", 3, 19, 7), "62f2674072df"],
  ["vpermw zmm3, zmm19, zmm7", a => a.v("vpermw", 3, 19, 7), "62f2e5408ddf"],
  ["vpunpckldq zmm3, zmm19, zmm7", a => a.v("vpunpckldq", 3, 19, 7), "62f1654062df"],
  ["vpunpckhqdq zmm20, zmm19, zmm7", a => a.v("vpunpckhqdq", 20, 19, 7), "62e1e5406de7"],
  ["vpsrld zmm24, zmm3, 16", a => a.shiftRight(24, 3, 16), "62f13d4072d310"],
  ["vpsrld zmm3, zmm19, 16", a => a.shiftRight(3, 19, 16), "62b1654872d310"],
  ["vcmpunordps k7, zmm19, zmm19", a => a.unordered(7, 19, 19), "62b16440c2fb03"],
  ["vpminsd zmm3, zmm19, zmm7", a => a.v("vpminsd", 3, 19, 7), "62f2654039df"],
  ["vpmaxsd zmm3, zmm19, [rsi + 64]", a => a.v("vpmaxsd", 3, 19, at(rsi, 64)), "62f265403d5e01"],
  ["vpcmpled k2{k3}, zmm19, [rsi + 4]{1to16}", a => a.compare(2, 19, "<=", spread(at(rsi, 4)), 3), "62f365531f560102"],
  ["vpcmpneqd k5, zmm3, zmm20", a => a.compare(5, 3, "!=", 20), "62b365481fec04"],
  ["prefetcht0 [r12 + 64]", a => a.prefetch(at(r12, 64)), "410f184c2440"],
  ["xchg [r12], eax", a => a.exchange32(at(r12), rax), "41870424"],
  ["div r9", a => a.divide(r9), "49f7f1"],
  ["movabs r9, 0x0123456789abcdef", a => a.setAddress(r9, 0x123456789abcdefn), "49b9efcdab8967452301"],
  ["vmovups [r13 - 64]{k2}, zmm30", a => a.save(at(r13, -64), 30, 2), "62417c4a1175ff"],
  ["vmovups zmm30{k2}{z}, [r13 - 64]", a => a.loadMasked(30, at(r13, -64), 2), "62417cca1075ff"],
  ["vextracti32x4 [rdi + 16], zmm20, 3", a => a.saveQuarter(at(rdi, 16), 20, 3), "62e37d4839670103"],
  ["vextracti32x8 [rdi + 32], zmm20, 1", a => a.saveHalf(at(rdi, 32), 20, 1), "62e37d483b670101"],
  ["vpslld zmm3, zmm19, 16", a => a.shiftLeft(3, 19, 16), "62b1654872f310"],
  ["vpord zmm3, zmm19, zmm7", a => a.v("vpord", 3, 19, 7), "62f16540ebdf"],
  ["vpmovzxwd zmm20{k2}{z}, [r13 + 32]", a => a.loadWords(20, at(r13, 32), 2), "62c27dca336501"],
  ["vpmovdw [r13 + 32]{k2}, zmm20", a => a.saveWords(at(r13, 32), 20, 2), "62c27e4a336501"],
  ["vgetexpps zmm3, zmm19", a => a.exponentOf(3, 19), "62b27d4842db"],
  ["vgetmantps zmm3, zmm19, 11", a => a.mantissaOf(3, 19), "62b37d4826db0b"],
  ["kmovw k3, ecx", a => a.maskFrom(3, rcx), "c5f892d9"],
];
test.each(encodings)("%s has the bytes that the GNU assembler gives it", (_, emit, bytes) => expect(hex(emit)).toBe(bytes));

const isHere = process.platform === "linux" && process.arch === "x64";
const machineTest = test.skipIf(!isHere);
const why = isHere ? "" : " (skipped: machine code is made on Linux with x86-64 only)";

machineTest(`a function of machine code is called with its arguments${why}`, () => {
  const a = new Assembler();
  a.lea(rax, at(rdi, 5, rsi, 4));
  a.ret();
  const f = machineFunction(loadCode(a.code()));
  fc.assert(
    fc.property(fc.nat(2 ** 30), fc.nat(2 ** 20), (x, y) => {
      expect(f(x, y)).toBe(BigInt(x + 4 * y + 5));
    }),
  );
});

test("a jump to a place that was never given is refused", () => {
  const a = new Assembler();
  a.jump(a.label());
  expect(() => a.code()).toThrow(/every label/);
});

/** Adds one to word `item` of its argument, all threads at once. */
function countingKernel(): bigint {
  const a = new Assembler();
  a.set(rax, 1);
  a.fetchAdd32(at(rdi, 0, rsi, 4), rax);
  a.ret();
  return loadCode(a.code());
}
/** word[item + 1] of its argument := word[item] + 1: only right where all of the operation before is done. */
function followingKernel(): bigint {
  const a = new Assembler();
  a.mov32(rax, at(rdi, 0, rsi, 4));
  a.lea(rax, at(rax, 1));
  a.store32(at(rdi, 4096, rsi, 4), rax);
  a.ret();
  return loadCode(a.code());
}

machineTest(`every item is done once, whatever the threads, operations and grains${why}`, async () => {
  const kernel = countingKernel();
  const pages = allocatePages(4 * 1024);
  const counts = new Uint32Array(pages.buffer);
  const teams = [1, 2, 3, 5].map(n => new Team(n));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...teams),
      fc.array(fc.record({ items: fc.nat(300), grain: fc.integer({ min: 1, max: 40 }) }), { maxLength: 30 }),
      fc.integer({ min: 1, max: 4 }),
      async (team, sizes, runs) => {
        counts.fill(0);
        const program = new MachineProgram(sizes.map(s => ({ ...s, kernel, argument: pages.address })));
        // asked for at once: one is carried out after the other
        await Promise.all(Array.from({ length: runs }, () => team.run(program)));
        program.free();
        const want = (i: number) => runs * sizes.filter(s => s.items > i).length;
        expect(Array.from(counts.subarray(0, 310))).toEqual(Array.from({ length: 310 }, (_, i) => want(i)));
      },
    ),
    { numRuns: 60 },
  );
});

machineTest(`an operation begins when all items of the one before it are done${why}`, async () => {
  const kernel = followingKernel();
  const depth = 50;
  const pages = allocatePages(4096 * (depth + 1));
  const words = new Uint32Array(pages.buffer);
  const team = new Team(3);
  const program = new MachineProgram(
    Array.from({ length: depth }, (_, i) => ({ kernel, argument: pages.address + BigInt(4096 * i), items: 64, grain: 3 })),
  );
  for (let run = 0; run < 50; run++) {
    words.fill(0);
    words.fill(run, 0, 64);
    await team.run(program);
    expect(Array.from(words.subarray(1024 * depth, 1024 * depth + 64))).toEqual(new Array(64).fill(run + depth));
  }
});

machineTest(`a number of items that changes between runs counts from then on${why}`, async () => {
  const pages = allocatePages(4096);
  const counts = new Uint32Array(pages.buffer);
  const program = new MachineProgram([{ kernel: countingKernel(), argument: pages.address, items: 2 }]);
  const team = new Team(2);
  await team.run(program);
  program.setItems(0, 4);
  await team.run(program);
  expect(Array.from(counts.subarray(0, 5))).toEqual([2, 2, 1, 1, 0]);
});

const canRun = processorFeatures().wide512;
test.skipIf(!canRun)(
  `the kernel of docs/machine-code.md squares numbers${canRun ? "" : " (skipped: no Linux on a processor with AVX-512)"}`,
  () => {
    const page = readFileSync(new URL("../../docs/machine-code.md", import.meta.url), "utf8");
    const example = /```ts\n(\/\/ squares[\s\S]*?)```/.exec(page)![1]!;
    const make = new Function("Assembler", "at", "gpr", `${example}\nreturn a.code();`) as (...given: unknown[]) => Uint8Array;
    const xs = drawnFloats(64, 1);
    const pages = [pagesOf(xs), strangePages(64)] as const;
    runKernels({ code: make(Assembler, at, gpr), kernels: [{ at: 0, items: 4 }] }, pages);
    expect(new Float32Array(pages[1].buffer).subarray(0, 64)).toEqual(xs.map(x => x * x));
    for (const p of pages) p.free();
  },
);
