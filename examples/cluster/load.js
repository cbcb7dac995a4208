/**
 * Requests without pause over kept connections, a third of them streams, each checked whole: what was lost, cut, refused or answered twice while the cluster
 * changes. A request is sent once. Only where a new connection was reset or refused before a byte of the answer came, is it sent again: the kernel had taken
 * the connection while the listener closed, and no server has read it.
 */
import { Agent, request } from "node:http";

/**
 * @typedef {{ model: string, clients: number, baseUrl: (client: number) => string, key?: string, tokens?: number, longTokens?: number, longEvery?: number, most?: number, pauseMs?: number }} LoadOptions
 * `baseUrl`: where a client asks. `tokens` of an answer; `longTokens` of every `longEvery`th stream. `most`: requests after which it ends by itself. `pauseMs`: between the requests of a client.
 * @typedef {{ index: number, isStream: boolean, isLong: boolean, how: "answered" | "lost" | "cut" | "refused" | "twice", status: number, detail: string, seed: number, text: string, target: string | undefined, ms: number, atMs: number }} LoadRecord
 * @typedef {{ records: LoadRecord[], stop: () => Promise<LoadSummary>, done: Promise<LoadSummary>, count: () => number, isStopped: () => boolean }} Load
 * @typedef {{ requests: number, streams: number, long: number, over30s: number, longestMs: number, lost: number, cut: number, refused: number, twice: number, differing: number, sentAgain: number, targets: Record<string, number>, failures: string[] }} LoadSummary
 */

/** Seeds of requests: a model writes one text for each, whichever pod it is. */
const seeds = 8;

/** @param {unknown} error */
const codeOf = error => /** @type {{ code?: string }} */ (error).code ?? String(error);

/**
 * One exchange: what came, and whether it may be sent again.
 * @param {string} url @param {Agent} agent @param {Record<string, string>} headers @param {string} body
 * @returns {Promise<{ status: number, text: string, target: string | undefined, error: string | undefined, isUnread: boolean }>}
 */
const exchange = (url, agent, headers, body) =>
  new Promise(resolve => {
    let [text, status] = ["", 0];
    /** @type {string | undefined} */
    let target;
    const sent = request(url, { method: "POST", agent, headers });
    sent.setTimeout(300_000, () => sent.destroy(new Error("silent for 300 s")));
    const failed = (/** @type {unknown} */ error) => {
      const code = codeOf(error);
      const isFresh = !sent.reusedSocket && /^(ECONNRESET|ECONNREFUSED|EPIPE)$/.test(code);
      resolve({
        status,
        text,
        target,
        error: `${code}${sent.reusedSocket ? " on a kept connection" : ""}`,
        isUnread: status === 0 && isFresh,
      });
    };
    sent.on("error", failed);
    sent.on("response", response => {
      status = response.statusCode ?? 0;
      target = response.headers["x-loam-target"]?.toString();
      response.setEncoding("utf8").on("data", (/** @type {string} */ piece) => {
        text += piece;
      });
      response.on("error", failed);
      response.on("end", () => resolve({ status, text, target, error: undefined, isUnread: false }));
    });
    sent.end(body);
  });

/**
 * Whether an answer is one whole answer of so many tokens; says why not.
 * @param {string} text @param {boolean} isStream @param {number} tokens
 * @returns {{ how: "answered" | "cut" | "twice", detail: string, said: string }}
 */
export function readAnswer(text, isStream, tokens) {
  try {
    /** @type {{ choices: { text: string, finish_reason: string | null }[], usage?: { completion_tokens: number } }[]} */
    const parts = isStream
      ? text
          .split("\n\n")
          .filter(event => event.startsWith("data: ") && event !== "data: [DONE]")
          .map(event => JSON.parse(event.slice(6)))
      : [JSON.parse(text)];
    const ends = parts.flatMap(p => p.choices).filter(c => c.finish_reason !== null).length;
    const dones = isStream ? text.split("data: [DONE]\n\n").length - 1 : 1;
    const said = parts.flatMap(p => p.choices.map(c => c.text)).join("");
    const written = parts.find(p => p.usage)?.usage?.completion_tokens;
    if (ends > 1 || dones > 1 || (written ?? 0) > tokens) return { how: "twice", detail: `${ends} ends, ${written} tokens`, said };
    if (ends < 1 || dones < 1 || written !== tokens)
      return { how: "cut", detail: `${ends} ends, ${written} of ${tokens} tokens: ${text.slice(-200)}`, said };
    return { how: "answered", detail: "", said };
  } catch {
    return { how: "cut", detail: text.slice(-200), said: "" };
  }
}

/**
 * Starts the clients.
 * @param {LoadOptions} options @returns {Load}
 */
export function startLoad({
  model,
  clients,
  baseUrl,
  key,
  tokens = 12,
  longTokens = tokens,
  longEvery = 0,
  most = Number.POSITIVE_INFINITY,
  pauseMs = 0,
}) {
  /** @type {LoadRecord[]} */
  const records = [];
  let [begun, streams, again, isStopped] = [0, 0, 0, false];
  const headers = { "content-type": "application/json", ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) };
  const one = async (/** @type {number} */ client, /** @type {Agent} */ agent) => {
    const index = begun++;
    const isStream = index % 3 === 0;
    const isLong = isStream && longEvery > 0 && streams++ % longEvery === 0;
    const seed = index % seeds;
    const written = isLong ? longTokens : tokens;
    const body = JSON.stringify({
      ...{ model, prompt: "Dear", max_tokens: written, ignore_eos: true, temperature: 1, seed, stream: isStream },
      ...(isStream ? { stream_options: { include_usage: true } } : {}),
    });
    const beganMs = performance.now();
    for (let attempt = 0; ; attempt++) {
      const { status, text, target, error, isUnread } = await exchange(`${baseUrl(client)}/v1/completions`, agent, headers, body);
      if (isUnread && attempt < 100) {
        again++;
        await new Promise(done => setTimeout(done, 50));
        continue;
      }
      const answer = readAnswer(text, isStream, written);
      /** @type {LoadRecord["how"]} */
      let how = answer.how;
      if (error !== undefined) how = status === 0 ? "lost" : "cut";
      else if (status !== 200) how = "refused";
      const detail = error ?? (status === 200 ? answer.detail : `${status} ${text.slice(0, 200)}`);
      const ms = performance.now() - beganMs;
      records.push({
        index,
        isStream,
        isLong,
        how,
        status,
        detail,
        seed: isLong ? seed + seeds : seed,
        text: answer.said,
        target,
        ms,
        atMs: Date.now(),
      });
      if (how !== "answered") await new Promise(done => setTimeout(done, 100));
      return;
    }
  };
  const client = async (/** @type {number} */ i) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!isStopped && begun < most) {
      await one(i, agent);
      if (pauseMs > 0) await new Promise(next => setTimeout(next, pauseMs));
    }
    agent.destroy();
  };
  const done = Promise.all(Array.from({ length: clients }, (_, i) => client(i))).then(() => summary(records, again));
  const stop = () => {
    isStopped = true;
    return done;
  };
  return { records, stop, done, count: () => records.length, isStopped: () => isStopped };
}

/**
 * @param {readonly LoadRecord[]} records @param {number} again
 * @returns {LoadSummary}
 */
function summary(records, again) {
  const count = (/** @type {LoadRecord["how"]} */ how) => records.filter(r => r.how === how).length;
  /** @type {Record<string, number>} */
  const targets = {};
  for (const { target } of records) if (target !== undefined) targets[target] = (targets[target] ?? 0) + 1;
  return {
    requests: records.length,
    streams: records.filter(r => r.isStream).length,
    long: records.filter(r => r.isLong).length,
    over30s: records.filter(r => r.isStream && r.ms >= 30_000).length,
    longestMs: Math.round(Math.max(0, ...records.map(r => r.ms))),
    lost: count("lost"),
    cut: count("cut"),
    refused: count("refused"),
    twice: count("twice"),
    differing: differingTexts(records).length,
    sentAgain: again,
    targets,
    failures: records
      .filter(r => r.how !== "answered")
      .slice(0, 5)
      .map(r => `${new Date(r.atMs).toISOString()} ${r.how}${r.isStream ? ", a stream" : ""}: ${r.detail}`),
  };
}

/**
 * Texts beyond those that versions write: of one seed a version writes one text, so a text that came once in a load of thousands is a mixture of two.
 * @param {readonly LoadRecord[]} records @param {number} versions
 */
export function differingTexts(records, versions = 2) {
  /** @type {Map<number, Map<string, number>>} */
  const texts = new Map();
  for (const { how, seed, text } of records) {
    if (how !== "answered") continue;
    const known = texts.get(seed) ?? new Map();
    known.set(text, (known.get(text) ?? 0) + 1);
    texts.set(seed, known);
  }
  return [...texts].flatMap(([seed, known]) =>
    [...known]
      .sort((a, b) => b[1] - a[1])
      .slice(versions)
      .map(([text, times]) => ({ seed, text, times })),
  );
}
