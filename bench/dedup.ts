/**
 * Near-duplicate removal on 100 MB of mails with known copies, beside rensa and datatrove: speed on one core from reading the documents to
 * writing the ids that stay, and quality against a truth that none of them made (`dedup-corpus.ts`, `dedup-judge.ts`).
 */
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { candidateProbability } from "../src/data/steps/near-duplicates/index.ts";
import { nearDuplicateOptions } from "../src/data/steps/near-duplicates/options.ts";
import { type Answer, contest, isPinned } from "./contender.ts";
import { type CorpusName, corpora, dedupCorpus, writeCorpus } from "./dedup-corpus.ts";
import { judge, judgeThreshold, type Quality, truthOf } from "./dedup-judge.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median } from "./harness.ts";

/** What is measured beside the default: fewer hash functions, found far more often, because what is found is verified. */
const chosen = { bands: 16, rows: 5 } as const;
const settings = { [`${chosen.bands}x${chosen.rows}`]: chosen, "14x8": {} } as const;
const ROUNDS = 3;
/** A worker thread of curation collects young objects as rarely (`plan/threads.ts`). */
const asThreads = ["--max-semi-space-size=32"];
/** datatrove needs minutes for 100 MB: its speed is that of the corpus's beginning, its quality is not measured. */
const SAMPLE_BYTES = 4_000_000;

interface Timed extends Answer {
  readonly peakBytes?: number;
}

/** P(s) where it matters. */
const curve = (bands: number, rows: number): Record<string, number> =>
  Object.fromEntries([0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9].map(s => [`P(${s})`, digits(candidateProbability(s, { bands, rows }))]));

const shown = (q: Quality): Record<string, number> => ({
  pairPrecision: digits(q.pairPrecision, 5),
  editedRecall: digits(q.editedRecall, 5),
  lostFamilies: q.lostFamilies,
  mailsWithoutCopy: q.mailsWithoutCopy,
  kept: q.kept,
});

export const run = ({ peers, say }: BenchContext): Promise<BenchResult> =>
  contest("dedup", async ({ folder, start }) => {
    const worker = fileURLToPath(new URL(`./dedup-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
    const python = peers && join(peers, ".venv", ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
    const has = (name: string): boolean =>
      python !== undefined && existsSync(python) && existsSync(join(peers!, ".venv/lib/python3.11/site-packages", name));
    const rate = (bytes: number, ms: readonly number[]): number => digits(bytes / 1000 / median(ms));

    const ours: Record<string, unknown> = {};
    const theirs: Record<string, unknown> = {};
    const ratios: Record<string, number> = {};
    const bars: Bar[] = [];
    const notes: string[] = [];
    const bar = (name: string, want: string, got: number, holds: boolean) => bars.push({ name, want, got: digits(got, 5), holds });
    for (const name of Object.keys(corpora) as CorpusName[]) {
      say(`${name}: making the corpus`);
      const documents = dedupCorpus(name);
      const file = join(folder, `${name}.jsonl`);
      const { bytes } = writeCorpus(file, documents);
      say(`${name}: every pair of texts with a similarity of ${judgeThreshold} or more`);
      const truth = truthOf(documents);
      const alike = truth.editedPairs.filter(p => p.similarity >= judgeThreshold).length;
      ours[`${name}/corpus`] = {
        documents: documents.length,
        editedPairs: truth.editedPairs.length,
        editedPairsAlike: alike,
        pairsAlikeOfDifferentMails: truth.naturalPairs,
        families: new Set(truth.families).size,
      };
      const quality = (answers: string): Quality => judge(documents, truth, JSON.parse(readFileSync(answers, "utf8")));

      const rensa = has("rensa") ? start("rensa", [python!, join(peers!, "dedup.py"), "rensa", file, folder]) : undefined;
      for (const [label, given] of Object.entries(settings)) {
        const options = nearDuplicateOptions.parse(given);
        const loam = start("loam", [process.execPath, ...asThreads, worker, file, folder, JSON.stringify(given)]);
        const [mine, peer]: [Timed[], Timed[]] = [[], []];
        const [mySignatures, peerSignatures]: [number[], number[]] = [[], []];
        const withPeer = rensa !== undefined && label === Object.keys(settings)[0];
        say(`${name}: ${label}${withPeer ? " beside rensa" : ""}`);
        const answers = { loam: join(folder, "loam.json"), rensa: join(folder, "rensa.json") };
        // One round more than counted: the first pays for loading and compiling.
        for (let round = -1; round < (name === "B" ? ROUNDS : 1); round++) {
          const a: Timed = await loam.ask(`whole ${answers.loam}`);
          const b: Timed | undefined = withPeer ? await rensa.ask(`whole ${answers.rensa}`) : undefined;
          if (round >= 0) mine.push(a);
          if (round >= 0 && b) peer.push(b);
          if (name !== "B" || round < 0) continue;
          mySignatures.push((await loam.ask("signatures")).ms);
          if (withPeer) peerSignatures.push((await rensa.ask("signatures")).ms);
        }
        loam.close();
        const q = quality(answers.loam);
        ours[`${name}/${label}`] = {
          wholeMBPerSecond: rate(
            bytes,
            mine.map(a => a.ms),
          ),
          ...(mySignatures.length > 0 ? { signaturesMBPerSecond: rate(bytes, mySignatures) } : {}),
          peakMB: Math.round(Math.max(...mine.map(a => a.peakBytes!)) / 1e6),
          ...shown(q),
          ...curve(options.bands, options.rows),
        };
        if (label === Object.keys(settings)[0]) {
          bar(`${name}: pair precision (${label})`, ">= .98", q.pairPrecision, q.pairPrecision >= 0.98);
          const want = name === "B" ? 0.8 : 0.998;
          bar(`${name}: edited pairs with J >= .7 found (${label})`, `>= ${want}`, q.editedRecall, q.editedRecall >= want);
          bar(`${name}: families of which nothing is kept (${label})`, "<= 20", q.lostFamilies, q.lostFamilies <= 20);
        }
        if (withPeer) {
          theirs[`${name}/rensa`] = {
            wholeMBPerSecond: rate(
              bytes,
              peer.map(a => a.ms),
            ),
            ...(peerSignatures.length > 0 ? { signaturesMBPerSecond: rate(bytes, peerSignatures) } : {}),
            peakMB: Math.round(Math.max(...peer.map(a => a.peakBytes!)) / 1e6),
            ...shown(quality(answers.rensa)),
          };
          const times = digits(median(peer.map((b, i) => b.ms / mine[i]!.ms)));
          ratios[`${name}/rensa`] = times;
          if (peerSignatures.length > 0)
            ratios[`${name}/rensa signatures`] = digits(median(peerSignatures.map((b, i) => b / mySignatures[i]!)));
          if (name === "B") bar("B: whole beside rensa", ">= 4x", times, times >= 4);
        }
      }
      rensa?.close();
      if (!rensa) notes.push("rensa is not installed, so not measured");

      if (name === "B" && has("datatrove")) {
        const sample = join(folder, "sample.jsonl");
        const part = writeCorpus(sample, documents, SAMPLE_BYTES);
        say(`B: datatrove on the first ${part.documents} documents`);
        const loam = start("loam", [process.execPath, ...asThreads, worker, sample, folder, JSON.stringify(chosen)]);
        const datatrove = start("datatrove", [python!, join(peers!, "dedup.py"), "datatrove", sample, folder]);
        await loam.ask("whole");
        const signatures = await datatrove.ask("signatures");
        const b: Timed = await datatrove.ask("whole");
        const a = [await loam.ask("whole"), await loam.ask("whole"), await loam.ask("whole")].map(x => x.ms);
        theirs["B/datatrove (sample)"] = {
          bytes: part.bytes,
          wholeMBPerSecond: rate(part.bytes, [b.ms]),
          signaturesMBPerSecond: rate(part.bytes, [signatures.ms]),
          peakMB: Math.round(b.peakBytes! / 1e6),
        };
        ratios["B/datatrove (sample)"] = digits(b.ms / median(a));
        loam.close();
        datatrove.close();
        notes.push(
          `datatrove's rate is that of one run over the first ${part.documents} documents (${digits(part.bytes / 1e6)} MB); its quality was not measured`,
        );
      } else if (name === "B") notes.push("datatrove is not installed, so not measured");
    }
    return {
      method:
        `6,046 raw mails with exact and edited copies, 100 MB of text; ${isPinned ? "every process bound to core 0" : "processes not bound"} of ${cpus()[0]?.model ?? "an unknown processor"}; ` +
        "processor time of all threads; whole: JSON Lines read, signatures, candidates, verification (Loam only), clusters, survivors, kept ids written; signatures: of all texts, from memory; " +
        `rounds in turn, medians; word 5-grams; rensa and datatrove with 14 x 8; truth: pairs of one origin and every pair of texts with J >= ${judgeThreshold}, found exactly`,
      ours,
      peers: theirs,
      ratios,
      bars,
      ...(notes.length > 0 ? { notes } : {}),
    };
  });
