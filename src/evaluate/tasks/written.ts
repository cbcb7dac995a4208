/** A text that YAML may take for a number or a truth value: a label, or what a model writes for it. */
import { z } from "zod";

export const writtenScalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);
