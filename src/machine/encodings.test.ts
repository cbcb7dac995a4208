/** What a disassembler that is not ours reads from every instruction: all registers, addresses, sizes of displacements, masks and broadcasts. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { deep } from "../../test/support/deep.ts";
import { AmxAssembler } from "./amx/amx-assembler.ts";
import { Assembler, at, gpr, spread } from "./assembler.ts";
import { Avx2Assembler } from "./avx2/avx2-assembler.ts";
import { type Form, type Sweep, sweeps } from "./instruction-forms.laws.ts";

const hasObjdump = spawnSync("objdump", ["--version"]).status === 0;
const why = hasObjdump ? "" : " (skipped: objdump of GNU binutils is not installed)";

/** Lines of code by the places where they begin. */
function disassembled(code: Uint8Array): Map<number, string> {
  const folder = mkdtempSync(join(tmpdir(), "loam-encodings-"));
  const file = join(folder, "code");
  writeFileSync(file, code);
  const { stdout, stderr, status } = spawnSync(
    "objdump",
    ["-D", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", "-w", "--no-show-raw-insn", file],
    { encoding: "utf8", maxBuffer: 2 ** 30 },
  );
  rmSync(folder, { recursive: true });
  expect(status, stderr).toBe(0);
  const lines = new Map<number, string>();
  for (const [, place, line] of stdout.matchAll(/^ *([0-9a-f]+):\t(.*)$/gm))
    lines.set(
      Number.parseInt(place!, 16),
      line!
        .replace(/ +/g, " ")
        .replace(/^\{evex\} | #.*$/g, "")
        .trim(),
    );
  return lines;
}

/** Forms in pieces that a disassembler reads in seconds. */
const pieceForms = 200_000;

/** The first few forms that read otherwise than they were meant. */
function misread<A extends Assembler>(make: () => A, forms: Iterator<Form<A>>): string[] {
  const wrong: string[] = [];
  for (;;) {
    const piece: Form<A>[] = [];
    for (let next = forms.next(); !next.done; next = forms.next()) if (piece.push(next.value) === pieceForms) break;
    if (piece.length === 0) break;
    const a = make();
    const meant = piece.map(({ emit, line }) => {
      const start = a.length;
      emit(a);
      return { start, end: a.length, line: typeof line === "string" ? line : line(a.length) };
    });
    const lines = disassembled(a.code());
    for (const { start, end, line } of meant) {
      const read: string[] = [];
      for (let at = start; at < end; at++) if (lines.has(at)) read.push(lines.get(at)!);
      if (read.join("; ") !== line) wrong.push(`meant ${line}, read ${read.join("; ") || "nothing that begins there"}`);
    }
  }
  return wrong.slice(0, 10);
}
const misreadOf = <A extends Assembler>(s: Sweep<A>): string[] => misread(s.make, formsOf(s));
/** Row after row, so that the full sweep is never in memory at once. */
function* formsOf<A extends Assembler>({ rows }: Sweep<A>): Generator<Form<A>> {
  for (const forms of Object.values(rows)) yield* forms(deep);
}

const all = [
  ["Assembler", () => misreadOf(sweeps.Assembler)],
  ["Avx2Assembler", () => misreadOf(sweeps.Avx2Assembler)],
  ["AmxAssembler", () => misreadOf(sweeps.AmxAssembler)],
] as const;
test.skipIf(!hasObjdump).each(all)(
  `%s: every instruction in every operand form is read as it was meant${why}`,
  (_, wrong) => {
    expect(wrong()).toEqual([]);
  },
  deep ? 1_800_000 : 120_000,
);

test.each([
  ["Assembler", Assembler],
  ["Avx2Assembler", Avx2Assembler],
  ["AmxAssembler", AmxAssembler],
] as const)("every method of %s is in the sweep", (name, { prototype }) => {
  const { rows, without } = sweeps[name];
  const methods = Object.getOwnPropertyNames(prototype).filter(m => m !== "constructor");
  expect([...Object.keys(rows), ...without].sort()).toEqual(methods.sort());
});

test("an index of rsp, which would stand for none, is refused", () => {
  expect(() => new Assembler().lea(gpr.rax, at(gpr.rdi, 0, gpr.rsp))).toThrow(/rsp/);
});

test("a number that 32 bits do not hold is refused, not cut off", () => {
  const a = new Assembler();
  for (const x of [2 ** 31, -(2 ** 31) - 1, 0.5, Number.NaN]) {
    expect(() => a.set(gpr.rax, x)).toThrow(/32 bits/);
    expect(() => a.alu("add", gpr.rax, { value: x })).toThrow(/32 bits/);
    expect(() => a.imulBy(gpr.rax, gpr.rcx, x)).toThrow(/32 bits/);
    expect(() => a.load(0, at(gpr.rax, x))).toThrow(/32 bits/);
  }
});

test("one number in memory for all lanes is refused where the instruction reads a vector", () => {
  const a = new Assembler();
  const one = spread(at(gpr.rax));
  expect(() => a.load(0, one)).toThrow(/broadcast/);
  expect(() => a.save(one, 0)).toThrow(/broadcast/);
  expect(() => a.mov(gpr.rax, one)).toThrow(/broadcast/);
  expect(() => a.v("vpunpcklqdq", 0, 0, one)).toThrow(/broadcast/); // two f32 at a time
  expect(() => a.v("vpermw", 0, 0, one)).toThrow(/broadcast/);
});

test("a mask of no register that zeroes is refused: the processor has none", () => {
  expect(() => new Assembler().loadMasked(0, at(gpr.rax), 0)).toThrow(/mask/);
});

test("code for AVX2 takes no instruction, register or mask of AVX-512", () => {
  const a = new Avx2Assembler();
  expect(() => a.v("vdpbf16ps", 0, 0, 1)).toThrow(/AVX2/);
  expect(() => a.v("vaddps", 16, 0, 1)).toThrow(/16 vector registers/);
  expect(() => a.loadHalves(0, at(gpr.rax))).toThrow(/AVX2/);
  expect(() => a.setMask(2, 3)).toThrow(/AVX2/);
  expect(() => a.save(at(gpr.rax), 0, 2)).toThrow(/AVX2/);
});
