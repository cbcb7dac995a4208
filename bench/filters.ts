/**
 * The C4, Gopher and FineWeb filter sets over cleaned mails, each alone and in a row, beside datatrove on the same core; and whether every
 * verdict is datatrove's. Rounds are interleaved; the slow side sees a sample of the texts in each, and so does ours.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { contest, isPinned } from "./contender.ts";
import { mailTexts } from "./filters/corpus.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median, medianRatio } from "./harness.ts";

const sets = ["gopher-repetition", "gopher-quality", "c4", "fineweb", "chain"] as const;
/** datatrove needs a minute and more for all texts, so in each round both sides take every tenth. */
const EVERY = 10;
const ROUNDS = 3;

interface Row {
  readonly text: string | null;
  readonly [set: string]: string | null;
}

/** Pairs of our rule and datatrove's reason, by how often they met. */
function countPairs(ours: readonly Row[], theirs: readonly Row[], set: string): Map<string, number> {
  const pairs = new Map<string, number>();
  for (const [i, row] of ours.entries()) {
    const pair = `${row[set] ?? "kept"} ~ ${theirs[i]![set] ?? "kept"}`;
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  }
  return pairs;
}

export const run = ({ peers, say }: BenchContext): Promise<BenchResult> =>
  contest("filters", async ({ folder, start }) => {
    say("reading and cleaning the mails");
    const texts = await mailTexts(process.cwd());
    const sizeOf = (some: readonly string[]) => some.reduce((n, t) => n + Buffer.byteLength(t), 0) / 1e6;
    const megabytes = sizeOf(texts);
    const sampleMegabytes = sizeOf(texts.filter((_, i) => i % EVERY === 0));
    const corpus = join(folder, "texts.json");
    writeFileSync(corpus, JSON.stringify(texts));
    const worker = fileURLToPath(new URL(`./filters/worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
    const python = peers && join(peers, ".venv", ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
    const hasPeer = python !== undefined && existsSync(python);

    say("our first pass in a new process");
    const ours = start("loam", [process.execPath, worker, corpus]);
    const first = await ours.ask("chain 1");
    const theirs = hasPeer ? start("datatrove", [python, join(peers!, "filters.py"), corpus]) : undefined;

    const rate = (mb: number, ms: readonly number[]) => digits((mb * 1000) / median(ms));
    const figures: Record<string, number> = { "chain/first pass": digits((megabytes * 1000) / first.ms) };
    const peer: Record<string, number> = {};
    const ratios: Record<string, number> = {};
    for (const set of sets) {
      say(`${set}: ${ROUNDS} rounds`);
      const whole: number[] = [];
      const kept: number[] = [];
      const mine: number[] = [];
      const other: number[] = [];
      for (let round = -1; round < ROUNDS; round++) {
        const answers = [
          (await ours.ask(`${set} 1`)).ms,
          (await ours.ask(`kept ${set} 1`)).ms,
          (await ours.ask(`${set} ${EVERY}`)).ms,
        ] as const;
        const peerMs = round >= 0 ? (await theirs?.ask(`${set} ${EVERY}`))?.ms : undefined;
        if (round < 0) continue;
        whole.push(answers[0]);
        kept.push(answers[1]);
        mine.push(answers[2]);
        if (peerMs !== undefined) other.push(peerMs);
      }
      figures[set] = rate(megabytes, whole);
      figures[`${set}/vocabulary kept`] = rate(megabytes, kept);
      if (other.length > 0) {
        peer[set] = rate(sampleMegabytes, other);
        ratios[set] = digits(medianRatio(other, mine));
      }
    }

    const bars: Bar[] = [];
    const disagreements: Record<string, Record<string, number>> = {};
    if (theirs) {
      say("verdicts on all mails");
      const [a, b] = [join(folder, "ours.verdicts"), join(folder, "theirs.verdicts")];
      await Promise.all([ours.ask(`verdicts ${a}`), theirs.ask(`verdicts ${b}`)]);
      const [mine, other] = [a, b].map(f => JSON.parse(readFileSync(f, "utf8")) as Row[]) as [Row[], Row[]];
      bars.push({ name: "the chain beside datatrove", want: ">= 20x", got: ratios.chain ?? 0, holds: (ratios.chain ?? 0) >= 20 });
      for (const set of sets) {
        const pairs = countPairs(mine, other, set);
        const apart = [...pairs].filter(([pair]) => pair.split(" ~ ").filter(p => p === "kept").length === 1);
        const agreement = 1 - apart.reduce((n, [, count]) => n + count, 0) / texts.length;
        figures[`${set}/agreement %`] = digits(agreement * 100, 6);
        if (apart.length > 0) disagreements[set] = Object.fromEntries(apart);
        bars.push({
          name: `${set}: verdicts equal datatrove's`,
          want: ">= 99.5 %",
          got: digits(agreement * 100, 6),
          holds: agreement >= 0.995,
        });
        const reasons = [...pairs.keys()];
        const alike =
          new Set(reasons.map(r => r.split(" ~ ")[0])).size === reasons.length &&
          new Set(reasons.map(r => r.split(" ~ ")[1])).size === reasons.length;
        figures[`${set}/reasons one to one`] = Number(alike);
      }
      const stayed = mine.flatMap((row, i) => (row.text !== null && other[i]!.text !== null ? [[row.text, other[i]!.text]] : []));
      const sameText = stayed.filter(([x, y]) => x === y).length;
      figures["texts the chain keeps"] = stayed.length;
      bars.push({
        name: "texts as the chain leaves them equal datatrove's",
        want: ">= 99.5 %",
        got: `${sameText} of ${stayed.length}`,
        holds: sameText >= 0.995 * stayed.length,
      });
    }
    return {
      method:
        `${texts.length} mails, subject and body, read and cleaned, ${megabytes.toFixed(1)} MB of UTF-8; MB/s of processor time, ${isPinned ? "both sides bound to core 0" : "not bound"} of ` +
        `${cpus()[0]?.model ?? "an unknown processor"}; ours with an empty vocabulary each pass over all mails; ratios over interleaved rounds with every ${EVERY}th mail (${sampleMegabytes.toFixed(1)} MB); medians of ${ROUNDS}`,
      ours: figures,
      peers: peer,
      ratios,
      bars,
      notes: [
        ...(theirs
          ? [`disagreements by our rule ~ datatrove's reason: ${JSON.stringify(disagreements)}`]
          : ["datatrove is not installed: npm run bench -- peers"]),
        `${first.tokens} mails stay`,
      ],
    };
  });
