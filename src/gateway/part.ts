/** The gateway's configuration as schemas: `gateway.yaml`, and the `gateway:` part of `loam.yaml`, which leaves out what the project knows. */
import { z } from "zod";
import { gatewaySchema } from "./config/schema.ts";
import { controlPart } from "./control-config.ts";

/** All of `gateway.yaml`. */
export const gatewayFilePart = () =>
  gatewaySchema.extend({ access: controlPart.optional().describe("Identities, policies, limits and prices.") });

const { listen, upstreams, models, access: _, ...shared } = gatewaySchema.shape;

/** `gateway:` of `loam.yaml`, without `access`, which is checked as a file of its own. */
export const gatewayPart = z.strictObject({
  ...shared,
  demoKey: z
    .string()
    .min(1)
    .optional()
    .describe("Subject of a demo API key, created at the first start and printed at each. Only on loopback."),
  listen: z
    .strictObject({ trustedProxies: listen.unwrap().shape.trustedProxies })
    .optional()
    .describe("Proxies in front of the server. Host and port come from `serve`."),
  upstreams: z
    .record(upstreams.keyType, upstreams.valueType)
    .optional()
    .describe("Upstreams besides this project's server, which is `loam`."),
  models: models.optional().describe("Models. Default: those of `serve`."),
  access: z.unknown().optional().describe("Identities, policies, limits and prices."),
});

/** `access:`: who there is, who may do what, and how much. */
export const accessPart = controlPart;
