/** Class probabilities as they are served where calibration is asked for: logits over the temperature that tuning recorded with the model. */
import { hashOf } from "../../base/index.ts";
import type { ModelConfig } from "../../nn/index.ts";
import type { ServedReader } from "../../serve/index.ts";
import { projectErrors } from "../errors.ts";

/**
 * The recorded temperature of a model's files. None for a model that tells no classes where all of a server's models are asked for. Errors: project/model for a
 * classifier without one, and for any other model that was named.
 */
export function temperatureOf({ family, config }: ModelConfig, id: string, asked: "all" | "named"): number | undefined {
  const classifier = family === "encoder-decoder" ? undefined : config.classifier;
  if (classifier?.temperature !== undefined) return classifier.temperature;
  if (classifier === undefined && asked === "all") return undefined;
  const name = id.split("@")[0]!;
  throw projectErrors.fail("model", {
    place: id,
    expected: "a classifier with a recorded temperature, for calibrated probabilities",
    received: classifier === undefined ? "a model that tells no classes" : "one without",
    hint:
      classifier === undefined
        ? `Leave \`calibrated\` out for ${name}.`
        : `\`loam tune ${name}\` fits one on the validation part and records it with the new version; or serve it without --calibrated (serve.calibrated).`,
  });
}

/** The model with its probabilities calibrated. Other answers to the same requests: what is cached by the fingerprint must not be mixed up. */
export const calibrated = (model: ServedReader, temperature: number | undefined): ServedReader =>
  temperature === undefined ? model : { ...model, temperature, fingerprint: hashOf({ full: model.fingerprint, temperature }) };
