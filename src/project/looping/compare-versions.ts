/** A person's A/B test of two versions on live traffic: the canary's own test, with what a person declares. At its end all traffic goes to the first one. */
import { setTimeout as sleep } from "node:timers/promises";
import { type LoopPolicy, loopErrors, loopPolicy } from "../../loop/index.ts";
import { type ComparisonJudgement, type ComparisonPower, comparisonPower, judgeComparison } from "../../statistics/index.ts";
import { resolveVersion, type Store } from "../../store/index.ts";
import type { Watch } from "../call.ts";
import { wrongArgument } from "../errors.ts";
import type { Workspace } from "../workspace.ts";
import { canaryTest, closeComparison, openRoundComparison, openTest } from "./comparison.ts";
import { takeLease } from "./lease.ts";
import { readLoop } from "./loop-record.ts";
import { adminTraffic, type LoopTraffic, shareTraffic } from "./traffic.ts";

const comparedMetrics = ["errors", "latency", "quality"] as const;

export interface CompareOptions {
  /** Percent of the users who get the second version; default: 50. */
  readonly share?: number | undefined;
  /** Default: errors and latency. */
  readonly metrics?: readonly string[] | undefined;
  /** Accepted rise of errors and wrong classes; default: 0.02. */
  readonly margin?: number | undefined;
  /** Accepted factor of the 99th percentile; default: 1.5. */
  readonly latency?: number | undefined;
  readonly alpha?: number | undefined;
  /** Most requests of both; default: 10,000. */
  readonly requests?: number | undefined;
  readonly server?: string | undefined;
  /** Tells the power alone. */
  readonly dryRun?: boolean | undefined;
}

export interface VersionComparison {
  readonly model: string;
  readonly versions: readonly [number, number];
  /** Where both are alike, and where the second makes more errors than is accepted. */
  readonly power: { readonly alike: ComparisonPower; readonly worse: ComparisonPower };
  /** Null after a dry run. */
  readonly judgement: ComparisonJudgement | null;
  readonly lines: readonly string[];
}

/** Between two looks at the test. */
const lookMs = 500;

async function versionsOf(
  store: Store,
  given: readonly [string, string],
): Promise<{ readonly model: string; readonly versions: readonly [number, number] }> {
  const [a, b] = await Promise.all(
    given.map(async text => {
      const [name = "", which = "latest"] = text.split("@");
      return resolveVersion(store.records.read, name, which);
    }),
  );
  if (a!.model !== b!.model || a!.number === b!.number)
    throw wrongArgument("loam loop compare", "two versions of one model", `${a!.model}@${a!.number} and ${b!.model}@${b!.number}`);
  return { model: a!.model, versions: [a!.number, b!.number] };
}

/** What a person declares, as a policy's canary. Errors: project/argument for a metric that there is not. */
function policyOf({
  share = 50,
  metrics = ["errors", "latency"],
  margin = 0.02,
  latency = 1.5,
  alpha = 0.05,
  requests = 10_000,
}: CompareOptions): LoopPolicy {
  const unknown = metrics.find(m => !(comparedMetrics as readonly string[]).includes(m));
  if (unknown !== undefined) throw wrongArgument("loam loop compare --metric", comparedMetrics.join(", "), `"${unknown}"`);
  return loopPolicy.parse({
    data: { new: "none" },
    canary: {
      share,
      alpha,
      requests,
      errors: margin,
      latency: metrics.includes("latency") ? latency : "off",
      ...(metrics.includes("quality") ? { quality: margin } : {}),
    },
  });
}

const metricLine = (m: ComparisonJudgement["metrics"][number]): string => {
  const shown = (x: number | null) => (x === null ? "-" : x.toPrecision(3));
  const d = m.difference;
  return `${m.name.padEnd(12)} ${shown(m.control).padStart(8)} -> ${shown(m.treatment).padStart(8)}  ${d ? `difference ${shown(d.estimate)} [${shown(d.low)}, ${shown(d.high)}]` : ""}  ${m.verdict}`;
};

async function watchTest(store: Store, model: string, watch: Watch): Promise<ComparisonJudgement> {
  for (;;) {
    const test = await openTest(store, model);
    if (!test) throw loopErrors.fail("state", { place: model, expected: "the comparison that this call opened", received: "none" });
    const judgement = judgeComparison(test);
    const done = Math.min(1, (judgement.requests.control + judgement.requests.treatment) / test.declared.longest.requests);
    watch.emit({
      event: "progress",
      label: "compare",
      stage: "compare",
      done,
      message: `${judgement.requests.control} and ${judgement.requests.treatment} requests: ${judgement.reason}`,
    });
    if (judgement.isEnded || watch.signal.aborted) return judgement;
    await sleep(lookMs, undefined, { signal: watch.signal }).catch(() => {});
  }
}

/** Errors of the first version that the power is told of. */
const usualErrors = 0.01;

function powerOf(policy: LoopPolicy): VersionComparison["power"] {
  const test = canaryTest(policy.canary!);
  const errors = { control: usualErrors, treatment: usualErrors + 2 * policy.canary!.errors };
  return { alike: comparisonPower(test), worse: comparisonPower(test, { effects: { errors } }) };
}

function powerSentences({ alike, worse }: VersionComparison["power"], { canary }: LoopPolicy): string[] {
  const percent = (x: number) => `${(100 * x).toFixed(0)} %`;
  const until = (n: number | null) => (n === null ? "" : `, half of them within ${n} requests`);
  return [
    `power, both alike: "no harm" in ${percent(alike.noHarm)} of runs${until(alike.requestsUntilNoHarm.half)}; undecided in ${percent(alike.undecided)}`,
    `power, errors ${percent(usualErrors)} -> ${percent(usualErrors + 2 * canary!.errors)}: "harm" in ${percent(worse.harm)} of runs${until(worse.requestsUntilHarm.half)}`,
  ];
}

/** All traffic to the first version: the second stays loaded, for who compares may go on with it. */
async function runTest(
  store: Store,
  traffic: LoopTraffic,
  policy: LoopPolicy,
  model: string,
  versions: readonly [number, number],
  watch: Watch,
) {
  const [current, candidate] = versions;
  const { share } = policy.canary!;
  try {
    await openRoundComparison(store, model, policy, { round: 0, phase: "canary", current, candidate });
    await shareTraffic(traffic, { current, candidate }, { [current]: 100 - share, [candidate]: share }, {});
    return await watchTest(store, model, watch);
  } finally {
    await traffic.split({ [current]: 1 }, {});
    await closeComparison(store, model);
  }
}

/** Errors: project/argument, loop/busy where a loop of the model runs a test, loop/server. */
export async function compareOnTraffic(
  at: Workspace,
  given: readonly [string, string],
  options: CompareOptions,
  watch: Watch,
): Promise<VersionComparison> {
  const store = await at.store();
  const { model, versions } = await versionsOf(store, given);
  const policy = policyOf(options);
  const power = powerOf(policy);
  const powerLines = powerSentences(power, policy);
  if (options.dryRun) return { model, versions, power, judgement: null, lines: powerLines };
  const { phase } = await readLoop(store, model);
  const lease = phase === "shadow" || phase === "canary" ? { heldBy: `the loop's ${phase}` } : await takeLease(store, model);
  if ("heldBy" in lease)
    throw loopErrors.fail("busy", {
      place: model,
      expected: "a model whose traffic nobody directs",
      received: lease.heldBy,
      hint: "`loam loop pause` first.",
    });
  try {
    const { host = "127.0.0.1", port = 8080 } = at.file.config.serve ?? {};
    const traffic = adminTraffic({ url: options.server ?? `http://${host}:${port}`, model, folder: at.folder });
    for (const message of powerLines) watch.emit({ event: "note", message });
    const judgement = await runTest(store, traffic, policy, model, versions, watch);
    const lines = [`${judgement.verdict}: ${judgement.reason}`, ...judgement.metrics.map(metricLine)];
    return { model, versions, power, judgement, lines };
  } finally {
    await lease.release();
  }
}
