/** `loam tune select`: flags, and candidate bases beside each other as a table. */
import { formatBytes, formatCount, isLoamError } from "../../base/index.ts";
import { type BaseCandidate, type BaseSelection, openProject } from "../../project/index.ts";
import { type ClassBase, type ClassSelection, isAsGood, type RefusedBase } from "../../project/searching/index.ts";
import { numberOption, textOption } from "../options.ts";
import type { Output } from "../output.ts";
import { callOptions, showCall } from "../show-call.ts";
import type { VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";

type Selection = BaseSelection | ClassSelection;
/** What stands above the table, of a selection of nothing too. */
type Judged = Omit<BaseSelection, "candidates" | "recommended" | "reason"> | Omit<ClassSelection, "candidates" | "recommended" | "reason">;

/** What the candidates were judged by. */
const headOf = (s: Judged): string =>
  "classes" in s
    ? `\n  On ${formatCount(s.texts.validation)} texts of data/${s.on} that select, ${s.classes.length} classes of ${s.for}; ${formatCount(s.texts.train)} texts to learn from. Macro F1 [95 %]`
    : `\n  On ${formatCount(s.documents)} documents of data/${s.on} (${formatBytes(s.bytes)}, of its validation half), bits per byte: lower is better`;

const refusedLine = ({ name, reason }: RefusedBase): string => `    ${name}: ${reason}`;

/** Cells of a row, and whether the candidate is as good as the best. */
interface Row {
  readonly name: string;
  readonly cells: readonly string[];
  readonly isAsGood: boolean;
  readonly untrained: string | null;
}

const baseRow = (c: BaseCandidate, steps: number): Row => ({
  name: c.name,
  cells: [
    formatCount(c.parameters),
    formatBytes(c.memoryBytes),
    c.decodeTokensPerSecond.toFixed(0),
    c.prefillTokensPerSecond.toFixed(0),
    c.bitsPerByte.toFixed(3),
    ...(steps > 0 ? [c.fewStepBitsPerByte?.toFixed(3) ?? "-"] : []),
    c.comparison ? `+${c.comparison.difference.toFixed(3)}${c.comparison.isSignificant ? "" : " (?)"}` : "",
  ],
  isAsGood: !c.comparison?.isSignificant,
  untrained: c.untrained,
});

const range = ({ value, low, high }: ClassBase["headAlone"]): string => `${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;

const classRow = (c: ClassBase, steps: number): Row => ({
  name: c.name,
  cells: [
    c.family,
    formatCount(c.parameters),
    formatBytes(c.memoryBytes),
    c.latencyMs.toFixed(c.latencyMs < 10 ? 2 : 1),
    range(c.headAlone),
    ...(steps > 0 ? [c.fewStep ? range(c.fewStep) : "-"] : []),
    c.comparison ? `${(-c.comparison.difference.value).toFixed(3)}${isAsGood(c) ? " (?)" : ""}` : "",
  ],
  isAsGood: isAsGood(c),
  untrained: c.untrained,
});

function tableOf(s: Selection) {
  const trained = s.steps > 0 ? [`${s.steps} steps`] : [];
  return "classes" in s
    ? {
        head: ["", "parameters", "memory", "ms a text", "head alone", ...trained, "less best"],
        rows: s.candidates.map(c => classRow(c, s.steps)),
        line: (mark: string, name: string, cells: readonly string[]) =>
          `  ${mark} ${name}${cells.map((c, i) => c.padStart(i < 4 ? 12 : 23)).join("")}`.trimEnd(),
      }
    : {
        head: ["parameters", "memory", "writes tok/s", "reads tok/s", "as it is", ...trained, "less best"],
        rows: s.candidates.map(c => baseRow(c, s.steps)),
        line: (mark: string, name: string, cells: readonly string[]) => `  ${mark} ${name}${cells.map(c => c.padStart(13)).join("")}`,
      };
}

function show(out: Output, s: Selection): void {
  const { head, rows, line } = tableOf(s);
  const width = Math.max(8, ...rows.map(r => r.name.length)) + 2;
  out.line(headOf(s));
  out.line(line(" ", "".padEnd(width), head));
  for (const r of rows) {
    out.line(line(r.name === s.recommended ? ">" : " ", r.name.padEnd(width), r.cells));
    if (r.untrained) out.line(`      not trained: ${r.untrained}`);
  }
  for (const r of s.refused) out.line(refusedLine(r));
  const isUnsure = rows.filter(r => r.isAsGood).length > 1;
  out.line(`\n  Take ${s.recommended}: ${s.reason}.${isUnsure ? " (?): no significant difference to the best." : ""}`);
}

export const tuneSelect: VerbRun = async (context, args, options) => {
  const { out } = context;
  await using project = await openProject(folderOf(context, options), { cwd: context.cwd });
  const number = (key: string, range: { least: number; most: number; whole?: boolean }) => numberOption(options, key, "tune select", range);
  const given = {
    on: textOption(options, "on"),
    for: textOption(options, "for"),
    documents: number("documents", { least: 2, most: 1_000_000, whole: true }),
    steps: number("steps", { least: 0, most: 10_000, whole: true }),
    rate: number("rate", { least: 1e-8, most: 1 }),
    slots: number("slots", { least: 1, most: 256, whole: true }),
  };
  const names = args.filter(a => a !== undefined);
  try {
    const selection = await showCall(context, project.select(names, { ...callOptions(context), ...given }));
    show(out, selection);
    out.result({ event: "result", ...selection });
  } catch (error) {
    if (isLoamError(error, "project/nothing") && error.details) {
      const judged = error.details as Judged;
      out.line(headOf(judged));
      for (const r of judged.refused) out.line(refusedLine(r));
    }
    throw error;
  }
};
