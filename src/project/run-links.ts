/** Runs links in order, each made or found, and reports what happens. */
import { defined } from "../base/index.ts";
import { type ArtifactReader, readRunData, type Store } from "../store/index.ts";
import { metricsFile, readMetrics } from "../train/index.ts";
import { progressFor, type Watch } from "./call.ts";
import { noteDataSet } from "./data/newest-documents.ts";
import type { LossPoint } from "./events.ts";
import { type Link, type Made, runLink } from "./life.ts";

export interface RunLinksOptions {
  /** Runs what is up to date too. */
  readonly force?: boolean | undefined;
  /** What is made already: links of these labels are passed over. */
  readonly before?: Made | undefined;
}

export interface RanLinks {
  readonly made: Made;
  /** Links that ran. */
  readonly ran: number;
}

/** A link that has said nothing for so long says at least that it works: programs are compiled, files are opened. */
const quietMs = 700;

async function runWatched(store: Store, link: Link, made: Made, force: boolean, { emit, signal }: Watch) {
  const show = progressFor({ emit }, link.label);
  const timer = setTimeout(() => show({ stage: link.stage, message: "preparing" }), quietMs);
  try {
    return await runLink(store, link, made, {
      progress: event => {
        clearTimeout(timer);
        show(event);
      },
      signal,
      ...(force ? { force } : {}),
    });
  } finally {
    clearTimeout(timer);
  }
}

/** The losses of the run that made a model. */
async function lossesOf(store: Store, model: ArtifactReader): Promise<readonly LossPoint[]> {
  const points = readMetrics((await readRunData(store, model, metricsFile)) ?? "");
  return points.map(({ step, loss, heldOut }) => ({ step, loss, ...defined({ heldOut }) }));
}

/** Errors: those of the stages; base/interrupted. */
export async function runLinks(
  store: Store,
  links: readonly Link[],
  { force = false, before = new Map() }: RunLinksOptions,
  watch: Watch,
): Promise<RanLinks> {
  const made = new Map(before);
  let ran = 0;
  for (const link of links) {
    watch.signal.throwIfAborted();
    const { label, stage } = link;
    if (made.has(label)) continue;
    const { artifact, action, tookMs, differsFrom } = await runWatched(store, link, made, force, watch);
    made.set(label, artifact);
    if (label.startsWith("data/")) noteDataSet(store, label.slice("data/".length), artifact.id);
    if (action === "made") ran++;
    watch.emit({
      event: "stage",
      label,
      stage,
      action,
      artifact: artifact.id,
      summary: artifact.summary,
      tookMs: Math.round(tookMs),
      described: link.describe(artifact.summary),
      ...(action === "made" && stage === "train" ? { losses: await lossesOf(store, artifact) } : {}),
      ...(differsFrom ? { differsFrom: differsFrom.id } : {}),
    });
  }
  return { made, ran };
}
