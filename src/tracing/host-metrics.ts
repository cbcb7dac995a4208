/**
 * Metrics of the machine below a server: the disk that holds its store, and NVIDIA GPUs where `nvidia-smi` is. Both are read beside the scrape and kept for a
 * moment, so that a slow disk or driver holds up no answer; where there is nothing to read there are no series.
 */
import { execFile } from "node:child_process";
import { statfs } from "node:fs/promises";
import { promisify } from "node:util";
import { Gauge, type Registry } from "prom-client";

/** A figure is read again after this. */
const keptMs = 5_000;
/** A reading that takes longer is given up; the next scrape tries again. */
const readMs = 1_000;
/** A machine without the program is not asked again. */
const gpuFields = ["index", "name", "utilization.gpu", "memory.used", "memory.total", "temperature.gpu", "power.draw"] as const;
const mebibyte = 1024 * 1024;

interface GpuReading {
  readonly gpu: string;
  readonly name: string;
  /** 0 to 1. */
  readonly utilisation: number;
  readonly usedBytes: number;
  readonly totalBytes: number;
  readonly celsius: number;
  readonly watts: number;
}

/** Lines of `nvidia-smi --format=csv,noheader,nounits` with the fields above; what a card does not tell (`[N/A]`) is NaN. */
export const readGpus = (csv: string): GpuReading[] =>
  csv
    .split("\n")
    .filter(line => line.trim() !== "")
    .map(line => {
      const [gpu = "", name = "", ...rest] = line.split(",").map(f => f.trim());
      const [busy, used, total, celsius, watts] = rest.map(f => (f === "" ? Number.NaN : Number(f)));
      return {
        gpu,
        name,
        utilisation: (busy ?? Number.NaN) / 100,
        usedBytes: (used ?? Number.NaN) * mebibyte,
        totalBytes: (total ?? Number.NaN) * mebibyte,
        celsius: celsius ?? Number.NaN,
        watts: watts ?? Number.NaN,
      };
    });

/** Runs at most every `keptMs`; a reading under way is shared, and one that hangs is not waited for. */
function kept<T>(read: () => Promise<T>, otherwise: T): () => Promise<T> {
  let value = otherwise;
  let readAtMs = Number.NEGATIVE_INFINITY;
  let underWay: Promise<void> | undefined;
  return async () => {
    if (performance.now() - readAtMs < keptMs) return value;
    underWay ??= read()
      .then(
        v => {
          value = v;
        },
        () => {
          value = otherwise;
        },
      )
      .finally(() => {
        readAtMs = performance.now();
        underWay = undefined;
      });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, readMs);
    });
    await Promise.race([underWay, late]);
    clearTimeout(timer);
    return value;
  };
}

export interface HostOptions {
  /** A folder on the disk that is told of; no series when absent. */
  readonly storeFolder?: string | undefined;
  /** Tests give another program than `nvidia-smi`. */
  readonly gpuProgram?: string;
}

/** Gauges of the disk and of GPUs. */
export function hostMetrics(registry: Registry, { storeFolder, gpuProgram = "nvidia-smi" }: HostOptions = {}): void {
  const registers = [registry];
  const disk = kept(async () => (storeFolder === undefined ? undefined : await statfs(storeFolder)), undefined);
  type Disk = NonNullable<Awaited<ReturnType<typeof disk>>>;
  const ofDisk = (name: string, help: string, bytes: (d: Disk) => number) =>
    new Gauge({
      name: `loam_store_disk_${name}_bytes`,
      help,
      registers,
      async collect() {
        this.remove();
        const now = await disk();
        if (now) this.set(bytes(now));
      },
    });
  ofDisk("size", "Size of the disk that holds the artifact store.", d => d.blocks * d.bsize);
  ofDisk("free", "Free bytes of the disk that holds the artifact store, for this user.", d => d.bavail * d.bsize);
  ofDisk("used", "Used bytes of the disk that holds the artifact store.", d => (d.blocks - d.bfree) * d.bsize);

  let isAbsent = false;
  const gpus = kept<readonly GpuReading[]>(async () => {
    if (isAbsent) return [];
    try {
      const options = { timeout: readMs * 5, windowsHide: true };
      const { stdout } = await promisify(execFile)(
        gpuProgram,
        [`--query-gpu=${gpuFields.join(",")}`, "--format=csv,noheader,nounits"],
        options,
      );
      return readGpus(stdout);
    } catch (error) {
      isAbsent = error instanceof Error && "code" in error && error.code === "ENOENT";
      return [];
    }
  }, []);
  const ofGpu = (name: string, help: string, value: (g: GpuReading) => number) =>
    new Gauge({
      name: `loam_gpu_${name}`,
      help,
      labelNames: ["gpu", "name"],
      registers,
      async collect() {
        const now = await gpus();
        this.reset();
        for (const g of now) if (Number.isFinite(value(g))) this.set({ gpu: g.gpu, name: g.name }, value(g));
      },
    });
  ofGpu("utilisation_ratio", "Share of time in which the GPU computed.", g => g.utilisation);
  ofGpu("memory_used_bytes", "Memory of the GPU in use.", g => g.usedBytes);
  ofGpu("memory_bytes", "Memory of the GPU.", g => g.totalBytes);
  ofGpu("temperature_celsius", "Temperature of the GPU.", g => g.celsius);
  ofGpu("power_watts", "Power that the GPU draws.", g => g.watts);
}
