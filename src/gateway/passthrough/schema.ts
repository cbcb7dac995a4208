/** The part `passThrough` of the gateway's file: addresses that the gateway does not know, and the servers that have them. */
import { z } from "zod";

const passedMethods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
export type PassedMethod = (typeof passedMethods)[number];

/** A plain path: what a server could read in two ways is no prefix. */
const path = z.string().regex(/^(\/[A-Za-z0-9][A-Za-z0-9._~-]*)+$/, "a path of plain names, such as /v1/audio");

/** Credentials, what belongs to one connection, and what says who a client is: never passed on, either way. */
const ownHeaders =
  /^(authorization|proxy-.*|x-api-key|api-key|cookie|set-cookie|host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|content-length|expect|forwarded|via|x-forwarded-.*|x-real-ip|x-loam-.*|x-request-id)$/;
const header = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/, "a header's name")
  .transform(name => name.toLowerCase())
  .refine(name => !ownHeaders.test(name), "a header that holds no credentials and does not belong to the connection");

export const passThroughSchema = z.lazy(() =>
  z.record(
    path,
    z.strictObject({
      upstream: z.string().min(1).describe("Upstream by name."),
      to: z
        .union([path, z.literal("")])
        .optional()
        .describe("Replacement for the prefix. Default: the prefix without `/v1`."),
      methods: z.array(z.enum(passedMethods)).min(1).default(["POST"]).describe("HTTP methods."),
      model: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/, "a name of letters, digits and . _ : / -, at most 128")
        .optional()
        .describe("Model name in policies, limits, prices and usage."),
      bodyBytes: z
        .int()
        .min(0)
        .max(1024 ** 3)
        .default(32 * 1024 ** 2)
        .describe("Maximum size of a request."),
      answerBytes: z
        .int()
        .min(1)
        .max(16 * 1024 ** 3)
        .default(128 * 1024 ** 2)
        .describe("Maximum size of a response."),
      objects: z
        .enum(["owned", "shared"])
        .default("owned")
        .describe("`owned`: stored objects belong to the caller who created them; `shared`: to everyone."),
      requestHeaders: z.array(header).max(32).default([]).describe("Additional request headers to forward."),
      answerHeaders: z.array(header).max(32).default([]).describe("Additional response headers to return."),
    }),
  ),
);
export type PassThroughPart = z.output<typeof passThroughSchema>;
