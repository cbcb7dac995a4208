/** The texts of one split of a cross-validation: a fold is scored on, the rest trains, and a share of the rest's groups selects in the fold's place. */
import { formatCount } from "../../base/index.ts";
import type { ArtifactReader, ArtifactWriter } from "../../store/index.ts";
import { selectingGroups } from "../classify/examples.ts";
import { tuneErrors } from "../errors.ts";
import { type Foldable, foldsOf } from "./folds.ts";
import type { FoldPlace } from "./options.ts";

export interface FoldParts<T> {
  readonly train: readonly T[];
  /** What selects the best step. */
  readonly validation: readonly T[];
  /** The fold: nothing of the run is chosen by it. */
  readonly test: readonly T[];
}

/** What the recipe says of its own validation part. */
interface Drawn {
  readonly validation: unknown;
  readonly seed: number | string;
}

/** The share of a fold's training groups that selects where the recipe names documents that do. */
const usualShare = 0.1;

/** Texts divided by the ids of a fold; what was made of its texts, and their near-duplicates, train nothing. */
export function partsOf<T extends Foldable>(all: readonly T[], fold: ReadonlySet<string>, { validation, seed }: Drawn): FoldParts<T> {
  const test = all.filter(t => !t.isMade && fold.has(t.id));
  const held = new Set(test.map(t => t.group));
  const rest = all.filter(t => !held.has(t.group));
  // drawn apart from the recipe's own part, which may be the fold
  const share = { validation: typeof validation === "number" ? validation : usualShare, seed: `${seed}/fold` };
  const chosen = selectingGroups(rest, share);
  return { train: rest.filter(t => !chosen.has(t.group)), validation: rest.filter(t => chosen.has(t.group) && !t.isMade), test };
}

/** Texts that a part needs: of each class, or in all where there are no classes. */
type Least = Readonly<Record<keyof FoldParts<unknown>, number>>;

interface CheckedFolds {
  /** By number; one name where there are no classes. */
  readonly classes: readonly string[];
  readonly least: Least;
  readonly place: string;
}

const partNames = { train: "training part", validation: "selecting part", test: "fold" } as const;

/** Refuses folds that a part of which cannot be trained or scored on, before anything is trained. Errors: tune/folds. */
function checkParts(parts: FoldParts<Foldable>, at: FoldPlace, { classes, least, place }: CheckedFolds, folds: number): void {
  for (const part of ["test", "train", "validation"] as const)
    for (const [label, name] of classes.entries()) {
      // what selects need not have every class: rare ones are trained on first
      const own = part === "validation" ? parts[part] : parts[part].filter(t => t.label === label);
      if (own.length >= least[part]) continue;
      const ofClass = classes.length > 1 && part !== "validation" ? ` of "${name}"` : "";
      throw tuneErrors.fail("folds", {
        place: `${place}: repeat ${at.repeat}, fold ${at.fold}, ${partNames[part]}`,
        expected: `${least[part]} ${least[part] === 1 ? "text" : "texts"}${ofClass} or more`,
        received: formatCount(own.length),
        hint: `${folds > 2 ? "Ask for fewer folds, give" : "Give"} more texts${ofClass}${ofClass === "" ? "" : ", or leave the class out (classes:)"}; near-duplicates stay in one fold.`,
      });
    }
}

const foldsFile = "folds.json";
/** Ids of the texts that each fold is scored on. */
type Folds = readonly (readonly string[])[];

/** What one repeat is drawn by; 1 fold is the validation part. */
interface FoldsDrawn {
  readonly folds: number;
  readonly repeat: number;
}

/** Draws the folds of one repeat, or takes the validation part as the only one, and writes them down. Errors: tune/folds. */
export async function writeFolds(
  output: ArtifactWriter,
  all: readonly Foldable[],
  validation: readonly string[],
  { folds, repeat }: FoldsDrawn,
  drawn: Drawn,
  checked: CheckedFolds,
) {
  const groups = new Set(all.map(t => t.group)).size;
  if (groups < folds)
    throw tuneErrors.fail("folds", {
      place: checked.place,
      expected: `${folds} groups of documents or more, one for each fold`,
      received: formatCount(groups),
      hint: "Ask for fewer folds, or give more texts; near-duplicates stay in one fold.",
    });
  const ids: Folds = folds === 1 ? [validation] : foldsOf(all, { folds, repeat, seed: drawn.seed });
  for (const [i, own] of ids.entries()) checkParts(partsOf(all, new Set(own), drawn), { repeat, fold: i + 1 }, checked, folds);
  await output.write(foldsFile, `${JSON.stringify(ids)}\n`);
  return { folds, repeat, documents: ids.reduce((n, own) => n + own.length, 0), groups };
}

/** Ids of the texts of one fold, from 1 on. */
export async function readFold(artifact: ArtifactReader, fold: number): Promise<ReadonlySet<string>> {
  return new Set((JSON.parse((await artifact.read(foldsFile)).toString("utf8")) as Folds)[fold - 1]!);
}

export type Scores = Readonly<Record<string, number>>;
/** What one training, or the baselines of one fold, came to. */
export interface FoldScores extends FoldPlace {
  /** Of training; absent of baselines, which have none. */
  readonly seed?: number | string;
  readonly trainSize: number;
  readonly testSize: number;
  readonly scores: Readonly<Record<string, Scores>>;
  /** What a search counts: bits per text, or squared error in variances of the numbers trained on. Absent of baselines. */
  readonly loss?: number;
}
const scoresFile = "scores.json";
/** Errors: tune/folds where a score is no number: training diverged, or all numbers of the fold are one. */
export async function writeScores(output: ArtifactWriter, given: FoldScores): Promise<void> {
  const all = [...Object.values(given.scores).flatMap(Object.entries), ["loss", given.loss ?? 0] as const];
  const broken = all.find(([, value]) => !Number.isFinite(value));
  if (broken)
    throw tuneErrors.fail("folds", {
      place: `repeat ${given.repeat}, fold ${given.fold}: ${broken[0]}`,
      expected: "a number",
      received: String(broken[1]),
      hint: "Lower the rate if training diverges; ask for fewer folds if the numbers of a fold are all equal.",
    });
  await output.write(scoresFile, `${JSON.stringify(given, null, 2)}\n`);
}
export const readScores = async (artifact: ArtifactReader): Promise<FoldScores> =>
  JSON.parse((await artifact.read(scoresFile)).toString("utf8")) as FoldScores;
