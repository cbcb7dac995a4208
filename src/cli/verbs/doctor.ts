/** `loam doctor`: what this machine has, what is missing and how to get it. Ends with exit code 3 where Loam cannot work here. */
import { type CheckState, type MachineCheck, machineSections } from "../../project/doctor/index.ts";
import { projectErrors } from "../../project/index.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

const marks: Readonly<Record<CheckState, string>> = { ok: "ok", warn: "warn", missing: "-", bad: "BAD" };

export const doctor: VerbRun = async (context, _, options) => {
  const { out } = context;
  const checks: MachineCheck[] = [];
  for await (const section of machineSections(folderOf(context, options))) {
    out.line(`\n${section.title}`);
    for (const f of section.checks) {
      out.line(`  ${marks[f.state].padEnd(5)} ${f.name.padEnd(19)} ${f.found}`);
      if (f.hint) out.line(`${"".padEnd(28)}${f.hint}`);
    }
    checks.push(...section.checks);
  }
  const bad = checks.find(c => c.state === "bad");
  out.result({ ok: !bad, checks });
  if (bad)
    throw projectErrors.fail("machine", { place: `loam doctor: ${bad.name}`, message: bad.found, ...(bad.hint ? { hint: bad.hint } : {}) });
};
