/** The inner products of a tile: rows whose numbers are spread over vectors of columns, all sums in registers. */
import { type Assembler, at, type Gpr, gpr } from "../assembler.ts";
import type { FlashForm } from "./flash-shape.ts";

const { rcx } = gpr;

interface TileProduct {
  readonly form: FlashForm;
  readonly rows: number;
  readonly vectors: number;
  /** Where a row's numbers begin: bytes to the next row's, and to the next step's. */
  readonly a: { readonly base: Gpr; readonly row: number; readonly step: number };
  /** Where the columns of a step begin. */
  readonly b: { readonly base: Gpr; readonly step: number };
}

/** Sums stay in the registers 0 to 23: that of a row and a vector of columns. */
export const sumOf = (row: number, vector: number, vectors: number): number => row * vectors + vector;
const column = (v: number) => 24 + v;
const spreadRow = (r: number) => 28 + (r & 3);
const unrolled = 4;

/** Adds steps to the sums; both bases are moved on. Without a count, rcx has it, a multiple of four unless there is a `tail`. Uses rcx. */
export function emitProduct(a: Assembler, p: TileProduct, count?: number, tail = false): void {
  const some = (steps: number) => {
    for (let u = 0; u < steps; u++) {
      for (let v = 0; v < p.vectors; v++) a.load(column(v), at(p.b.base, u * p.b.step + 64 * v));
      for (let r = 0; r < p.rows; r++) {
        a.broadcast(spreadRow(r), at(p.a.base, r * p.a.row + u * p.a.step));
        for (let v = 0; v < p.vectors; v++)
          a.v(p.form === "bf16" ? "vdpbf16ps" : "vfmadd231ps", sumOf(r, v, p.vectors), column(v), spreadRow(r));
      }
    }
    a.alu("add", p.a.base, { value: steps * p.a.step });
    a.alu("add", p.b.base, { value: steps * p.b.step });
  };
  const loop = (steps: number, least: number) => {
    const again = a.here();
    some(steps);
    a.alu("sub", rcx, { value: steps });
    a.alu("cmp", rcx, { value: least });
    a.jumpIf("ge", again);
  };
  if (count !== undefined) {
    a.set(rcx, count - (count % unrolled));
    if (count >= unrolled) loop(unrolled, unrolled);
    if (count % unrolled > 0) some(count % unrolled);
    return;
  }
  if (!tail) {
    loop(unrolled, unrolled);
    return;
  }
  const [few, end] = [a.label(), a.label()];
  a.alu("cmp", rcx, { value: unrolled });
  a.jumpIf("l", few);
  loop(unrolled, unrolled);
  a.place(few);
  a.test(rcx, rcx);
  a.jumpIf("e", end);
  loop(1, 1);
  a.place(end);
}

export function clearSums(a: Assembler, count: number): void {
  for (let i = 0; i < count; i++) a.v("vpxord", i, i, i);
}

/** Vectors of columns that are summed at once: parts of at most four, as equal as can be, and how many rows fit beside each. */
export function columnParts(vectors: number): readonly { readonly first: number; readonly vectors: number; readonly rows: number }[] {
  const count = Math.ceil(vectors / 4);
  let first = 0;
  return Array.from({ length: count }, (_, i) => {
    const own = Math.floor(vectors / count) + (i < vectors % count ? 1 : 0);
    first += own;
    return { first: first - own, vectors: own, rows: own === 4 ? 4 : 8 };
  });
}
