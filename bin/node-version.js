// Stops with a sentence where Node is older than package.json says. Plain, old JavaScript, imported before anything that would not load there.
import { readFileSync } from "node:fs";

const { engines } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const wanted = engines.node.replace(/[^\d.]/g, "");
const numbers = text => text.split(".").map(Number);
const [a, b] = [numbers(process.versions.node), numbers(wanted)];
const at = a.findIndex((n, i) => n !== b[i]);
if (at >= 0 && a[at] < b[at]) {
  process.stderr.write(
    `loam: Node: expected ${wanted} or newer, got ${process.versions.node}. Install a newer Node from nodejs.org or with your package manager.\n`,
  );
  process.exit(3);
}
