/** `loam loop`: what a loop is doing; run, pause, resume, take back. `work` is for the process that directs a loop: a child that does one piece of a round. */
import { formatDuration } from "../../base/index.ts";
import type { LoopRound } from "../../loop/index.ts";
import type { Workspace } from "../../project/index.ts";
import { nearestHint, wrongArgument } from "../../project/index.ts";
import {
  compareOnTraffic,
  type HeavyWorkName,
  heavyWorks,
  type LoopStatus,
  type LoopWord,
  loopStatusOf,
  runModelLoop,
  tellLoopWord,
  workOnRound,
} from "../../project/looping/index.ts";
import { choiceOption, numberOption, textOption } from "../options.ts";
import type { Output } from "../output.ts";
import { quietWatchOf } from "../show-call.ts";
import type { Context, Options, VerbRun } from "../verb.ts";
import { inProject } from "../verb-folder.ts";

interface Asked {
  readonly context: Context;
  readonly at: Workspace;
  readonly model: string | undefined;
  readonly other: string | undefined;
  readonly options: Options;
}

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace("T", " ");
const roundLine = (r: LoopRound): string =>
  `    round ${String(r.number).padStart(3)}  ${dateOf(r.startedMs)}  ${(r.outcome ?? "under way").padEnd(11)} ${r.trigger.kind.padEnd(8)} ${r.candidate ? `@${r.candidate.version}` : ""}  ${r.why ?? r.trigger.why}`;

function showStatus(out: Output, s: LoopStatus): void {
  const holder = s.current === null ? "no version" : `${s.model}@${s.current}`;
  out.line(`  ${s.model}: ${s.phase}${s.paused ? `, paused by ${s.paused.by}: ${s.paused.why}` : ""}; ${s.alias} is ${holder}`);
  out.line(`    ${s.directedBy === null ? "nobody directs it now; `loam serve` and `loam loop run` do" : `directed by ${s.directedBy}`}`);
  if (s.problem !== null) out.line(`    ${s.attempts === 0 ? "held up" : `tried ${s.attempts} times`}: ${s.problem}`);
  if (s.phase === "idle" && s.look)
    out.line(`    last look ${dateOf(s.look.atMs)}: ${s.look.newDocuments} new labelled documents; ${s.look.why}`);
  if (s.round) out.line(`${roundLine(s.round)}; ${s.phase} for ${formatDuration(Math.max(0, Date.now() - s.sinceMs))}`);
  for (const r of s.past.slice(0, 5)) out.line(roundLine(r));
  if (s.spent.month !== "") out.line(`    ${s.spent.month}: ${s.spent.coreSeconds.toFixed(1)} core-seconds`);
}

async function status({ at, context: { out }, model }: Asked): Promise<void> {
  const found = await loopStatusOf(at, model);
  showStatus(out, found);
  out.result(found);
}

async function run({ context, at, model, options }: Asked): Promise<void> {
  const { out } = context;
  const flags = { force: options.force === true, dryRun: options.dryRun === true, follow: options.follow === true };
  const report = await runModelLoop(at, model, { ...flags, server: textOption(options, "server") }, quietWatchOf(context));
  out.clear();
  if ("dryRun" in report) {
    const { decision, newDocuments, phase } = report;
    const would =
      phase !== "idle"
        ? `the round under way would go on: ${phase}`
        : decision.trigger
          ? `a round would begin: ${decision.why}`
          : `no round would begin: ${decision.why}`;
    out.line(`  ${report.model}: ${newDocuments} new labelled documents; ${would}; nothing was changed`);
  } else {
    out.line(`  ${report.steps.length > 0 ? report.steps.join(", ") : "nothing to do"}: ${report.why}`);
    showStatus(out, report);
  }
  out.result(report);
}

const word =
  (wish: "pause" | "resume" | "rollback") =>
  async ({ at, context: { out }, model, options }: Asked): Promise<void> => {
    const said: LoopWord = { by: textOption(options, "as"), reason: textOption(options, "reason") };
    const { changed, ...found } = await tellLoopWord(at, model, wish, said);
    if (!changed) out.line(`  nothing to ${wish === "rollback" ? "take back" : wish}`);
    showStatus(out, found);
    out.result({ ...found, changed });
  };

async function compare({ at, context, model, other, options }: Asked): Promise<void> {
  const { out } = context;
  if (model === undefined || other === undefined) throw wrongArgument("loam loop compare", "two versions: NAME@1 NAME@2", "fewer");
  const range = { least: 0, most: 1 };
  const report = await compareOnTraffic(
    at,
    [model, other],
    {
      share: numberOption(options, "share", "loop compare", { least: 1, most: 99, whole: true }),
      metrics: textOption(options, "metric")?.split(","),
      margin: numberOption(options, "margin", "loop compare", range),
      latency: numberOption(options, "latency", "loop compare", { least: 1, most: 1000 }),
      alpha: numberOption(options, "alpha", "loop compare", range),
      requests: numberOption(options, "requests", "loop compare", { least: 1, most: 1e9, whole: true }),
      server: textOption(options, "server"),
      dryRun: options.dryRun === true,
    },
    quietWatchOf(context),
  );
  out.clear();
  for (const line of report.lines) out.line(`  ${line}`);
  out.result(report);
}

/** The channel to the process that directs the loop ends when that does, however it went. */
async function work({ at, context, model, options }: Asked): Promise<void> {
  const only = choiceOption(options, "only", "loop work", heavyWorks);
  if (model === undefined || only === undefined) throw wrongArgument("loam loop work", "a model and --only", "less");
  const left = new AbortController();
  process.once("disconnect", () => left.abort(new Error("the process that directs the loop is gone")));
  const signal = AbortSignal.any([context.signal, left.signal]);
  try {
    context.out.event("loop-work", await workOnRound(at, model, only as HeavyWorkName, { ...quietWatchOf(context), signal }));
  } finally {
    // the channel would keep this process alive
    process.disconnect?.();
  }
}

const actions: Readonly<Record<string, (asked: Asked) => Promise<void>>> = {
  status,
  run,
  pause: word("pause"),
  resume: word("resume"),
  rollback: word("rollback"),
  compare,
  work,
};

export const loopVerb: VerbRun = async (context, [action = "status", model, other], options) => {
  const known = Object.keys(actions).filter(a => a !== "work");
  if (!Object.hasOwn(actions, action))
    throw wrongArgument("loam loop", `an action: ${known.join(", ")}`, `"${action}"`, nearestHint(action, known));
  await inProject(context, options, at => actions[action]!({ context, at, model, other, options }));
};
