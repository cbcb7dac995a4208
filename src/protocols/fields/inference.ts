/** The Open Inference Protocol's infer, and generate of its text extension. */
import { done, harmless, type RequestFields, refused, unless } from "./field.ts";
import { samplingRows, serverRows } from "./sampling.ts";

export const inferFields: RequestFields = {
  request: "POST /v2/models/MODEL/infer",
  fields: { id: done("kserve"), parameters: done("kserve"), inputs: done("kserve"), outputs: done("kserve") },
};

export const generateFields: RequestFields = {
  request: "POST /v2/models/MODEL/generate",
  fields: {
    id: done("kserve"),
    text_input: done("kserve"),
    parameters: done("kserve", {
      ...samplingRows,
      ...serverRows,
      max_tokens: done("kserve"),
      details: done("kserve"),
      n: refused("loam", unless(1), "Send several requests."),
      stream: harmless("kserve", "The address says it: generate or generate_stream."),
    }),
  },
};
