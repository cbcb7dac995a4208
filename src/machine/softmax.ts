/** Scores of rows on the stack as weights: what attention does between its two products. */
import { type Assembler, at, type Gpr, gpr } from "./assembler.ts";
import { emitExponential } from "./exponential.ts";

interface StackRows {
  readonly count: number;
  /** From a row's scores to the next one's; the first row's begin at rsp. */
  readonly rowBytes: number;
  /** Has the bytes of a row's scores, a multiple of 64. */
  readonly end: Gpr;
  /** Where, from rsp on, the sum of each row's weights is put (f32). */
  readonly sumsAt: number;
  /** A vector of minus infinity. */
  readonly infinity: number;
  /** Has the address of `exponentialConstants`. */
  readonly constants: Gpr;
}

/** Scores become e^(score - the row's greatest), added up in their order. Changes rdx and the vectors 0 to 4. */
export function emitSoftmaxRows(a: Assembler, { count, rowBytes, end, sumsAt, infinity, constants }: StackRows): void {
  const { rdx, rsp } = gpr;
  const [most, total, x, n, p] = [0, 1, 2, 3, 4];
  for (let r = 0; r < count; r++) {
    const scores = at(rsp, r * rowBytes, rdx);
    const each = (body: () => void) => {
      a.alu("xor", rdx, rdx);
      const loop = a.here();
      body();
      a.alu("add", rdx, { value: 64 });
      a.alu("cmp", rdx, end);
      a.jumpIf("b", loop);
    };
    a.load(most!, infinity);
    each(() => a.v("vmaxps", most!, most!, scores));
    a.reduce("vmaxps", most!, x!);
    a.v("vpxord", total!, total!, total!);
    each(() => {
      a.load(x!, scores);
      a.v("vsubps", x!, x!, most!);
      emitExponential(a, x!, [n!, p!], constants);
      a.v("vaddps", total!, total!, x!);
      a.save(scores, x!);
    });
    a.reduce("vaddps", total!, x!);
    a.saveLane(at(rsp, sumsAt + 4 * r), total!);
  }
}
