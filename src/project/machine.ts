/** This machine in a few facts: processor, cores, vector units, memory. What a container allows counts, not what the host has. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";

interface MachineFacts {
  readonly processor: string;
  /** Processors that this process may use. */
  readonly cores: number;
  /** Memory that this process may use, bytes. */
  readonly memoryBytes: number;
  /** Vector units as their makers name them: avx2, avx512f, amx_bf16, neon, ... Empty where it cannot be told. */
  readonly vector: readonly string[];
}

const text = (path: string): string | undefined => {
  try {
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  } catch {
    return undefined;
  }
};

/** Units that kernels are chosen by, in rising order. */
const unitsOfX64 = [
  "sse4_2",
  "avx",
  "f16c",
  "fma",
  "avx2",
  "avx_vnni",
  "avx512f",
  "avx512_vnni",
  "avx512_bf16",
  "avx512_fp16",
  "amx_int8",
  "amx_bf16",
];
/** Linux' names of Arm features, and the names people know. */
const unitsOfArm: Readonly<Record<string, string>> = {
  asimd: "neon",
  asimddp: "dotprod",
  i8mm: "i8mm",
  bf16: "bf16",
  sve: "sve",
  sve2: "sve2",
  sme: "sme",
};

function vectorUnits(): string[] {
  if (process.platform === "linux") {
    const info = text("/proc/cpuinfo") ?? "";
    const words = new Set((/^(?:flags|Features)\s*:\s*(.*)$/m.exec(info)?.[1] ?? "").split(/\s+/));
    return [...unitsOfX64.filter(u => words.has(u)), ...Object.keys(unitsOfArm).flatMap(u => (words.has(u) ? [unitsOfArm[u]!] : []))];
  }
  if (process.platform === "darwin") {
    if (process.arch === "arm64") return ["neon"];
    try {
      const words = execFileSync("sysctl", ["-n", "machdep.cpu.features", "machdep.cpu.leaf7_features"], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      const has = new Set(words.toLowerCase().split(/\s+/));
      return unitsOfX64.filter(u => has.has(u) || has.has(u.replace("_", ".")));
    } catch {
      return [];
    }
  }
  // Every processor on which Windows runs in 64 bits for Arm has it; for x64 Windows has no file that tells.
  return process.arch === "arm64" ? ["neon"] : [];
}

/** Bytes that this process may still take: what the system has, and what its control group leaves. Cached files count as free, as they give way. */
export function availableMemoryBytes(): number {
  const number = (path: string): number | undefined => {
    const t = text(path)?.trim();
    return t !== undefined && /^\d+$/.test(t) ? Number(t) : undefined;
  };
  const limit = containerLimits().memoryBytes;
  const used = number("/sys/fs/cgroup/memory.current") ?? number("/sys/fs/cgroup/memory/memory.usage_in_bytes");
  if (limit === undefined || used === undefined) return freemem();
  const stat = text("/sys/fs/cgroup/memory.stat") ?? text("/sys/fs/cgroup/memory/memory.stat") ?? "";
  const files = Number(/^(?:total_)?inactive_file (\d+)$/m.exec(stat)?.[1] ?? 0);
  return Math.max(0, Math.min(freemem(), limit - used + files));
}

/** Cores and memory that the control group of this process allows (version 2, then 1); undefined where there is no such limit. */
export function containerLimits(): { readonly cores: number | undefined; readonly memoryBytes: number | undefined } {
  const number = (t: string | undefined): number | undefined => (t !== undefined && /^\d+$/.test(t.trim()) ? Number(t) : undefined);
  const [quota, period] = (text("/sys/fs/cgroup/cpu.max") ?? "").trim().split(" ").map(number);
  const oldQuota = number(text("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"));
  const oldPeriod = number(text("/sys/fs/cgroup/cpu/cpu.cfs_period_us"));
  const memory = number(text("/sys/fs/cgroup/memory.max") ?? text("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
  const share = quota && period ? quota / period : oldQuota && oldPeriod ? oldQuota / oldPeriod : undefined;
  // "no limit" is written as a number near 2^63 by version 1
  return { cores: share, memoryBytes: memory !== undefined && memory < totalmem() ? memory : undefined };
}

export function machine(): MachineFacts {
  const limits = containerLimits();
  return {
    processor: cpus()[0]?.model.trim() || process.arch,
    cores: Math.max(1, Math.min(availableParallelism(), Math.ceil(limits.cores ?? Number.POSITIVE_INFINITY))),
    memoryBytes: limits.memoryBytes ?? totalmem(),
    vector: vectorUnits(),
  };
}
