/** A child program: compiles the listed programs with a PJRT plugin, keeps the executables, and prints memory and cost of each as a line of JSON. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LoamError, sha256 } from "../../base/index.ts";
import { compileAhead } from "../../tensor/index.ts";
import type { CompileAnswer, CompileJob } from "./compile-ahead.ts";

const job = JSON.parse(process.argv[2]!) as CompileJob;
const say = (answer: CompileAnswer) => new Promise<void>(done => process.stdout.write(`${JSON.stringify(answer)}\n`, () => done()));

const orNull = (bytes: number | undefined): number | null => bytes ?? null;

async function compileOne({ name, file }: CompileJob["programs"][number]): Promise<CompileAnswer> {
  const began = performance.now();
  const text = await readFile(file, "utf8");
  const { stats, bytes, ...by } = await compileAhead(job.target, text);
  const compileSeconds = Math.round(performance.now() - began) / 1000;
  await mkdir(job.folder, { recursive: true });
  const kept = bytes && join(job.folder, `${name}.pjrt`);
  if (kept) await writeFile(kept, bytes);
  const { argumentBytes, outputBytes, temporaryBytes, aliasedBytes } = stats;
  const isKnown = argumentBytes !== undefined && outputBytes !== undefined && temporaryBytes !== undefined;
  return {
    compiled: {
      name,
      temporaryBytes: orNull(temporaryBytes),
      argumentBytes: orNull(argumentBytes),
      outputBytes: orNull(outputBytes),
      aliasedBytes: orNull(aliasedBytes),
      codeBytes: orNull(stats.codeBytes),
      totalBytes: isKnown ? argumentBytes + outputBytes + temporaryBytes - (aliasedBytes ?? 0) : null,
      cost: stats.cost,
      compileSeconds,
      file: kept ? `${name}.pjrt` : null,
      digest: bytes ? sha256(bytes) : null,
      program: sha256(text),
    },
    by,
  };
}

for (const program of job.programs) {
  try {
    await say(await compileOne(program));
  } catch (error) {
    await say(
      error instanceof LoamError
        ? { problem: error.problem, row: error.row }
        : { message: error instanceof Error ? error.message : String(error) },
    );
    break;
  }
}
process.exit(0);
