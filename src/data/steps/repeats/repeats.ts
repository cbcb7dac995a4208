/**
 * The repeats step: lines and paragraphs that many documents hold (headers, footers, licence texts, navigation) are cut, all of them or all
 * but the first. First is by document id, then by place, so the order of reading does not matter. Idea: CCNet's paragraphs (Wenzek et al.
 * 2020). As messages: every document sends its name under each of its lines and paragraphs; those that many sent are told back.
 */

import type { z } from "zod";
import type { Document } from "../../document.ts";
import type { LedgerEdit } from "../../ledger.ts";
import { namedMessage, nameFrom } from "../messages.ts";
import { type Applied, type CorpusPlan, corpusStep, type Key } from "../step.ts";
import { repeatsOptions } from "./options.ts";
import { type RepeatParagraph, repeatParagraphs, sameness, textOfParagraphs, unitHash } from "./units.ts";

type Options = z.output<typeof repeatsOptions>;

const kinds = ["line", "paragraph"] as const;
type Kind = (typeof kinds)[number];

/** A unit's hash as one text, for maps. */
const nameOf = (kind: number, a: number, b: number): string => `${kind} ${a} ${b}`;

function planOf(o: Options): CorpusPlan {
  const ruleOf = (kind: Kind) => (kind === "line" ? o.lines : o.paragraphs);
  const scopeOf = ({ attributes }: Document): string =>
    o.within === "corpus" ? "" : JSON.stringify(attributes[o.within.attribute] ?? null);
  /** Lines and paragraphs of the same text are counted apart. */
  const hashOf = (scope: string, kind: Kind, text: string) => {
    const rule = ruleOf(kind);
    const same = rule && sameness(text);
    if (!rule || !same || same.length < rule.minLength) return undefined;
    const [a, b] = unitHash(`${kind} ${scope}`, same);
    return [a >>> 0, b >>> 0] as const;
  };

  function cut(document: Document, received: readonly Buffer[]): Applied {
    /** Whether a repeated unit begins here, among all documents. */
    const isFirst = new Map<string, boolean>(
      received.map(told => [nameOf(told[0]!, told.readUInt32LE(2), told.readUInt32LE(6)), told[1] === 1] as const),
    );
    const scope = scopeOf(document);
    const isCut = (kind: Kind, text: string): boolean => {
      const hash = hashOf(scope, kind, text);
      const name = hash && nameOf(kinds.indexOf(kind), ...hash);
      const first = name === undefined ? undefined : isFirst.get(name);
      if (name === undefined || first === undefined) return false;
      if (o.keep === "none" || !first) return true;
      isFirst.set(name, false);
      return false;
    };
    let [cutLines, cutParagraphs] = [0, 0];
    const left: RepeatParagraph[] = [];
    for (const { lines, blank } of repeatParagraphs(document.text)) {
      if (lines.length > 0 && isCut("paragraph", lines.join("\n"))) {
        cutParagraphs++;
        continue;
      }
      const stay = lines.filter(line => !isCut("line", line));
      cutLines += lines.length - stay.length;
      // A paragraph without lines takes its blank lines along.
      if (stay.length > 0 || lines.length === 0) left.push({ lines: stay, blank });
    }
    if (cutLines + cutParagraphs === 0) return {};
    const edits: LedgerEdit[] = [];
    if (cutParagraphs > 0) edits.push({ rule: "repeated-paragraph", value: cutParagraphs });
    if (cutLines > 0) edits.push({ rule: "repeated-line", value: cutLines });
    const text = textOfParagraphs(left);
    if (text.trim() !== "") return { text, edits };
    // The text stays readable among what was dropped.
    return { edits, verdicts: [{ rule: "only-repeats", keep: false, value: 0, threshold: 1 }] };
  }

  return {
    phases: [
      {
        ask(asked, send) {
          for (const { document, ref } of asked) {
            const scope = scopeOf(document);
            const name = namedMessage(document, ref);
            const sent = new Set<string>();
            const say = (kind: Kind, text: string) => {
              const hash = hashOf(scope, kind, text);
              if (!hash) return;
              const unit = nameOf(kinds.indexOf(kind), ...hash);
              if (sent.has(unit)) return;
              sent.add(unit);
              const key: Key = [hash[0], hash[1], kinds.indexOf(kind), 0];
              send(0, key, name);
            };
            for (const { lines } of repeatParagraphs(document.text)) {
              say("paragraph", lines.join("\n"));
              if (o.lines) for (const line of lines) say("line", line);
            }
          }
        },
        rounds: [
          {
            unordered: true,
            reduce({ key, count, values }, out) {
              const rule = ruleOf(kinds[key[2]]!);
              if (!rule || count < rule.minDocuments) return;
              let first: string | undefined;
              for (const value of values()) {
                const { id } = nameFrom(value);
                if (first === undefined || id < first) first = id;
              }
              for (const value of values()) {
                const { id, ref } = nameFrom(value);
                const told = Buffer.allocUnsafe(10);
                told[0] = key[2];
                told[1] = id === first ? 1 : 0;
                told.writeUInt32LE(key[0], 2);
                told.writeUInt32LE(key[1], 6);
                out.tell(ref, told);
              }
            },
          },
        ],
      },
    ],
    settle: cut,
  };
}

export const repeats = corpusStep({ name: "repeats", version: 2, options: repeatsOptions, plan: planOf });
