import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { EnergyMeter, findEnergyCounters } from "./energy.ts";

const root = mkdtempSync(join(tmpdir(), "loam-energy-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

interface Zone {
  readonly name: string;
  readonly microjoules: number;
}
/** A made-up powercap of zones with a range of 1,000 J. */
function powercap(zones: Readonly<Record<string, Zone>>) {
  const folder = join(root, `powercap-${count++}`);
  const set = (zone: string, microjoules: number) => writeFileSync(join(folder, zone, "energy_uj"), `${microjoules}\n`);
  for (const [zone, { name, microjoules }] of Object.entries(zones)) {
    mkdirSync(join(folder, zone), { recursive: true });
    writeFileSync(join(folder, zone, "name"), `${name}\n`);
    writeFileSync(join(folder, zone, "max_energy_range_uj"), "1000000000\n");
    set(zone, microjoules);
  }
  return { folder, set };
}

test("packages and memory are added up, a package's own cores are not counted again, and a counter that wraps goes on", () => {
  const { folder, set } = powercap({
    "intel-rapl:0": { name: "package-0", microjoules: 990_000_000 },
    "intel-rapl:0:0": { name: "core", microjoules: 0 },
    "intel-rapl:0:1": { name: "dram", microjoules: 10_000_000 },
    "intel-rapl:1": { name: "package-1", microjoules: 0 },
  });
  const meter = new EnergyMeter(findEnergyCounters(folder));
  set("intel-rapl:0", 15_000_000); // 990 J to 1,000 J, then 15 J more
  set("intel-rapl:0:0", 900_000_000);
  set("intel-rapl:0:1", 12_000_000);
  set("intel-rapl:1", 3_000_000);
  expect(meter.joules()).toBeCloseTo(25 + 2 + 3, 9);
  expect(meter.joules()).toBe(0);
});

test("counters that are not there, or cannot be read, are named with their file", () => {
  const missing = join(root, "none");
  expect(findEnergyCounters(missing)).toEqual({ kind: "none", file: missing, reason: "no such folder" });
  const { folder } = powercap({});
  mkdirSync(folder, { recursive: true });
  expect(findEnergyCounters(folder)).toMatchObject({
    kind: "none",
    file: join(folder, "intel-rapl:0", "energy_uj"),
    reason: "no such file",
  });
  const odd = powercap({ "intel-rapl:0": { name: "package-0", microjoules: 1 } });
  writeFileSync(join(odd.folder, "intel-rapl:0", "energy_uj"), "none\n");
  expect(findEnergyCounters(odd.folder)).toMatchObject({ kind: "none", reason: "no number" });
  expect(new EnergyMeter(findEnergyCounters(missing)).joules()).toBeUndefined();
});

const why = process.platform !== "linux" ? " (skipped: Linux alone has these counters)" : " (skipped as root: root may read)";
const canBeRefused = process.getuid?.() !== 0 && process.platform === "linux";
test.skipIf(!canBeRefused)(`a counter that is root's alone is named${canBeRefused ? "" : why}`, () => {
  const { folder } = powercap({ "intel-rapl:0": { name: "package-0", microjoules: 1 } });
  const file = join(folder, "intel-rapl:0", "energy_uj");
  chmodSync(file, 0);
  expect(findEnergyCounters(folder)).toEqual({ kind: "none", file, reason: "permission denied (Linux lets root alone read it)" });
});
