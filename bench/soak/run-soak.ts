/**
 * A soak of one server over HTTP: many clients whose requests are finished, streamed, read slowly, cancelled, broken off or nonsense, drawn by a
 * seed. Every answer that is finished must be what the same request got alone, to the last bit of its log-probabilities; nonsense must be
 * refused as such. Gives what happened; judges nothing else.
 */
import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { type Random, random } from "../../src/base/index.ts";

/** Shares of a hundred requests. */
export const shares = { whole: 35, stream: 30, slow: 8, leaveStream: 10, leaveWhole: 5, halfBody: 4, nonsense: 8 };
export type Behaviour = keyof typeof shares;
const behaviours = Object.keys(shares) as readonly Behaviour[];

/** A request that is asked again and again, and what it must get. */
export interface Known {
  readonly body: Readonly<Record<string, unknown>>;
  /** Its choice as it was answered alone, as JSON. */
  readonly expected: string;
}

export interface SoakResult {
  /** Requests of each behaviour that went as they should. */
  readonly went: Record<Behaviour, number>;
  /** Answers that are not the lone one. */
  readonly mixed: string[];
  /** Answers that ended early or with an error, and nonsense that was not refused in its form. */
  readonly lost: string[];
}

export interface SoakOptions {
  readonly url: string;
  readonly known: readonly Known[];
  readonly requests: number;
  readonly clients: number;
  readonly seed: string;
}

/** Longest pause of a slow reader after a piece, and longest time until a client leaves. */
const slowMs = 120;
const leaveMs = 60;

interface Choice {
  readonly text?: string;
  readonly logprobs?: { readonly tokens?: readonly string[]; readonly token_logprobs?: readonly (number | null)[] } | null;
  readonly finish_reason?: string | null;
}

/** What of a choice must be equal, in one form for whole and streamed answers. */
function told(parts: readonly Choice[]): string {
  return JSON.stringify({
    text: parts.map(p => p.text ?? "").join(""),
    tokens: parts.flatMap(p => p.logprobs?.tokens ?? []),
    logprobs: parts.flatMap(p => p.logprobs?.token_logprobs ?? []),
    finish: parts.findLast(p => p.finish_reason)?.finish_reason,
  });
}

type Asking = Pick<SoakOptions, "url"> & { readonly agent: Agent };

function post({ url, agent }: Asking, body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}) {
  const asking = request(`${url}/v1/completions`, {
    method: "POST",
    agent,
    headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...headers },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => asking.on("response", resolve).on("error", reject));
  // whoever leaves does not wait for it
  answered.catch(() => {});
  // from the first moment on: an answer that is over closes it before anybody leaves
  const closed = new Promise<void>(resolve => asking.once("close", resolve));
  return { asking, answered, closed };
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}

async function whole(on: Asking, body: Known["body"]): Promise<string> {
  const { asking, answered } = post(on, JSON.stringify(body));
  asking.end(JSON.stringify(body));
  const answer = await answered;
  const text = await textOf(answer);
  if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}: ${text.slice(0, 200)}`);
  return told((JSON.parse(text) as { choices: Choice[] }).choices);
}

/** Reads a stream to its end, with a pause after each piece where one is given. */
async function streamed(on: Asking, body: Known["body"], pauseMs: () => number): Promise<string> {
  const text = JSON.stringify({ ...body, stream: true });
  const { asking, answered } = post(on, text);
  asking.end(text);
  const answer = await answered;
  const choices: Choice[] = [];
  let rest = "";
  let isDone = false;
  answer.setEncoding("utf8");
  for await (const part of answer) {
    const lines = (rest + (part as string)).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      if (line === "data: [DONE]") isDone = true;
      else if (line.startsWith("data: "))
        choices.push(...((JSON.parse(line.slice("data: ".length)) as { choices?: Choice[] }).choices ?? []));
    }
    const ms = pauseMs();
    if (ms > 0) await wait(ms);
  }
  if (!isDone) throw new Error(`a stream without [DONE], status ${answer.statusCode}: ${rest.slice(0, 200)}`);
  return told(choices);
}

/** Hangs up; resolves when nothing of it is left on this side. */
async function leave({ asking, closed }: { readonly asking: ClientRequest; readonly closed: Promise<void> }): Promise<void> {
  asking.on("error", () => {});
  asking.destroy();
  await closed;
}

/** Bodies that no server should take, and what they may be answered with. */
const nonsense: readonly { readonly body: (known: Known["body"]) => string | Uint8Array; readonly status: readonly number[] }[] = [
  { body: () => "", status: [400] },
  { body: () => '{"model": "', status: [400] },
  { body: () => "[1, 2, 3]", status: [400] },
  { body: () => "[".repeat(10_000) + "]".repeat(10_000), status: [400] },
  { body: () => Uint8Array.of(0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d), status: [400] },
  { body: k => JSON.stringify({ ...k, model: "no such model" }), status: [404] },
  { body: k => JSON.stringify({ ...k, max_tokens: -1 }), status: [400] },
  { body: k => JSON.stringify({ ...k, temperature: "hot" }), status: [400] },
  { body: k => JSON.stringify({ ...k, prompt: { text: "no" } }), status: [400] },
  { body: k => JSON.stringify({ ...k, prompt: "word ".repeat(200_000) }), status: [400] },
];

async function refused(on: Asking, { body, status }: (typeof nonsense)[number], known: Known["body"]): Promise<void> {
  const given = body(known);
  const { asking, answered } = post(on, given);
  asking.end(given);
  const answer = await answered;
  const text = await textOf(answer);
  const { error } = JSON.parse(text) as { error?: { message?: unknown } };
  if (!status.includes(answer.statusCode ?? 0) || typeof error?.message !== "string")
    throw new Error(`expected ${status.join(" or ")} with an error, got ${answer.statusCode}: ${text.slice(0, 200)}`);
}

class Mixed extends Error {}

const equal = (got: string, { expected }: Known): void => {
  if (got !== expected) throw new Mixed(`expected ${expected.slice(0, 200)}, got ${got.slice(0, 200)}`);
};

/** One request of each behaviour; throws where it does not go as it should. */
const does: { readonly [B in Behaviour]: (on: Asking, known: Known, r: Random) => Promise<void> } = {
  whole: async (on, known) => equal(await whole(on, known.body), known),
  stream: async (on, known) => equal(await streamed(on, known.body, () => 0), known),
  slow: async (on, known, r) => equal(await streamed(on, known.body, () => r.below(slowMs)), known),
  leaveStream: async (on, { body }, r) => {
    const text = JSON.stringify({ ...body, stream: true });
    const posted = post(on, text);
    const { asking, answered } = posted;
    asking.end(text);
    const pieces = r.below(4);
    if (pieces > 0) {
      const answer = await answered;
      let seen = 0;
      for await (const _ of answer) if (++seen === pieces) break;
    }
    await leave(posted);
  },
  leaveWhole: async (on, { body }, r) => {
    const posted = post(on, JSON.stringify(body));
    const { asking } = posted;
    asking.on("error", () => {});
    asking.end(JSON.stringify(body));
    await wait(r.below(leaveMs));
    await leave(posted);
  },
  halfBody: async (on, { body }, r) => {
    const text = JSON.stringify(body);
    const posted = post(on, text);
    const { asking } = posted;
    asking.on("error", () => {});
    asking.write(text.slice(0, text.length >> 1));
    await wait(r.below(leaveMs));
    await leave(posted);
  },
  nonsense: (on, { body }, r) => refused(on, nonsense[r.below(nonsense.length)]!, body),
};

function drawn(r: Random): Behaviour {
  let left = r.below(Object.values(shares).reduce((a, b) => a + b));
  return behaviours.find(b => {
    left -= shares[b];
    return left < 0;
  })!;
}

/** Asks each request alone, one after the other: what it says is what it must get ever after. */
export async function askedAlone(url: string, bodies: readonly Known["body"][]): Promise<Known[]> {
  const agent = new Agent({ keepAlive: true });
  try {
    const known: Known[] = [];
    for (const body of bodies) known.push({ body, expected: await whole({ url, agent }, body) });
    return known;
  } finally {
    agent.destroy();
  }
}

export async function runSoak({ url, known, requests, clients, seed }: SoakOptions): Promise<SoakResult> {
  const result: SoakResult = {
    went: Object.fromEntries(behaviours.map(b => [b, 0])) as Record<Behaviour, number>,
    mixed: [],
    lost: [],
  };
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const r = random(seed);
  let next = 0;
  const client = async () => {
    while (next < requests) {
      const number = next++;
      const own = r.fork(`request ${number}`);
      const behaviour = drawn(own);
      try {
        await does[behaviour]({ url, agent }, known[own.below(known.length)]!, own);
        result.went[behaviour]++;
      } catch (error) {
        const list = error instanceof Mixed ? result.mixed : result.lost;
        const text = error instanceof Error ? error.message : String(error);
        list.push(`request ${number}, ${behaviour}: ${text}`);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, client));
  } finally {
    agent.destroy();
  }
  return result;
}

/** Waits until the server says that nothing waits or runs; the number of both otherwise. */
export async function untilIdle(url: string, withinMs = 10_000): Promise<number> {
  const began = performance.now();
  for (;;) {
    const text = await (await fetch(`${url}/metrics`)).text();
    const busy = ["loam_queued_requests", "loam_running_requests"]
      .flatMap(name => [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))])
      .reduce((n, [, value]) => n + Number(value), 0);
    if (busy === 0 || performance.now() - began > withinMs) return busy;
    await wait(20);
  }
}
