/** `loam watch status`, `loam watch alarms`, `loam watch history`: what monitors know, from the record. */
import { formatCount, formatDuration } from "../../base/index.ts";
import { wrongArgument } from "../../project/index.ts";
import {
  type HistoryStep,
  objectiveRules,
  readWatchHistory,
  readWatchStatus,
  type WatchedAlarm,
  type WatchedObjective,
  type WatchStatus,
  watchedAlarms,
} from "../../project/watching/index.ts";
import { columns } from "../columns.ts";
import { numberOption, textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

const time = (ms: number): string => new Date(ms).toISOString().replace("T", " ").slice(0, 16);
const shown = (x: number | null | undefined): string => (x === null || x === undefined ? "-" : String(Number(x.toPrecision(3))));
const percent = (x: number): string => `${Number((100 * x).toPrecision(4))} %`;

/** Figures of the status, with their column's title. */
const statusFigures = [
  ["latency-p50", "p50 ms"],
  ["latency-p95", "p95 ms"],
  ["first-token-p95", "first token p95 ms"],
  ["tokens-per-second", "tokens/s"],
  ["answer-length", "answer tokens"],
  ["nll", "NLL (nats/token)"],
  ["refusal", "refusals"],
] as const;

function modelTable({ models }: WatchStatus): string[] {
  if (models.length === 0) return ["  No responses in the last hour."];
  const used = statusFigures.filter(([name]) => models.some(m => m.figures[name] !== null && m.figures[name] !== undefined));
  const head = ["last hour", "requests", "errors", ...used.map(([, title]) => title)];
  const rows = models.map(m => [
    m.model === "" ? "(no model)" : m.model,
    formatCount(m.requests),
    formatCount(m.errors),
    ...used.map(([name]) => shown(m.figures[name])),
  ]);
  return columns([head, ...rows], 3).split("\n");
}

const endings = {
  cleared: (duration: string) => `resolved after ${duration}`,
  adapted: (duration: string) => `adapted after ${duration} (the new level is the baseline)`,
  noData: (duration: string) => `ended without data after ${duration}`,
} as const;

const alarmLine = ({ id, severity, kind, monitor, model, since, endedAt, resolution }: WatchedAlarm): string =>
  `  ${time(since)}  ${severity.padEnd(6)}  ${kind}: ${monitor}${model === null ? "" : ` of ${model}`}, ${
    endedAt === null ? "active" : endings[resolution ?? "cleared"](formatDuration(endedAt - since))
  }  ${id}`;

const objectiveLine = ({ name, model, objective, reached, budgetLeft, alerts }: WatchedObjective): string =>
  `  ${name}${model === null ? "" : ` (${model})`}: ${percent(reached)} of ${percent(objective)}, ${percent(budgetLeft)} of the error budget left${
    alerts.length === 0 ? "" : `, burning ${alerts.map(a => `${shown(a.long)}x over ${formatDuration(a.longMs)}`).join(", ")}`
  }`;

export const watchStatusVerb: VerbRun = async (context, [model], options) => {
  const { out } = context;
  await inProject(context, options, async at => {
    const status = await readWatchStatus(await at.store(), objectiveRules(at.file.config.slo), model);
    for (const line of modelTable(status)) out.line(line);
    for (const objective of status.objectives) out.line(objectiveLine(objective));
    for (const alarm of status.alarms) out.line(alarmLine(alarm));
    if (status.alarms.length === 0) out.line("  No active alarms.");
    out.line(
      status.lookedAt === null
        ? "  No minute was evaluated yet: a server of this project (loam serve) does it."
        : `  ${status.servers.length} ${status.servers.length === 1 ? "server" : "servers"}; last evaluated minute ${time(status.lookedAt)} UTC${status.late > 0 ? `; ${formatCount(status.late)} requests came too late` : ""}`,
    );
    out.result(status);
  });
};

export const watchAlarms: VerbRun = async (context, _given, options) => {
  const { out } = context;
  await inProject(context, options, async at => {
    const alarms = (await watchedAlarms(await at.store())).filter(a => options.active !== true || a.endedAt === null);
    if (alarms.length === 0) out.line("  No alarms.");
    for (const alarm of alarms) {
      out.line(alarmLine(alarm));
      out.line(`    ${JSON.stringify(alarm.evidence)}`.slice(0, 400));
    }
    out.result(alarms);
  });
};

const steps: readonly HistoryStep[] = ["1m", "15m", "6h"];
const isStep = (text: string): text is HistoryStep => steps.some(s => s === text);

export const watchHistoryVerb: VerbRun = async (context, [metric = ""], options) => {
  const { out } = context;
  const step = textOption(options, "step") ?? "15m";
  if (!isStep(step)) throw wrongArgument("loam watch history: --step", "1m, 15m or 6h", JSON.stringify(step));
  const days = numberOption(options, "days", "watch history", { least: 1, most: 800 });
  await inProject(context, options, async at => {
    const store = await at.store();
    const sinceMs = days === undefined ? undefined : store.clock.now() - days * 86_400_000;
    const history = await readWatchHistory(store, metric, { model: textOption(options, "model"), step, sinceMs });
    if (history.points.length === 0) out.line("  Nothing is kept of it yet.");
    for (const [atMs, value, count] of history.points) out.line(`  ${time(atMs)}  ${shown(value).padStart(10)}  of ${formatCount(count)}`);
    out.result(history);
  });
};
