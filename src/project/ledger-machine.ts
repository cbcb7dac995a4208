/**
 * The machine of a run's ledger: processor, tier, and the greatest rate of one core, which utilisation is a share of. The rate is measured once a machine and
 * tier and kept in the user's folder: in a loop over registers where machine code is made, else by a large product of the engine.
 */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { readText, writeFileAtomic } from "../base/index.ts";
import type { LedgerMachine, MachinePeak } from "../ledger/index.ts";
import { measurePeak } from "../tensor/index.ts";
import { machineCodeTier } from "./environment.ts";
import { homeFolder } from "./home-folder.ts";
import { machine } from "./machine.ts";

const keptPeaks = z.record(z.string(), z.object({ f32: z.number(), bf16: z.number().optional(), method: z.string() }));

const peaksFile = (): string => join(homeFolder(), ".loam", "peaks.json");

function readPeaks(): z.output<typeof keptPeaks> {
  try {
    return existsSync(peaksFile()) ? (keptPeaks.safeParse(JSON.parse(readText(peaksFile()))).data ?? {}) : {};
  } catch {
    return {}; // half a file of another hand: measured anew
  }
}

function keepPeak(key: string, peak: MachinePeak): void {
  try {
    mkdirSync(dirname(peaksFile()), { recursive: true });
    writeFileAtomic(peaksFile(), `${JSON.stringify({ ...readPeaks(), [key]: peak }, null, 2)}\n`);
  } catch {
    // a folder that cannot be written: measured again next time
  }
}

/** Width of the square matrices that are multiplied where no code is made. */
const productWidth = 1024;
const rounds = 5;

/** GFLOP/s of one core in a large product of the engine. */
async function productRate(): Promise<number> {
  const { compile, matmul, openDevice } = await import("../tensor/index.ts");
  const device = openDevice("cpu", { threads: 1 });
  const product = compile((a: Parameters<typeof matmul>[0], b: Parameters<typeof matmul>[1]) => matmul(a, b), { device });
  const [a, b] = [await device.full([productWidth, productWidth], 1), await device.full([productWidth, productWidth], 1)];
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i <= rounds; i++) {
    const [wallMs, used] = [performance.now(), process.cpuUsage()];
    (await product(a, b)).dispose();
    const { user, system } = process.cpuUsage(used);
    if (i > 0) least = Math.min(least, (performance.now() - wallMs) / 1e3, (user + system) / 1e6);
  }
  for (const x of [a, b, product, device]) x.dispose();
  return (2 * productWidth ** 3) / least / 1e9;
}

async function measuredPeak(): Promise<MachinePeak> {
  const loop = measurePeak();
  if (loop) return { ...loop, method: "loop over registers in machine code" };
  return { f32: await productRate(), method: `product of ${productWidth} x ${productWidth} matrices in ONNX Runtime` };
}

let known: Promise<MachinePeak> | undefined;

async function peakOf(key: string): Promise<MachinePeak> {
  const kept = readPeaks()[key];
  if (kept) return kept;
  const peak = await measuredPeak();
  keepPeak(key, peak);
  return peak;
}

/** This machine; with its peak where that is asked for, and where it can be measured. */
export async function ledgerMachine(device: { readonly threads?: number | undefined }, measure: boolean): Promise<LedgerMachine> {
  const { processor, cores } = machine();
  const tier = machineCodeTier();
  const own = { processor, tier, cores: device.threads ?? cores };
  if (!measure) return own;
  known ??= peakOf(`${processor}, ${tier}`);
  const peak = await known.catch(() => undefined);
  return { ...own, ...(peak ? { peak } : {}) };
}
