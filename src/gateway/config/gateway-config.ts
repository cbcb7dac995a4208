/** The gateway's configuration as what runs under it reads it: checked, addresses resolved, secrets read. */
import type { Operations } from "../admin/operations.ts";
import type { CacheOptions } from "../cache/schema.ts";
import type { Guard } from "../guards/contract.ts";
import type { PassThrough } from "../passthrough/places.ts";
import type { PrioritiesPart } from "../queue/schema.ts";
import type { RetryOptions } from "../routing/retry-budget.ts";
import type { ModelRoute } from "../routing/route.ts";
import type { TlsPart } from "../transport/schema.ts";
import type { UpstreamConfig } from "../upstreams/config.ts";

export interface GatewayConfig extends Operations {
  readonly listen: {
    readonly host: string;
    readonly port: number;
    readonly trustedProxies: number;
    readonly tls?: TlsPart | undefined;
    readonly corsOrigins: readonly string[];
  };
  /** Where keys, limits and usage are kept. */
  readonly state: string;
  /** Where limits are, if not there. */
  readonly limitsState: string | undefined;
  /** The folder of the configuration, in which its relative paths are. */
  readonly folder: string;
  /** The file, as sentences name it. */
  readonly place: string;
  readonly keySecrets: readonly string[] | undefined;
  /** Files that secrets were read from, as absolute paths: where one changes, the configuration is read again. */
  readonly secretFiles: readonly string[];
  /** For `openControl`. */
  readonly access: unknown;
  readonly upstreams: ReadonlyMap<string, UpstreamConfig>;
  /** All of the file; closed with what runs under it. */
  readonly guards: readonly Guard[];
  /** By public name and alias. */
  readonly routes: ReadonlyMap<string, ModelRoute>;
  /** Looked at in order; undefined where no upstream bounds what goes at once. */
  readonly priorities: PrioritiesPart | undefined;
  readonly retries: RetryOptions;
  readonly totalMs: number;
  readonly heartbeatMs: number;
  /** A client that takes nothing of its stream for so long loses it. */
  readonly readerMs: number;
  readonly hasOpenMetrics: boolean;
  /** The longest prefixes first. */
  readonly passThrough: readonly PassThrough[];
  /** Undefined where no answers are kept. */
  readonly cache: CacheOptions | undefined;
  readonly log: LogConfig;
}

export interface LogConfig {
  /** A file that is added to, `stdout` or `none`. */
  readonly to: string;
  /** Share of answers below 400 that are logged. */
  readonly sample: number;
  readonly sizeBytes: number;
  readonly keepMs: number;
}
