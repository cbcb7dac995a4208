/**
 * 500 streams at once through the gateway, everything on, each begun anew when it ends: tokens a second, memory a stream, and whether memory
 * stays where it is; beside a bare Hono with undici. A minute each; ten with --scale=10.
 */
import { bare, loam, type Memory, type Side, upstream } from "./gateway/sides.ts";
import { type Streamed, stream } from "./gateway/streams.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";

const streams = 500;
const tokenMs = 100;
/** Of one stream, so that it takes about 20 s. */
const tokens = 200;
/** Least squares, so the more looks the better; each costs a collection. */
const looks = 20;
/** Of the time, before what is needed for all streams is there (compiled code, buffers). */
const settling = 0.35;
/** Growth of live memory over the rest of the time that is taken for none. */
const flat = 0.1;

interface Look extends Memory {
  readonly atSeconds: number;
}

const megabytes = (bytes: number): number => digits(bytes / 1024 / 1024);

/** Units a second. */
function slope(values: readonly (readonly [x: number, y: number])[]): number {
  const n = values.length;
  const meanX = values.reduce((s, [x]) => s + x, 0) / n;
  const meanY = values.reduce((s, [, y]) => s + y, 0) / n;
  const over = values.reduce((s, [x, y]) => s + (x - meanX) * (y - meanY), 0);
  return over / values.reduce((s, [x]) => s + (x - meanX) ** 2, 0);
}

function figuresOf(streamed: Streamed, idle: Memory, seen: readonly Look[], seconds: number) {
  const settled = seen.filter(l => l.atSeconds >= settling * seconds);
  const last = settled.at(-1)!;
  const first = settled[0]!;
  const live = settled.reduce((s, l) => s + l.liveBytes, 0) / settled.length;
  const growth = (slope(settled.map(l => [l.atSeconds, l.liveBytes])) * (last.atSeconds - first.atSeconds)) / live;
  const ofRss = slope(settled.map(l => [l.atSeconds, l.rssBytes]));
  const passed = streamed.tokensPerSecond * (last.atSeconds - first.atSeconds);
  return {
    growth,
    shown: {
      tokensPerSecond: digits(streamed.tokensPerSecond),
      cpuMicrosecondsPerToken: digits(((last.cpuMs - first.cpuMs) * 1000) / passed),
      wholeStreams: streamed.whole,
      brokenStreams: streamed.broken,
      rssIdleMb: megabytes(idle.rssBytes),
      rssMb: megabytes(last.rssBytes),
      rssPerStreamKb: digits((last.rssBytes - idle.rssBytes) / 1024 / streams),
      livePerStreamKb: digits((live - idle.liveBytes) / 1024 / streams),
      liveGrowthPercent: digits(growth * 100),
      rssGrowthMbPerMinute: megabytes(ofRss * 60),
    },
  };
}

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const seconds = Math.max(10, Math.round(60 * scale));
  const up = await upstream(0, tokenMs);
  const sides: Side[] = [];
  const got = new Map<string, ReturnType<typeof figuresOf>>();
  try {
    sides.push(await loam(up, "memory:"), await bare(up));
    for (const side of sides) {
      const memory = side.memory!;
      const idle = await memory();
      const seen: Look[] = [];
      const everySeconds = seconds / looks;
      const look = async (atSeconds: number) => {
        seen.push({ ...(await memory()), atSeconds });
      };
      const streamed = await stream(side, { streams, tokens, seconds, everySeconds, look });
      const figures = figuresOf(streamed, idle, seen, seconds);
      got.set(side.name, figures);
      const { tokensPerSecond, livePerStreamKb, liveGrowthPercent } = figures.shown;
      say(`${side.name}: ${tokensPerSecond} tokens/s, ${livePerStreamKb} KB a stream, ${liveGrowthPercent} % growth`);
    }
  } finally {
    for (const side of sides) side.stop();
    up.stop();
  }
  const own = got.get("Loam")!;
  const other = got.get("Hono and undici")!;
  const offered = (streams * 1000) / tokenMs;
  return {
    method: `${streams} streams of ${tokens} tokens, one each ${tokenMs} ms (${offered} a second in all), for ${seconds} s each side; live memory after a collection, ${looks} times; growth by least squares over the last ${Math.round((1 - settling) * 100)} %`,
    ours: own.shown,
    peers: { "Hono and undici": other.shown },
    ratios: {
      "tokens/s, Loam over the bare one": digits(own.shown.tokensPerSecond / other.shown.tokensPerSecond),
      "processor time a token, the bare one's over Loam's": digits(other.shown.cpuMicrosecondsPerToken / own.shown.cpuMicrosecondsPerToken),
    },
    bars: [
      { name: "streams that broke", want: "0", got: own.shown.brokenStreams, holds: own.shown.brokenStreams === 0 },
      {
        name: "growth of live memory, percent",
        want: `<= ${flat * 100}`,
        got: own.shown.liveGrowthPercent,
        holds: own.growth <= flat,
      },
    ],
  };
}
