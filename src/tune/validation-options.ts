/** `validation:` of a recipe: the part that selects. */

import { z } from "zod";
import { ownPartOptions } from "../data/part.ts";

/** A share that is drawn, or the records of the user's own part. */
export const validationOptions = z.union([z.number().positive().max(0.5), ownPartOptions]);
