/** Checks of the machine: platform, processor, memory, disk, container. */
import { existsSync, statfsSync } from "node:fs";
import { freemem, release } from "node:os";
import { dirname } from "node:path";
import { formatBytes, isLoamError } from "../../base/index.ts";
import { machineTiers, processorTiers, usableTiers } from "../../tensor/index.ts";
import { containerLimits, machine } from "../machine.ts";
import { type Check, checkRow, type Finding } from "./check.ts";
import { isMusl, platforms } from "./platforms.ts";

/** The quick life of the example needs about this much at its highest. */
const enoughMemoryBytes = 2e9;
/** Packages, blobs and checkpoints of the example. */
const enoughDiskBytes = 3e9;

function platform(): Finding {
  const key = `${process.platform}-${process.arch}`;
  const known = platforms[key];
  const table = Object.values(platforms)
    .filter(p => p.works)
    .map(p => p.name)
    .join("; ");
  const data = { platform: key, works: (known?.works ?? false) && !isMusl() };
  if (isMusl())
    return { state: "bad", found: `${key} with musl, ${release()}`, hint: "Use a system with glibc, such as node:20-slim.", data };
  if (known?.works) return { state: "ok", found: `${known.name}, ${release()}`, data };
  return { state: "bad", found: known ? `${known.name}: ${known.why}` : key, hint: `Works: ${table}.`, data };
}

function vector(): Finding {
  const units = machine().vector;
  const good = units.includes("avx2") || units.includes("neon");
  const data = { vector: units };
  if (units.length === 0) return { state: "ok", found: "not told by this system", data };
  return good
    ? { state: "ok", found: units.join(" "), data }
    : { state: "warn", found: units.join(" "), hint: "Without AVX2 or NEON training is several times slower.", data };
}

/** Tiers of instructions that machine code is made for, and those that the processor lacks. */
function machineCode(): Finding {
  const here = processorTiers();
  const lacks = machineTiers.filter(tier => !here.includes(tier));
  const data = { tiers: here, lacks, wanted: process.env.LOAM_ISA ?? null };
  if (process.env.LOAM_MACHINE_CODE === "off") return { state: "ok", found: "turned off by LOAM_MACHINE_CODE", data };
  if (here.length === 0) {
    const why = process.arch === "x64" && process.platform === "linux" ? "a processor without AVX2" : `${process.platform}-${process.arch}`;
    return {
      state: "missing",
      found: `none on ${why}: ONNX Runtime alone computes`,
      hint: "Linux on x86-64 has it: training steps on AVX2, quantised models on AVX-512 VNNI (two to three times as fast).",
      data,
    };
  }
  try {
    const used = usableTiers();
    const found = [
      `${used.join(" ")}${used.length < here.length ? " (by LOAM_ISA)" : ""}`,
      ...(lacks.length ? [`lacks ${lacks.join(" ")}`] : []),
    ];
    return {
      state: used.includes("vnni") ? "ok" : "missing",
      found: found.join("; "),
      ...(used.includes("vnni") ? {} : { hint: "Without AVX-512 VNNI, ONNX Runtime serves quantised models: two to three times slower." }),
      data: { ...data, used },
    };
  } catch (error) {
    if (!isLoamError(error, "base/config")) throw error;
    return {
      state: "bad",
      found: `LOAM_ISA=${process.env.LOAM_ISA}: ${error.problem.expected} expected`,
      hint: error.problem.hint ?? "Unset LOAM_ISA.",
      data,
    };
  }
}

function disk(path: string): Finding {
  let at = path;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  try {
    const { bavail, bsize } = statfsSync(at);
    const free = bavail * bsize;
    const data = { path: at, freeBytes: free };
    const found = `${formatBytes(free)} free at ${at}`;
    return free < enoughDiskBytes
      ? { state: "warn", found, hint: `The example needs about ${formatBytes(enoughDiskBytes)}; loam gc frees what nothing needs.`, data }
      : { state: "ok", found, data };
  } catch (error) {
    return { state: "warn", found: `cannot be told at ${at}: ${(error as Error).message}`, data: { path: at } };
  }
}

export const hardware: readonly Check[] = [
  checkRow("platform", platform),
  checkRow("processor", () => {
    const { processor, cores } = machine();
    return { state: "ok", found: `${processor}, ${cores} ${cores === 1 ? "core" : "cores"}`, data: { processor, cores } };
  }),
  checkRow("vector units", vector),
  checkRow("machine code", machineCode),
  checkRow("memory", () => {
    const { memoryBytes } = machine();
    const freeBytes = process.availableMemory?.() ?? freemem();
    const data = { memoryBytes, freeBytes };
    const found = `${formatBytes(memoryBytes)}, ${formatBytes(freeBytes)} free`;
    return freeBytes < enoughMemoryBytes
      ? {
          state: "warn",
          found,
          hint: `Training wants about ${formatBytes(enoughMemoryBytes)}; choose a smaller model or fewer rows.`,
          data,
        }
      : { state: "ok", found, data };
  }),
  checkRow("container", () => {
    const { cores, memoryBytes } = containerLimits();
    const limits = [cores && `${cores} cores`, memoryBytes && formatBytes(memoryBytes)].filter(Boolean);
    const inside = existsSync("/.dockerenv") || existsSync("/run/.containerenv") || process.env.KUBERNETES_SERVICE_HOST !== undefined;
    const found = limits.length ? `limited to ${limits.join(" and ")}` : inside ? "a container without limits" : "no limits";
    return { state: "ok", found, data: { inside, cores: cores ?? null, memoryBytes: memoryBytes ?? null } };
  }),
  checkRow("disk", place => disk(place.folder)),
  checkRow("disk of the artifact store", place =>
    place.store === undefined ? { state: "ok", found: "not in a folder of this machine" } : disk(place.store),
  ),
];
