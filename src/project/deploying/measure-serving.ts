/** A saturation run: throughput by concurrency of a version's own server, or of one that runs somewhere, as a file that `deploy kubernetes --measured` reads. */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { defined, writeFileAtomic } from "../../base/index.ts";
import { deployErrors, memoryPlan, type PodForm } from "../../deploy/index.ts";
import { contentDigest, openArtifact } from "../../store/index.ts";
import { progressFor, type Watch } from "../call.ts";
import { checkFree, wrongArgument } from "../errors.ts";
import { containerLimits, machine } from "../machine.ts";
import { namedVersion } from "../models/named-version.ts";
import { versionFiles } from "../serving/open-version.ts";
import type { Workplace } from "../workspace.ts";
import { concurrencies, kneeOf, loadPoint, requestsPerPodOf } from "./saturation/figures.ts";
import { type LoadTarget, loadRequests, runLoad } from "./saturation/load.ts";
import type { MeasuredPoint, SaturationFigures } from "./saturation/measured-file.ts";
import { type ServingProcess, startServing } from "./saturation/serving-process.ts";
import { servedSizes } from "./served-sizes.ts";

export interface DeployMeasureOptions {
  /** A file to write, of which nothing may be there; default: none. */
  readonly to?: string | undefined;
  /** A server that runs, in place of one of this machine. */
  readonly url?: string | undefined;
  readonly apiKey?: string | undefined;
  /** Default: 8. */
  readonly slots?: number | undefined;
  readonly context?: number | undefined;
  readonly quantize?: PodForm | undefined;
  /** Cores that the server has; default: this machine's. */
  readonly cpu?: number | undefined;
  /** Default: a quarter of the context, 256 at most. */
  readonly promptTokens?: number | undefined;
  /** Default: 32, fewer where the context is short. */
  readonly completionTokens?: number | undefined;
  /** Requests per client; default: 3. */
  readonly rounds?: number | undefined;
  /** Tokens per second that are wished for: the replicas for them are told. */
  readonly load?: number | undefined;
}

export interface MeasuredServing extends SaturationFigures {
  readonly path: string | null;
  /** For the load that was asked for; null without one. */
  readonly replicas: number | null;
  readonly memory: { readonly computedBytes: number; readonly peakBytes: number | null } | null;
}

const verb = "loam deploy measure";

interface Subject extends AsyncDisposable {
  readonly target: LoadTarget;
  readonly context: number;
  readonly fingerprint: string | null;
  readonly computedBytes: number | undefined;
  readonly process: ServingProcess | undefined;
}

/** A server that runs elsewhere. Errors: deploy/measure. */
async function openRemote(given: string, o: DeployMeasureOptions, watch: Watch): Promise<Subject> {
  const url = o.url!.replace(/\/+$/, "");
  if (o.slots === undefined || o.context === undefined)
    throw wrongArgument(`${verb}: --url`, "--slots and --context of the server beside it", "none");
  if (o.cpu === undefined) throw wrongArgument(`${verb}: --url`, "--cpu, the server's cores, beside it", "none");
  const target = { url, model: given, signal: watch.signal, ...defined({ apiKey: o.apiKey }) };
  return {
    target,
    context: o.context,
    fingerprint: null,
    computedBytes: undefined,
    process: undefined,
    [Symbol.asyncDispose]: async () => {},
  };
}

async function openOwn(at: Workplace, given: string, o: DeployMeasureOptions, slots: number, watch: Watch): Promise<Subject> {
  // the record is closed once the files are found: they stay where they are
  await using named = await namedVersion(at, given);
  const { store, model, version } = named;
  const { files } = await versionFiles(store, `${model}@${version.number}`);
  const { files: all } = await openArtifact(store, version.artifact);
  const { sizes, context } = await servedSizes(files, slots, o.context);
  if (sizes.cacheViews.length === 0)
    throw deployErrors.fail("measure", {
      place: `${model}@${version.number}`,
      expected: "a decoder, which generates tokens",
      received: "a model that reads whole texts",
    });
  const form = o.quantize ?? "exact";
  const process = await startServing({ files, model, slots, context, form }, watch.signal);
  return {
    target: { url: process.url, model, signal: watch.signal },
    context,
    fingerprint: contentDigest(all),
    computedBytes: memoryPlan({ sizes, form, slots }).totalBytes,
    process,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/** Errors: deploy/measure, project/argument, project/exists, store/notFound. */
export async function deployMeasure(at: Workplace, given: string, o: DeployMeasureOptions, watch: Watch): Promise<MeasuredServing> {
  const path = o.to === undefined ? undefined : resolve(at.cwd, o.to);
  if (path !== undefined) checkFree(path, o.to!);
  const { slots = 8, rounds = 3, quantize: form = "exact" } = o;
  await using subject = o.url === undefined ? await openOwn(at, given, o, slots, watch) : await openRemote(given, o, watch);
  const { context, target } = subject;
  const completionTokens = o.completionTokens ?? Math.max(1, Math.min(32, Math.floor(context / 4)));
  const promptTokens = o.promptTokens ?? Math.max(1, Math.min(256, Math.floor(context / 4)));
  if (promptTokens + completionTokens > context)
    throw wrongArgument(
      `${verb}: --prompt-tokens, --completion-tokens`,
      `at most ${context} together, the context`,
      String(promptTokens + completionTokens),
    );
  const steps = concurrencies(slots);
  // code is compiled and caches are filled by requests that are not counted
  const warm = await loadRequests(target, { count: 2 * slots, promptTokens, completionTokens, seed: "warm" });
  await runLoad(target, warm, slots);
  const progress = progressFor(watch, "measure");
  const points: MeasuredPoint[] = [];
  for (const [i, concurrency] of steps.entries()) {
    progress({ stage: "measure", done: i / steps.length, message: `${concurrency} requests at once` });
    const wish = { count: rounds * concurrency, promptTokens, completionTokens, seed: `measure ${concurrency}` };
    points.push(loadPoint(concurrency, await runLoad(target, await loadRequests(target, wish), concurrency)));
  }
  progress({ stage: "measure", done: 1 });
  const knee = kneeOf(points);
  const measured: SaturationFigures = {
    format: 1,
    model: target.model,
    fingerprint: subject.fingerprint,
    machine: subject.process ? machine().processor : target.url,
    cpu: o.cpu ?? containerLimits().cores ?? availableParallelism(),
    slots,
    context,
    form,
    promptTokens,
    completionTokens,
    points,
    knee,
    requestsPerPod: requestsPerPodOf(knee),
  };
  if (path !== undefined) writeFileAtomic(path, `${JSON.stringify(measured, null, 2)}\n`);
  return {
    ...measured,
    path: path ?? null,
    replicas: o.load === undefined ? null : Math.ceil(o.load / knee.tokensPerSecond),
    memory:
      subject.computedBytes === undefined
        ? null
        : { computedBytes: subject.computedBytes, peakBytes: subject.process?.peakBytes() ?? null },
  };
}
