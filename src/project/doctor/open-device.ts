/** A program of its own: opens a device and computes on it, or loads a plugin, and prints the result as one line of JSON. */
import { LoamError, renderProblem } from "../../base/index.ts";
import { add, compile, openDevice, pluginVersion, type Tensor } from "../../tensor/index.ts";
import type { Probed } from "./probe-device.ts";

async function probe(): Promise<Probed> {
  const name = process.argv[2];
  try {
    // a plugin's library alone: its devices may take minutes to be found
    const version = pluginVersion(name ?? "");
    if (version !== undefined) return { ok: true, details: { version } };
    const device = openDevice(name === "webgpu" ? "webgpu" : "cpu");
    const sum = compile((a: Tensor, b: Tensor) => add(a, b), { device });
    const result = await (await sum(await device.array([1, 2]), await device.array([3, 4]))).numbers();
    if (result[0] !== 4 || result[1] !== 6) return { ok: false, reason: `1 + 3 and 2 + 4 came out as ${[...result].join(" and ")}` };
    return { ok: true, details: device.capabilities.details };
  } catch (error) {
    if (!(error instanceof LoamError)) return { ok: false, reason: error instanceof Error ? error.message : String(error) };
    const { hint, ...problem } = error.problem;
    return { ok: false, reason: renderProblem(problem), ...(hint ? { hint } : {}) };
  }
}

process.stdout.write(`${JSON.stringify(await probe())}\n`, () => process.exit(0));
