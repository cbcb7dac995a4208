/** The parts of `schema.ts` as values to run by: addresses checked, secrets read. */
import type { z } from "zod";
import { environment } from "../../base/index.ts";
import { collectorUrl, metricsUrl } from "../../tracing/index.ts";
import { readSecret } from "../config/secrets.ts";
import type { JournalConfig } from "../contract.ts";
import { gatewayErrors } from "../errors.ts";
import { refusedUrl } from "../upstreams/address.ts";
import { webhookKey } from "../webhooks/signature.ts";
import type { WebhookConfig } from "../webhooks/webhooks.ts";
import type { operationParts } from "./schema.ts";

interface TracingConfig {
  /** Where spans are posted; undefined: nowhere. */
  readonly url: string | undefined;
  /** Where metrics are posted. */
  readonly metricsUrl: string | undefined;
  readonly sample: number | undefined;
  readonly service: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** What `GatewayConfig` has of it. */
export interface Operations {
  readonly tracing: TracingConfig;
  readonly journal: JournalConfig | undefined;
  readonly webhooks: readonly WebhookConfig[];
}

type Parts = { readonly [K in keyof typeof operationParts]: z.output<(typeof operationParts)[K]> };

/** Errors: gateway/config, gateway/secret, tracing/collector. */
export async function operationsOf({ tracing, journal, webhooks }: Parts, folder: string): Promise<Operations> {
  const headers: Record<string, string> = {};
  for (const [name, source] of Object.entries(tracing.headers))
    headers[name.toLowerCase()] = await readSecret(source, `tracing.headers.${name}`, folder);
  const hooks: WebhookConfig[] = [];
  for (const [i, { url, secret, events, network }] of webhooks.entries()) {
    const refused = refusedUrl(url.split("?")[0]!, network);
    if (refused !== undefined)
      throw gatewayErrors.fail("config", {
        place: `webhooks[${i}].url`,
        expected: "the address of a receiver",
        received: refused,
        ...(network === "public" ? { hint: "A receiver in your own network needs `network: any`." } : {}),
      });
    hooks.push({
      url: new URL(url),
      key: webhookKey(await readSecret(secret, `webhooks[${i}].secret`, folder), `webhooks[${i}].secret`),
      events,
      network,
    });
  }
  return {
    tracing: {
      url: collectorUrl(tracing.otlp, environment(), "tracing.otlp"),
      metricsUrl: metricsUrl(tracing.otlp, environment(), "tracing.otlp"),
      sample: tracing.sample,
      service: tracing.service,
      headers,
    },
    journal: journal === false ? undefined : { keepMs: journal.keep, most: journal.most, sample: journal.sample },
    webhooks: hooks,
  };
}
