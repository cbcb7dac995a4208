/** Where a secret is read from; its text never stands in the file. */
import { z } from "zod";

export const secretSource = z.union(
  [
    z.strictObject({ env: z.string().min(1) }),
    z.strictObject({ file: z.string().min(1) }),
    z.strictObject({ command: z.array(z.string().min(1)).min(1) }),
  ],
  { error: "where the secret is kept: { env: NAME }, { file: PATH } or { command: [PROGRAM, ARGUMENT] }" },
);
export type SecretSource = z.output<typeof secretSource>;
