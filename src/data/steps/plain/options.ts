/** Options of the step `plain` in `loam.yaml`. */
import { z } from "zod";

export const plainOptions = z.lazy(() =>
  z
    .strictObject({
      to: z
        .string()
        .regex(/^[A-Za-z][\w-]{0,63}$/, "a name of letters, digits, _ and -")
        .refine(name => name !== "text" && name !== "id", { error: "another name than the document's own text and id" })
        .default("plain")
        .describe("Attribute that receives the normalised text."),
      case: z.enum(["lower", "keep"]).default("lower").describe("Letter case."),
      marks: z.enum(["drop", "keep"]).default("drop").describe("Punctuation. Marks within a word or number stay."),
      accents: z.enum(["drop", "keep"]).default("keep").describe("Accents."),
    })
    .refine(o => o.case === "lower" || o.marks === "drop" || o.accents === "drop", { message: "something to take away", path: ["case"] }),
);
