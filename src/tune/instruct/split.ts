/** What trains and what selects: near-duplicates and copies on one side; a validation file of one's own is held against what is trained. */
import { sha256 } from "../../base/index.ts";
import { type Document, likeAcross, type OwnPartOptions, splitDocuments, splitOptions } from "../../data/index.ts";
import { tuneErrors } from "../errors.ts";
import { dividedByOwn, nearDuplicateGroups } from "../own-parts.ts";
import { exampleText } from "./example.ts";
import type { Fields } from "./formats.ts";
import type { SplitPartOptions } from "./options.ts";
import type { PlacedExample } from "./read.ts";

interface SplitExamples {
  readonly train: readonly PlacedExample[];
  readonly validation: readonly PlacedExample[];
}

const plain = (e: PlacedExample): string => exampleText(e.example).trim().replace(/\s+/g, " ").toLowerCase();

/** Divides examples; whole groups of near-duplicates, and examples that say the same, to one side. A function of texts, share and seed. */
export async function splitExamples(
  examples: readonly PlacedExample[],
  { validation, seed }: { readonly validation: number; readonly seed: number | string },
): Promise<SplitExamples> {
  if (validation === 0) return { train: examples, validation: [] };
  const byText = new Map<string, string>();
  for (const e of examples) {
    const text = plain(e);
    byText.set(sha256(text), text);
  }
  if (byText.size < 2) return { train: examples, validation: [] };
  const documents = [...byText].map(([id, text]): Document => ({ id, text, source: "", attributes: {} }));
  const split = await splitDocuments(documents, splitOptions.parse({ heldOut: validation, by: "near-duplicate", seed }));
  const isHeldOut = new Set(split.heldOut.map(d => d.id));
  const [train, held]: [PlacedExample[], PlacedExample[]] = [[], []];
  for (const e of examples) (isHeldOut.has(sha256(plain(e))) ? held : train).push(e);
  return { train, validation: held };
}

/**
 * Records of a file by parts of the user's own; `rest` trains, or is divided by a share where `validation` is one. Errors: those of `dividedByOwn`, as
 * tune/example.
 */
export async function splitByOwn(
  records: readonly { readonly example: PlacedExample; readonly fields: Fields }[],
  {
    validation,
    heldOut,
    allowCrossing,
  }: Pick<SplitPartOptions, "validation" | "allowCrossing"> & { readonly heldOut?: OwnPartOptions | undefined },
  place: string,
): Promise<{
  readonly rest: readonly PlacedExample[];
  readonly validation?: readonly PlacedExample[];
  readonly heldOut?: readonly PlacedExample[];
}> {
  const own = typeof validation === "number" ? undefined : validation;
  const examples = records.map(r => r.example);
  if (!own && !heldOut) return { rest: examples };
  const groups = allowCrossing ? [] : await nearDuplicateGroups(examples.map(plain));
  const all = records.map(({ example, fields }, i) => ({ example, group: groups[i] ?? "", isMade: false, attributes: fields }));
  const divided = dividedByOwn(all, { validation: own, heldOut, allowCrossing }, { place, code: "example" });
  const of = (part: "train" | "validation" | "heldOut") => divided[part].map(r => r.example);
  return { rest: of("train"), ...(own ? { validation: of("validation") } : {}), ...(heldOut ? { heldOut: of("heldOut") } : {}) };
}

/** Errors: tune/example where a validation example is trained on too, word for word or nearly. */
export function checkExampleCrossing(train: readonly PlacedExample[], validation: readonly PlacedExample[]): void {
  const copies = new Map(train.map(e => [plain(e), e.place]));
  const refuse = (held: PlacedExample, place: string, likeness: string, count: number): never => {
    throw tuneErrors.fail("example", {
      place: held.place,
      expected: "validation examples that are not trained on",
      received: `${likeness} of ${place}${count > 1 ? `, and ${count - 1} more` : ""}`,
      hint: "Take them out of one of the files, or let them pass with `allowCrossing: true`.",
    });
  };
  const same = validation.filter(e => copies.has(plain(e)));
  if (same[0]) refuse(same[0], copies.get(plain(same[0]))!, "a copy", same.length);
  // by the words of short ones too, as texts are split
  const found = likeAcross(train.map(plain), validation.map(plain));
  const alike = validation.flatMap((e, i) => {
    const like = found[i];
    return like ? [{ e, like }] : [];
  });
  const [first] = alike;
  if (first) refuse(first.e, train[first.like.text]!.place, `a near-duplicate (${first.like.similarity.toFixed(2)})`, alike.length);
}
