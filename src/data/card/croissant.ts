/**
 * A data set's metadata as Croissant 1.0 (mlcommons.org/croissant, JSON-LD): files with their hashes, the records in them with their fields,
 * and of the vocabulary for responsible AI what is known. `mlcroissant validate` takes it.
 */
import { formatCount } from "../../base/index.ts";
import type { ColumnType } from "../export/columns.ts";
import type { DataExport, ExportedTable } from "../export/export.ts";
import { type DataCard, mainLanguages } from "./card.ts";
import { licenceUrl } from "./licence.ts";

/** The context that the standard prescribes, word for word. */
const context = {
  "@language": "en",
  "@vocab": "https://schema.org/",
  citeAs: "cr:citeAs",
  column: "cr:column",
  conformsTo: "dct:conformsTo",
  cr: "http://mlcommons.org/croissant/",
  rai: "http://mlcommons.org/croissant/RAI/",
  data: { "@id": "cr:data", "@type": "@json" },
  dataType: { "@id": "cr:dataType", "@type": "@vocab" },
  dct: "http://purl.org/dc/terms/",
  equivalentProperty: "cr:equivalentProperty",
  examples: { "@id": "cr:examples", "@type": "@json" },
  extract: "cr:extract",
  field: "cr:field",
  fileProperty: "cr:fileProperty",
  fileObject: "cr:fileObject",
  fileSet: "cr:fileSet",
  format: "cr:format",
  includes: "cr:includes",
  isLiveDataset: "cr:isLiveDataset",
  jsonPath: "cr:jsonPath",
  key: "cr:key",
  md5: "cr:md5",
  parentField: "cr:parentField",
  path: "cr:path",
  recordSet: "cr:recordSet",
  references: "cr:references",
  regex: "cr:regex",
  repeated: "cr:repeated",
  replace: "cr:replace",
  samplingRate: "cr:samplingRate",
  sc: "https://schema.org/",
  separator: "cr:separator",
  source: "cr:source",
  subField: "cr:subField",
  transform: "cr:transform",
} as const;

const dataTypes = {
  string: "sc:Text",
  strings: "sc:Text",
  int64: "cr:Int64",
  double: "cr:Float64",
  boolean: "sc:Boolean",
} as const satisfies Record<ColumnType, string>;

/** Of a table and split: the one file, or a set of the files with a common beginning. */
const setId = (table: ExportedTable, split: string) => (table.name === "dropped" ? "dropped" : split);

function distribution(e: Pick<DataExport, "files" | "mediaType">): object[] {
  return e.files.map(f => ({
    "@type": "cr:FileObject",
    "@id": f.path,
    name: f.path,
    contentUrl: f.path,
    contentSize: `${f.sizeBytes} B`,
    encodingFormat:
      e.mediaType === "application/gzip" || e.mediaType === "application/zstd" ? ["application/jsonlines", e.mediaType] : e.mediaType,
    sha256: f.sha256,
    description: `${formatCount(f.documents)} documents of the split ${f.split}`,
  }));
}

/** A record set for each file: a field's source is one file, and each file holds whole documents. */
function recordSets(e: Pick<DataExport, "files" | "tables">): object[] {
  return e.tables.flatMap(table =>
    table.splits.flatMap(split =>
      e.files
        .filter(f => f.split === split.name)
        .map((f, i, all) => {
          const id = all.length === 1 ? setId(table, split.name) : `${setId(table, split.name)}-${i}`;
          return {
            "@type": "cr:RecordSet",
            "@id": id,
            name: id,
            description: `${formatCount(f.documents)} documents of the split ${split.name}, file ${i + 1} of ${all.length}`,
            key: { "@id": `${id}/id` },
            field: table.columns.map(c => ({
              "@type": "cr:Field",
              "@id": `${id}/${c.name}`,
              name: `${id}/${c.name}`,
              description: fieldText(c.name, c.attribute),
              dataType: dataTypes[c.type],
              ...(c.type === "strings" ? { repeated: true } : {}),
              source: { fileObject: { "@id": f.path }, extract: { column: c.name } },
            })),
          };
        }),
    ),
  );
}

function fieldText(name: string, attribute: string | undefined): string {
  if (attribute !== undefined) return `The attribute ${attribute} of the document`;
  return { id: "The document's id: stable from run to run", text: "The text", source: "The place it was read from" }[name] ?? name;
}

/** What of responsible AI is known; nothing is claimed that no step measured. */
function responsible(c: DataCard): Record<string, unknown> {
  const step = (s: DataCard["steps"][number]) =>
    `${s.step} (version ${s.version}): ${formatCount(s.seen)} seen, ${formatCount(s.dropped)} dropped, ${formatCount(s.edited)} edited`;
  return {
    "rai:dataCollection": `Read from ${c.sources.map(s => s.origin).join(", ") || "a source that is not recorded"}.`,
    "rai:dataPreprocessingProtocol": c.steps.map(step),
    "rai:dataLimitations": c.gaps,
    "rai:personalSensitiveInformation": c.privateData.isSearched
      ? [
          "Private data were looked for by patterns and check digits.",
          ...c.privateData.found.map(f => `${f.type}: ${formatCount(f.times)} in ${formatCount(f.documents)} documents`),
        ]
      : ["Private data were not looked for."],
  };
}

/** The metadata of a card and the files that were written for it. */
export function croissant(c: DataCard, exported: Pick<DataExport, "files" | "tables" | "mediaType">): object {
  const codes = mainLanguages(c).filter(v => /^[a-z]{2,3}(-[A-Za-z0-9]+)*$/.test(v));
  return {
    "@context": context,
    "@type": "sc:Dataset",
    name: c.name,
    ...(c.title ? { alternateName: c.title } : {}),
    description:
      c.description ??
      `${formatCount(c.split.train.documents + c.split.heldOut.documents)} documents, curated with a reason for everything that was left out.`,
    conformsTo: ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
    // A source's licence is not the data set's: which one binds is for people to say.
    ...(c.licence ? { license: licenceUrl(c.licence) } : {}),
    ...(c.creator.length > 0 ? { creator: c.creator.map(name => ({ "@type": "sc:Person", name })) } : {}),
    ...(c.url ? { url: c.url } : {}),
    ...(c.citation ? { citeAs: c.citation } : {}),
    ...(codes.length > 0 ? { inLanguage: codes } : {}),
    datePublished: c.made.slice(0, 10),
    version: versionOf(c),
    isLiveDataset: false,
    ...responsible(c),
    distribution: distribution(exported),
    recordSet: recordSets(exported),
  };
}

/** Croissant wants three numbers: the project's version where it is such, with the artifact as what semantic versions call build. */
const versionOf = (c: DataCard): string => {
  const numbers = /^\d+(\.\d+){0,2}$/.exec(c.version ?? "")?.[0].split(".") ?? ["1", "0", "0"];
  return [...numbers, "0", "0"].slice(0, 3).join(".");
};
