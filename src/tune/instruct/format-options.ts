/** How a recipe names the shape of its records: the format, and which field holds what. */
import { z } from "zod";

/** Which field of a record holds what; the shape's own names where absent. Of a table, system, user and assistant may be templates. */
export const columnOptions = z.strictObject({
  messages: z.string().min(1).optional().describe("Field with the messages."),
  system: z.string().min(1).optional().describe("Field or template of the system message."),
  user: z.string().min(1).optional().describe("Field or template of the user message."),
  assistant: z.string().min(1).optional().describe("Field or template of the assistant message."),
  prompt: z.string().min(1).optional().describe("Field with the prompt."),
  completion: z.string().min(1).optional().describe("Field with the completion."),
  chosen: z.string().min(1).optional().describe("Field with the chosen response."),
  rejected: z.string().min(1).optional().describe("Field with the rejected response."),
  label: z.string().min(1).optional().describe("Field with the rating."),
});
export type Columns = z.output<typeof columnOptions>;

/** Formats by name; a row of `formats` reads each. */
export const formatNames = ["openai", "sharegpt", "alpaca", "preference", "rated", "completion", "table"] as const;
export type FormatName = (typeof formatNames)[number];
