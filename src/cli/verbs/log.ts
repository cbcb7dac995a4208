/** `loam log`: who did what, and the tamper-evident log for auditors: signed checkpoints, static files, witnesses, proofs. */
import { exportLog, listLog, proveAct, recordProjectAct, signLog, witnessLog } from "../../project/accountability/index.ts";
import { wrongArgument } from "../../project/index.ts";
import { actKinds, type Deed, deedKinds } from "../../store/index.ts";
import { choiceOption, listOption, numberOption, sinceOption, textOption } from "../options.ts";
import type { Options, VerbRun } from "../verb.ts";
import { inProject, workplaceOf } from "../verb-folder.ts";

const erased = "(erased)";
const line = (a: Deed): string => {
  const evidence = Object.entries(a.evidence ?? {}).map(([name, digest]) => `${name} ${digest.slice(0, 12)}`);
  const more = [a.purpose && `for ${a.purpose}`, a.note, ...evidence].filter(Boolean).join("; ");
  return `  ${new Date(a.atMs).toISOString().slice(0, 19)}Z  ${a.id.padEnd(20)} ${a.kind.padEnd(9)} ${a.who ?? erased}: ${a.what ?? erased} ${a.on ?? erased}${more ? `  (${more})` : ""}`;
};

function needed(options: Options, key: string, verb: string, expected: string): string {
  const value = textOption(options, key);
  if (value !== undefined) return value;
  throw wrongArgument(`loam ${verb}: --${key.replaceAll(/[A-Z]/g, c => `-${c.toLowerCase()}`)}`, expected, "nothing");
}

export const logList: VerbRun = (context, _words, options) =>
  inProject(context, options, async at => {
    const { out } = context;
    const found = await listLog(at, {
      kind: choiceOption(options, "kind", "log", deedKinds),
      who: textOption(options, "who"),
      on: textOption(options, "on"),
      most: numberOption(options, "most", "log", { least: 1, most: 100_000, whole: true }),
      sinceMs: sinceOption(options, "log"),
    });
    for (const act of found.acts) out.line(line(act));
    if (found.acts.length === 0) out.line("  no acts");
    out.result(found);
  });

export const logAct: VerbRun = (context, [kind, what, on], options) =>
  inProject(context, options, async at => {
    const known = choiceOption({ kind }, "kind", "log act", actKinds)!;
    const who = textOption(options, "as");
    const recorded = await recordProjectAct(at, {
      kind: known,
      what: what!,
      on: on!,
      who,
      purpose: textOption(options, "purpose"),
      note: textOption(options, "note"),
      evidence: listOption(options, "evidence"),
    });
    context.out.line(`  ${recorded.id} is entry ${recorded.position} of the log`);
    context.out.result(recorded);
  });

const keyOptions = (options: Options, verb: string) => ({
  key: needed(options, "key", verb, "the file of a private key (`loam models keygen FILE` makes one)"),
  origin: textOption(options, "origin"),
});

export const logCheckpoint: VerbRun = (context, _words, options) =>
  inProject(context, options, async at => {
    const signed = await signLog(at, keyOptions(options, "log checkpoint"));
    for (const text of signed.checkpoint.trimEnd().split("\n")) context.out.line(text);
    context.out.result(signed);
  });

export const logExport: VerbRun = (context, [folder], options) =>
  inProject(context, options, async at => {
    const exported = await exportLog(at, folder!, keyOptions(options, "log export"));
    context.out.line(`  ${exported.size} entries; ${exported.written} files written to ${exported.folder}`);
    context.out.line(`  verifier key: ${exported.verifierKey}`);
    context.out.result(exported);
  });

export const logWitness: VerbRun = async (context, [folder], options) => {
  const witnessed = await witnessLog(workplaceOf(context, options), folder!, {
    key: needed(options, "key", "log witness", "the file of the witness's private key"),
    name: needed(options, "name", "log witness", "the witness's name, without blanks"),
    logKey: needed(options, "logKey", "log witness", "the log's verifier key, or the file that holds it"),
    state: needed(options, "state", "log witness", "the file in which the witness remembers heads"),
  });
  context.out.line(`  ${witnessed.origin}: ${witnessed.size} entries co-signed, ${witnessed.since} of them known before`);
  context.out.line(`  verifier key: ${witnessed.verifierKey}`);
  context.out.result(witnessed);
};

export const logProve: VerbRun = (context, [id], options) =>
  inProject(context, options, async at => {
    const proof = await proveAct(at, id!);
    const { out } = context;
    out.line(`  entry ${proof.index} of ${proof.tree.size}, root ${proof.tree.root}`);
    out.line(`  ${proof.entry}`);
    for (const node of proof.path) out.line(`    ${node}`);
    for (const { field, value } of proof.openings) out.line(`  ${field}: ${value}`);
    out.result(proof);
  });
