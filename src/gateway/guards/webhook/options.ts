/** What a guard is told that asks an HTTP server. */
import { z } from "zod";
import { duration } from "../../config/duration.ts";
import { secretSource } from "../../config/secret-source.ts";
import { networks } from "../../upstreams/address.ts";

const headerName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "a header's name");

export const webhookOptions = {
  /** Of the server, with its path. */
  url: z.string(),
  headers: z.record(headerName, z.union([secretSource, z.string().regex(/^[\x20-\x7e]*$/, "printable ASCII")])).default({}),
  network: z.enum(networks).default("any"),
  timeout: duration.default(2_000),
  /** Characters of a streamed answer that are looked at together; they leave together too. */
  window: z.int().min(50).max(100_000).default(500),
};
