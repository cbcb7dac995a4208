/**
 * What a gateway adds to the time of a request: the same upstream of 20 ms (which says how long it kept each) asked through each and directly, at
 * 50 requests a second beside LiteLLM and Portkey, at 500 beside a bare Hono with undici. Requests come at their times whatever the answers do (open
 * loop).
 */
import { separateCores } from "./gateway/cores.ts";
import { bare, litellm, loam, portkey, type Side, timed, upstream, warm } from "./gateway/sides.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";

const latencyMs = 20;

interface Plan {
  readonly rate: number;
  /** Processes of each side, one after the other. */
  readonly launches: number;
  /** With each. */
  readonly turns: number;
  readonly seconds: number;
}
/**
 * The machine is another one from one second to the next, and two processes of one program differ by up to a tenth of a millisecond: two sides that
 * differ by as much want many turns and several processes.
 */
const plans = {
  beside: { rate: 50, launches: 1, turns: 5, seconds: 5 },
  alone: { rate: 500, launches: 3, turns: 4, seconds: 3 },
} as const satisfies Record<string, Plan>;
/** Some 10,000 requests: before them, what is measured is how far V8 has come with compiling. */
const warmSeconds = 20;
/** Behind a rate: measured on cores that the gateway shares with load and upstream. */
const shared = " on shared cores";

interface Times {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export async function run({ peers, say, scale }: BenchContext): Promise<BenchResult> {
  using cores = separateCores();
  const up = await upstream(latencyMs);
  const notes: string[] = cores ? [] : ["no taskset, or one core: gateways share theirs with the load"];
  let sides: Side[] = [];
  const got = new Map<string, Times[]>();
  const scaled = (whole: number) => Math.max(3, Math.round(whole * scale));
  const starts = [
    () => loam(up, "memory:"),
    () => bare(up),
    ...(peers === undefined ? [] : [() => portkey(up, peers), () => litellm(up, peers)]),
  ];
  const stop = () => {
    for (const side of sides) side.stop();
    sides = [];
  };
  const launch = async (which: readonly (() => Promise<Side>)[]) => {
    for (const start of which)
      try {
        const side = await start();
        sides.push(side);
        cores?.gateway(side.pid);
      } catch (error) {
        notes.push(error instanceof Error ? error.message : String(error));
      }
    for (const side of sides) await warm(side, scaled(warmSeconds));
  };
  const measure = async ({ rate, turns, seconds }: Plan, where = "") => {
    const of = [up, ...sides];
    for (let turn = 0; turn < turns; turn++)
      // each is first, each follows each other one
      for (const i of of.keys()) {
        const side = of[((turn % 2 === 0 ? i : of.length - i) + turn) % of.length]!;
        const times = await timed(side, rate, scaled(seconds));
        if (times.failures > 0) notes.push(`${side.name} at ${rate}${where}: ${times.failures} failures`);
        say(`${side.name} at ${rate}/s${where}: p50 ${times.p50Ms.toFixed(2)} ms, p99 ${times.p99Ms.toFixed(2)} ms`);
        const key = `${side.name} at ${rate}${where}`;
        got.set(key, [...(got.get(key) ?? []), times]);
      }
  };
  try {
    await warm(up, scaled(warmSeconds));
    await launch(starts);
    await measure(plans.beside);
    // what is not measured any more has work of its own, which the tail of the others would show
    stop();
    for (let i = 0; i < plans.alone.launches; i++) {
      await launch(starts.slice(0, 2));
      if (sides.length < 2) throw new Error(notes.at(-1));
      await measure(plans.alone);
      if (cores) {
        for (const pid of [process.pid, up.pid, ...sides.map(s => s.pid)]) cores.share(pid);
        await measure(plans.alone, shared);
        for (const pid of [process.pid, up.pid]) cores.beside(pid);
      }
      stop();
    }
  } finally {
    stop();
    up.stop();
  }
  /** Over the upstream alone, at the same rate; turn by turn. */
  const added = (name: string, rate: number | string, which: keyof Times): number => {
    const direct = got.get(`upstream at ${rate}`) ?? [];
    return median((got.get(`${name} at ${rate}`) ?? []).map((t, i) => t[which] - direct[i]![which]));
  };
  const figures = (name: string, rate: number | string) => ({
    addedP50Ms: digits(added(name, rate, "p50Ms")),
    addedP99Ms: digits(added(name, rate, "p99Ms")),
  });
  const has = (name: string, rate: number) => got.has(`${name} at ${rate}`);
  const over = (name: string, rate: number) => added(name, rate, "p50Ms") / added("Loam", rate, "p50Ms");
  const besideBare = (rate: number | string, place: string) => {
    const ratio = added("Loam", rate, "p50Ms") / added("Hono and undici", rate, "p50Ms");
    return { name: `Loam's added p50 over the bare one's, 500/s${place}`, want: "<= 1.3", got: digits(ratio), holds: ratio <= 1.3 };
  };
  const onShared = `500${shared}`;
  const said = ({ rate, launches, turns, seconds }: Plan) =>
    `at ${rate}/s ${turns} turns of ${seconds} s${launches === 1 ? "" : ` with each of ${launches} processes a side`}`;
  const bars = (
    [
      ["LiteLLM", 10],
      ["Portkey", 2],
    ] as const
  )
    .filter(([n]) => has(n, 50))
    .map(([n, want]) => ({
      name: `added p50 of ${n} over Loam's, 50/s`,
      want: `>= ${want}`,
      got: digits(over(n, 50)),
      holds: over(n, 50) >= want,
    }));
  return {
    method: `an upstream of ${latencyMs} ms${cores ? ", on other cores than the gateway, then at 500/s on shared ones" : ""}; times without what it kept each request by its own clock, over those of the upstream alone at the same rate, turn by turn, their median; each first asked for ${warmSeconds} s without a pause; ${said(plans.beside)}, ${said(plans.alone)}, times ${scale}`,
    ours: {
      "at 50/s": figures("Loam", 50),
      "at 500/s": figures("Loam", 500),
      ...(cores ? { [`at 500/s${shared}`]: figures("Loam", onShared) } : {}),
    },
    peers: {
      ...Object.fromEntries(["Hono and undici", "Portkey", "LiteLLM"].filter(n => has(n, 50)).map(n => [`${n} at 50/s`, figures(n, 50)])),
      "Hono and undici at 500/s": figures("Hono and undici", 500),
      ...(cores ? { [`Hono and undici at 500/s${shared}`]: figures("Hono and undici", onShared) } : {}),
    },
    ratios: Object.fromEntries(
      ["LiteLLM", "Portkey"].filter(n => has(n, 50)).map(n => [`added p50 of ${n} over Loam's`, digits(over(n, 50))]),
    ),
    bars: [...bars, besideBare(500, cores ? ", the gateway on a core of its own" : ""), ...(cores ? [besideBare(onShared, shared)] : [])],
    notes,
  };
}
