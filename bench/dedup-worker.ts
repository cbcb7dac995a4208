/**
 * Loam's side of the deduplication comparison, with the protocol of `tokenizer/contender.ts`: `signatures` (of texts already in memory) and
 * `whole FILE` (from reading the corpus to writing the ids that stay; clusters go to FILE after the clock stopped). Arguments: the corpus, a
 * folder, the options as JSON.
 */
import { closeSync, openSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { deduplicatePass } from "../src/data/steps/deduplicate/deduplicate.ts";
import { nearDuplicateOptions, sketchStore } from "../src/data/steps/near-duplicates/index.ts";

const [, , corpus, folder, given] = process.argv;
const options = nearDuplicateOptions.parse(JSON.parse(given!));

const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

interface Row {
  readonly id: string;
  readonly text: string;
}

/** Lines of the corpus, a block of the file at a time. */
function* rows(): Generator<Row> {
  const file = openSync(corpus!, "r");
  let block = Buffer.allocUnsafe(2 ** 20);
  let filled = 0;
  for (;;) {
    if (filled === block.length) {
      const larger = Buffer.allocUnsafe(2 * block.length);
      block.copy(larger);
      block = larger;
    }
    const read = readSync(file, block, filled, block.length - filled, null);
    if (read === 0) break;
    filled += read;
    let from = 0;
    for (;;) {
      const end = block.indexOf(10, from);
      if (end < 0 || end >= filled) break;
      yield JSON.parse(block.toString("utf8", from, end)) as Row;
      from = end + 1;
    }
    block.copyWithin(0, from, filled);
    filled -= from;
  }
  closeSync(file);
}

function signatures(): { ms: number } {
  const texts = [...rows()].map(r => r.text);
  const began = processorMs();
  const store = sketchStore(options);
  for (const text of texts) store.add(text);
  return { ms: processorMs() - began };
}

function whole(file: string): object {
  const began = processorMs();
  const pass = deduplicatePass(options);
  const ids: string[] = [];
  for (const { id, text } of rows()) {
    ids.push(id);
    pass.see({ id, text, source: "", attributes: {} });
  }
  const judged = processorMs();
  const judgements = pass.judge();
  writeFileSync(join(folder!, "kept.loam.txt"), ids.filter(id => !judgements.has(id)).join("\n"));
  const ms = processorMs() - began;
  if (file !== "") {
    const clusters = pass.clusters();
    writeFileSync(file, JSON.stringify({ clusters: ids.map(id => clusters.get(id)), kept: ids.map(id => !judgements.has(id)) }));
  }
  return { ms, judgeMs: began + ms - judged, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, file] = line.split(" ");
  process.stdout.write(`${JSON.stringify(command === "signatures" ? signatures() : whole(file ?? ""))}\n`);
}
