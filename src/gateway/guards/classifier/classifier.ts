/**
 * A guard that lets a model classify: any model of the gateway that answers OpenAI's moderations. Long texts are read in windows that overlap, disguised texts
 * in their plain readings too. Texts of requests that come at the same time are asked about together.
 */
import { isRow } from "../../../protocols/index.ts";
import { undisguisedReadings } from "../../../text/index.ts";
import type { Guard, GuardAskModel } from "../contract.ts";
import { GuardFailure } from "../failure.ts";
import { type GuardOpening, guardOf } from "../part.ts";
import type { GuardPartOf } from "../schema.ts";
import { type WindowDecision, windowFilter } from "../windows.ts";
import { Batches } from "./batches.ts";

/** Characters that are classified together, and how many of them the next ones see again. */
const windowCharacters = 4_000;
const overlapCharacters = 500;
/** Of an answer that is no stream, decided on together. */
const wholeCharacters = 1_000_000;

/** Scores of a text by category, and what the model itself says holds. */
export interface Classified {
  readonly scores: Readonly<Record<string, number>>;
  readonly held: Readonly<Record<string, boolean>>;
}

/** Errors: GuardFailure for anything but OpenAI's moderations of so many texts. */
export function classifiedOf(answer: unknown, count: number): readonly Classified[] {
  const results = isRow(answer) ? answer.results : undefined;
  if (!Array.isArray(results) || results.length !== count) throw new GuardFailure(`its model did not answer with ${count} results`);
  return results.map((r: unknown) => {
    if (!isRow(r) || !isRow(r.categories) || !isRow(r.category_scores))
      throw new GuardFailure("its model's answer has no categories and scores");
    const scores = Object.entries(r.category_scores).filter((e): e is [string, number] => typeof e[1] === "number");
    return { scores: Object.fromEntries(scores), held: Object.fromEntries(Object.entries(r.categories).map(([k, v]) => [k, v === true])) };
  });
}

type Part = Pick<GuardPartOf<"classifier">, "threshold" | "action" | "categories">;

/** The gravest that categories ask for. Errors: GuardFailure for a category of the configuration that the model does not tell. */
export function decisionOn({ threshold, action, categories }: Part, all: readonly Classified[]): WindowDecision {
  let worst: { readonly kind: "flag" | "block"; readonly category: string; readonly score: number } | undefined;
  for (const { scores, held } of all) {
    const unknown = Object.keys(categories).find(c => !Object.hasOwn(scores, c));
    if (unknown !== undefined) throw new GuardFailure(`its model has no category ${JSON.stringify(unknown)}`);
    for (const [category, score] of Object.entries(scores)) {
      const own = categories[category];
      const kind = own?.action ?? action;
      const least = own?.threshold ?? threshold;
      if (kind === "pass" || !(least === undefined ? held[category] : score >= least)) continue;
      const isWorse = !worst || (worst.kind === kind ? score > worst.score : kind === "block");
      if (isWorse) worst = { kind, category, score };
    }
  }
  return worst ? { kind: worst.kind, note: `${worst.category} ${worst.score.toFixed(2)}` } : { kind: "pass" };
}

/** A text in windows; the last one is as long as the others. */
function windowsOf(text: string): string[] {
  if (text.length <= windowCharacters) return [text];
  const step = windowCharacters - overlapCharacters;
  return Array.from({ length: Math.ceil((text.length - overlapCharacters) / step) }, (_, i) =>
    text.slice(i * step, i * step + windowCharacters),
  );
}

export async function openClassifier(opening: GuardOpening<GuardPartOf<"classifier">>): Promise<Guard> {
  const { part } = opening;
  const { model, timeout: timeoutMs } = part;
  const batches = new Batches<Classified>(async (texts, askModel) =>
    classifiedOf(await askModel({ endpoint: "moderations", body: { model, input: texts }, timeoutMs }), texts.length),
  );
  const decide = async (texts: readonly string[], askModel: GuardAskModel): Promise<WindowDecision> => {
    const read = texts.filter(t => t.trim() !== "").flatMap(text => [text, ...undisguisedReadings(text)].flatMap(windowsOf));
    return read.length === 0 ? { kind: "pass" } : decisionOn(part, await batches.run(read, askModel));
  };
  return guardOf(opening, {
    maxBytes: part.maxBytes,
    asks: model,
    open: ({ askModel }) => ({
      before: async ({ texts, fixed }) => {
        const { kind, note } = await decide([...texts, ...fixed], askModel);
        if (kind !== "block") return kind === "flag" ? { kind, ...(note ? { note } : {}) } : { kind };
        return { kind, why: `it was classified as ${note?.replace(/ [\d.]+$/, "")}`, ...(note ? { note } : {}) };
      },
      filter: (_, isWhole) =>
        windowFilter({
          mostCharacters: isWhole ? wholeCharacters : part.window,
          failsOpen: part.onFailure === "open",
          decide: (text, { before }) => decide([before + text], askModel),
        }),
    }),
  });
}
