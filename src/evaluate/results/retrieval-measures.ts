/** Measures of retrieval by name: `ndcg@10`, `recall@100`, any k; `mrr` and `map` of whole rankings. Means over queries. */
import { type PlaceFigure, placeFigures } from "../retrieval/index.ts";
import { type MakeMeasure, meanOf } from "./measure.ts";

const figures = Object.keys(placeFigures) as PlaceFigure[];

/** Names with a k, of rankings and of programs. */
export const countedName = new RegExp(`^(?:pass|${figures.join("|")})@[1-9]\\d*$`);
const placeName = new RegExp(`^(${figures.join("|")})@([1-9]\\d*)$`);

const placed = (figure: PlaceFigure, k: number): MakeMeasure => meanOf("higher", "mean", i => placeFigures[figure](i.found!, k));

/** Undefined where a name is of no such measure. */
export function placeMeasure(name: string): MakeMeasure | undefined {
  const [, figure, k] = placeName.exec(name) ?? [];
  return figure === undefined ? undefined : placed(figure as PlaceFigure, Number(k));
}

/** Those without a k, and an example of each with one. */
export const placeMeasures: Readonly<Record<string, MakeMeasure>> = {
  ...Object.fromEntries(figures.map(figure => [`${figure}@10`, placed(figure, 10)])),
  mrr: placed("mrr", Number.POSITIVE_INFINITY),
  map: placed("map", Number.POSITIVE_INFINITY),
};
