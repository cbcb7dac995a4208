// The proof of what an efficient recipe saves. Run: node examples/efficiency/run.js [--quick | --full]; run it again to go on. docs/efficiency.md explains it.
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chartOf, pageOf, waterfallChartOf } from "./page.js";
import { scales } from "./plan.js";
import { recordCurves, recordPoints } from "./record.js";
import { claimOf, documentOf, machineFacts } from "./report.js";
import { runStudy } from "./study.js";

const here = dirname(fileURLToPath(import.meta.url));
const usage = `node examples/efficiency/run.js [options]

  --quick           15 minutes on two quiet cores
  --full            overnight: 5 seeds, each lever added alone
  --folder <path>   where the study's results lie (default: examples/efficiency/.study/SCALE)
  --workers <n>     runs at once, one thread each (default: as many as cores)
  --json            print the document of the study
  --page            write docs/efficiency.md and its pictures from the results
`;

/** What a study began with: kept, so that a resumed one reports the machine's load before its first run. */
function beginning(folder) {
  const path = join(folder, "began.json");
  if (!existsSync(path)) writeFileSync(path, JSON.stringify({ date: new Date().toISOString().slice(0, 10), load: loadavg()[0] }));
  return JSON.parse(readFileSync(path, "utf8"));
}

/** One study a folder at a time: a second one would measure the first. */
function lock(folder) {
  const path = join(folder, "running");
  const holder = existsSync(path) ? Number(readFileSync(path, "utf8")) : 0;
  if (holder > 0 && holder !== process.pid && isAlive(holder))
    throw new Error(
      `efficiency: ${folder}: expected no other study in this folder, got process ${holder}. Wait for it, or name another --folder.`,
    );
  writeFileSync(path, String(process.pid));
  return () => rmSync(path, { force: true });
}
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Runs or goes on with a study; gives its document, which also lies in the folder as study.json. */
export async function study({ scaleName, folder, workers, say, signal }) {
  mkdirSync(folder, { recursive: true });
  const unlock = lock(folder);
  try {
    const began = beginning(folder);
    const raw = await runStudy({ folder, scaleName, say, workers, signal });
    const document = documentOf(raw, { ...began, machine: machineFacts(), workers: raw.workers });
    await recordCurves(folder, document);
    await recordPoints(folder, raw);
    writeFileSync(join(folder, "study.json"), `${JSON.stringify(document, null, 2)}\n`);
    return document;
  } finally {
    unlock();
  }
}

/** Writes the page, its pictures, and the results that they are made from. */
export function writePage(document, root) {
  const pictures = join(root, "docs", "pictures");
  mkdirSync(pictures, { recursive: true });
  writeFileSync(join(root, "docs", "efficiency.md"), pageOf(document));
  writeFileSync(join(pictures, "efficiency-curves.svg"), chartOf(document));
  if (document.waterfall.length > 0) writeFileSync(join(pictures, "efficiency-levers.svg"), waterfallChartOf(document));
  writeFileSync(join(here, "measured.json"), `${JSON.stringify(document, null, 2)}\n`);
}

async function main() {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean" },
      full: { type: "boolean" },
      scale: { type: "string" },
      folder: { type: "string" },
      workers: { type: "string" },
      json: { type: "boolean" },
      page: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const scaleName = values.scale ?? (values.quick ? "quick" : values.full ? "full" : "default");
  if (!Object.hasOwn(scales, scaleName))
    throw new Error(`efficiency: --scale: expected one of ${Object.keys(scales).join(", ")}, got "${scaleName}".`);
  const workers = values.workers === undefined ? undefined : Number(values.workers);
  if (workers !== undefined && !(Number.isInteger(workers) && workers >= 1))
    throw new Error(`efficiency: --workers: expected a whole number from 1, got "${values.workers}".`);
  const folder = resolve(values.folder ?? join(here, ".study", scaleName));
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort(new Error("efficiency: stopped. Run the same command again to go on.")));
  const document = await study({ scaleName, folder, workers, signal: stop.signal, say: text => process.stderr.write(`${text}\n`) });
  if (values.page) writePage(document, resolve(here, "..", ".."));
  process.stdout.write(values.json ? `${JSON.stringify(document, null, 2)}\n` : `\n${claimOf(document)}\n${join(folder, "study.json")}\n`);
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  await main().catch(error => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
