/**
 * Training and encoding speed on raw mails, one core each, beside the encoders people use. Rounds are interleaved: ours, then a peer,
 * again; a ratio is the median over pairs. Also whether merges and ids are Hugging Face's.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { contest, isPinned } from "./contender.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median } from "./harness.ts";
import { rawMails } from "./tokenizer/corpus.ts";

/** Peers by name: which side runs them, and in how many rounds: the slowest take half a minute each. */
const encoders = [
  { name: "tokenizers", side: "python", rounds: 3 },
  { name: "tokenizers-batch", side: "python", rounds: 2 },
  { name: "tiktoken", side: "python", rounds: 5 },
  { name: "npm:tiktoken", side: "npm", rounds: 5 },
  { name: "npm:gpt-tokenizer", side: "npm", rounds: 3 },
  { name: "npm:@huggingface/tokenizers", side: "npm", rounds: 1 },
] as const;
const TRAIN_ROUNDS = 3;

/** `context.peers` is the folder with `.venv` (tokenizers, tiktoken), `node_modules` (the npm peers) and the scripts beside them. */
export const run = ({ peers, say }: BenchContext): Promise<BenchResult> =>
  contest("tokenizer", async ({ folder, start }) => {
    const texts = rawMails();
    const megabytes = texts.reduce((n, t) => n + Buffer.byteLength(t), 0) / 1e6;
    const corpus = join(folder, "mails.json");
    const oursFile = join(folder, "ours.json");
    const theirsFile = join(folder, "theirs.json");
    writeFileSync(corpus, JSON.stringify(texts));

    const python = peers && join(peers, ".venv", ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
    const hasPython = python !== undefined && existsSync(python);
    const has = (name: string): boolean => peers !== undefined && existsSync(join(peers, "node_modules", name.slice(4)));
    const worker = fileURLToPath(new URL(`./tokenizer/worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
    const ours = start("loam", [process.execPath, worker, corpus, oursFile]);
    const skipped: string[] = [];

    say("training 4,096 merges");
    const oursTrain: number[] = [];
    const theirsTrain: number[] = [];
    const trainer = hasPython ? start("tokenizers", [python, join(peers!, "tokenizer.py"), "tokenizers", corpus, theirsFile]) : undefined;
    for (let i = 0; i < TRAIN_ROUNDS; i++) {
      oursTrain.push((await ours.ask(`train ${oursFile}`)).ms);
      if (trainer) theirsTrain.push((await trainer.ask(`train ${theirsFile}`)).ms);
    }
    const mergesOf = (file: string): string =>
      JSON.stringify((JSON.parse(readFileSync(file, "utf8")) as { model: { merges: unknown } }).model.merges);
    const sameMerges = trainer ? mergesOf(oursFile) === mergesOf(theirsFile) : undefined;

    // Encoding.
    const first = await ours.ask("encode");
    const mine: number[] = [];
    const rates: Record<string, number> = {};
    const ratios: Record<string, number> = {};
    let sameCount = true;
    for (const { name, side, rounds } of encoders) {
      if (side === "python" ? !hasPython : !has(name)) {
        skipped.push(name);
        continue;
      }
      const peer =
        side === "python"
          ? start(name, [python!, join(peers!, "tokenizer.py"), name, corpus, oursFile])
          : start(name, [process.execPath, join(peers!, "tokenizer.mjs"), name.slice(4), corpus, oursFile]);
      const pairs: { ours: number; theirs: number }[] = [];
      say(`encoding beside ${name}`);
      // One round more than counted where rounds are short: the first pays for loading and compiling.
      for (let i = rounds > 1 ? -1 : 0; i < rounds; i++) {
        const a = await ours.ask("encode");
        const b = await peer.ask("encode");
        sameCount &&= a.tokens === b.tokens;
        if (i >= 0) pairs.push({ ours: a.ms, theirs: b.ms });
      }
      mine.push(...pairs.map(p => p.ours));
      rates[name] = digits((megabytes * 1000) / median(pairs.map(p => p.theirs)));
      ratios[`encode/${name}`] = digits(median(pairs.map(p => p.theirs / p.ours)));
      peer.close();
    }
    while (mine.length < 3) mine.push((await ours.ask("encode")).ms);
    await ours.ask("kept");
    const kept = median([(await ours.ask("kept")).ms, (await ours.ask("kept")).ms, (await ours.ask("kept")).ms]);

    let sameIds: boolean | undefined;
    if (trainer) {
      const checker = start("tokenizers", [python!, join(peers!, "tokenizer.py"), "tokenizers", corpus, theirsFile]);
      const [a, b] = [join(folder, "ours.ids"), join(folder, "theirs.ids")];
      await Promise.all([ours.ask(`ids ${a}`), checker.ask(`ids ${b}`)]);
      sameIds = readFileSync(a).equals(readFileSync(b));
    }

    const trainRatio = trainer ? digits(median(theirsTrain.map((t, i) => t / oursTrain[i]!))) : undefined;
    if (trainRatio !== undefined) ratios["train/tokenizers"] = trainRatio;
    const encodeRatio = ratios["encode/tokenizers"];
    const least = Object.entries(ratios)
      .filter(([k]) => k.startsWith("encode/"))
      .sort((x, y) => x[1] - y[1])[0];
    const bars: Bar[] = [];
    if (trainRatio !== undefined)
      bars.push({ name: "training beside tokenizers (Rust)", want: ">= 1x", got: trainRatio, holds: trainRatio >= 1 });
    if (encodeRatio !== undefined)
      bars.push({ name: "encoding beside tokenizers (Rust)", want: ">= 3x", got: encodeRatio, holds: encodeRatio >= 3 });
    if (least)
      bars.push({ name: `encoding beside the fastest peer (${least[0].slice(7)})`, want: "> 1x", got: least[1], holds: least[1] > 1 });
    if (sameMerges !== undefined) bars.push({ name: "merges equal tokenizers'", want: "true", got: sameMerges, holds: sameMerges });
    if (sameIds !== undefined) bars.push({ name: "ids equal tokenizers' on all mails", want: "true", got: sameIds, holds: sameIds });
    if (Object.keys(rates).length > 0) bars.push({ name: "as many tokens as every peer", want: "true", got: sameCount, holds: sameCount });

    return {
      method:
        `${texts.length} raw mails, ${megabytes.toFixed(1)} MB of UTF-8; 4,096 merges over GPT-2's pattern; ${isPinned ? "every process bound to core 0" : "processes not bound"} ` +
        `of ${cpus()[0]?.model ?? "an unknown processor"}; processor time of all threads; interleaved pairs, medians; encoding with an empty cache each pass`,
      ours: {
        trainMBPerSecond: digits((megabytes * 1000) / median(oursTrain)),
        encodeMBPerSecond: digits((megabytes * 1000) / median(mine)),
        encodeFirstPassMBPerSecond: digits((megabytes * 1000) / first.ms),
        encodeKeptCacheMBPerSecond: digits((megabytes * 1000) / kept),
        tokens: first.tokens,
        bytesPerToken: digits((megabytes * 1e6) / first.tokens!),
      },
      peers: {
        ...(trainer ? { "train/tokenizers": digits((megabytes * 1000) / median(theirsTrain)) } : {}),
        ...Object.fromEntries(Object.entries(rates).map(([k, v]) => [`encode/${k}`, v])),
      },
      ratios,
      bars,
      ...(skipped.length > 0 ? { notes: [`not installed, so not measured: ${skipped.join(", ")}`] } : {}),
    };
  });
