/**
 * The steps that go by lists and rules over mails, in one process: patterns by the linear engine beside the native one, a million domains
 * beside a Set of them, licences, words. Processor time, medians of interleaved rounds; memory by the collector's count.
 */
import type { z } from "zod";
import { type DocumentStep, noResources, steps } from "../src/data/index.ts";
import { compilePattern } from "../src/data/steps/patterns/re2.ts";
import { DomainTable } from "../src/data/steps/urls/domain-table.ts";
import { mailTexts } from "./filters/corpus.ts";
import { type Bar, type BenchContext, type BenchResult, digits, interleaved, median, medianRatio } from "./harness.ts";

const ROUNDS = 3;
/** Of the kinds people write: words, alternatives, counts, borders, lines, classes. */
const some: readonly (readonly [pattern: string, flags: string])[] = [
  ["unsubscribe", "i"],
  ["click (?:here|below)", "i"],
  ["\\bviagra\\b|\\bcialis\\b|\\bmortgage\\b", "i"],
  ["[A-Z]{10,}", ""],
  ["\\d{3}-\\d{4}", ""],
  ["^>+ .*$", "m"],
  ["(\\w+) and (\\w+)", ""],
  ["[\\w.]+@[\\w.]+\\.com", ""],
  ["\\$\\d+(?:,\\d{3})*(?:\\.\\d\\d)?", ""],
];

function spent(work: () => void): number {
  const { user, system } = process.cpuUsage();
  work();
  const now = process.cpuUsage({ user, system });
  return (now.user + now.system) / 1000;
}

const domain = (i: number): string => `site-${(i * 2654435761) % 2 ** 32}.example${i % 97}.org`;
const million = 1_000_000;

/** Bytes that something keeps alive. */
function kept<T>(make: () => T): { readonly made: T; readonly bytes: number } {
  const collect = (globalThis as { gc?: () => void }).gc;
  const used = () => {
    collect?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  const made = make();
  return { made, bytes: used() - before };
}

export const run = async ({ say }: BenchContext): Promise<BenchResult> => {
  const texts = await mailTexts(process.cwd());
  const megabytes = texts.reduce((n, t) => n + Buffer.byteLength(t), 0) / 1e6;
  const rate = (ms: readonly number[]) => digits((megabytes * 1000) / median(ms));
  const ours: Record<string, number | string> = {};
  const peers: Record<string, number | string> = {};
  const ratios: Record<string, number> = {};
  let same = true;

  for (const [pattern, flags] of some) {
    say(`pattern ${pattern}`);
    const own = compilePattern(pattern, flags);
    const native = new RegExp(pattern, `gu${flags}`);
    let counts = [0, 0];
    const ms = await interleaved(ROUNDS, {
      test: () => spent(() => void texts.filter(t => own.test(t))),
      find: () =>
        spent(() => {
          counts[0] = 0;
          for (const t of texts) if (own.test(t)) for (const _ of own.find(t)) counts[0]!++;
        }),
      "native test": () => spent(() => void texts.filter(t => t.search(native) >= 0)),
      "native find": () =>
        spent(() => {
          counts[1] = 0;
          for (const t of texts) for (const _ of t.matchAll(native)) counts[1]!++;
        }),
    });
    same &&= counts[0] === counts[1];
    counts = [0, 0];
    ours[`${pattern} ${flags}`] = `test ${rate(ms.test)}, find ${rate(ms.find)}`;
    peers[`RegExp ${pattern} ${flags}`] = `test ${rate(ms["native test"])}, find ${rate(ms["native find"])}`;
    ratios[`find ${pattern}`] = digits(medianRatio(ms["native find"], ms.find));
  }
  say("(a+)+$ on growing runs");
  const exponential = compilePattern("(a+)+$", "");
  ours["(a+)+$ on 100,000 a and a mark, ms"] = digits(spent(() => void exponential.test(`${"a".repeat(100_000)}!`)));
  peers["RegExp (a+)+$ on 26 a and a mark, ms"] = digits(spent(() => void /(a+)+$/.test(`${"a".repeat(26)}!`)));

  for (const [name, given] of [
    ["urls", { block: { entries: ["yahoo.com", "sourceforge.net"] } }],
    ["licence", {}],
    ["toxicity", {}],
  ] as const) {
    say(name);
    const step = steps[name] as DocumentStep<z.ZodType, unknown>;
    const o = step.options.parse(given);
    const state = await step.prepare?.(o, noResources);
    const ms = await interleaved(ROUNDS, {
      ours: () => spent(() => void texts.map(text => step.apply({ id: "0", text, source: "", attributes: {} }, o, state))),
    });
    ours[`${name}, MB/s`] = rate(ms.ours);
  }

  say("a million domains");
  const table = kept(() => {
    const t = new DomainTable();
    for (let i = 0; i < million; i++) t.add(domain(i), 0);
    return t;
  });
  const set = kept(() => {
    const s = new Set<string>();
    // As they come out of a file: each a string of its own.
    for (let i = 0; i < million; i++) s.add(Buffer.from(domain(i)).toString("latin1"));
    return s;
  });
  const asked = Array.from({ length: 200_000 }, (_, i) => `www.${domain(i * 7)}`);
  const parents = (host: string): boolean => {
    for (let from = 0; from >= 0; from = host.indexOf(".", from) + 1 || -1) if (set.made.has(host.slice(from))) return true;
    return false;
  };
  let hits = [0, 0];
  const ms = await interleaved(ROUNDS, {
    table: () => spent(() => (hits = [asked.filter(h => table.made.find(h) !== undefined).length, hits[1]!])),
    set: () => spent(() => (hits = [hits[0]!, asked.filter(parents).length])),
  });
  ours["domains, bytes each"] = digits(table.bytes / million);
  ours["domains, hosts a second"] = digits(asked.length / (median(ms.table) / 1000));
  peers["Set, bytes each"] = digits(set.bytes / million);
  peers["Set, hosts a second"] = digits(asked.length / (median(ms.set) / 1000));
  ratios["hosts a second beside a Set"] = digits(medianRatio(ms.set, ms.table));
  ratios["memory beside a Set"] = digits(set.bytes / table.bytes);
  const bars: Bar[] = [
    {
      name: "as many matches as the native engine, and as many hosts as the Set",
      want: "true",
      got: same && hits[0] === hits[1],
      holds: same && hits[0] === hits[1],
    },
    { name: "memory beside a Set", want: ">= 1x", got: digits(set.bytes / table.bytes), holds: set.bytes >= table.bytes },
  ];
  return {
    method: `${texts.length} mails read and cleaned, ${digits(megabytes)} MB; MB/s of processor time; \`find\` tells all places, \`test\` whether there is one`,
    ours,
    peers,
    ratios,
    bars,
    ...("gc" in globalThis ? {} : { notes: ["without node --expose-gc the memory is what the collector happened to leave"] }),
  };
};
