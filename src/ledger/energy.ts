/**
 * Energy: what the processors' own counters say where they can be read (RAPL, through Linux' powercap), and a model of watts where they cannot. The counters
 * are of the whole package, so this process is charged its share of the time that the machine's processors were busy.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const powercapFolder = "/sys/class/powercap";

/** Where counters are, or why there are none. */
export type EnergyCounters =
  | { readonly kind: "rapl"; readonly zones: readonly { readonly file: string; readonly rangeJoules: number }[] }
  | { readonly kind: "none"; readonly file: string; readonly reason: string };

const text = (path: string): string => readFileSync(path, "utf8").trim();

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM") return "permission denied (Linux lets root alone read it)";
  return code === "ENOENT" ? "no such file" : message;
}

/** Packages, and memory beside them where it has a counter of its own. A package's cores are within it. */
const isCounted = (name: string): boolean => name.startsWith("package") || name === "dram";

export function findEnergyCounters(folder: string = powercapFolder): EnergyCounters {
  if (!existsSync(folder)) return { kind: "none", file: folder, reason: "no such folder" };
  const zones: { file: string; rangeJoules: number }[] = [];
  let file = join(folder, "intel-rapl:0", "energy_uj");
  try {
    for (const zone of readdirSync(folder).filter(z => /^intel-rapl:\d+(:\d+)?$/.test(z))) {
      file = join(folder, zone, "name");
      if (!isCounted(text(file))) continue;
      file = join(folder, zone, "max_energy_range_uj");
      const rangeJoules = Number(text(file)) / 1e6;
      file = join(folder, zone, "energy_uj");
      if (!Number.isFinite(Number(text(file)))) return { kind: "none", file, reason: "no number" };
      zones.push({ file, rangeJoules });
    }
  } catch (error) {
    return { kind: "none", file, reason: reasonOf(error) };
  }
  return zones.length > 0 ? { kind: "rapl", zones } : { kind: "none", file, reason: "no such file" };
}

/** Adds up what the counters counted from one reading to the next, over their wraps. */
export class EnergyMeter {
  readonly #counters: EnergyCounters;
  #last: readonly number[] | undefined;

  constructor(counters: EnergyCounters) {
    this.#counters = counters;
    this.#last = this.#read();
  }

  get isCounting(): boolean {
    return this.#last !== undefined;
  }

  #read(): readonly number[] | undefined {
    if (this.#counters.kind === "none") return undefined;
    try {
      return this.#counters.zones.map(z => Number(text(z.file)) / 1e6);
    } catch {
      return undefined;
    }
  }

  /** Joules of all packages since the last call; undefined where they are not counted. */
  joules(): number | undefined {
    const [before, now] = [this.#last, this.#read()];
    this.#last = now;
    if (this.#counters.kind === "none" || before === undefined || now === undefined) return undefined;
    return this.#counters.zones.reduce((sum, { rangeJoules }, i) => {
      const passed = now[i]! - before[i]!;
      return sum + (passed >= 0 ? passed : passed + rangeJoules);
    }, 0);
  }
}

/** What energy is estimated by where it is not counted, and what a counted one is raised by. */
export interface EnergyAssumptions {
  /** Watts that a busy core takes, memory included. */
  readonly wattsPerCore: number;
  /** Power usage effectiveness: energy of the whole site over that of its machines. */
  readonly pue: number;
}
/**
 * Lannelongue, Grealey and Inouye (2021), "Green Algorithms: quantifying the carbon footprint of computation", give 12 W a core as the mean of server processors
 * and 1.67 as the mean PUE of the world's sites. Both are far from any one machine's.
 */
export const defaultAssumptions: EnergyAssumptions = { wattsPerCore: 12, pue: 1.67 };
