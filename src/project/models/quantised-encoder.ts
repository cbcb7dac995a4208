/** A sentence encoder with its matrices in 8 bits, for `loam serve --quantize` and curation. Encoders have one quantised form, `int8`. */
import { hashOf } from "../../base/index.ts";
import { calibrateEncoder, quantiseEncoder } from "../../nn/index.ts";
import { type ServedEncoder, type ServedReader, textTokens } from "../../serve/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { ServedForm } from "../../tune/index.ts";
import { wrongArgument } from "../errors.ts";
import { calibrationTexts } from "./calibration-text.ts";

type Encoder = Pick<ServedEncoder, "id" | "config" | "parameters" | "tokenizer" | "longest">;

async function eightBitParameters(model: Encoder, device: Device, consume: boolean): Promise<ServedEncoder["parameters"]> {
  const texts = calibrationTexts().map(t => textTokens(model, t, true));
  const ranges = await calibrateEncoder(model.config, model.parameters, device, texts);
  return quantiseEncoder(model.parameters, device, { ranges, consume });
}

/** The model over quantised parameters; its float matrices are gone. The form is part of its fingerprint. */
async function inEightBits(model: ServedEncoder, device: Device): Promise<ServedEncoder> {
  const parameters = await eightBitParameters(model, device, true);
  return { ...model, parameters, fingerprint: hashOf({ full: model.fingerprint, form: "int8" }) };
}

/** What `--quantize int8` serves of a tuned model that reads texts, for the proof of its merge: encoders, with a head or without. */
export const eightBits: ServedForm = {
  form: "int8",
  of: async (model, text, device) =>
    model.family === "encoder" ? eightBitParameters({ id: "tuned", ...model, ...text }, device, false) : undefined,
};

/** The model in the form asked for: `exact`, or `int8`, which `auto` takes too. Errors: project/argument for forms of decoders alone. */
export async function encoderInForm(model: ServedEncoder, device: Device, form: string): Promise<ServedEncoder> {
  if (form === "exact") return model;
  if (form === "auto" || form === "int8") return inEightBits(model, device);
  throw wrongArgument(`--quantize, ${model.id}`, "exact, auto or int8 for an encoder", `"${form}"`);
}

/** The same for a model of either family that reads whole texts; a decoder's classes are told exactly or not at all. */
export async function readerInForm(model: ServedReader, device: Device, form: string): Promise<ServedReader> {
  if (model.family === "encoder") return encoderInForm(model, device, form);
  if (form === "exact" || form === "auto") return model;
  throw wrongArgument(`--quantize, ${model.id}`, "exact for a decoder that tells classes", `"${form}"`);
}
