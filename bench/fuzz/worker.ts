/**
 * One campaign in a process of its own: what it does to memory and time is its own, and it can be killed. Writes the number of the case
 * that it is about to try at the start of the file `watched`, eight bytes; prints the findings as one line of JSON.
 */
import { mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Campaign, campaign } from "./campaign.ts";

const given = JSON.parse(process.argv[2]!) as Campaign & { readonly watched: string };
const folder = mkdtempSync(join(tmpdir(), "loam-fuzz-"));
const watched = openSync(given.watched, "w");
const number = Buffer.alloc(8);
try {
  const findings = await campaign(given, folder, i => {
    number.writeDoubleLE(i);
    writeSync(watched, number, 0, 8, 0);
  });
  process.stdout.write(`${JSON.stringify({ ...findings, peakBytes: process.resourceUsage().maxRSS * 1024 })}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
