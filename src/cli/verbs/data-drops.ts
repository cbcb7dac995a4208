/** `loam data drops`: dropped documents with their reasons, or one of them whole. */
import { nearest } from "../../base/index.ts";
import {
  type Document,
  documentIds,
  findDocuments,
  linesOf,
  type Measure,
  readMeasures,
  resolveId,
  showMeasure,
  shownBy,
} from "../../data/index.ts";
import { type DataSet, openDataSet, staleLine } from "../../project/data/index.ts";
import { findProject, withProjectStore } from "../../project/index.ts";
import { cliErrors } from "../errors.ts";
import { numberOption, textOption } from "../options.ts";
import type { Context, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

interface Dropped extends Document {
  readonly dropped: {
    readonly step: string;
    readonly rule: string;
    readonly value: Measure;
    readonly threshold: Measure;
    readonly survivor?: string;
  };
}

async function show({ out }: Context, set: DataSet, given: string): Promise<void> {
  const id = resolveId(await documentIds(set.artifact), given, set.artifact.id);
  const { side, document } = (await findDocuments(set.artifact, new Set([id]))).get(id)!;
  if (side !== "dropped")
    throw cliErrors.fail("usage", {
      place: "loam data drops --show",
      expected: "a dropped document",
      received: `${id}, which is on the ${side} side`,
      hint: `\`loam data explain ${id} --text\` shows it.`,
    });
  const { dropped } = document as Dropped;
  out.line(
    `  ${id}  dropped by ${dropped.step}/${dropped.rule}: ${showMeasure(dropped.value)} (threshold ${showMeasure(dropped.threshold)})`,
  );
  out.line(`  to bring it back: data.${set.name}.keep: ["${id}"] in loam.yaml\n`);
  out.line(document.text);
  const { attributes } = shownBy((await readMeasures(set.artifact))?.steps ?? []);
  out.result({ ...document, attributes: attributes(document.attributes) });
}

async function list({ out }: Context, set: DataSet, rule: string | undefined, most: number): Promise<void> {
  const shown = shownBy((await readMeasures(set.artifact))?.steps ?? []);
  const reasons = new Set<string>();
  const rows: object[] = [];
  let count = 0;
  for await (const line of linesOf(set.artifact, "dropped.jsonl")) {
    const d = JSON.parse(line) as Dropped;
    const { step, rule: name, value, threshold, survivor } = d.dropped;
    for (const known of [step, name, `${step}/${name}`]) reasons.add(known);
    if (rule !== undefined && !`${step}/${name}`.includes(rule)) continue;
    if (++count > most) continue;
    const text = shown.line(d.text, step);
    const safe = shown.value(value);
    out.line(
      `  ${d.id}\n    ${step}/${name}: ${showMeasure(safe)} (threshold ${showMeasure(threshold)})${survivor ? `; ${survivor} stays` : ""}\n    ${text}`,
    );
    rows.push({ id: d.id, source: d.source, step, rule: name, value: safe, threshold, ...(survivor ? { survivor } : {}), text });
  }
  if (rule !== undefined && count === 0) {
    const near = nearest(rule, reasons);
    throw cliErrors.fail("usage", {
      place: "loam data drops: --rule",
      expected: `a rule or step that dropped something (${[...reasons].filter(r => r.includes("/")).join(", ") || "none did"})`,
      received: `"${rule}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  }
  out.line(
    `\n  ${Math.min(count, most)} of ${count}${rule ? ` by ${rule}` : ""}; --show ID prints one, keep: [ID] in loam.yaml brings it back`,
  );
  out.result({ name: set.name, artifact: set.artifact.id, count, documents: rows });
}

export const dataDrops: VerbRun = async (context, [name], options) => {
  const most = numberOption(options, "number", "data drops", { least: 0, most: 1_000_000, whole: true })!;
  const one = textOption(options, "show");
  const project = findProject(folderOf(context, options));
  await withProjectStore(project, async store => {
    const set = await openDataSet(project, store, name);
    if (set.isStale) context.out.warn(staleLine(set));
    if (one !== undefined) return show(context, set, one);
    await list(context, set, textOption(options, "rule"), most);
  });
};
