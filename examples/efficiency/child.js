// One job of a study as a process of its own: `node child.js JOB RESULT`, JSON in, a JSON file out, written whole or not at all. Ends with its parent.
import { renameSync, writeFileSync } from "node:fs";
import { exitProcess } from "loam";
import { curate, prepare } from "./mails.js";
import { train } from "./train.js";

const jobs = { prepare, curate, train };

process.stdin.on("end", () => exitProcess(1));
process.stdin.resume();
const [job, path] = process.argv.slice(2);
try {
  const { kind, ...given } = JSON.parse(job);
  const result = await jobs[kind](given);
  writeFileSync(`${path}.part`, JSON.stringify(result));
  renameSync(`${path}.part`, path);
  exitProcess(0);
} catch (error) {
  process.stderr.write(`${error.stack ?? error}\n`);
  exitProcess(1);
}
