/** What others make of an export: pyarrow, `datasets` and mlcroissant read every value that was written. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { dataCard } from "../card/card.ts";
import { cardFiles } from "../card/files.ts";
import { noCard } from "../card/part.ts";
import type { Document } from "../document.ts";
import { memoryArtifact } from "./artifact.laws.ts";
import { exportDocuments } from "./export.ts";
import { parquetCompressions } from "./parquet.ts";

const peers = fileURLToPath(new URL("../../../bench/peers", import.meta.url));
const python = join(peers, ".venv/bin/python");

function lacking(): string {
  if (!existsSync(python)) return "there is no Python environment of the peers";
  try {
    execFileSync(python, ["-c", "import pyarrow, datasets, mlcroissant"], { stdio: "ignore" });
    return "";
  } catch {
    return "the peers' Python has no pyarrow, datasets and mlcroissant";
  }
}
const lack = lacking();
/** Who runs the tests may know more: why there is none. */
const why = lack === "" ? "" : (process.env.LOAM_PEERS_REASON ?? lack);

const folder = mkdtempSync(join(tmpdir(), "loam-peers-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Rows = Record<string, Record<string, unknown>[]>;
interface Read {
  readonly pyarrow: Rows;
  readonly datasets: Rows;
  readonly croissant: Rows;
  readonly errors: readonly string[];
}

const document = (n: number): Document => ({
  id: `set:${String(n).padStart(5, "0")}`,
  text: `“text” ${n} \u{1f4ee}\u0000 ${"line\n".repeat(n % 50)}`,
  source: `a/${n % 7}.txt`,
  attributes: {
    label: n % 3 === 0 ? "spam" : "ham",
    words: n,
    ratio: n / 3,
    isFirst: n === 0,
    tags: Array.from({ length: n % 4 }, (_, i) => `t${i}`),
    ...(n % 5 === 0 ? { rare: "ö" } : {}),
    mixed: n % 2 === 0 ? n : "odd",
    big: n * 2 ** 40,
  },
});

test.skipIf(why !== "").each(parquetCompressions)(
  `pyarrow, datasets and mlcroissant read every value (%s)${why ? ` (skipped: ${why})` : ""}`,
  async compression => {
    const all = Array.from({ length: 1200 }, (_, i) => document(i));
    const dropped = all.slice(1100).map(d => ({ ...d, dropped: { step: "length", rule: "min-words", value: 3, threshold: 5 } }));
    const artifact = memoryArtifact({ train: all.slice(0, 1000), heldOut: all.slice(1000, 1100), dropped, steps: [] });
    const to = join(folder, compression);
    await exportDocuments(artifact, {
      to,
      format: "huggingface",
      compression,
      dropped: true,
      shardBytes: 60_000,
      protect: [],
      extras: async e => cardFiles(await dataCard(artifact, { name: "set", createdMs: 0, options: {}, sources: [] }, noCard), e),
    });
    const read = JSON.parse(
      execFileSync(python, [join(peers, "export_check.py"), to], { maxBuffer: 2 ** 28, stdio: ["ignore", "pipe", "ignore"] }).toString(),
    ) as Read;
    const row = (d: Document) => ({
      id: d.id,
      text: d.text,
      source: d.source,
      ...d.attributes,
      rare: d.attributes.rare ?? null,
      mixed: String(d.attributes.mixed),
    });
    const wanted = { train: all.slice(0, 1000).map(row), test: all.slice(1000, 1100).map(row) };
    const byId = (rows: readonly Record<string, unknown>[]) => [...rows].sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
    for (const reader of ["pyarrow", "datasets", "croissant"] as const) {
      for (const split of ["train", "test"] as const) expect(byId(read[reader][split]!), `${reader} ${split}`).toEqual(wanted[split]);
      expect(read[reader].dropped!.map(r => [r.id, r.text, r.dropped_rule])).toEqual(dropped.map(d => [d.id, d.text, "min-words"]));
    }
    expect(read.errors).toEqual([]);
  },
);
