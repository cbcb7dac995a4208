/**
 * Executables that `loam train compile` has kept in a project, for a device that is about to compile the same program: it is taken where program, plugin
 * and device agree to the letter, on the processor also where that is the same. What is damaged or does not fit is left, and the device compiles.
 */
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { sha256 } from "../../base/index.ts";
import type { WantedExecutable } from "../../tensor/index.ts";
import { machine } from "../machine.ts";

/** Within a project, a folder for each model and target. */
export const compiledFolder = ".loam/compiled";
export const compiledFile = "compiled.json";

/** The processor with its vector units: cloud machines of several generations have one name. */
export const processorName = (): string => [machine().processor, ...machine().vector].join(" ");

/** What must agree, of the file beside the executables. */
const compiled = z.object({
  platform: z.string(),
  device: z.string(),
  api: z.string(),
  version: z.string(),
  processor: z.string(),
  programs: z.array(z.object({ program: z.string(), file: z.string().nullable(), digest: z.string().nullable() })),
});

async function executableIn(folder: string, wanted: WantedExecutable): Promise<Uint8Array | undefined> {
  try {
    const { data } = compiled.safeParse(JSON.parse(await readFile(join(folder, compiledFile), "utf8")));
    if (!data || (["platform", "device", "api", "version"] as const).some(key => data[key] !== wanted[key])) return undefined;
    // machine code of a processor with other units would end the process
    if (wanted.platform === "cpu" && data.processor !== processorName()) return undefined;
    const found = data.programs.find(p => p.program === wanted.program);
    if (!found?.file) return undefined;
    const bytes = await readFile(join(folder, found.file));
    return sha256(bytes) === found.digest ? bytes : undefined;
  } catch {
    return undefined; // not there or no JSON: compiled anew
  }
}

/** Of a project's folder: gives the executable of a program, undefined where none fits. `onFound` hears of one that is taken. */
export const keptExecutables =
  (project: string, onFound: (message: string) => void = () => {}) =>
  async (wanted: WantedExecutable): Promise<Uint8Array | undefined> => {
    const all = join(project, compiledFolder);
    if (!existsSync(all)) return undefined;
    for (const name of readdirSync(all).sort()) {
      const bytes = await executableIn(join(all, name), wanted);
      if (!bytes) continue;
      onFound(`${wanted.name}: compiled before, loaded from ${compiledFolder}/${name}`);
      return bytes;
    }
    return undefined;
  };
