/**
 * A document: the unit that steps judge, splits separate and lineage names. Its id comes from where it was read, so it stays the same
 * from run to run; attributes are what readers and steps found out about it. Files of documents are JSON Lines.
 */
import { z } from "zod";
import { keyPath } from "../base/index.ts";
import { dataErrors } from "./errors.ts";

/** Measured or read values beside the text. */
export type DocumentAttribute = string | number | boolean | null | readonly string[];
export type DocumentAttributes = Readonly<Record<string, DocumentAttribute>>;

export interface Document {
  readonly id: string;
  readonly text: string;
  /** Where it came from: file within the source, with the record's number in files that hold many. */
  readonly source: string;
  readonly attributes: DocumentAttributes;
}

const documentSchema = z.object({
  id: z.string().min(1),
  text: z.string(),
  source: z.string(),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())])),
});

/** A line that is no document, with its place and why. */
export interface BadLine {
  readonly place: string;
  readonly reason: string;
}

/** One JSON line, attributes in sorted order, so that equal documents are equal bytes. */
export function documentLine(d: Document): string {
  const attributes = Object.fromEntries(Object.entries(d.attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify({ id: d.id, source: d.source, attributes, text: d.text })}\n`;
}

/** UTF-8 bytes of a text. */
export const textBytes = (text: string): number => Buffer.byteLength(text);

/** A document of one JSON line, or the reason why it is none. */
export function parseDocument(line: string): Document | { readonly reason: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return { reason: `not JSON (${(error as Error).message})` };
  }
  const result = documentSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  return { reason: `${keyPath(issue.path) || "the line"}: ${issue.message}` };
}

/** Text lines of a byte stream (UTF-8, `\n` or `\r\n`), with bounded memory besides the longest line. */
export async function* textLines(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  for await (const piece of pieces) {
    rest += decoder.decode(piece, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

/**
 * Documents of a JSON Lines stream. A bad line goes to `onBad` with its place and the stream goes on; without `onBad` it is an error.
 * Empty lines are skipped.
 */
export async function* readDocuments(
  pieces: AsyncIterable<Uint8Array>,
  options: { place: string; onBad?: (bad: BadLine) => void },
): AsyncGenerator<Document> {
  let number = 0;
  for await (const line of textLines(pieces)) {
    number++;
    if (line.trim() === "") continue;
    const parsed = parseDocument(line);
    if (!("reason" in parsed)) {
      yield parsed;
      continue;
    }
    const place = `${options.place}:${number}`;
    if (!options.onBad)
      throw dataErrors.fail("badDocument", { place, message: `expected a document: ${parsed.reason}`, hint: "Make the file again." });
    options.onBad({ place, reason: parsed.reason });
  }
}
