/**
 * The npm side of the language comparison. Usage: node languages.mjs NAME SAMPLES.json (NAME: tinyld, franc, cld3-asm). A line in, a line of
 * JSON out: `run` detects every text once; `labels FILE` writes what was said of each, "" where nothing was, by ISO 639-1 where there is such
 * a code.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [, , name, file] = process.argv;
const texts = JSON.parse(readFileSync(file, "utf8"));

const makers = {
  tinyld: async () => {
    const { detect } = await import("tinyld");
    return text => detect(text);
  },
  franc: async () => {
    const { franc } = await import("franc");
    // Without the lower bound it would not try texts of less than 10 characters.
    return text => franc(text, { minLength: 1 });
  },
  "cld3-asm": async () => {
    const { loadModule } = await import("cld3-asm");
    const identifier = (await loadModule()).create(0, 1000);
    return text => identifier.findLanguage(text).language;
  },
};
const detect = await makers[name]();
for (const text of texts.slice(0, 200)) detect(text);

for await (const line of createInterface({ input: process.stdin })) {
  const [command, target] = line.split(" ");
  const { user, system } = process.cpuUsage();
  const labels = texts.map(detect);
  const spent = process.cpuUsage({ user, system });
  if (command === "labels") writeFileSync(target, JSON.stringify(labels));
  process.stdout.write(`${JSON.stringify({ ms: (spent.user + spent.system) / 1000 })}\n`);
}
