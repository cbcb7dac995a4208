/**
 * A small stand-in for Loam's server, for developing the page, its pictures and its browser test: the console's API over made-up data and
 * OpenAI's streams from a 2-gram model. It refuses what a real server would. Never part of what is shipped.
 */
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { engine as engineState } from "../src/generated/server.ts";
import { fakeActions } from "./actions.ts";
import { madeUpClasses } from "./classes.ts";
import { madeUpCost, madeUpProfile } from "./cost.ts";
import { around, evaluationOf, madeUpExamples, madeUpGraph, madeUpPoints, madeUpReport, madeUpRuns } from "./data.ts";
import { fakeDeployments } from "./deployments.ts";
import { madeUpDocuments } from "./documents.ts";
import { fakeEngine } from "./engine.ts";
import { madeUpDiff, madeUpEvaluations } from "./evaluations.ts";
import { fakeFeedback } from "./feedback.ts";
import { fakeGateway } from "./gateway.ts";
import { fakeGovernance } from "./governance.ts";
import { fakeJobs } from "./jobs.ts";
import { continued, wordsOf } from "./letters.ts";
import { madeUpAttributions, madeUpLogprobs } from "./probabilities.ts";
import { fakeProject } from "./project.ts";
import { type Recording, replayed } from "./recording.ts";
import { fakeLabels, madeUpLogged, madeUpReleases, madeUpTasks, madeUpVerdicts } from "./releases.ts";
import { madeUpDataReport } from "./report.ts";
import { fakeRunTable } from "./runs.ts";
import { madeUpDrift, madeUpHistory, madeUpLoops, madeUpQuality, madeUpSamples, madeUpWatch } from "./watch.ts";

export interface FakeOptions {
  /** `full`: two trained models; `empty`: a new project; `broken`: every call of `/api` and `/gateway`, and those of jobs, fail. */
  readonly scenario?: "full" | "empty" | "broken";
  /** Between tokens. */
  readonly tokenMs?: number;
  /** Answers of a real server, which count before the made-up ones. */
  readonly recording?: Recording | undefined;
  /** The newest version is registered and not served yet. */
  readonly isBehind?: boolean;
  /** Trials of a search in the table of runs; default: none. */
  readonly numTrials?: number;
  /** The page's person may look, and change nothing. */
  readonly isViewer?: boolean;
  /** False: there is no stream of changes, as before there was one. */
  readonly hasStream?: boolean;
  /** What a person gives a text of the label set; default: one class. */
  readonly labelKind?: "one" | "several" | "spans";
  /** Pieces of text an answer breaks off after, without an end. */
  readonly breaksAfter?: number;
}

export interface FakeServer {
  /** Answers what is the API's; false: not a path of it. */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
  /** Event streams of changes: open now, opened ever, the most at once; and looks at what has changed. */
  readonly streams: { readonly now: number; readonly opened: number; readonly most: number; readonly looks: number };
  /** Requests of the API so far. */
  readonly numRequests: number;
  close(): void;
}

const context = 256;
const changesEveryMs = 1_000;
const types: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}

const refuse = (response: ServerResponse, status: number, code: string, message: string) =>
  sendJson(response, { error: { code, message, type: "invalid_request_error", param: null } }, status);

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return JSON.parse(Buffer.concat(pieces).toString("utf8")) as Record<string, unknown>;
}

/** The stream's pieces of a call of the function that the request names, or of its first; undefined where it has none or its results are there. */
function madeUpCall({ tools, tool_choice }: Record<string, unknown>, last: { readonly role: string } | undefined): object[] | undefined {
  const [first] = (tools ?? []) as { readonly function: { readonly name: string } }[];
  if (!first || tool_choice === "none" || last?.role !== "user") return undefined;
  const named = (tool_choice as { readonly function?: { readonly name: string } } | undefined)?.function?.name;
  const pieces = ['{"city":', ' "Rome"', "}"].map(text => ({ index: 0, function: { arguments: text } }));
  return [{ index: 0, id: "call-1", type: "function", function: { name: named ?? first.function.name, arguments: "" } }, ...pieces];
}

/** Streams of changes. `texts` gives of each topic what its resources say. */
function changeStreams(texts: () => Readonly<Record<string, string>>) {
  const open = new Set<ServerResponse>();
  const counts = { opened: 0, most: 0, looks: 0 };
  const say = (response: ServerResponse, topics: readonly string[]) => {
    const revisions = Object.fromEntries(topics.map(topic => [topic, Date.now()]));
    response.write(`event: changes\ndata: ${JSON.stringify({ revisions })}\n\n`);
  };
  let before = texts();
  const timer = setInterval(() => {
    const now = texts();
    const changed = Object.keys(now).filter(topic => now[topic] !== before[topic]);
    before = now;
    counts.looks++;
    if (changed.length > 0) for (const response of open) say(response, changed);
  }, changesEveryMs);
  timer.unref();
  return {
    get counts() {
      return { ...counts, now: open.size };
    },
    open(response: ServerResponse) {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      open.add(response);
      counts.opened++;
      counts.most = Math.max(counts.most, open.size);
      response.on("close", () => open.delete(response));
      say(response, Object.keys(before));
    },
    close() {
      clearInterval(timer);
      for (const response of open) response.destroy();
    },
  };
}

/** The recording that `LOAM_RECORDING` names; undefined: none. */
export const recordingOfEnvironment = (): Recording | undefined =>
  process.env.LOAM_RECORDING === undefined ? undefined : (JSON.parse(readFileSync(process.env.LOAM_RECORDING, "utf8")) as Recording);

/** `fake` state begins at the time of the call. */
export function fakeServer(options: FakeOptions = {}): FakeServer {
  const { scenario = "full", tokenMs = 6, breaksAfter = Number.POSITIVE_INFINITY } = options;
  const startedMs = Date.now();
  const runs = scenario === "empty" ? [] : madeUpRuns(startedMs);
  const graph = madeUpGraph(runs, startedMs);
  const runTable = fakeRunTable(runs, startedMs, options.numTrials ?? 0);
  const isViewer = options.isViewer === true;
  const releases = madeUpReleases(runs);
  const acts = fakeActions(releases, version => madeUpVerdicts(runs, version), isViewer);
  const project = fakeProject(scenario === "empty", isViewer);
  const gateway = fakeGateway(startedMs, isViewer);
  const deployments = fakeDeployments(startedMs, scenario === "empty", isViewer);
  const governance = fakeGovernance(startedMs, scenario === "empty");
  const jobs = fakeJobs(startedMs, scenario === "empty");
  const engine = fakeEngine(scenario === "empty" ? 0 : 4);
  const streams = changeStreams(() => {
    const jobsNow = JSON.stringify(jobs("GET", new URL("http://fake/v1/fine_tuning/jobs")));
    return { artifacts: "", runs: "", labels: "", jobs: jobsNow, serving: "", engine: JSON.stringify(engine.state()), watch: "" };
  });
  let numRequests = 0;
  const newest = runs.at(-1);
  /** The oldest counts as tuned on examples. */
  const tunedRun = runs.length > 1 ? runs[0] : undefined;
  const modelId = (version: number) => `mail-small@${version}`;
  const versions = runs
    .map(r => ({
      id: modelId(r.version),
      name: "mail-small",
      version: r.version,
      artifact: r.artifact,
      createdAt: r.endedMs,
      aliases: r === newest ? ["latest"] : ["stable"],
      scores: { bitsPerByte: r.bitsPerByte, heldOutLoss: Number((r.bitsPerByte * 2.364).toFixed(3)), parameters: r.parameters },
    }))
    .reverse();
  /** Further names that requests use for a version. */
  const namesOf = (v: (typeof versions)[number]) => v.aliases.map(alias => `${v.name}@${alias}`);
  const versionIds = versions.map(v => v.id);

  const dataSets = graph.nodes
    .filter(n => n.kind === "documents" && newest !== undefined)
    .map(n => ({ name: "mail", artifact: n.id, createdAt: n.createdAt, summary: n.summary }));

  const pages: Record<string, (url: URL, response: ServerResponse) => void> = {
    "/api/overview": (_, response) =>
      sendJson(response, {
        loam: "0.1.0",
        project: "mail",
        model: newest
          ? {
              id: modelId(newest.version),
              name: "mail-small",
              version: newest.version,
              artifact: newest.artifact,
              family: "decoder",
              parameters: newest.parameters,
              context,
              vocab: 4096,
              layers: newest.layers,
              width: newest.width,
            }
          : null,
        models: versions.map(v => v.id),
        noModels: newest
          ? null
          : "mail-small: no version is registered yet. Run `loam run`; the first version is served as soon as it is registered.",
        startedAt: startedMs,
        machine: { cores: 2, processor: "A made-up processor", memoryBytes: 25_769_803_776, vector: ["avx2", "avx512"] },
      }),
    "/api/models": (_, response) => sendJson(response, versions),
    "/api/runs": (_, response) =>
      sendJson(
        response,
        runs.toReversed().map(r => {
          const tookMs = (r.tokens / r.tokensPerSecond) * 1000;
          const summary = graph.nodes.find(n => n.id === r.artifact)?.summary;
          return {
            artifact: r.artifact,
            stage: r === tunedRun ? "tune-instruct-merged" : "train",
            lossUnit: "nats per token",
            startedAt: r.endedMs - tookMs,
            endedAt: r.endedMs,
            summary,
          };
        }),
      ),
    "/api/evaluations": (_, response) =>
      sendJson(response, [
        ...runs.toReversed().map(r => ({ artifact: evaluationOf(r), model: r.artifact, report: madeUpReport(r) })),
        // the first one tells classes besides
        ...runs
          .slice(0, 1)
          .map(r => ({ artifact: `${evaluationOf(r)}-classes`, model: r.artifact, report: madeUpClasses("mail-small@1") })),
      ]),
    "/api/evaluations/list": (_, response) => sendJson(response, madeUpEvaluations(runs)),
    "/api/evaluations/diff": (url, response) => {
      const diff = madeUpDiff(runs, url.searchParams);
      if (diff) sendJson(response, diff);
      else refuse(response, 404, "notFound", "evaluations: expected the ids of two evaluations.");
    },
    "/api/session": (_, response) =>
      sendJson(
        response,
        scenario === "empty"
          ? { gateway: false, record: true, access: "open", csrf: null, demo: null }
          : {
              gateway: true,
              record: true,
              access: "session",
              csrf: "made-up",
              demo: {
                key: "sk-loam-made0up000-madeupmadeupmadeupmadeupmadeup",
                path: "/v1/completions",
                body: { model: "mail-small", prompt: "Dear ", max_tokens: 40 },
              },
            },
      ),
    ...gateway.pages(sendJson),
    "/api/labels": (_, response) => sendJson(response, scenario === "empty" ? [] : [labels.state()]),
    "/api/releases": (_, response) => sendJson(response, releases),
    "/api/actions": (_, response) => sendJson(response, { who: isViewer ? "vera" : "loam-console", verified: isViewer, unavailable: null }),
    "/api/data": (_, response) => sendJson(response, dataSets),
    "/api/engine": (url, response) =>
      sendJson(response, {
        ...engine.state(),
        ...(scenario === "empty" ? {} : { model: url.searchParams.get("model") ?? versions[0]!.id }),
      }),
    "/api/serving": (_, response) =>
      sendJson(response, {
        versions: versions
          .slice(options.isBehind ? 1 : 0)
          .toReversed()
          .map((v, i) => {
            const { slots, running, queued, requests, tokensPerSecond, cacheUse } = engineState.parse(engine.state());
            const now = { slots, running, queued, requests, tokensPerSecond, cacheUse };
            // the newest does the fake's work, the one before has a past only
            const own = v === versions[0] ? now : { slots, running: 0, queued: 0, requests: 24, tokensPerSecond: 0 };
            return {
              name: v.name,
              version: v.version,
              id: v.id,
              state: "ready",
              labels: v.aliases,
              weight: i === 0 ? 10 : 90,
              shadow: null,
              cacheUse: null,
              adapters: [],
              ...own,
            };
          }),
      }),
    "/api/watch": (_, response) => sendJson(response, madeUpWatch(versionIds)),
    "/api/watch/history": (url, response) => {
      const [metric, model, step] = ["metric", "model", "step"].map(name => url.searchParams.get(name) ?? "") as [string, string, string];
      sendJson(response, madeUpHistory(metric, model, step, model === versionIds[0]));
    },
    "/api/watch/drift": (_, response) => sendJson(response, madeUpDrift(versionIds)),
    "/api/watch/quality": (_, response) => sendJson(response, madeUpQuality(versionIds)),
    "/api/watch/samples": (url, response) => sendJson(response, madeUpSamples(versionIds, url.searchParams.get("alarm"))),
    "/api/watch/loops": (_, response) => sendJson(response, madeUpLoops(versionIds)),
    "/api/graph": (url, response) => {
      const asked = url.searchParams.get("id") ?? "";
      const id = versions.find(v => v.id === asked)?.artifact ?? asked;
      if (!graph.nodes.some(n => n.id === id))
        return refuse(response, 404, "notFound", `graph: expected the id of an artifact, got "${asked}". Try loam models.`);
      sendJson(response, around(graph, id));
    },
    "/v1/models": (_, response) =>
      sendJson(response, {
        object: "list",
        data: versions.map(v => ({ id: v.id, object: "model", created: 0, owned_by: "loam", aliases: namesOf(v) })),
      }),
  };

  const feedback = fakeFeedback(scenario !== "empty");
  const labels = fakeLabels(
    [
      "Hi Ann,\n\nthe list for Thursday is ready.",
      "Shall we meet for lunch about the offer?",
      "Half price until Sunday!",
      "The build is broken again.",
    ].flatMap(text => [text, ...(scenario === "full" ? [`Re: ${text}`] : [])]),
    options.labelKind,
  );
  const labelPaths = async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    if (request.method === "POST") sendJson(response, labels.give((await bodyOf(request)) as Parameters<typeof labels.give>[0]));
    else sendJson(response, labels.batch(url.searchParams.get("by") ?? ""));
  };

  /** Paths with an id at their end. */
  const byId: Record<string, (id: string, url: URL) => object | undefined> = {
    releases: id => madeUpVerdicts(runs, id),
    reports: (id, url) => madeUpTasks(runs, id, url.searchParams.get("against")),
    logged: id => {
      const run = runs.find(r => r.artifact === id);
      const node = graph.nodes.find(n => n.id === id);
      return run && madeUpLogged(run, node?.options, node?.summary);
    },
  };

  async function attributed(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { prompt, messages } = (await bodyOf(request)) as { prompt?: string; messages?: { content: string }[] };
    sendJson(response, madeUpAttributions(prompt ?? messages?.at(-1)?.content ?? ""));
  }

  async function complete(request: IncomingMessage, response: ServerResponse, isChat: boolean): Promise<void> {
    const body = await bodyOf(request);
    const messages = (body.messages ?? []) as { role: string; content: string }[];
    const prompt = isChat ? `${messages.at(-1)?.content ?? ""}\n\n` : String(body.prompt ?? "");
    if (!versions.some(v => v.id === body.model || namesOf(v).includes(String(body.model))))
      return refuse(response, 404, "model_not_found", `model: expected one of /v1/models, got "${body.model}".`);
    const promptTokens = wordsOf(isChat ? messages.map(m => m.content).join("\n") : prompt).length;
    const limit = Number(body.max_tokens ?? (isChat ? context : 16));
    if (promptTokens + 1 > context)
      return refuse(
        response,
        400,
        "context_length_exceeded",
        `prompt: expected at most ${context - 1} tokens, got ${promptTokens}. Try a shorter prompt.`,
      );
    const stops = (body.stop ?? []) as string[];
    const seed = typeof body.seed === "number" ? body.seed : Math.floor(Math.random() * 2 ** 31);
    const form = (text: string, finish: string | null) => ({
      ...{ index: 0, finish_reason: finish },
      ...(isChat ? { delta: { content: text } } : { text }),
      ...(body.logprobs && text !== "" ? { logprobs: madeUpLogprobs(text, isChat) } : {}),
    });
    const calls = isChat ? madeUpCall(body, messages.at(-1)) : undefined;
    const requestId = feedback.request();
    const send = (data: object) => response.write(`data: ${JSON.stringify({ id: "cmpl-fake", model: body.model, ...data })}\n\n`);

    await engine.inSlot(async ({ token }) => {
      await sleep(18);
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", "x-request-id": requestId });
      for (const piece of calls ?? []) {
        send({ choices: [{ index: 0, delta: { tool_calls: [piece] }, finish_reason: null }] });
        token();
        await sleep(tokenMs);
      }
      if (calls) {
        send({ choices: [form("", "tool_calls")] });
        send({ choices: [], usage: { prompt_tokens: promptTokens, completion_tokens: calls.length, total_tokens: promptTokens } });
        return void response.end("data: [DONE]\n\n");
      }
      let [text, count, finish] = ["", 0, "length"];
      for (const word of continued(prompt, Number(body.temperature ?? 1), seed)) {
        if (response.destroyed) return;
        if (count >= breaksAfter) return void response.end();
        if (count >= limit || promptTokens + count >= context) break;
        text += word;
        count++;
        token();
        if (stops.some(s => text.includes(s))) {
          finish = "stop";
          break;
        }
        send({ choices: [form(word, null)] });
        await sleep(tokenMs);
      }
      send({ choices: [form("", finish)] });
      send({ choices: [], usage: { prompt_tokens: promptTokens, completion_tokens: count, total_tokens: promptTokens + count } });
      response.end("data: [DONE]\n\n");
    });
  }

  return {
    answer(request, response) {
      const url = new URL(request.url ?? "/", "http://fake");
      const path = url.pathname;
      if (/^\/(api|v1|gateway)\//.test(path)) numRequests++;
      if (path === "/metrics") {
        response.end(engine.metrics());
        return true;
      }
      if (!/^\/(api|v1|gateway)\//.test(path)) return false;
      if (path === "/api/events" && scenario !== "broken" && options.hasStream !== false) {
        streams.open(response);
        return true;
      }
      const recorded =
        options.recording && request.method === "GET" ? replayed(options.recording, `${path}${url.search}`, Date.now()) : undefined;
      if (recorded !== undefined) {
        sendJson(response, recorded);
        return true;
      }
      if (gateway.change(request, response, path, () => bodyOf(request), sendJson)) return true;
      if (scenario === "broken" && !/^\/v1\/(?!fine_tuning)/.test(path)) {
        refuse(response, 500, "internal", "The record cannot be read: expected a database, got 12 bytes. Try loam doctor.");
        return true;
      }
      if (runTable(response, url, () => bodyOf(request), sendJson)) return true;
      const ofJobs = jobs(request.method ?? "GET", url);
      if (ofJobs) {
        sendJson(response, ofJobs[1], ofJobs[0]);
        return true;
      }
      const reportOf = /^\/api\/data\/([^/]+)$/.exec(path)?.[1];
      const documentsOf = /^\/api\/data\/([^/]+)\/(\w+)$/.exec(path);
      const act = /^\/api\/releases\/([^/]+)\/(promote|rollback|approve)$/.exec(path);
      const rolledBack = /^\/api\/deployments\/([^/]+)\/rollback$/.exec(path)?.[1];
      const [, kind = "", id = ""] = /^\/api\/(releases|reports|logged)\/([^/]+)$/.exec(path) ?? [];
      const examplesOf = /^\/api\/runs\/([^/]+)\/examples$/.exec(path)?.[1];
      const costOf = /^\/api\/runs\/([^/]+)\/(cost|profile)$/.exec(path);
      const metricsOf = /^\/api\/runs\/([^/]+)\/metrics$/.exec(path)?.[1];
      if (path === "/v1/feedback") void bodyOf(request).then(body => sendJson(response, ...feedback.give(body)));
      else if (path === "/v1/attributions") void attributed(request, response);
      else if (path === "/v1/completions" || path === "/v1/chat/completions") void complete(request, response, path.includes("chat"));
      else if (documentsOf) {
        const body = madeUpDocuments(decodeURIComponent(documentsOf[1]!), documentsOf[2]!, url.searchParams);
        if (body) sendJson(response, body);
        else refuse(response, 404, "notFound", `data: expected the id of a document, got "${url.searchParams.get("id")}".`);
      } else if (path === "/api/labels/folder/disagreements")
        sendJson(response, { ...labels.state(), adjudicators: null, items: labels.differing() });
      else if (path.startsWith("/api/project/"))
        void (request.method === "POST" ? bodyOf(request) : Promise.resolve({})).then(given => {
          const [status, body] = project(request.method ?? "GET", url, given as Record<string, unknown>) ?? [
            404,
            { error: { code: "notFound", message: path } },
          ];
          sendJson(response, body, status);
        });
      else if (path === "/api/deployments") sendJson(response, deployments.list());
      else if (rolledBack)
        void bodyOf(request).then(given => {
          const [status, body] = deployments.rollback(decodeURIComponent(rolledBack), given as Record<string, unknown>);
          sendJson(response, body, status);
        });
      else if (act)
        void bodyOf(request).then(given => {
          const [status, body] = acts(decodeURIComponent(act[1]!), act[2]!, given as Record<string, unknown>);
          sendJson(response, body, status);
        });
      else if (path === "/api/labels/folder") void labelPaths(request, response, url);
      else if (byId[kind] || path.startsWith("/api/governance/")) {
        const body = byId[kind] ? byId[kind](decodeURIComponent(id), url) : governance(url);
        if (body) sendJson(response, body);
        else refuse(response, 404, "notFound", `${kind}: expected an id of the record, got "${id}".`);
      } else if (reportOf !== undefined) {
        const set = dataSets.find(s => s.artifact === decodeURIComponent(reportOf));
        if (set) sendJson(response, madeUpDataReport(set.artifact));
        else refuse(response, 404, "notFound", `data: expected the id of documents, got "${reportOf}".`);
      } else if (examplesOf !== undefined) {
        if (decodeURIComponent(examplesOf) === tunedRun?.artifact) sendJson(response, madeUpExamples);
        else refuse(response, 404, "notFound", `examples: expected the id of a tuned model, got "${examplesOf}".`);
      } else if (costOf) {
        const run = runs.find(r => r.artifact === decodeURIComponent(costOf[1]!));
        if (run) sendJson(response, costOf[2] === "cost" ? madeUpCost(run) : madeUpProfile(run));
        else refuse(response, 404, "notFound", `runs: expected the id of a model, got "${costOf[1]}".`);
      } else if (metricsOf !== undefined) {
        const run = runs.find(r => r.artifact === decodeURIComponent(metricsOf));
        if (run) sendJson(response, { points: madeUpPoints(run) });
        else refuse(response, 404, "notFound", `runs: expected the id of a model, got "${metricsOf}".`);
      } else if (pages[path]) pages[path](url, response);
      else refuse(response, 404, "notFound", `${path}: expected a path of the API.`);
      return true;
    },
    get streams() {
      return streams.counts;
    },
    get numRequests() {
      return numRequests;
    },
    close() {
      engine.close();
      streams.close();
    },
  };
}

/** Serves a built page beside the fake on loopback. `port` 0 takes a free one. */
export async function serveFake(
  folder: string,
  options: FakeOptions = {},
  port = 0,
): Promise<{ readonly url: string; readonly port: number; readonly fake: FakeServer; close(): Promise<void> }> {
  const fake = fakeServer(options);
  const server = createServer((request, response) => {
    if (fake.answer(request, response)) return;
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://fake").pathname));
    const file = join(folder, path === "/" ? "index.html" : path);
    if (!file.startsWith(folder) || !existsSync(file)) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  // on a busy machine a client is slower than the default of 5 s, and meets a closed connection
  server.keepAliveTimeout = 0;
  await new Promise<void>(ready => void server.listen(port, "127.0.0.1", ready));
  const at = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${at}/`,
    port: at,
    fake,
    close: async () => {
      fake.close();
      server.closeAllConnections();
      await new Promise(done => void server.close(done));
    },
  };
}
