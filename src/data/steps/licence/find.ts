/**
 * What says which licence a text is under, strongest first: metadata, an SPDX identifier, a licence's own text, the header that stands for
 * it, a sentence that names it, an address of it. Only the strongest counts; several of the same kind hold together.
 */
import type { DocumentAttributes } from "../../document.ts";
import { parseExpression } from "./expression.ts";
import { licenceOfAddress, licenceOfValue } from "./names.ts";
import { fitting, fullTexts, headers, licenceForm, mentions } from "./phrases.ts";

const licenceEvidenceKinds = ["metadata", "identifier", "text", "header", "mention", "address"] as const;
type EvidenceKind = (typeof licenceEvidenceKinds)[number];

interface Evidence {
  readonly kind: EvidenceKind;
  /** SPDX expressions, without doubles, in the order in which they were found. */
  readonly licences: readonly string[];
}

/** Characters looked at, of the beginning and of the end: licences stand there, and a text must not cost more for its length. */
const [head, tail] = [200_000, 20_000];

const words = /licen[cs]e|permission|redistribution|creativecommons|public domain|spdx|unlicense/i;
const identifier = /SPDX-License-Identifier:[ \t]*([^\n\r"'<>]{1,200})/g;
const links = /(?:creativecommons|opensource|apache|gnu|mozilla|unlicense|opendatacommons)\.org[\w./-]{0,80}/gi;
const badge = /\b(CC0|CC[ -]BY(?:[ -]NC)?(?:[ -](?:SA|ND))?)[ -](\d\.\d)\b/g;

const unique = (ids: Iterable<string | undefined>): string[] => [...new Set([...ids].filter(id => id !== undefined))];

/** Strips what closes a comment. */
const expressionIn = (text: string): string | undefined => {
  const bare = text.replace(/\*\/.*|-->.*|\s*[*#;/]+\s*$/, "").trim();
  return parseExpression(bare) ? (licenceOfValue(bare) ?? bare) : undefined;
};

/** The strongest evidence, or undefined where there is none. */
export function findLicence(text: string, attributes: DocumentAttributes, names: readonly string[]): Evidence | undefined {
  const told = unique(
    names.flatMap(name => {
      const value = attributes[name];
      return (Array.isArray(value) ? value : [value]).map(v => (typeof v === "string" ? licenceOfValue(v) : undefined));
    }),
  );
  if (told.length > 0) return { kind: "metadata", licences: told };
  const part = text.length <= head + tail ? text : `${text.slice(0, head)}\n${text.slice(-tail)}`;
  if (!words.test(part) && !/\bCC0?\b/.test(part)) return undefined;
  const marked = unique([...part.matchAll(identifier)].map(m => expressionIn(m[1]!)));
  if (marked.length > 0) return { kind: "identifier", licences: marked };
  const plain = licenceForm(part);
  for (const [kind, licences] of [
    ["text", () => fitting(fullTexts, plain)],
    ["header", () => fitting(headers, plain)],
    ["mention", () => mentions(plain)],
    [
      "address",
      () => [
        ...[...part.matchAll(links)].map(m => licenceOfAddress(m[0])),
        ...[...part.matchAll(badge)].map(m => `${m[1]!.replace(/ /g, "-")}-${m[2]}`),
      ],
    ],
  ] as const) {
    const found = unique(licences());
    if (found.length > 0) return { kind, licences: found };
  }
  return undefined;
}
