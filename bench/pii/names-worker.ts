/**
 * Loam's side of the names in the pii bench: `train` (on the examples), `find FILE` (whole spans in the texts), `time` (the texts, mean of
 * three passes). Offsets are code units on this side.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { findPrivate, type NameExample, nameRecogniser, namesTraining, trainNames } from "../../src/data/index.ts";

const [examples, texts] = process.argv.slice(2).map(file => JSON.parse(readFileSync(file, "utf8"))) as [NameExample[], string[]];
const passes = 3;
let recogniser: ReturnType<typeof nameRecogniser> | undefined;

const found = (text: string) =>
  findPrivate(text, { recogniser: recogniser! }).flatMap(f => (f.type === "name" || f.type === "place" ? [[f.type, f.start, f.end]] : []));
const timed = async (work: () => void | Promise<void>): Promise<number> => {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
};

const commands: Record<string, (rest: string) => Promise<{ ms: number }>> = {
  train: async () => ({
    ms: await timed(async () => {
      recogniser = nameRecogniser(await trainNames(examples, namesTraining.parse({})));
    }),
  }),
  find: async file => {
    writeFileSync(file, JSON.stringify(texts.map(found)));
    return { ms: 0 };
  },
  time: async () => ({
    ms:
      (await timed(() => {
        for (let pass = 0; pass < passes; pass++) texts.forEach(found);
      })) / passes,
  }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...rest] = line.split(" ");
  process.stdout.write(`${JSON.stringify(await commands[name!]!(rest.join(" ")))}\n`);
}
