/** What attacks find of erased texts in a version, beside its parent and a model that never saw them: an artifact of figures, with no text and no id. */
import { z } from "zod";
import { likelihoodScorer } from "../../evaluate/index.ts";
import { type Extraction, isWithinInterval, type MembershipArea } from "../../governance/index.ts";
import { disposeTree } from "../../nn/index.ts";
import { rocAreaInterval } from "../../statistics/index.ts";
import type { Store } from "../../store/index.ts";
import { stage } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { ErasureTexts } from "./erasure-texts.ts";
import { type ModelLeak, measureLeak } from "./measure-model.ts";
import { loadDecoder } from "./unlearn-stage.ts";

const measureStageOptions = z.strictObject({
  before: z.strictObject({ artifact: z.string(), digest: z.string() }),
  /** A model that never saw the texts. */
  reference: z.strictObject({ artifact: z.string(), digest: z.string() }).optional(),
  texts: z.string(),
  prefix: z.int().min(1),
  suffix: z.int().min(1),
});

export interface ErasureMeasurement {
  readonly erased: number;
  readonly neverSeen: number;
  readonly before: ModelLeak;
  readonly after: ModelLeak;
  readonly reference?: ModelLeak;
  /** The interval in which the AUC of erased texts has to lie: that of the reference, or of chance for so many texts. */
  readonly neverSeenInterval: { readonly low: number; readonly high: number; readonly of: "reference" | "chance" };
  readonly isWithinNeverSeen: boolean;
}

/** The measurement's file. */
export const measurementFile = "measurement.json";

function judged(before: ModelLeak, after: ModelLeak, reference: ModelLeak | undefined): ErasureMeasurement {
  const { erased, neverSeen } = after.membership;
  const { low, high } = reference?.membership ?? rocAreaInterval(0.5, erased, neverSeen);
  return {
    erased,
    neverSeen,
    before,
    after,
    ...(reference ? { reference } : {}),
    neverSeenInterval: { low, high, of: reference ? "reference" : "chance" },
    isWithinNeverSeen: isWithinInterval(after.membership, { low, high }),
  };
}

const round = (x: number): number => Math.round(x * 1e4) / 1e4;
const rate = ({ rate }: Extraction): number => rate?.value ?? 0;
const area = ({ value, low, high }: MembershipArea) => [round(value), round(low), round(high)] as const;

export const measureStage = (given: {
  readonly store: Store;
  readonly device: Device;
  readonly texts: ErasureTexts;
  readonly end: number;
}) =>
  stage({
    name: "measure-erasure",
    version: 1,
    inputs: { model: "model" },
    options: measureStageOptions,
    output: "erasure-measurement",
    async run({ inputs, options, output, progress, signal }) {
      const { store, device, texts, end } = given;
      const leakOf = async (artifact: string, name: string): Promise<ModelLeak> => {
        progress({ stage: "measure", message: name });
        const { config, parameters } = await loadDecoder(store, artifact, device);
        const scorer = likelihoodScorer({ device, config, end });
        try {
          return await measureLeak(scorer, parameters, texts, options, signal);
        } finally {
          scorer.dispose();
          disposeTree(parameters);
        }
      };
      const before = await leakOf(options.before.artifact, "before");
      const after = await leakOf(inputs.model.id, "after");
      const reference = options.reference && (await leakOf(options.reference.artifact, "a model that never saw them"));
      const measured = judged(before, after, reference);
      await output.write(measurementFile, `${JSON.stringify(measured, null, 2)}\n`);
      const [erasedAuc, erasedAucLow, erasedAucHigh] = area(after.membership);
      return {
        erasedAuc,
        erasedAucLow,
        erasedAucHigh,
        erasedWithinNeverSeen: measured.isWithinNeverSeen ? 1 : 0,
        erasedFoundAtTenth: round(after.membership.foundAtTenth),
        erasedExtracted: round(rate(after.extraction)),
        erasedRetainedRise: round(after.nats.retained - before.nats.retained),
      };
    },
  });
