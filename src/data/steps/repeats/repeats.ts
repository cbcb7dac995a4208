/**
 * The repeats step: lines and paragraphs that many documents hold (headers, footers, licence texts, navigation) are cut, all of them or all
 * but the first. First is by document id, then by place, so the order of reading does not matter. Idea: CCNet's paragraphs (Wenzek et al.
 * 2020). Memory: 20 bytes a distinct line or paragraph that is long enough, 6 to 12 of a hash table, and the documents' ids.
 */
import { z } from "zod";
import type { Document } from "../../document.ts";
import type { Edit } from "../../ledger.ts";
import { columns, hashIndex } from "../deduplicate/register.ts";
import { type CorpusPass, corpusStep } from "../step.ts";
import { type Paragraph, paragraphsOf, sameness, textOf, unitHash } from "./units.ts";

const unitOptions = z.strictObject({
  /** Documents of a scope that hold it before it counts as repeated. */
  minDocuments: z.number().int().min(2).default(10),
  /** Shorter ones are never cut; characters without outer white space. */
  minLength: z.number().int().min(1).default(30),
});

const options = z
  .strictObject({
    /** `null` leaves lines alone. */
    lines: unitOptions.nullable().prefault({}),
    paragraphs: unitOptions.nullable().prefault({}),
    /** Whether the first occurrence stays. */
    keep: z.enum(["first", "none"]).default("first"),
    /** Where occurrences are counted together: everywhere, or among documents with the same value of an attribute. */
    within: z.union([z.literal("corpus"), z.strictObject({ attribute: z.string().min(1) })]).default("corpus"),
  })
  .refine(o => o.lines !== null || o.paragraphs !== null, { message: "lines or paragraphs" });
type Options = z.output<typeof options>;

/** Columns of the units: how many documents hold it, the last that was seen to, the first by id; documents by number + 1. */
const [DOCUMENTS, LAST, FIRST] = [0, 1, 2];

function pass(o: Options): CorpusPass {
  const ids: string[] = [];
  const index = hashIndex(2);
  const units = columns(3);
  const scopeOf = ({ attributes }: Document): string =>
    o.within === "corpus" ? "" : JSON.stringify(attributes[o.within.attribute] ?? null);
  /** Lines and paragraphs of the same text are counted apart. */
  const hashOf = (scope: string, kind: "line" | "paragraph", text: string) => {
    const rule = kind === "line" ? o.lines : o.paragraphs;
    const same = rule && sameness(text);
    return rule && same && same.length >= rule.minLength ? unitHash(`${kind} ${scope}`, same) : undefined;
  };

  const count = (hash: [number, number] | undefined, document: number) => {
    if (!hash) return;
    const u = index.number(hash);
    if (u === units.rows) units.add();
    if (units.get(u, LAST) === document + 1) return;
    units.set(u, LAST, document + 1);
    units.set(u, DOCUMENTS, units.get(u, DOCUMENTS) + 1);
    const first = units.get(u, FIRST);
    if (first === 0 || ids[document]! < ids[first - 1]!) units.set(u, FIRST, document + 1);
  };

  return {
    see(document) {
      const scope = scopeOf(document);
      const number = ids.push(document.id) - 1;
      for (const { lines } of paragraphsOf(document.text)) {
        count(hashOf(scope, "paragraph", lines.join("\n")), number);
        if (o.lines) for (const line of lines) count(hashOf(scope, "line", line), number);
      }
    },
    judge: () => new Map(),
    revise(document) {
      const scope = scopeOf(document);
      /** Units of this document that stay here because it is their first. */
      const kept = new Set<number>();
      const isCut = (kind: "line" | "paragraph", text: string): boolean => {
        const hash = hashOf(scope, kind, text);
        const u = hash && index.find(hash);
        const rule = kind === "line" ? o.lines : o.paragraphs;
        if (u === undefined || !rule || units.get(u, DOCUMENTS) < rule.minDocuments) return false;
        if (o.keep === "none" || ids[units.get(u, FIRST) - 1] !== document.id || kept.has(u)) return true;
        kept.add(u);
        return false;
      };
      let [cutLines, cutParagraphs] = [0, 0];
      const left: Paragraph[] = [];
      for (const { lines, blank } of paragraphsOf(document.text)) {
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
      const edits: Edit[] = [];
      if (cutParagraphs > 0) edits.push({ rule: "repeated-paragraph", value: cutParagraphs });
      if (cutLines > 0) edits.push({ rule: "repeated-line", value: cutLines });
      const text = textOf(left);
      if (text.trim() !== "") return { text, edits };
      // The text stays readable among what was dropped.
      return { edits, verdicts: [{ rule: "only-repeats", keep: false, value: 0, threshold: 1 }] };
    },
  };
}

export const repeats = corpusStep({ name: "repeats", version: 1, options, begin: pass });
