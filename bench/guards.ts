/**
 * What large prompts do to the small requests beside them, when guards look at both: the same 25 small requests a second with and without prompts of
 * 1 MB and 4 MB of another caller, one after the other; and how long the guards' work goes on after the client of a large prompt has left.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Sent } from "./gateway/large-client.ts";
import { type Side, timed, upstream, warm } from "./gateway/sides.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";

const rate = 25;
const rounds = 3;
const seconds = 8;
const leaves = 12;
const megabyte = 1024 * 1024;
/** As people write, with what both guards look closer at. */
const sentence =
  "Please look at the b4d invoice of 12 May, 4,200 in all, and call +1 (212) 736-5000 or write to ann.lee@corp-mail.com today. ";
const sizes = { "1 MB": megabyte, "4 MB": 4 * megabyte } as const;
type Size = keyof typeof sizes;
const bodyOf = (bytes: number): Buffer =>
  Buffer.from(JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: sentence.repeat(bytes / sentence.length) }] }));

interface Guarded extends Side {
  readonly child: ChildProcess;
  readonly other: string;
}

async function guarded(up: Side): Promise<Guarded> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("./gateway/guarded.js", import.meta.url)), `${up.url}/v1`], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  const { port, keys } = JSON.parse(String(line)) as { port: number; keys: [string, string] };
  return {
    name: "Loam with guards",
    url: `http://127.0.0.1:${port}`,
    headers: { authorization: `Bearer ${keys[0]}` },
    pid: child.pid!,
    stop: () => void child.kill("SIGKILL"),
    child,
    other: keys[1],
  };
}

const post = (side: Guarded, body: Buffer, signal?: AbortSignal): Promise<Response> =>
  fetch(`${side.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${side.other}` },
    body,
    ...(signal ? { signal } : {}),
  });

interface LargeClient {
  send(bytes: number): void;
  /** After the prompt that is under way. */
  stop(): Promise<Sent>;
  end(): void;
}

/** In a process of its own: what sends 4 MB must not hold up what times small requests. */
function largeClient(side: Guarded): LargeClient {
  const child = spawn(process.execPath, [fileURLToPath(new URL("./gateway/large-client.js", import.meta.url)), side.url, side.other], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  return {
    send: bytes => void child.send(bytes),
    stop: async () => {
      const sent = once(child, "message");
      child.send(0);
      return (await sent)[0] as Sent;
    },
    end: () => void child.kill("SIGKILL"),
  };
}

/** Milliseconds from a client's leaving to the end of the guards' work; undefined where the work was over before. */
async function afterLeaving(side: Guarded, body: Buffer): Promise<number | undefined> {
  const leaving = new AbortController();
  const answer = post(side, body, leaving.signal).catch(() => undefined);
  await new Promise(resume => setTimeout(resume, 400));
  const idle = once(side.child, "message");
  const left = Date.now();
  leaving.abort();
  side.child.send("idle");
  const [{ wasRunning, at }] = (await idle) as [{ wasRunning: number; at: number }];
  await answer;
  return wasRunning > 0 ? Math.max(0, at - left) : undefined;
}

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const up = await upstream(5);
  const side = await guarded(up);
  const client = largeClient(side);
  const notes: string[] = [];
  const alone: number[] = [];
  const beside: Record<Size, number[]> = { "1 MB": [], "4 MB": [] };
  const large: Record<Size, number[]> = { "1 MB": [], "4 MB": [] };
  const ends: number[] = [];
  const during = Math.max(3, Math.round(seconds * scale));
  try {
    await warm(side, Math.max(3, Math.round(10 * scale)));
    // the threads start and load
    await (await post(side, bodyOf(megabyte))).text();
    for (let round = 0; round < rounds; round++) {
      const quiet = await timed(side, rate, during);
      alone.push(quiet.p99Ms);
      say(`alone: p50 ${digits(quiet.p50Ms)} ms, p99 ${digits(quiet.p99Ms)} ms`);
      for (const size of Object.keys(sizes) as Size[]) {
        client.send(sizes[size]);
        const busy = await timed(side, rate, during);
        const { ms, refused } = await client.stop();
        large[size].push(...ms);
        for (const status of refused) notes.push(`${size}: status ${status}`);
        beside[size].push(busy.p99Ms);
        if (busy.failures > 0) notes.push(`beside ${size}: ${busy.failures} failures`);
        say(`beside ${size}: p50 ${digits(busy.p50Ms)} ms, p99 ${digits(busy.p99Ms)} ms`);
      }
    }
    for (let i = 0; i < Math.max(3, Math.round(leaves * scale)); i++) {
      const ms = await afterLeaving(side, bodyOf(4 * megabyte));
      if (ms !== undefined) ends.push(ms);
    }
  } finally {
    client.end();
    side.stop();
    up.stop();
  }
  const p99 = (values: readonly number[]) => digits(median(values));
  const times = (size: Size) => digits(median(beside[size].map((ms, i) => ms / alone[i]!)));
  const longest = ends.length > 0 ? Math.max(...ends) : "no work was under way";
  return {
    method: `${rate} small requests a second for ${during} s, ${rounds} rounds in turn without and with large prompts of another caller, one at a time from a process of its own; medians of rounds`,
    ours: {
      smallP99Ms: p99(alone),
      smallP99MsBeside: { "1 MB": p99(beside["1 MB"]), "4 MB": p99(beside["4 MB"]) },
      largeMs: { "1 MB": p99(large["1 MB"]), "4 MB": p99(large["4 MB"]) },
      endsAfterLeavingMs: { median: digits(median(ends)), longest, of: ends.length },
    },
    peers: {},
    ratios: {},
    bars: [
      ...(Object.keys(sizes) as Size[]).map(size => ({
        name: `p99 of small requests beside ${size} prompts, over p99 alone`,
        want: "<= 2",
        got: times(size),
        holds: times(size) <= 2,
      })),
      {
        name: "guards' work ends after its client left, ms",
        want: "<= 100",
        got: longest,
        holds: typeof longest === "number" && longest <= 100,
      },
    ],
    ...(notes.length > 0 ? { notes: [...new Set(notes)] } : {}),
  };
}
