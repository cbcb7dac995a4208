/** Webhooks as people write them: where events are posted, under which secret, which. */
import { z } from "zod";
import { secretSource } from "../config/secret-source.ts";
import { networks } from "../upstreams/networks.ts";
import { eventTypes } from "./event.ts";

/** A type, or all that begin with what stands before `.*`. */
const patterns = [...eventTypes, ...new Set(eventTypes.map(t => `${t.split(".")[0]}.*`)), "*"] as const;

const webhook = z.strictObject({
  url: z.string().describe("URL that receives the events."),
  secret: secretSource.describe("Signing secret: at least 24 characters, or `whsec_` and Base64."),
  events: z.array(z.enum(patterns)).min(1).default(["*"]).describe("Events to send."),
  network: z.enum(networks).default("public").describe("Allowed addresses: `any` also allows private ones."),
});

export const webhooksPart = z.lazy(() => z.array(webhook).max(20).default([]));
