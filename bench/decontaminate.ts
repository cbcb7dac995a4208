/**
 * Evaluation items planted in mails, found by the decontaminate step, by datatrove's n-gram filter and, where LOAM_DECON names its program,
 * by Ai2's decon: recall of every kind of copy, what is found wrongly, and speed, on one core in one run.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Contender, contest, isPinned } from "./contender.ts";
import { negatives, type Planted, plantedCorpus, positives } from "./decontaminate/corpus.ts";
import { mailTexts } from "./filters/corpus.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median, medianRatio } from "./harness.ts";

const ROUNDS = 3;
/** datatrove takes a minute for all documents, so in each round it sees every so many, and so do we when we are compared. */
const EVERY = 20;

/** Found documents of every kind, and of all that were found the share in which an item stands. */
function qualityOf(documents: readonly Planted[], found: readonly (readonly number[])[]) {
  const figures: Record<string, number> = {};
  let [right, wrong, named, planted] = [0, 0, 0, 0];
  for (const kind of [...positives, ...negatives]) {
    const rows = documents.flatMap((d, i) => (d.kind === kind ? [i] : []));
    const hits = rows.filter(i => found[i]!.length > 0).length;
    const isPositive = (positives as readonly string[]).includes(kind);
    figures[isPositive ? `recall/${kind}` : `found wrongly/${kind} (of ${rows.length})`] = isPositive ? digits(hits / rows.length) : hits;
    if (isPositive) right += hits;
    else wrong += hits;
    if (!isPositive) continue;
    planted += rows.length;
    named += rows.filter(i => found[i]!.includes(documents[i]!.item!)).length;
  }
  return {
    ...figures,
    "recall/all": digits(right / planted),
    "recall/all, the right item named": digits(named / planted),
    precision: digits(right / (right + wrong), 4),
  };
}

export const run = ({ peers, say }: BenchContext): Promise<BenchResult> =>
  contest("decontaminate", async ({ folder, start }) => {
    say("making the corpus");
    const { items, documents } = plantedCorpus(await mailTexts(process.cwd()));
    const sizeOf = (some: readonly Planted[]) => some.reduce((n, d) => n + Buffer.byteLength(d.text), 0) / 1e6;
    const [megabytes, sampleMegabytes] = [sizeOf(documents), sizeOf(documents.filter((_, i) => i % EVERY === 0))];
    const [itemsFile, documentsFile] = [join(folder, "items.jsonl"), join(folder, "documents.jsonl")];
    const lines = (rows: readonly object[]) => rows.map(row => `${JSON.stringify(row)}\n`).join("");
    writeFileSync(itemsFile, lines(items));
    writeFileSync(documentsFile, lines(documents.map(({ text }) => ({ text }))));
    const worker = fileURLToPath(new URL(`./decontaminate/worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
    const ours = start("loam", [process.execPath, worker, itemsFile, documentsFile]);
    const python = peers && join(peers, ".venv", ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
    const others: Record<string, Contender> = {};
    const decon = process.env.LOAM_DECON;
    if (peers && python !== undefined && existsSync(python)) {
      const script = join(peers, "decontaminate.py");
      others["datatrove 0.10.1"] = start("datatrove", [python, script, "datatrove", itemsFile, documentsFile]);
      if (decon !== undefined && existsSync(decon))
        others.decon = start("decon", [python, script, "decon", itemsFile, documentsFile, decon, folder]);
    }

    say("our index");
    const index = await ours.ask("index 1");
    const rate = (mb: number, ms: readonly number[]) => digits((mb * 1000) / median(ms));
    const [whole, sample]: [number[], number[]] = [[], []];
    const theirs: Record<string, number[]> = {};
    for (let round = -1; round < ROUNDS; round++) {
      say(`round ${round + 2} of ${ROUNDS + 1}`);
      const [mine, part] = [(await ours.ask("run 1")).ms, (await ours.ask(`run ${EVERY}`)).ms];
      if (round >= 0) {
        whole.push(mine);
        sample.push(part);
      }
      for (const [name, other] of Object.entries(others)) {
        const { ms } = await other.ask(`run ${name === "decon" ? 1 : EVERY}`);
        if (round >= 0) theirs[name] = [...(theirs[name] ?? []), ms];
      }
    }

    say("what is found");
    const quality = async (side: Contender, name: string) => {
      const file = join(folder, `${name.split(" ")[0]}.verdicts`);
      await side.ask(`verdicts ${file}`);
      return qualityOf(documents, JSON.parse(readFileSync(file, "utf8")) as number[][]);
    };
    const mine = await quality(ours, "loam");
    const speed = rate(megabytes, whole);
    const figures: Record<string, unknown> = {
      "MB/s": speed,
      "index, ms": digits(index.ms),
      "index, bytes an item": digits(index.tokens! / items.length),
      ...mine,
    };
    const peer: Record<string, unknown> = {};
    const ratios: Record<string, number> = {};
    for (const [name, other] of Object.entries(others)) {
      const isWhole = name === "decon";
      peer[`${name}/MB/s`] = rate(isWhole ? megabytes : sampleMegabytes, theirs[name]!);
      for (const [figure, value] of Object.entries(await quality(other, name))) peer[`${name}/${figure}`] = value;
      ratios[`MB/s over ${name}`] = digits(medianRatio(theirs[name]!, isWhole ? whole : sample));
    }
    const figure = mine as Record<string, number>;
    const bars: Bar[] = [
      { name: "clean text and planted, MB/s", want: ">= 30", got: speed, holds: speed >= 30 },
      { name: "precision", want: ">= .98", got: mine.precision, holds: mine.precision >= 0.98 },
      ...(["whole", "rewritten", "5 % edited", "10 % edited"] as const).map(kind => ({
        name: `recall, ${kind}`,
        want: ">= .98",
        got: figure[`recall/${kind}`]!,
        holds: figure[`recall/${kind}`]! >= 0.98,
      })),
      { name: "recall, 20 % edited", want: ">= .90", got: figure["recall/20 % edited"]!, holds: figure["recall/20 % edited"]! >= 0.9 },
    ];
    const counts = [...positives, ...negatives].map(kind => `${documents.filter(d => d.kind === kind).length} ${kind}`).join(", ");
    return {
      method:
        `${items.length} items of sentences from held-out mails (a third of the long ones with one of three common forms before them), ${documents.length} mails, ${megabytes.toFixed(1)} MB: ${counts}; ` +
        `processor time, ${isPinned ? "all sides bound to core 0" : "not bound"} of ${cpus()[0]?.model ?? "an unknown processor"}; datatrove's rate on every ${EVERY}th document, decon's less its index; medians of ${ROUNDS} rounds in turn`,
      ours: figures,
      peers: peer,
      ratios,
      bars,
      notes: [
        ...(python && existsSync(python) ? [] : ["datatrove is not installed: npm run bench -- peers"]),
        ...(others.decon ? [] : ["decon (Rust) did not take part: LOAM_DECON names no program"]),
      ],
    };
  });
