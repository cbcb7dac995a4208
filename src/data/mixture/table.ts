/**
 * What a mixture remembers of each document: a hash that orders it, its size, and the cell (values of all attributes in question) it is in.
 * 16 bytes a document. Cells come sorted by their values, so that nothing depends on the order in which documents were seen.
 */
import { baseErrors, sha256 } from "../../base/index.ts";
import { textBytes } from "../document.ts";
import type { MixtureOptions } from "./options.ts";
import { attributeValue, type Described } from "./value.ts";

/** Different combinations of values; beyond this an attribute is a name, not a kind. */
const mostCells = 20_000;

interface Cell {
  /** In the order of the table's attributes. */
  readonly values: readonly string[];
  documents: number;
  size: number;
}

export interface MixtureTable {
  readonly attributes: readonly string[];
  readonly cells: readonly Cell[];
  readonly length: number;
  /** Of each document, in the order of adding. */
  readonly cellOf: Uint32Array;
  readonly sizes: Uint32Array;
  /** The place of a document among those of its cell: 52 bits of a seeded hash of its id. */
  readonly ranks: Float64Array;
}

const grown = <A extends Uint32Array | Float64Array>(a: A, make: (n: number) => A): A => {
  const b = make(a.length * 2);
  b.set(a);
  return b;
};

/** Attributes that a mixture's options speak of, the weighted ones first. */
function mixtureAttributes(o: MixtureOptions): string[] {
  const balanced = o.balance ? Object.keys(o.balance) : [];
  return [
    ...new Set([...(o.by ? [o.by] : []), ...o.and.map(m => m.by), ...balanced, ...o.quotas.flatMap(q => Object.keys(q.where)).sort()]),
  ];
}

export interface TableBuilder {
  add(document: Described & { readonly text?: string }, size?: { readonly bytes?: number; readonly tokens?: number }): void;
  finish(): MixtureTable;
}

/** Takes documents one by one. `bytes` may replace the text, `tokens` is needed where tokens count. */
export function mixtureTable(o: MixtureOptions): TableBuilder {
  const attributes = mixtureAttributes(o);
  const cells: Cell[] = [];
  const numbers = new Map<string, number>();
  let [cellOf, sizes, ranks] = [new Uint32Array(1024), new Uint32Array(1024), new Float64Array(1024)];
  let n = 0;
  return {
    add(document, given = {}) {
      const bytes = given.bytes ?? textBytes(document.text ?? "");
      const size = o.unit === "bytes" ? bytes : o.unit === "documents" ? 1 : given.tokens;
      if (size === undefined)
        throw baseErrors.fail("config", {
          place: "mixture.unit",
          expected: "bytes or documents where no tokenizer has counted yet",
          received: "tokens",
        });
      const values = attributes.map(a => attributeValue(document, a, bytes, o.lengthEdges));
      const key = values.join("\u0000");
      let cell = numbers.get(key);
      if (cell === undefined) {
        cell = cells.push({ values, documents: 0, size: 0 }) - 1;
        numbers.set(key, cell);
        if (cells.length > mostCells)
          throw baseErrors.fail("config", {
            place: "mixture",
            expected: `attributes with at most ${mostCells} combinations of values`,
            received: `more (${attributes.join(", ")}; for example ${JSON.stringify(values)})`,
            hint: "Mix by an attribute that names a kind, such as language or origin.",
          });
      }
      cells[cell]!.documents++;
      cells[cell]!.size += size;
      if (n === sizes.length) {
        cellOf = grown(cellOf, m => new Uint32Array(m));
        sizes = grown(sizes, m => new Uint32Array(m));
        ranks = grown(ranks, m => new Float64Array(m));
      }
      cellOf[n] = cell;
      sizes[n] = size;
      ranks[n] = Number.parseInt(sha256(`${o.seed}/${document.id}`).slice(0, 13), 16);
      n++;
    },
    finish() {
      const key = (c: Cell) => c.values.join("\u0000");
      const order = Array.from(cells.keys()).sort((a, b) => (key(cells[a]!) < key(cells[b]!) ? -1 : 1));
      const places = new Uint32Array(cells.length);
      order.forEach((number, place) => {
        places[number] = place;
      });
      return {
        attributes,
        cells: order.map(i => cells[i]!),
        length: n,
        cellOf: cellOf.subarray(0, n).map(c => places[c]!),
        sizes: sizes.subarray(0, n),
        ranks: ranks.subarray(0, n),
      };
    },
  };
}
