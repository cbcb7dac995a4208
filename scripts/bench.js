/**
 * `npm run bench -- NAME`: a measurement as a table for people; with --json one JSON document on stdout (`npm run -s bench -- NAME --json`).
 * `npm run bench -- peers` installs what is measured against.
 */
import "../bin/node-version.js";
import { hasPeers, installPeers, peersFolder } from "./parts/peers.js";
import { main, say, Trouble } from "./parts/say.js";
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

await main(async args => {
  const json = args.includes("--json");
  const words = args.filter(a => !a.startsWith("--"));
  // the words after these are names of their parts
  const hasParts = ["suites", "precision", "pjrt", "split"].includes(words[0]);
  const [names, only] = hasParts ? [words.slice(0, 1), words.slice(1)] : [words, []];
  if (names[0] === "peers") {
    await installPeers({ light: args.includes("--light"), llama: args.includes("--llama"), litellm: args.includes("--litellm") });
    return 0;
  }
  await setup();
  const { benches, isBench, runBench } = await import("../dist/bench/benches.js");
  if (names.length === 0) {
    const lines = Object.entries(benches).map(([name, about]) => `  ${name.padEnd(12)} ${about}`);
    process.stdout.write(
      `npm run bench -- NAME [--json] [--scale=0.1: less work, where a bench can do with less]\n\n${lines.join("\n")}\n\n  ${"peers".padEnd(12)} install what is measured against [--light: without PyTorch; --llama: llama.cpp too, built from source; --litellm: LiteLLM's proxy]\n`,
    );
    return 0;
  }
  const scale = Number(args.find(a => a.startsWith("--scale="))?.slice("--scale=".length) ?? 1);
  if (!(scale > 0)) throw new Trouble("bench: --scale: expected a number above 0, such as --scale=0.1.", 2);
  const reports = [];
  for (const name of names) {
    if (!isBench(name)) throw new Trouble(`bench: expected one of ${Object.keys(benches).join(", ")}, peers; got "${name}".`, 2);
    if (!hasPeers()) say(name, "without peers: `npm run bench -- peers` installs them");
    const report = await runBench(name, { peers: hasPeers() ? peersFolder : undefined, only, scale, say: text => say(name, text) });
    reports.push(report);
    if (!json) process.stdout.write(table(report));
  }
  if (json) process.stdout.write(`${JSON.stringify(reports.length === 1 ? reports[0] : reports, null, 2)}\n`);
  return 0;
});
