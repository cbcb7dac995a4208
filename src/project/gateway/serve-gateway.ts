/** A gateway that serves in this process: takes up changes of its file while it runs, and finishes the answers under way when it is closed. */
import { join } from "node:path";
import type { Writable } from "node:stream";
import { defined, readStaticPage } from "../../base/index.ts";
import {
  followConfig,
  Gateway,
  type GatewayConfig,
  type GatewayListening,
  listenGateway,
  noticeText,
  type RequestRecord,
  type ShadowRecord,
} from "../../gateway/index.ts";
import { Login } from "../../session/index.ts";
import { openLogin } from "../login/open-login.ts";
import { ownPackage, packageFolder } from "../package.ts";
import { gatewayFeedback } from "../watching/feedback/index.ts";
import { openGatewayWatching } from "../watching/gateway-watching.ts";
import { withConsole } from "./console-session.ts";
import { servicesFor } from "./follow-service.ts";
import type { FoundGateway } from "./gateway-place.ts";
import { openFor } from "./open-control.ts";
import { logOf, watching } from "./watching.ts";

export interface ServeGatewayOptions {
  /** Default: `listen.host` of the file. */
  readonly host?: string | undefined;
  /** Default: `listen.port` of the file; 0 picks a free one. */
  readonly port?: number | undefined;
  /** A collector of traces; default: what the file and OpenTelemetry's variables say. */
  readonly otlp?: string | undefined;
  /** Where a log that the file sends to stdout goes; default: nowhere. */
  readonly log?: Writable | undefined;
}

/** Hears what happens while it serves. */
export interface GatewayListener {
  onWarning?(text: string): void;
  onRequest?(record: RequestRecord): void;
  onShadow?(record: ShadowRecord): void;
  /** A changed file was taken up, or was wrong. */
  onReload?(isTaken: boolean): void;
}

export interface ServingGateway extends AsyncDisposable {
  readonly url: string;
  readonly models: readonly string[];
  /** The console is served too. */
  readonly hasPage: boolean;
  readonly hasKeys: boolean;
  /** Signs a browser in, once. */
  loginUrl(): string;
  /** Requests under way. */
  readonly inFlight: number;
  /** Takes up its changed file now. */
  reload(): Promise<unknown>;
  /** Takes new connections for `delayMs` (default: 0) and finishes what is under way. With `handOver` another process listens on in its place. */
  close(how?: { readonly handOver?: boolean; readonly delayMs?: number }): Promise<{ readonly cutOff: number }>;
}

export const modelsOfGateway = ({ routes }: GatewayConfig): string[] => [...new Set([...routes.values()].map(r => r.name))];

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Says of a certificate that was renewed whether it is used. */
const certificateTeller =
  (warn: (text: string) => void) =>
  (error?: unknown): void =>
    warn(
      error === undefined
        ? "loam gateway: the new certificate was taken up"
        : `loam gateway: the new certificate was not taken up: ${reasonOf(error)}`,
    );

/** Errors: those of the file and the state, and of the socket where the address is taken. */
export async function serveGateway(
  { path, config }: Pick<FoundGateway, "path" | "config">,
  { host, port, otlp, log: stdout }: ServeGatewayOptions = {},
  { onWarning: warn = () => {}, onRequest, onShadow, onReload }: GatewayListener = {},
): Promise<ServingGateway> {
  const control = await openFor(config, warn, { needsAdmin: true });
  const log = logOf(config, { stdout });
  const page = await readStaticPage(join(packageFolder, "console", "dist"));
  const login = new Login({ info: { gateway: true, record: false } });
  const watched = await openGatewayWatching(config.folder, warn);
  const closeWatching = async () => watched?.close();
  let door: Gateway;
  let listening: GatewayListening;
  try {
    door = await Gateway.open({
      config,
      control: withConsole(control, login),
      login,
      ...(await watching(config, otlp, warn)),
      version: ownPackage().version,
      ...servicesFor(warn),
      ...defined({ page }),
      ...(watched?.feedback ? { feedback: gatewayFeedback(watched.feedback) } : {}),
      ...(watched?.watch ? { watchFigures: watched.watch.figures } : {}),
      storeFolder: config.folder,
      onRequest: record => {
        log.write(record);
        watched?.request(record);
        onRequest?.(record);
      },
      onShadow: record => {
        log.copy(record);
        onShadow?.(record);
      },
      onFailure: (error, id) => warn(`loam gateway: request ${id}: ${reasonOf(error)}`),
      onHealth: (upstream, isHealthy) => warn(`loam gateway: ${upstream} ${isHealthy ? "is healthy again" : "failed its probe"}`),
      onNotice: notice => {
        const text = noticeText(notice);
        if (text !== undefined) warn(`loam gateway: ${text}`);
      },
    });
    const onTls = certificateTeller(warn);
    listening = await listenGateway(door, { host: host ?? config.listen.host, port: port ?? config.listen.port, onTls });
  } catch (error) {
    await closeWatching();
    await control.close();
    throw error;
  }
  watched?.start(door);
  const following = await followConfig({
    path,
    gateway: door,
    onReload: error => {
      warn(`loam gateway: ${path} ${error === undefined ? "was taken up" : `was not taken up: ${reasonOf(error)}`}`);
      onReload?.(error === undefined);
    },
  });
  const closeLogin = await openLogin(login, { folder: config.folder, url: listening.url, warn });
  let closed: Promise<{ readonly cutOff: number }> | undefined;
  const close = async (handOver: boolean, delayMs: number) => {
    following.stop();
    await closeLogin();
    const { cutOff } = await (handOver ? listening.handOver() : listening.drain({ delayMs }));
    await closeWatching();
    await log.close();
    return { cutOff };
  };
  const serving: ServingGateway = {
    url: listening.url,
    models: modelsOfGateway(config),
    hasPage: page !== undefined,
    hasKeys: (await control.keys.list()).length > 0,
    loginUrl: () => login.loginUrl(),
    get inFlight() {
      return door.inFlight;
    },
    reload: () => following.reload(),
    close: ({ handOver = false, delayMs = 0 } = {}) => (closed ??= close(handOver, delayMs)),
    async [Symbol.asyncDispose]() {
      await serving.close();
    },
  };
  return serving;
}
