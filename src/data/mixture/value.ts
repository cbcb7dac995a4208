/** A document's value of an attribute, as a mixture and a split name it. Three are known of every document: origin, source, length. */
import type { Document } from "../document.ts";
import { noAttribute } from "./options.ts";

export type Described = Pick<Document, "id" | "source" | "attributes">;

/** `under 256`, `256 to 1023`, ..., `from 65536`. */
function lengthBucket(bytes: number, edges: readonly number[]): string {
  const sorted = [...edges].sort((a, b) => a - b);
  const i = sorted.findIndex(e => bytes < e);
  if (i === 0) return `under ${sorted[0]}`;
  return i < 0 ? `from ${sorted.at(-1)}` : `${sorted[i - 1]} to ${sorted[i]! - 1}`;
}

/** Folder of a place, or the file of many records: `spam/7.eml` -> `spam`, `mails.jsonl:12` -> `mails.jsonl`. */
const folderOf = (place: string): string => {
  const slash = place.lastIndexOf("/");
  return slash > 0 ? place.slice(0, slash) : place.replace(/[:#]\d+$/, "");
};

/** An attribute wins over what is known otherwise; several values of one document are one, joined by `+`. */
export function attributeValue(d: Described, attribute: string, bytes: number, edges: readonly number[]): string {
  const own = Object.hasOwn(d.attributes, attribute) ? d.attributes[attribute] : undefined;
  if (own !== undefined && own !== null && own !== "") return Array.isArray(own) ? own.join("+") || noAttribute : String(own);
  if (attribute === "origin") return d.id.split(":", 1)[0]!;
  if (attribute === "source") return folderOf(d.source);
  if (attribute === "length") return lengthBucket(bytes, edges);
  return noAttribute;
}
