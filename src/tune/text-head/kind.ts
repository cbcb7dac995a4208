/** A kind of tuning that reads something off the texts of a data set, from its stage and its judge: what a new kind of head need not say again. */
import type { z } from "zod";
import type { ArtifactReader, Stage, Summary } from "../../store/index.ts";
import { judgedLabel, type KindSurroundings, type TuningKind } from "../kind/kind.ts";
import type { TunePart } from "../kind/kind-part.ts";

interface HeadKind<P extends TunePart, S extends TuningKind<P>["part"]> {
  readonly part: S;
  /** Of base and documents, with the options `{ name, recipe }`. */
  tuning(around: KindSurroundings): Stage;
  describe(summary: Summary): string;
  /** Of model and documents, with the options `{ half }` and these. */
  judge(around: KindSurroundings): Stage;
  judgeOptions(part: P): object;
  /** What a loss is counted in. */
  readonly unit: string;
  texts(documents: ArtifactReader, part: P): Promise<readonly string[]>;
}

export const headKind = <S extends z.ZodObject & TuningKind<P>["part"], P extends TunePart = z.output<S> & TunePart>(
  kind: HeadKind<P, S>,
): TuningKind<P> & { readonly part: S } => ({
  part: kind.part,
  reads: "data set",
  links({ name, base, part: { task: _, on, ...recipe }, around }) {
    const inputs = { base, documents: `data/${on}` };
    return [
      {
        stage: "tune",
        label: name,
        inputs,
        definition: kind.tuning(around),
        options: () => ({ name, recipe }),
        describe: s => kind.describe(s),
      },
    ];
  },
  stages: around => [kind.tuning(around)],
  judge: {
    input: "documents",
    beside: [],
    unit: () => kind.unit,
    link: ({ part, around }, { model, label, half }) => ({
      stage: "evaluate",
      label,
      inputs: { model, documents: judgedLabel },
      definition: kind.judge(around),
      options: () => ({ half, ...kind.judgeOptions(part) }),
      describe: s => `loss ${s.loss} on ${s.documents} documents`,
    }),
    // trials are compared on their way where they learn by the study's own loss
    told: (own, study) => (JSON.stringify(kind.judgeOptions(own.part)) === JSON.stringify(kind.judgeOptions(study.part)) ? 1 : undefined),
    texts: (documents, part) => kind.texts(documents, part),
  },
});
