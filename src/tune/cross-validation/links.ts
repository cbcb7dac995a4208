/** The stages of a cross-validation: folds, a training for each fold and seed, the baselines of each fold, and the report of all of them. */
import { formatCount } from "../../base/index.ts";
import type { Stage } from "../../store/index.ts";
import { type FoldsGiven, type KindLink, kindLink } from "../kind/kind.ts";
import type { TunePart } from "../kind/kind-part.ts";
import { fourDigits, summaryNumber as n } from "../kind/summary-text.ts";
import { type CrossValidationOptions, type FoldPlace, foldPlaces, seedsOf } from "./options.ts";
import { baselinesInput, crossValidationStage, runInput } from "./report-stage.ts";

/** The report's label. */
export const crossValidationLabel = (name: string): string => `cross-validation/${name}`;
const foldsLabel = (name: string, repeat: number): string => `folds/${name}/${repeat}`;
const placeLabel = (name: string, { repeat, fold }: FoldPlace, of: string): string => `fold/${name}/${repeat}.${fold}/${of}`;

type Labelled = Pick<KindLink, "label"> & { readonly stage: string };
/** Does a link draw folds? It needs documents alone. */
export const drawsFolds = ({ stage, label }: Labelled): boolean => stage === "cross-validate" && label.startsWith("folds/");
/** The model whose recipe a link trains on a fold; undefined of other links. */
export const foldedModelOf = ({ stage, label }: Labelled): string | undefined =>
  stage === "cross-validate" ? /^fold\/([^/]+)\/[\d.]+\/seed-/.exec(label)?.[1] : undefined;

/** `5 folds x 2 repeats x 3 seeds`. */
export const foldCountsText = ({
  folds,
  repeats,
  seeds,
}: Omit<CrossValidationOptions, "folds"> & { readonly folds?: number | undefined }): string =>
  [
    ...(folds !== undefined && folds > 1 ? [`${folds} folds`] : []),
    ...(repeats > 1 ? [`${repeats} repeats`] : []),
    ...(seeds > 1 ? [`${seeds} seeds`] : []),
  ].join(" x ");

/** What a kind adds: its stages, and how their results read. */
interface FoldStages {
  readonly of: "classification" | "regression";
  /** The attribute of documents that holds what is right. */
  readonly label: string;
  /** The measure that a line tells. */
  readonly shown: readonly [measure: string, name: string];
  /** What all stages are told of the documents: `labels` or `targets`. */
  readonly read: object;
  /** The recipe as its stage takes it. */
  readonly recipe: object;
  readonly folds: Stage;
  readonly run: Stage;
  describeRun: KindLink["describe"];
  /** Absent where there are none. */
  readonly baselines?: { readonly definition: Stage; readonly options: object; describe: KindLink["describe"] } | undefined;
}

/** Of each repeat its folds, then fold by fold the baselines and the trainings; at the end the report. */
export function foldLinks<P extends TunePart>(
  { name, base, documents, crossValidation: o, part }: FoldsGiven<P>,
  kind: FoldStages,
): KindLink[] {
  const seeds = seedsOf(part.seed, o.seeds);
  const { of, label, read, recipe, baselines } = kind;
  const [measure, called] = kind.shown;
  const inputs: Record<string, string> = { model: name };
  const links: KindLink[] = [];
  const common = { stage: "cross-validate" } as const;
  for (const at of foldPlaces(o)) {
    const folds = foldsLabel(name, at.repeat);
    if (at.fold === 1)
      links.push({
        ...common,
        label: folds,
        inputs: { documents },
        definition: kind.folds,
        options: () => ({ ...read, folds: o.folds ?? 1, repeat: at.repeat }),
        describe: s =>
          n(s, "folds") === 1
            ? `the validation part, ${formatCount(n(s, "documents"))} documents`
            : `${formatCount(n(s, "documents"))} documents in ${n(s, "folds")} folds`,
      });
    if (baselines) {
      const own = placeLabel(name, at, "baselines");
      inputs[baselinesInput(at)] = own;
      const { definition, options, describe } = baselines;
      links.push({
        ...common,
        label: own,
        inputs: { documents, folds },
        definition,
        options: () => ({ ...read, ...options, ...at }),
        describe,
      });
    }
    for (const [i, seed] of seeds.entries()) {
      const own = placeLabel(name, at, `seed-${i + 1}`);
      inputs[runInput(at, i + 1)] = own;
      links.push({
        ...common,
        label: own,
        inputs: { base, documents, folds },
        definition: kind.run,
        options: () => ({ name, recipe, ...at, seed }),
        describe: kind.describeRun,
      });
    }
  }
  links.push(
    kindLink({
      ...common,
      label: crossValidationLabel(name),
      inputs,
      definition: crossValidationStage({ ...o, hasBaselines: baselines !== undefined }),
      options: () => ({ name, of, label, folds: o.folds ?? 1, repeats: o.repeats, seeds }),
      describe: s => {
        const interval =
          s[`${measure}Low`] === undefined ? "" : ` [${fourDigits(n(s, `${measure}Low`))}, ${fourDigits(n(s, `${measure}High`))}]`;
        return `${called} ${fourDigits(n(s, measure))}${interval} over ${foldCountsText(o)}`;
      },
    }),
  );
  return links;
}
