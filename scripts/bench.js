/**
 * `npm run bench -- NAME`: a measurement as a table for people; with --json one JSON document on stdout (`npm run -s bench -- NAME --json`).
 * `npm run bench -- peers` installs what is measured against.
 */
import "../bin/node-version.js";
import { existsSync } from "node:fs";
import { benchHelp, benchWords, checkBenchNames } from "./parts/bench-words.js";
import { hasPeers, installPeers, peersFolder } from "./parts/peers.js";
import { inRoot } from "./parts/places.js";
import { main, say } from "./parts/say.js";
import { setup } from "./setup.js";

const show = value =>
  typeof value === "number"
    ? String(Number.isInteger(value) ? value : Number(value.toPrecision(4)))
    : typeof value === "string"
      ? value
      : JSON.stringify(value);

function table(report) {
  const lines = [`\n${report.name}: ${report.method}`];
  const { processor, cores, vector, memoryBytes, system, node, load } = report.machine;
  lines.push(`  on ${processor}, ${cores} cores, ${(memoryBytes / 1e9).toFixed(0)} GB, ${system}, Node ${node}, load ${load.toFixed(1)}`);
  if (vector.length) lines.push(`  ${vector.join(" ")}`);
  for (const part of ["ours", "peers", "ratios"]) {
    const rows = Object.entries(report[part]);
    if (rows.length) lines.push(`\n  ${part}`);
    for (const [name, value] of rows) lines.push(`    ${name.padEnd(44)} ${show(value)}`);
  }
  if (report.bars.length) lines.push("\n  bars");
  for (const bar of report.bars) lines.push(`    ${bar.holds ? "holds" : "FALLS SHORT"}  ${bar.name}: ${bar.want}, got ${show(bar.got)}`);
  for (const note of report.notes ?? []) lines.push(`\n  ${note}`);
  return `${lines.join("\n")}\n`;
}

const list = benches =>
  `npm run bench -- NAME [--json] [--scale=0.1: less work, where a bench can do with less]; NAME --help: its parts and options

${Object.entries(benches)
  .map(([name, about]) => `  ${name.padEnd(12)} ${about}`)
  .join("\n")}

  ${"peers".padEnd(12)} ${peersAbout} [--light: without PyTorch; --llama: llama.cpp too, built from source; --litellm: LiteLLM's proxy]
`;
const peersAbout = "install what is measured against";

async function help(names, benches) {
  const { suites } = await import("../dist/bench/suites/list.js");
  const partsOf = name => (name === "suites" ? Object.entries(suites).map(([suite, { about }]) => [suite, about]) : []);
  return names.length === 0
    ? list(benches)
    : names.map(name => benchHelp(name, name === "peers" ? peersAbout : benches[name], partsOf(name))).join("\n");
}

await main(async args => {
  const { names, only, isHelp, scale, options } = benchWords(args);
  if (names[0] === "peers" && !isHelp) {
    await installPeers({ light: options.has("light"), llama: options.has("llama"), litellm: options.has("litellm") });
    return 0;
  }
  // help reads what is built already: it measures nothing, and builds only in a new clone
  if (!isHelp || !existsSync(inRoot("dist/bench/benches.js"))) await setup();
  const { benches, runBench } = await import("../dist/bench/benches.js");
  checkBenchNames(names, benches);
  if (isHelp) {
    process.stdout.write(await help(names, benches));
    return 0;
  }
  const reports = [];
  for (const name of names) {
    if (!hasPeers()) say(name, "without peers: `npm run bench -- peers` installs them");
    const report = await runBench(name, { peers: hasPeers() ? peersFolder : undefined, only, scale, say: text => say(name, text) });
    reports.push(report);
    if (!options.has("json")) process.stdout.write(table(report));
  }
  if (options.has("json")) process.stdout.write(`${JSON.stringify(reports.length === 1 ? reports[0] : reports, null, 2)}\n`);
  return 0;
});
