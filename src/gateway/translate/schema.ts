/** What an upstream's part of the configuration says of its protocol. */
import { z } from "zod";
import { protocolNames } from "../../protocols/part.ts";

export const protocolPart = {
  protocol: z.enum(protocolNames).default("openai").describe("API protocol of the server."),
  responses: z.enum(["own", "chat"]).default("own").describe("How /responses is served: by the server (`own`), or translated to chat."),
  untranslated: z.enum(["refuse", "drop"]).default("refuse").describe("Parameters without an equivalent: refuse the request or drop them."),
  reasoning: z
    .enum(["none", "vllm"])
    .default("none")
    .describe("Reasoning of /v1/messages, as vLLM's chat parameters (vLLM, loam serve): `thinking` and earlier thinking blocks."),
  tensors: z
    .strictObject({
      input: z.string().min(1).default("text").describe("Input tensor."),
      output: z.string().min(1).default("embedding").describe("Output tensor."),
    })
    .prefault({})
    .describe("Tensor names for input text and output embedding."),
};
