/** What an upstream's part of the configuration says of its protocol. */
import { z } from "zod";
import { protocolNames } from "../../protocols/index.ts";

export const protocolPart = {
  protocol: z.enum(protocolNames).default("openai"),
  /** Whether a server that speaks OpenAI's API has /responses itself, or is asked for a chat instead. */
  responses: z.enum(["own", "chat"]).default("own"),
  /** What becomes of a parameter that the protocol has no word for. */
  untranslated: z.enum(["refuse", "drop"]).default("refuse"),
  /** Names of the tensors that texts go into and vectors come out of. */
  tensors: z.strictObject({ input: z.string().min(1).default("text"), output: z.string().min(1).default("embedding") }).prefault({}),
};
