/** Starts the ranks of a run of `ranks-run`, and gives what each has told. */
import { fileURLToPath } from "node:url";
import { startRanks } from "../src/ranks/index.ts";
import type { RanksRun, RanksTimes } from "./ranks-run.ts";

const program = fileURLToPath(new URL("./ranks-run.js", import.meta.url));

/** All ranks' times of one run, the first one's first. */
export async function runRanks(size: number, settings: Omit<RanksRun, "isRank">): Promise<RanksTimes[]> {
  const found: RanksTimes[] = [];
  const run = await startRanks({
    size,
    program: process.execPath,
    args: [program, JSON.stringify({ ...settings, isRank: size > 1 } satisfies RanksRun)],
    onLine: ({ stream, line }) => void (stream === "stdout" && line.startsWith("{") && found.push(JSON.parse(line) as RanksTimes)),
  });
  await run.ended;
  return found.sort((a, b) => a.rank - b.rank);
}
