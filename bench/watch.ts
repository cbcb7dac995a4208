/**
 * What monitoring costs: processor time of requests with all monitors on beside none, in turn; of one response that is told, in parts; and outside the path of requests, of
 * writing a minute's counts and of evaluating them. A real model with random weights answers; the application is asked in process, so that no socket blurs the figures.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decoderSpec, initialise, llamaConfig, logProbabilityOf } from "../src/nn/index.ts";
import { RunningWatch } from "../src/project/watching/live/index.ts";
import { createApp, createEngine, type EndedResponse, type ResponseObserver, servedModel } from "../src/serve/index.ts";
import { openStore } from "../src/store/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { trainBpe } from "../src/text/index.ts";
import { type SloConfig, watchDefaults } from "../src/watch/part.ts";
import { type BenchContext, type BenchResult, digits, interleaved, median } from "./harness.ts";
import { liveSketchCost } from "./watch/live-sketches.ts";

const vocab = 4096;
const config = llamaConfig({ vocab, width: 384, layers: 6, heads: 6, context: 512 });
const answerTokens = 64;
const promptCharacters = 800;
const requestsAtOnce = 4;
const slo: SloConfig = {
  answers: { objective: 0.999, window: 30 },
  fast: { objective: 0.99, window: 30, firstToken: 500, latency: 10_000 },
};

const processorUs = (since?: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return user + system;
};

/** Microseconds of processor time of one call, the median of nine stretches. */
function costUs(count: number, call: () => unknown): number {
  for (let i = 0; i < count / 4; i++) call();
  const stretches = Array.from({ length: 9 }, () => {
    const since = process.cpuUsage();
    for (let i = 0; i < count; i++) call();
    return processorUs(since) / count;
  });
  return median(stretches);
}

/** Tokens of a vocabulary as logits lie: most far below the greatest. */
const logits = (size: number): Float32Array => Float32Array.from({ length: size }, (_, i) => 12 * Math.sin(i * 12.9898) ** 7);

async function openSides() {
  const texts = readdirSync("docs").flatMap(name => (name.endsWith(".md") ? [readFileSync(join("docs", name), "utf8")] : []));
  const tokenizer = trainBpe(texts, { vocab, specialTokens: ["<|end|>"] });
  const device = openDevice("cpu", { threads: 1 });
  const parameters = await initialise(decoderSpec(config), device, "watch");
  const model = servedModel({
    id: "bench@1",
    name: "bench",
    version: 1,
    aliases: ["bench"],
    model: { family: "decoder", config, parameters },
    tokenizer,
    fingerprint: "0".repeat(64),
  });
  const root = mkdtempSync(join(tmpdir(), "loam-bench-watch-"));
  const store = await openStore({ root });
  const objectives = Object.entries(slo).map(([name, { objective, firstToken, latency }]) => ({
    name,
    objective,
    ...(firstToken === undefined ? {} : { firstTokenMs: firstToken }),
    ...(latency === undefined ? {} : { latencyMs: latency }),
  }));
  const watch = new RunningWatch({ store, settings: watchDefaults, objectives, project: "bench", warn: () => {} });
  const { observer } = watch;
  let told = 0;
  let counting: ((response: EndedResponse) => void) | undefined;
  const responses: ResponseObserver = {
    ...observer,
    ended: response => {
      told++;
      observer.ended(response);
      counting?.(response);
    },
  };
  const engines = [createEngine({ model, device, slots: 4 }), createEngine({ model, device, slots: 4 })] as const;
  await Promise.all(engines.map(e => e.ready));
  const [plain, watched] = [createApp({ engines: [engines[0]] }), createApp({ engines: [engines[1]], responses })];
  const prompt = texts.join("\n").slice(0, promptCharacters * 50);
  let at = 0;
  const ask = async (app: typeof plain): Promise<void> => {
    at = (at + 97) % (prompt.length - promptCharacters);
    const body = {
      model: "bench",
      prompt: prompt.slice(at, at + promptCharacters),
      max_tokens: answerTokens,
      ignore_eos: true,
      temperature: 0.8,
    };
    const request = new Request("http://localhost/v1/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const response = await app.fetch(request);
    if (response.status !== 200) throw new Error(await response.text());
    await response.text();
  };
  return {
    plain,
    watched,
    ask,
    store,
    watch,
    told: () => told,
    /** The parts of a telling, measured while it is told. */
    during: (measure: typeof counting) => {
      counting = measure;
    },
    close: async () => {
      await watch.close();
      plain.close();
      watched.close();
      await Promise.all(engines.map(e => e.close()));
      await store.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
type Sides = Awaited<ReturnType<typeof openSides>>;

/** Processor microseconds a request, with and without. */
async function wholeRequests({ plain, watched, ask }: Sides, rounds: number) {
  const side = (app: Sides["plain"]) => async () => {
    const since = process.cpuUsage();
    await Promise.all(Array.from({ length: requestsAtOnce }, () => ask(app)));
    return processorUs(since) / requestsAtOnce;
  };
  return interleaved(rounds, { without: side(plain), with: side(watched) });
}

async function outsidePath({ store, watch, watched, ask }: Sides) {
  await watch.tick();
  await ask(watched);
  const prepare = process.cpuUsage();
  new RunningWatch({ store, settings: { ...watchDefaults, alarmsPerDay: 0.11 }, objectives: [], project: null, warn: () => {} }).prepare();
  const prepareUs = processorUs(prepare);
  const since = process.cpuUsage();
  await watch.tick();
  const flushUs = processorUs(since);
  const { evaluateWindows } = await import("../src/project/watching/live/evaluate-windows.ts");
  const { flushWindows } = await import("../src/project/watching/live/flush-windows.ts");
  const { openMonitors, emptyWindow, countResponse } = await import("../src/watch/index.ts");
  const monitors = openMonitors({ falseAlarmsPerDay: 0.1 });
  const { changeState } = await import("../src/store/index.ts");
  await changeState(store, "watch/state", "lease", value => ({ value: { ...(value as object), server: "bench" }, answer: 0 }));
  const begin = Date.UTC(2030, 0, 1);
  const minutes = 60;
  const cost: number[] = [];
  for (let i = 0; i < minutes; i++) {
    const window = emptyWindow();
    for (let k = 0; k < 100; k++)
      countResponse(window, {
        status: 200,
        outcome: "stop",
        totalMs: 100 + ((k * 37 + i * 11) % 50),
        firstTokenMs: 20 + (k % 7),
        queuedMs: 1,
        promptTokens: 200,
        answerTokens: 64,
        features: [
          {
            numbers: { nll: 2 + ((k * 13) % 10) / 50, "answer-length": 64 - (k % 9), "prompt-length": 200, repetition: 0.1 },
            flags: { refusal: false },
          },
        ],
        labels: [],
      });
    const atMs = begin + i * 60_000;
    await flushWindows(store, { id: "bench", startedMs: 0 }, { number: i + 1, minutes: new Map([[atMs, { "bench@1": window }]]) }, atMs);
    const from = process.cpuUsage();
    await evaluateWindows({ store, server: "bench", monitors, objectives: [], nowMs: atMs + 120_000 });
    cost.push(processorUs(from));
  }
  await ask(watched);
  return { flushUs, prepareUs, evaluateUs: median(cost) };
}

/** One server's history against that of three with the same traffic. */
async function isOnePopulation(): Promise<boolean> {
  const { countResponse, emptyWindow, mergeWindows } = await import("../src/watch/index.ts");
  const windows = Array.from({ length: 4 }, emptyWindow);
  for (let i = 0; i < 10_000; i++) {
    const facts = {
      status: i % 50 ? 200 : 500,
      outcome: i % 3 ? "stop" : "length",
      totalMs: Math.exp(3 + 2 * Math.sin(i)),
      firstTokenMs: 20 + (i % 13) / 7,
      queuedMs: (i % 5) / 3,
      promptTokens: i % 300,
      answerTokens: i % 100,
      features: [{ numbers: { nll: Math.abs(Math.sin(i * 1.7)) * 4 }, flags: { refusal: i % 31 === 0 } }],
      labels: [],
    };
    countResponse(windows[0]!, facts);
    countResponse(windows[1 + (i % 3)]!, facts);
  }
  const sorted = (w: object) =>
    JSON.stringify(w, (_, v: unknown) =>
      v && typeof v === "object" && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort()) : v,
    );
  const merged = [
    mergeWindows(mergeWindows(windows[1]!, windows[2]!), windows[3]!),
    mergeWindows(windows[3]!, mergeWindows(windows[2]!, windows[1]!)),
  ];
  return merged.every(m => sorted(m) === sorted(windows[0]!));
}

export async function run({ scale, say }: BenchContext): Promise<BenchResult> {
  const rounds = Math.max(4, Math.round(24 * scale));
  const sides = await openSides();
  try {
    say(`requests with and without monitors, ${rounds} rounds of ${requestsAtOnce}`);
    const whole = await wholeRequests(sides, rounds);
    const withoutUs = median(whole.without);
    const differenceUs = median(whole.with.map((x, i) => x - whole.without[i]!));
    let toldUs = Number.NaN;
    let last: EndedResponse | undefined;
    say("parts of one response");
    sides.during(response => {
      sides.during(undefined);
      last = response;
      toldUs = costUs(2_000, () => sides.watch.observer.ended(response));
    });
    await sides.ask(sides.watched);
    const sketches = await liveSketchCost({ ...last!, model: "bench@1", status: 200, isShadow: false }, vocab, call => costUs(2_000, call));
    const [small, large] = [logits(vocab), logits(50_257)];
    const scoreUs = costUs(500, () => logProbabilityOf(small, 7));
    const scoreLargeUs = costUs(100, () => logProbabilityOf(large, 7));
    // as `sparse` chooses: 25 logits a token
    const every = Math.ceil(vocab / 25);
    const scored = answerTokens / every;
    say("outside the path of requests");
    const outside = await outsidePath(sides);
    const isOne = await isOnePopulation();
    const share = (toldUs + sketches.toldUs + scored * scoreUs) / withoutUs;
    return {
      method: `A decoder of ${config.layers} layers of width ${config.width} with ${vocab} tokens answers ${answerTokens} tokens to prompts of ${promptCharacters} characters, ${requestsAtOnce} at once, in process; processor time, medians over ${rounds} rounds in turn.`,
      ours: {
        "request without monitors, us": digits(withoutUs),
        "request with all monitors, us": digits(median(whole.with)),
        "difference of rounds, median us": digits(differenceUs),
        "one response told (features, texts, windows), us": digits(toldUs),
        "one response told to the live sketches of drift, us": digits(sketches.toldUs),
        "an hour's live sketch of one version written, us": digits(sketches.flushUs),
        [`log-probability of a token, ${vocab} tokens, us`]: digits(scoreUs),
        "log-probability of a token, 50,257 tokens, us": digits(scoreLargeUs),
        [`log-probabilities of one response (every ${every}th token of all), us`]: digits(scored * scoreUs),
        "limits of the monitors, once a process, us": digits(outside.prepareUs),
        "flush of what was counted, with the lease, us": digits(outside.flushUs),
        "evaluation of one minute of one version, all monitors, us": digits(outside.evaluateUs),
      },
      peers: {},
      ratios: {},
      bars: [
        {
          name: "processor a response on the request path, live sketches included, without log-probabilities",
          want: "<= 50 us",
          got: digits(toldUs + sketches.toldUs),
          holds: toldUs + sketches.toldUs <= 50,
        },
        {
          name: "processor a response with the log-probabilities (sparse)",
          want: "<= 50 us",
          got: digits(toldUs + scored * scoreUs),
          holds: toldUs + scored * scoreUs <= 50,
        },
        { name: "share of a request's processor time", want: "<= 0.01", got: digits(share), holds: share <= 0.01 },
        { name: "three servers' windows, merged in two orders, equal one server's", want: "true", got: isOne, holds: isOne },
      ],
      notes: [
        `The difference of whole requests is ${digits(differenceUs)} us at a spread of ${digits(median(whole.without.map(x => Math.abs(x - withoutUs))))} us between rounds: where the spread is the larger, the parts are the better measure.`,
      ],
    };
  } finally {
    await sides.close();
  }
}
