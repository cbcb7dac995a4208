/** Tests' own: a documents artifact in memory, with what the data stage would have written. */
import { hashOf, sha256 } from "../../base/index.ts";
import type { ArtifactReader, Summary } from "../../store/index.ts";
import { type Document, documentLine } from "../document.ts";
import type { LedgerEntry, LedgerMeasure, SetAside } from "../ledger.ts";

export interface Given {
  readonly train?: readonly Document[];
  readonly heldOut?: readonly Document[];
  readonly dropped?: readonly (Document & {
    readonly dropped: { step: string; rule: string; value: LedgerMeasure; threshold: LedgerMeasure; survivor?: string };
  })[];
  readonly ledger?: readonly LedgerEntry[];
  readonly setAside?: readonly SetAside[];
  readonly steps?: readonly object[];
  readonly summary?: Summary;
}

const byId = (a: Document, b: Document) => (a.id < b.id ? -1 : 1);
const line = (value: object) => `${JSON.stringify(value)}\n`;

export function memoryArtifact(given: Given): ArtifactReader {
  const { train = [], heldOut = [], dropped = [], ledger = [], setAside = [], steps } = given;
  const files = new Map<string, Buffer>();
  const put = (name: string, pieces: readonly string[]) => files.set(name, Buffer.from(pieces.join("")));
  put("train.jsonl", [...train].sort(byId).map(documentLine));
  put("held-out.jsonl", [...heldOut].sort(byId).map(documentLine));
  put("dropped.jsonl", [...dropped].sort(byId).map(line));
  put("ledger.jsonl", ledger.map(line));
  put("set-aside.jsonl", setAside.map(line));
  put(
    "members.txt",
    [...train, ...heldOut].sort(byId).map(d => `${d.id}\n`),
  );
  if (steps)
    put("measures/index.json", [
      JSON.stringify({ format: 1, documents: train.length + heldOut.length + dropped.length, steps, columns: [] }),
    ]);
  const read = async (name: string) => files.get(name)!;
  return {
    id: "documents-000000000001",
    kind: "documents",
    digest: hashOf([...files].map(([n, b]) => [n, sha256(b)])),
    summary: {
      read: train.length + heldOut.length + dropped.length + setAside.length,
      kept: train.length + heldOut.length,
      dropped: dropped.length,
      setAside: setAside.length,
      trainDocuments: train.length,
      heldOutDocuments: heldOut.length,
      ...given.summary,
    },
    files: [...files].map(([name, b]) => ({ name, digest: sha256(b), sizeBytes: b.length })),
    read,
    async *stream(name) {
      const bytes = await read(name);
      for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
    },
    localPath: async name => name,
  };
}
