/** What `loam.yaml` may say of the augmentation method `keyboard`. */

import { z } from "zod";
import { layoutNames } from "./layouts.ts";

export const keyboardErrorKinds = ["neighbour", "exchange", "omit", "double"] as const;

export const keyboardPart = {
  name: "keyboard",
  version: 1,
  kind: "plain",
  options: z.lazy(() =>
    z.strictObject({
      layout: z.enum(layoutNames).default("qwerty").describe("Keyboard layout."),
      rate: z.number().gt(0).max(1).default(0.05).describe("Typing errors per word."),
      kinds: z
        .array(z.enum(keyboardErrorKinds))
        .min(1)
        .default([...keyboardErrorKinds])
        .describe("Kinds of typing errors."),
    }),
  ),
} as const;
