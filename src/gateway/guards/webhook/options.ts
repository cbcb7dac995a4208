/** What a guard is told that asks an HTTP server. */
import { z } from "zod";
import { duration } from "../../config/duration.ts";
import { secretSource } from "../../config/secret-source.ts";
import { networks } from "../../upstreams/networks.ts";

const headerName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "a header's name");

export const webhookOptions = () => ({
  url: z.string().describe("URL of the service."),
  headers: z
    .record(headerName, z.union([secretSource, z.string().regex(/^[\x20-\x7e]*$/, "printable ASCII")]))
    .default({})
    .describe("Request headers."),
  network: z.enum(networks).default("any").describe("Allowed addresses: `public` refuses private ones (SSRF)."),
  timeout: duration.default(2_000).describe("Timeout."),
  window: z.int().min(50).max(100_000).default(500).describe("Characters of a streamed response per call."),
});
