/**
 * The greatest rate at which one core multiplies and adds: a loop over registers alone, so that neither memory nor caches nor anything else can hold it up.
 * What a kernel reaches is a share of this. Enough sums go on at once to fill the units' pipelines (two units of four cycles: eight).
 */
import { Assembler, gpr } from "./assembler.ts";
import { usableFeatures } from "./features.ts";
import { loadCode, machineFunction } from "./native.ts";

const { rdi } = gpr;
/** Registers that sums are kept in; the two behind them hold the operands. */
const sums = 24;

/** FLOPs of an instruction: sixteen lanes, a product and a sum each, of two products with bf16. */
const flopsOf = { vfmadd231ps: 32, vdpbf16ps: 64 } as const;
export type PeakInstruction = keyof typeof flopsOf;

/** FLOPs of one turn of the loop. */
export const turnFlops = (instruction: PeakInstruction): number => sums * flopsOf[instruction];

/** loop(turns): the instruction, `sums` times a turn. */
export function registerLoopCode(instruction: PeakInstruction): Uint8Array {
  const a = new Assembler();
  for (let r = 0; r < sums + 2; r++) a.v("vpxord", r, r, r);
  const turn = a.here();
  for (let s = 0; s < sums; s++) a.v(instruction, s, sums, sums + 1);
  a.alu("sub", rdi, { value: 1 });
  a.jumpIf("ne", turn);
  a.vzeroupper();
  a.ret();
  return a.code();
}

/** Turns of one round, some milliseconds: short enough that some rounds are not interrupted. */
const turns = 1_000_000;
const rounds = 12;

/** GFLOP/s of one core with an instruction, the best of some rounds. */
export function registerLoopRate(instruction: PeakInstruction): number {
  const loop = machineFunction(loadCode(registerLoopCode(instruction)));
  loop(turns);
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rounds; i++) {
    const [wallMs, used] = [performance.now(), process.cpuUsage()];
    loop(turns);
    const { user, system } = process.cpuUsage(used);
    // this thread's time: it is no longer than the clock's, nor than that of all threads
    least = Math.min(least, (performance.now() - wallMs) / 1e3, (user + system) / 1e6);
  }
  return (turnFlops(instruction) * turns) / least / 1e9;
}

/** Rates of one core by what products of matrices are made with here; undefined where no code is made. Takes a tenth of a second. */
export function measurePeak(): { readonly f32: number; readonly bf16?: number } | undefined {
  const { wide512, bf16 } = usableFeatures();
  if (!wide512) return undefined;
  return { f32: registerLoopRate("vfmadd231ps"), ...(bf16 ? { bf16: registerLoopRate("vdpbf16ps") } : {}) };
}
