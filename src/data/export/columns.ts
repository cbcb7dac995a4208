/**
 * The table that documents make: which columns there are and of which type, found in one look at what will be exported, so that every file
 * of every format has the same. An attribute of several types becomes text: what is no text is written as JSON.
 */
import { nearest } from "../../base/index.ts";
import type { Document, DocumentAttribute, DocumentAttributes } from "../document.ts";
import { exportErrors } from "./errors.ts";

const columnTypes = ["string", "int64", "double", "boolean", "strings"] as const;
export type ColumnType = (typeof columnTypes)[number];

export interface ExportColumn {
  /** As the file writes it. */
  readonly name: string;
  /** The attribute, where it is one. */
  readonly attribute?: string;
  readonly type: ColumnType;
  /** Some documents have no value. */
  readonly isNullable: boolean;
}

/** Values in the order of the columns; null where there is none. */
export type ExportRow = readonly DocumentAttribute[];

/** More columns than this are records keyed by what should be a value; no reader of tables likes them. */
const maxAttributes = 500;

const lead = ["id", "text", "source"] as const;

type Kind = "string" | "int" | "float" | "boolean" | "strings";

function kindOf(value: Exclude<DocumentAttribute, null>): Kind {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "boolean";
  // Minus zero and what a double holds only roughly are no whole numbers of 64 bits.
  if (typeof value === "number") return Number.isSafeInteger(value) && !Object.is(value, -0) ? "int" : "float";
  return "strings";
}

function typeOf(kinds: ReadonlySet<Kind>): ColumnType {
  const [first, ...more] = [...kinds];
  if (more.length === 0)
    return first === undefined || first === "string" ? "string" : first === "int" ? "int64" : first === "float" ? "double" : first;
  return [...kinds].every(k => k === "int" || k === "float") ? "double" : "string";
}

export interface ColumnChoice {
  /** Only these attributes. */
  readonly only?: readonly string[];
  /** All but these. */
  readonly without?: readonly string[];
  /** Names that no document has are passed over. */
  readonly lenient?: boolean;
}

export interface ColumnScan {
  see(attributes: DocumentAttributes): void;
  /** Errors: export/columns. */
  columns(choice: ColumnChoice): ExportColumn[];
}

/** Looks at documents one by one; memory grows with the number of attributes alone. */
export function columnScan(place: string): ColumnScan {
  const found = new Map<string, { kinds: Set<Kind>; values: number }>();
  let documents = 0;
  const check = (choice: ColumnChoice) => {
    for (const name of [...(choice.only ?? []), ...(choice.without ?? [])]) {
      if (found.has(name)) continue;
      const near = nearest(name, found.keys());
      throw exportErrors.fail("columns", {
        place,
        expected: `an attribute of its documents (${[...found.keys()].sort().slice(0, 20).join(", ") || "they have none"})`,
        received: `"${name}"`,
        ...(near ? { hint: `Did you mean "${near}"?` } : {}),
      });
    }
  };
  return {
    see(attributes) {
      documents++;
      for (const name in attributes) {
        let a = found.get(name);
        if (!a) {
          a = { kinds: new Set(), values: 0 };
          found.set(name, a);
        }
        const value = attributes[name]!;
        if (value === null) continue;
        a.kinds.add(kindOf(value));
        a.values++;
      }
    },
    columns(choice) {
      if (!choice.lenient) check(choice);
      const wanted = [...found.keys()].filter(n => (choice.only?.includes(n) ?? true) && !choice.without?.includes(n)).sort();
      if (wanted.length > maxAttributes)
        throw exportErrors.fail("columns", {
          place,
          expected: `at most ${maxAttributes} attributes`,
          received: `${wanted.length}`,
          hint: "Name those you want: --attributes a,b,c.",
        });
      const taken = new Set<string>(lead);
      const columns = lead.map((name): ExportColumn => ({ name, type: "string", isNullable: false }));
      for (const attribute of wanted) {
        let name = attribute === "" || taken.has(attribute) ? `attribute_${attribute}` : attribute;
        while (taken.has(name)) name += "_";
        taken.add(name);
        const { kinds, values } = found.get(attribute)!;
        columns.push({ name, attribute, type: typeOf(kinds), isNullable: values < documents });
      }
      return columns;
    },
  };
}

/** A lone half of a surrogate pair has no bytes in UTF-8; the same replacement everywhere keeps the formats equal. */
const wellFormed = (text: string): string => (text as string & { toWellFormed(): string }).toWellFormed();

function cellOf(value: DocumentAttribute | undefined, type: ColumnType): DocumentAttribute {
  if (value === undefined || value === null) return null;
  if (type === "string") return wellFormed(typeof value === "string" ? value : JSON.stringify(value));
  return type === "strings" ? (value as readonly string[]).map(wellFormed) : value;
}

/** A document as a row of the table. */
export const rowOf = (d: Document, columns: readonly ExportColumn[]): ExportRow =>
  columns.map(c =>
    c.attribute === undefined ? wellFormed(d[c.name as (typeof lead)[number]]) : cellOf(d.attributes[c.attribute], c.type),
  );
