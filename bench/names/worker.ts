/** Loam's side of the bench `names`: `find FILE` (names in the texts, in code units), `time` (the texts, mean of three passes). */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { findPrivate, nameRecogniser, shippedNames } from "../../src/data/index.ts";

const texts = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as readonly string[];
const recogniser = nameRecogniser(shippedNames());
const passes = 3;
const names = (text: string) => findPrivate(text, { recogniser }).filter(f => f.type === "name");

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...rest] = line.split(" ");
  let ms = 0;
  if (name === "find") writeFileSync(rest.join(" "), JSON.stringify({ found: texts.map(t => names(t).map(f => [f.start, f.end])) }));
  else {
    const before = process.cpuUsage();
    for (let pass = 0; pass < passes; pass++) texts.forEach(names);
    const { user, system } = process.cpuUsage(before);
    ms = (user + system) / 1000 / passes;
  }
  process.stdout.write(`${JSON.stringify({ ms })}\n`);
}
