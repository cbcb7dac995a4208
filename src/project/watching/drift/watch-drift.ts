/** `project.watch.drift()`: how a data set, new texts or a model's traffic differ from what a model was trained on, or from another data set. */
import {
  compareSketches,
  type DriftOnset,
  type DriftOptions,
  type DriftReport,
  driftSince,
  mergeAllSketches,
  type TimedSketch,
} from "../../../watch/index.ts";
import { projectErrors } from "../../errors.ts";
import { modelNameOf } from "../../project-file.ts";
import type { Workspace } from "../../workspace.ts";
import { liveWindows } from "./live-sketches.ts";
import { newTextsSketch } from "./new-texts.ts";
import { seasonOfTraffic, type TrafficSeason } from "./season-traffic.ts";
import { isTextPath, type OpenedSubject, openModel, openSubject, type SketchedSubject, tokenizerBehind } from "./subject.ts";

export interface DriftQuestion extends DriftOptions {
  /** A data set, a model version or an artifact. Default: for a model what it was trained on, else what the project's model was. */
  readonly against?: string | undefined;
  /** Of a model's traffic: hours that begin at this time (ms since 1970) or later. Default: all that are kept. */
  readonly sinceMs?: number | undefined;
  /** Of a file of JSON lines: the member with the text (default `text`), and with what is right (default `label`). */
  readonly field?: string | undefined;
  readonly label?: string | undefined;
}

export interface WatchedDrift {
  readonly window: SketchedSubject;
  readonly reference: SketchedSubject;
  readonly report: DriftReport;
  /** Since when features that changed have been so; of a model's traffic over several hours. */
  readonly since: readonly DriftOnset[];
  /**
   * Of a model's traffic: the same hours of up to four earlier weeks, as a second reference. `usual` are features that differ from the training data as they do
   * in these hours, `unusual` those that differ from both. Null where no earlier traffic of these hours is kept, as with all hours together.
   */
  readonly season: TrafficSeason | null;
  /** Texts of the tokens that moved, by their ids. */
  readonly tokens: Readonly<Record<string, string>>;
}

interface Window extends OpenedSubject {
  readonly since: readonly DriftOnset[];
  /** Hours of live traffic; none of other windows. */
  readonly hours: readonly TimedSketch[];
}

async function liveWindow(at: Workspace, reference: OpenedSubject, version: string, o: DriftQuestion): Promise<Window> {
  const windows = await liveWindows(await at.store(), version, o.sinceMs);
  if (windows.length === 0)
    throw projectErrors.fail("nothing", {
      place: version,
      expected: "responses of it that a server has answered",
      received: "none",
      hint: "Serve it: `loam serve`. Or compare its training data with others: `loam watch drift DATA --against MODEL`.",
    });
  const sketch = mergeAllSketches(windows.map(w => w.sketch));
  const changed = compareSketches(reference.sketch, sketch, o)
    .features.filter(f => f.verdict === "drift")
    .map(f => f.name);
  const since = windows.length > 1 && changed.length > 0 ? driftSince(reference.sketch, windows, { alpha: o.alpha ?? 0.05 }) : [];
  return {
    subject: { kind: "live", name: version, artifact: null },
    sketch,
    hours: windows,
    since: since.filter(onset => changed.includes(onset.feature) && onset.sinceMs !== null),
  };
}

async function tokenTexts(at: Workspace, reference: OpenedSubject, report: DriftReport): Promise<Record<string, string>> {
  const ids = report.features
    .filter(f => f.type === "tokens")
    .flatMap(f => f.moved ?? [])
    .map(m => Number(m.value));
  if (ids.length === 0) return {};
  const tokenizer = await tokenizerBehind(await at.store(), reference.sketch, reference.subject.artifact);
  return tokenizer ? Object.fromEntries(ids.map(id => [String(id), tokenizer.decode([id], { skipSpecialTokens: false })])) : {};
}

/**
 * Errors: watch/reference for another tokenizer; project/nothing where nothing was sketched or served; store/notFound; project/argument; those of a file.
 */
export async function measureDrift(at: Workspace, asked: string | undefined, question: DriftQuestion = {}): Promise<WatchedDrift> {
  const store = await at.store();
  const name = asked ?? modelNameOf(at.file, undefined);
  const isTexts = isTextPath(at, name);
  // of a data set and a model with one name, the model's traffic is meant where nothing is named that it is compared with
  const own = isTexts ? undefined : await openSubject(at, store, name, question.against === undefined ? "model" : "data");
  const isLive = own?.subject.kind === "model" && question.against === undefined;
  const reference = isLive
    ? own
    : question.against === undefined
      ? await openModel(store, modelNameOf(at.file, undefined))
      : await openSubject(at, store, question.against);
  const window: Window = isLive
    ? await liveWindow(at, reference, own.subject.name, question)
    : {
        ...(own ?? {
          subject: { kind: "file", name, artifact: null },
          sketch: await newTextsSketch(reference.sketch, {
            cwd: at.cwd,
            path: name,
            field: question.field,
            label: question.label,
            tokenizer: await tokenizerBehind(store, reference.sketch, reference.subject.artifact),
          }),
        }),
        since: [],
        hours: [],
      };
  const report = compareSketches(reference.sketch, window.sketch, question);
  const season = isLive ? await seasonOfTraffic(store, own.subject.name, window.hours, report, question) : undefined;
  return {
    window: window.subject,
    reference: reference.subject,
    report,
    since: window.since,
    season: season ?? null,
    tokens: await tokenTexts(at, reference, report),
  };
}
