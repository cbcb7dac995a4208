/** Runs one suite in its Python environment against the built `loam`, and judges it by the list in the repository. */
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { packageFolder } from "../../src/project/package.ts";
import { expectedFile, judge, type TestRow, testRow, type Verdict } from "./judge.ts";
import { type Suite, type SuiteName, suites } from "./list.ts";
import { runProgram } from "./run-program.ts";

const here = join(packageFolder, "bench", "suites");
const pinned = z.record(z.string(), z.object({ version: z.string() }));

/** The folder of the sources and the environment: LOAM_SUITES, else one that is filled now. */
export async function suitesFolder(): Promise<string> {
  if (process.env.LOAM_SUITES !== undefined) return process.env.LOAM_SUITES;
  const folder = join(process.env.LOAM_CI_CACHE ?? join(homedir(), ".cache", "loam-ci"), "suites");
  const code = await runProgram("python3", [join(here, "python", "prepare.py"), folder]);
  if (code !== 0) throw new Error(`suites: expected prepare.py to end with 0, got ${code}. Its own lines stand above.`);
  return folder;
}

/** The folder with the real models that the suites ask: LOAM_MODELS, else the one that .ci/run has fetched. */
function modelsFolder(): string {
  const cache = process.env.LOAM_CI_CACHE ?? join(homedir(), ".cache", "loam-ci");
  const kept = existsSync(cache) ? readdirSync(cache).find(name => existsSync(join(cache, name, "smollm2-135m-instruct"))) : undefined;
  const folder = process.env.LOAM_MODELS ?? (kept === undefined ? undefined : join(cache, kept));
  if (folder === undefined)
    throw new Error(
      "suites: expected LOAM_MODELS to name a folder with smollm2-135m-instruct and all-minilm-l6-v2. `bash .ci/run` fetches them.",
    );
  return folder;
}

export interface SuiteRun extends Verdict {
  readonly rows: readonly TestRow[];
  readonly seconds: number;
}

/**
 * `args`: further arguments of pytest, as `-k name`; with them the verdict is of a part. `isQuiet`: what pytest says is passed on only where a test
 * failed that is not on the list, so that failures which are expected cannot be taken for others.
 */
export async function runSuite(
  name: SuiteName,
  { args = [], isQuiet = false }: { readonly args?: readonly string[]; readonly isQuiet?: boolean } = {},
): Promise<SuiteRun> {
  const suite: Suite = suites[name];
  const folder = await suitesFolder();
  const sources = pinned.parse(JSON.parse(readFileSync(join(here, "sources.json"), "utf8")));
  const list = expectedFile.parse(JSON.parse(readFileSync(join(here, "expected", `${name}.json`), "utf8")));
  const place = mkdtempSync(join(tmpdir(), "loam-suites-"));
  const report = join(place, "report.json");
  const kept = join(place, "log");
  const log = isQuiet ? openSync(kept, "w") : undefined;
  const passOn = () => isQuiet && process.stderr.write(readFileSync(kept));
  const began = performance.now();
  // folders and logs of servers lie there too: after a good run nothing of it stays
  let isKept = false;
  try {
    const wanted = { kind: suite.kind, paths: suite.paths, args: [...(suite.args ?? []), ...args] };
    const code = await runProgram(join(folder, "venv", "bin", "python"), ["-m", "loam_suites", JSON.stringify(wanted)], {
      ...(log === undefined ? {} : { log }),
      env: {
        PYTHONPATH: join(here, "python"),
        PYTHONDONTWRITEBYTECODE: "1",
        TMPDIR: place,
        LOAM_NODE: process.execPath,
        LOAM_PROGRAM: join(packageFolder, "bin", "loam.js"),
        LOAM_MODELS: modelsFolder(),
        LOAM_SUITES_REPORT: report,
        LOAM_SUITES_EXCLUDED: JSON.stringify(list.excluded),
        LOAM_SUITES_CLIENTS: join(here, "python", "clients"),
        LOAM_SUITES_VLLM: join(folder, "sources", `vllm-${sources.vllm!.version}`),
        ...(suite.source === undefined
          ? {}
          : { LOAM_SUITES_SOURCE: join(folder, "sources", `${suite.source}-${sources[suite.source]!.version}`) }),
        ...(suite.isThroughGateway ? { LOAM_SUITES_GATEWAY: "1" } : {}),
      },
    });
    if (!existsSync(report)) passOn();
    if (!existsSync(report)) throw new Error(`suites: ${name}: expected a report, but pytest ended with ${code} before it wrote one`);
    const rows = z.array(testRow).parse(JSON.parse(readFileSync(report, "utf8")));
    const verdict = judge(rows, list, suite.mostExpected);
    isKept = verdict.unexpected.length > 0;
    if (isKept) passOn();
    if (isKept) process.stderr.write(`suites: ${name}: logs of the servers: ${join(place, "loam-suite-*.log")}\n`);
    return { ...verdict, rows, seconds: Math.round((performance.now() - began) / 1000) };
  } finally {
    if (log !== undefined) closeSync(log);
    if (!isKept) rmSync(place, { recursive: true, force: true });
  }
}
