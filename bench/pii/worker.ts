/**
 * Loam's side of the pii bench, a process of its own on one core. A line in, a line of JSON out: `find FILE` (what is found in the
 * sentences, scores down to 0.3), `time` (the bodies, mean of ten passes).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { findPrivate, type PrivateSpan } from "../../src/data/index.ts";

const [sentences, bodies] = process.argv.slice(2).map(file => JSON.parse(readFileSync(file, "utf8")) as string[]);

/** Passes of one measurement: one takes some 20 ms. */
const passes = 10;

/** Names of types as the sentences have them. */
const typeOf = ({ type, kind = "" }: PrivateSpan): string =>
  type === "nationalId"
    ? kind.replace(/^es-.*/, "es-id")
    : type === "ipReserved"
      ? "ip"
      : type === "urlCredentials"
        ? "url-login"
        : type === "privateKey"
          ? "secret"
          : type;

function timed(work: () => number): { ms: number; tokens: number } {
  const before = process.cpuUsage();
  const tokens = work();
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1000, tokens };
}

const commands: Record<string, (rest: string) => object> = {
  find: file => {
    writeFileSync(
      file,
      JSON.stringify(sentences!.map(s => findPrivate(s, { minScore: 0.3 }).map(f => [typeOf(f), f.start, f.end, f.score]))),
    );
    return { ms: 0 };
  },
  time: () => {
    const { ms, tokens } = timed(() => {
      let n = 0;
      for (let pass = 0; pass < passes; pass++) n += bodies!.reduce((sum, b) => sum + findPrivate(b).length, 0);
      return n;
    });
    return { ms: ms / passes, tokens: tokens / passes };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...rest] = line.split(" ");
  process.stdout.write(`${JSON.stringify(commands[name!]!(rest.join(" ")))}\n`);
}
