/**
 * Loam's side of the deduplication comparison, with the protocol of `tokenizer/contender.ts`: `signatures` (of texts already in memory) and
 * `whole FILE` (from reading the corpus to writing the ids that stay; clusters go to FILE after the clock stopped). Arguments: the corpus, a
 * folder, the options as JSON.
 */
import { openSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Document } from "../src/data/index.ts";
import { type Documents, talk } from "../src/data/plan/in-memory.ts";
import { deduplicatePlan } from "../src/data/steps/deduplicate/deduplicate.ts";
import { sketchStore } from "../src/data/steps/near-duplicates/index.ts";
import { nearDuplicateOptions } from "../src/data/steps/near-duplicates/options.ts";

const [, , corpus, folder, given] = process.argv;
const options = nearDuplicateOptions.parse(JSON.parse(given!));

const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** The corpus line by line, a block of the file at a time; a line is taken apart when it is asked for. */
function openCorpus(): Documents & { readonly ids: string[] } {
  const file = openSync(corpus!, "r");
  const ids: string[] = [];
  const starts: number[] = [0];
  const parse = (i: number, bytes: Buffer, from: number, to: number): Document => {
    const { id, text } = JSON.parse(bytes.toString("utf8", from, to)) as { id: string; text: string };
    ids[i] = id;
    return { id, text, source: "", attributes: {} };
  };
  return {
    ids,
    *each() {
      let block = Buffer.allocUnsafe(2 ** 20);
      let [filled, at] = [0, 0];
      for (;;) {
        if (filled === block.length) {
          const larger = Buffer.allocUnsafe(2 * block.length);
          block.copy(larger);
          block = larger;
        }
        const read = readSync(file, block, filled, block.length - filled, at + filled);
        if (read === 0) return;
        filled += read;
        let from = 0;
        for (;;) {
          const end = block.indexOf(10, from);
          if (end < 0 || end >= filled) break;
          const [start, i] = [from, starts.length - 1];
          yield () => parse(i, block, start, end);
          from = end + 1;
          starts.push(at + from);
        }
        block.copyWithin(0, from, filled);
        at += from;
        filled -= from;
      }
    },
    get(i) {
      const line = Buffer.allocUnsafe(starts[i + 1]! - starts[i]!);
      readSync(file, line, 0, line.length, starts[i]!);
      return parse(i, line, 0, line.length);
    },
  };
}

function signatures(): { ms: number } {
  const texts = Array.from(openCorpus().each(), row => row().text);
  const began = processorMs();
  const store = sketchStore(options);
  for (const text of texts) store.add(text);
  return { ms: processorMs() - began };
}

/** The step does not look at the document once it is told. */
const nothing: Document = { id: "", text: "", source: "", attributes: {} };

async function whole(file: string): Promise<object> {
  const began = processorMs();
  const documents = openCorpus();
  const { ids } = documents;
  const plan = deduplicatePlan(options, { bytes: 2 ** 29, sendsOnce: true });
  const told = await talk(plan, documents);
  const found = told.map(t => t && plan.settle(nothing, t));
  const isKept = (i: number) => !found[i]?.verdicts;
  writeFileSync(join(folder!, "kept.loam.txt"), ids.filter((_, i) => isKept(i)).join("\n"));
  const ms = processorMs() - began;
  if (file !== "") {
    const cluster = (i: number) => found[i]?.verdicts?.[0]?.cluster ?? found[i]?.attributes?.duplicates ?? ids[i];
    writeFileSync(file, JSON.stringify({ clusters: ids.map((_, i) => cluster(i)), kept: ids.map((_, i) => isKept(i)) }));
  }
  return { ms, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, file] = line.split(" ");
  process.stdout.write(`${JSON.stringify(command === "signatures" ? signatures() : await whole(file ?? ""))}\n`);
}
