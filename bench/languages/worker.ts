/**
 * Loam's side of the language comparison. Argument: the texts (a JSON list). A line in, a line of JSON out: `run TABLES` names the language of
 * every text by the step's own detection; `labels FILE TABLES` writes what it said; `weighed FILE TABLES` what its chance rests on; `documents
 * MODE` runs the step over all texts as documents, paragraphs by MODE.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { detectLanguage, weigh } from "../../src/data/steps/language/detect.ts";
import { type Detect, loadDetector } from "../../src/data/steps/language/eld.ts";
import { language } from "../../src/data/steps/language/language.ts";
import type { TableSize } from "../../src/data/steps/language/names.ts";

const texts = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as string[];
const loaded = new Map<TableSize, Detect>();

async function detector(size: TableSize): Promise<Detect> {
  let detect = loaded.get(size);
  if (!detect) {
    detect = await loadDetector(size);
    loaded.set(size, detect);
    for (const text of texts.slice(0, 200)) detectLanguage(text, detect, 1);
  }
  return detect;
}

function timed<R>(work: () => R): { readonly ms: number; readonly result: R } {
  const { user, system } = process.cpuUsage();
  const result = work();
  const spent = process.cpuUsage({ user, system });
  return { ms: (spent.user + spent.system) / 1000, result };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, first, second] = line.split(" ");
  let ms = 0;
  if (command === "documents") {
    const o = language.options.parse({ paragraphs: first });
    const detect = await detector(o.tables);
    ms = timed(() => texts.map(text => language.apply({ id: "0", text, source: "", attributes: {} }, o, detect))).ms;
  } else if (command === "weighed") {
    const detect = await detector(second as TableSize);
    writeFileSync(first!, JSON.stringify(texts.map(text => weigh(text, detect, 1) ?? null)));
  } else {
    const detect = await detector((command === "run" ? first : second) as TableSize);
    const labels = timed(() => texts.map(text => detectLanguage(text, detect, 1).language));
    ms = labels.ms;
    if (command === "labels") writeFileSync(first!, JSON.stringify(labels.result));
  }
  process.stdout.write(`${JSON.stringify({ ms })}\n`);
}
