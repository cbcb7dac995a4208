/** A card's files: README.md for people (with the hub's head), card.json and croissant.json for machines. */
import type { ArtifactReader } from "../../store/index.ts";
import type { ExportColumn } from "../export/columns.ts";
import type { DataExport, ExportedTable } from "../export/export.ts";
import type { DataCard } from "./card.ts";
import { croissant } from "./croissant.ts";
import { cardFrontMatter } from "./front-matter.ts";
import { dataCardMarkdown } from "./markdown.ts";

export const cardFiles = (card: DataCard, exported: Pick<DataExport, "files" | "tables" | "mediaType">): Map<string, string> =>
  new Map([
    ["README.md", `${cardFrontMatter(card, exported)}\n${dataCardMarkdown(card)}`],
    ["card.json", `${JSON.stringify(card, null, 2)}\n`],
    ["croissant.json", `${JSON.stringify(croissant(card, exported), null, 2)}\n`],
  ]);

/** The files that the artifact itself holds, as if they had been exported: for a card without an export. */
export function artifactAsExport(artifact: ArtifactReader): Pick<DataExport, "files" | "tables" | "mediaType"> {
  const columns = ["id", "source", "text"].map((name): ExportColumn => ({ name, type: "string", isNullable: false }));
  const sides = [
    { split: "train", side: "train", key: "train" },
    { split: "test", side: "held-out", key: "heldOut" },
  ] as const;
  const found = sides.flatMap(({ split, side, key }) => {
    const file = artifact.files.find(f => f.name === `${side}.jsonl`);
    const documents = Number(artifact.summary[`${key}Documents`] ?? 0);
    if (!file || documents === 0) return [];
    const bytes = Number(artifact.summary[`${key}Bytes`] ?? 0);
    return [
      {
        file: { path: file.name, split, documents, sizeBytes: file.sizeBytes, sha256: file.digest },
        split: { name: split, side, documents, bytes },
      },
    ];
  });
  const table: ExportedTable = { name: "default", columns, splits: found.map(f => f.split) };
  return { mediaType: "application/jsonlines", files: found.map(f => f.file), tables: [table] };
}
