/** What the bits of a trained model depend on beside its recipe: versions, instruction set, threads. Recorded with every run, compared by a rebuild. */
import { z } from "zod";
import { engineVersion, pluginVersion, usableTiers } from "../tensor/index.ts";
import { machine } from "./machine.ts";
import { ownPackage } from "./package.ts";

export const runEnvironment = z.object({
  loam: z.string(),
  node: z.string(),
  /** Of a device that a PJRT plugin computes on, the plugin's instead. */
  onnxRuntime: z.string(),
  /** `linux-x64`. */
  platform: z.string(),
  processor: z.string(),
  /** Vector units that kernels are chosen by. */
  vector: z.array(z.string()),
  /** Machine code of Loam's own: "off", "none", or the tiers of instructions that it was made for (`LOAM_ISA` names the highest). */
  machineCode: z.string(),
  device: z.string(),
  threads: z.number(),
});
export type RunEnvironment = z.output<typeof runEnvironment>;

/** Of the library that computes, which LOAM_ONNXRUNTIME may name, or of a PJRT plugin ("PJRT 0.106"); "unknown" where none can be loaded. */
function onnxRuntimeVersion(device: string): string {
  try {
    return pluginVersion(device) ?? engineVersion(device === "webgpu" || device === "cuda" ? device : "cpu");
  } catch {
    return "unknown";
  }
}

/** What machine code of Loam's own is made for here: "avx512+vnni+bf16", "none", "off". */
export function machineCodeTier(): string {
  if (process.env.LOAM_MACHINE_CODE === "off") return "off";
  // the first goes without saying where there are others, as in records from before it was one
  const tiers = usableTiers();
  return (tiers.length > 1 ? tiers.slice(1) : tiers).join("+") || "none";
}

/** Of this process; the same value each time it is asked. */
export function environmentOf(device: { readonly name: string; readonly threads?: number | undefined }): () => RunEnvironment {
  let known: RunEnvironment | undefined;
  return () => {
    if (known) return known;
    const { processor, cores, vector } = machine();
    known = {
      loam: ownPackage().version,
      node: process.versions.node,
      onnxRuntime: onnxRuntimeVersion(device.name),
      platform: `${process.platform}-${process.arch}`,
      processor,
      vector: [...vector],
      machineCode: machineCodeTier(),
      device: device.name,
      threads: device.threads ?? cores,
    };
    return known;
  };
}
