/** What this machine has, what is missing and how to get it. */
import { join } from "node:path";
import { findProject } from "../project-file.ts";
import type { Check, CheckedPlace, Finding } from "./check.ts";
import { engines } from "./engines.ts";
import { hardware } from "./hardware.ts";
import { optional } from "./optional.ts";
import { software } from "./software.ts";

export interface MachineCheck extends Finding {
  readonly name: string;
}

export interface MachineSection {
  readonly title: string;
  readonly checks: readonly MachineCheck[];
}

export interface MachineReport {
  /** Loam works here. */
  readonly ok: boolean;
  readonly checks: readonly MachineCheck[];
}

/** The folder of the record, where the project beside it names one; a broken loam.yaml is for other calls to tell. */
function placeOf(folder: string): CheckedPlace {
  try {
    const project = findProject(folder);
    const blobs = project.config.store.blobs ?? "folder:.loam/blobs";
    return { folder, store: blobs.startsWith("folder:") ? join(project.folder, blobs.slice("folder:".length)) : undefined };
  } catch {
    return { folder, store: folder };
  }
}

const sections: readonly (readonly [title: string, checks: readonly Check[]])[] = [
  ["This machine", hardware],
  ["What Loam runs on", software],
  ["Not needed, good to have", [...engines, ...optional]],
];

/** Section by section. */
export async function* machineSections(folder: string): AsyncGenerator<MachineSection> {
  const place = placeOf(folder);
  for (const [title, checks] of sections)
    yield { title, checks: await Promise.all(checks.map(async c => ({ name: c.name, ...(await c.look(place)) }))) };
}

/** Cores, vector units, devices, memory, the disk that `folder` is on, programs beside. Fails never: what is wrong is in the checks. */
export async function checkMachine(folder: string): Promise<MachineReport> {
  const checks: MachineCheck[] = [];
  for await (const section of machineSections(folder)) checks.push(...section.checks);
  return { ok: checks.every(c => c.state !== "bad"), checks };
}
