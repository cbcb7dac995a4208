import { chmodSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { hostMetrics, readGpus } from "./host-metrics.ts";

const series = (text: string) => text.split("\n").filter(line => /^loam_/.test(line));

test("the disk of the store is told of as the system sees it, and nothing where there is no store", async () => {
  const folder = tmpdir();
  const registry = new Registry();
  hostMetrics(registry, { storeFolder: folder, gpuProgram: "no-such-program" });
  const found = Object.fromEntries(series(await registry.metrics()).map(line => line.split(" ") as [string, string]));
  const { blocks, bsize } = statfsSync(folder);
  expect(Object.keys(found).sort()).toEqual(["loam_store_disk_free_bytes", "loam_store_disk_size_bytes", "loam_store_disk_used_bytes"]);
  expect(Number(found.loam_store_disk_size_bytes)).toBe(blocks * bsize);
  const [free, used] = [Number(found.loam_store_disk_free_bytes), Number(found.loam_store_disk_used_bytes)];
  expect(free).toBeGreaterThan(0);
  expect(free + used).toBeLessThanOrEqual(blocks * bsize);

  const without = new Registry();
  hostMetrics(without, { gpuProgram: "no-such-program" });
  expect(series(await without.metrics())).toEqual([]);
  const gone = new Registry();
  hostMetrics(gone, { storeFolder: join(folder, "no-such-folder"), gpuProgram: "no-such-program" });
  expect(series(await gone.metrics())).toEqual([]);
});

test("what nvidia-smi does not know of a card is no number", () => {
  const read = readGpus("0, NVIDIA H100 80GB HBM3, 37, 1024, 81559, 41, 123.45\n1, Tesla T4, [N/A], 0, 15360, [N/A], [Not Supported]\n");
  expect(read[0]).toEqual({
    gpu: "0",
    name: "NVIDIA H100 80GB HBM3",
    utilisation: 0.37,
    usedBytes: 1024 * 2 ** 20,
    totalBytes: 81559 * 2 ** 20,
    celsius: 41,
    watts: 123.45,
  });
  expect(read[1]).toMatchObject({ gpu: "1", utilisation: Number.NaN, usedBytes: 0, celsius: Number.NaN, watts: Number.NaN });
  expect(readGpus("")).toEqual([]);
});

test.skipIf(process.platform === "win32")("a GPU has its series, and only of what it tells", async () => {
  const folder = mkdtempSync(join(tmpdir(), "loam-gpu-"));
  const program = join(folder, "smi");
  writeFileSync(program, "#!/bin/sh\necho '0, Some Card, 50, 100, 200, [N/A], 10.5'\n");
  chmodSync(program, 0o755);
  const registry = new Registry();
  hostMetrics(registry, { gpuProgram: program });
  await expect
    .poll(async () => series(await registry.metrics()).sort())
    .toEqual([
      'loam_gpu_memory_bytes{gpu="0",name="Some Card"} 209715200',
      'loam_gpu_memory_used_bytes{gpu="0",name="Some Card"} 104857600',
      'loam_gpu_power_watts{gpu="0",name="Some Card"} 10.5',
      'loam_gpu_utilisation_ratio{gpu="0",name="Some Card"} 0.5',
    ]);
  rmSync(folder, { recursive: true, force: true });
});
