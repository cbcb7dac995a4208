/**
 * Loam's side of the decontamination comparison. Arguments: items and documents, both JSON Lines. A line in, a line of JSON out: `index`
 * builds the index anew, `run STEP` goes over every STEP-th document, `verdicts FILE` writes for each the numbers of the items found.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { noResources } from "../../src/data/index.ts";
import { decontaminate } from "../../src/data/steps/decontaminate/decontaminate.ts";
import { decontaminateOptions } from "../../src/data/steps/decontaminate/options.ts";

const [items, documents] = process.argv.slice(2) as [string, string];
const options = decontaminateOptions.parse({ sets: [{ name: "quiz", file: items, prompt: "question", answer: "answer" }], action: "mark" });
const texts = readFileSync(documents, "utf8")
  .trimEnd()
  .split("\n")
  .map(line => (JSON.parse(line) as { text: string }).text);
const content = readFileSync(items);
const prepare = () => decontaminate.prepare!(options, { ...noResources, file: async () => content });
let state = await prepare();

const found = (text: string): number[] => {
  const { attributes } = decontaminate.apply({ id: "0", text, source: "", attributes: {} }, options, state);
  return ((attributes?.contaminated as string[] | undefined) ?? []).map(key => Number(key.split("#")[1]));
};

async function timed(work: () => number | Promise<number>): Promise<object> {
  const before = process.cpuUsage();
  const tokens = await work();
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1000, tokens };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = line.split(" ") as [string, string];
  let answer: object = { ms: 0 };
  if (command === "index")
    answer = await timed(async () => {
      state = await prepare();
      return state.index.sizeBytes;
    });
  else if (command === "run") {
    const some = texts.filter((_, i) => i % Number(argument) === 0);
    answer = await timed(() => some.filter(text => found(text).length > 0).length);
  } else writeFileSync(argument, JSON.stringify(texts.map(found)));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
