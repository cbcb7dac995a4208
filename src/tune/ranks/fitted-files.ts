/** The result of the ranks of a tuning, as files of the folder that they share: trained arrays, and the report of the run. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../../base/index.ts";
import { loadTree, openSafetensors, saveTree } from "../../nn/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { Fitted } from "../fit.ts";
import type { TrainableSpecs } from "../methods/index.ts";

const files = { arrays: "fitted.safetensors", rest: "fitted.json" } as const;

/** JSON has no such numbers; the loss of a step may be one. */
const unspeakable = /^#(NaN|-?Infinity)$/;
const asText = (_: string, value: unknown): unknown => (typeof value === "number" && !Number.isFinite(value) ? `#${value}` : value);
const asNumber = (_: string, value: unknown): unknown => {
  const found = typeof value === "string" ? unspeakable.exec(value) : null;
  return found ? Number(found[1]) : value;
};

export async function writeFitted(folder: string, { trainable, kept, ...rest }: Fitted): Promise<void> {
  const arrays = { trainable, kept: Object.fromEntries(kept.map(k => [k.step, k.parameters])) };
  await saveTree(join(folder, files.arrays), arrays);
  writeFileAtomic(join(folder, files.rest), JSON.stringify({ ...rest, kept: kept.map(k => k.step) }, asText));
}

/** The arrays are the caller's. */
export async function readFitted(folder: string, specs: TrainableSpecs, device: Device): Promise<Fitted> {
  // written by `writeFitted`
  const { kept, ...rest } = JSON.parse(readFileSync(join(folder, files.rest), "utf8"), asNumber) as Omit<Fitted, "trainable" | "kept"> & {
    readonly kept: readonly number[];
  };
  const file = await openSafetensors(join(folder, files.arrays));
  try {
    const { trainable, kept: values } = await loadTree(
      { trainable: specs, kept: Object.fromEntries(kept.map(step => [step, specs])) },
      file,
      device,
    );
    return { ...rest, trainable, kept: kept.map(step => ({ step, parameters: values[step]! })) };
  } finally {
    await file.close();
  }
}
