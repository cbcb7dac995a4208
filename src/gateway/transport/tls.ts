/**
 * TLS at the gateway's door: its files read and held against each other, and read again when they change, without a connection being dropped (a file
 * that is replaced, as Kubernetes and certbot do, is none that can be watched: it is looked at every second).
 */
import { constants } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { createSecureContext, type SecureContextOptions, type Server, type TlsOptions } from "node:tls";
import { defined } from "../../base/index.ts";
import { readSecret } from "../config/secrets.ts";
import { gatewayErrors } from "../errors.ts";
import { certificateReader, type ShownCertificate } from "./client-certificate.ts";
import type { TlsPart } from "./schema.ts";

const files = ["cert", "key", "clientAuthority", "revoked"] as const;

async function contextOf(part: TlsPart, folder: string): Promise<SecureContextOptions> {
  const read = async (key: (typeof files)[number]): Promise<Buffer | undefined> => {
    const path = part[key];
    if (path === undefined) return undefined;
    try {
      return await readFile(resolve(folder, path));
    } catch (error) {
      throw gatewayErrors.fail("config", { place: `listen.tls.${key}`, expected: "a file that can be read", received: `"${path}"` }, error);
    }
  };
  const [cert, key, ca, crl] = await Promise.all(files.map(read));
  const context: SecureContextOptions = {
    cert,
    key,
    minVersion: `TLSv${part.minVersion}`,
    ...defined({ ca, crl }),
    ...(part.keyPassphrase ? { passphrase: await readSecret(part.keyPassphrase, "listen.tls.keyPassphrase", folder) } : {}),
    // a session that is taken up again would skip the look at a client's certificate
    ...(ca ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
  };
  try {
    createSecureContext(context);
  } catch (error) {
    throw gatewayErrors.fail(
      "config",
      {
        place: "listen.tls",
        expected: "a certificate and its own key, in PEM",
        received: error instanceof Error ? error.message.slice(0, 120) : "something else",
      },
      error,
    );
  }
  return context;
}

async function marksOf(part: TlsPart, folder: string): Promise<string> {
  const marks = files.map(async key => {
    const path = part[key];
    if (path === undefined) return "";
    try {
      const { mtimeMs, size, ino } = await stat(resolve(folder, path));
      return `${mtimeMs} ${size} ${ino}`;
    } catch {
      return "gone";
    }
  });
  return (await Promise.all(marks)).join("|");
}

export interface Tls {
  readonly options: TlsOptions;
  /** By a connection; undefined where no client shows one. */
  readonly certificateOf: ((socket: object) => ShownCertificate) | undefined;
  /** Takes up changed files for new connections; `told` hears of each: undefined, or why not (the old ones stay). Gives what ends it. */
  follow(server: Server, told: (error: unknown) => void, everyMs?: number): () => void;
}

/** Errors: gateway/config with the place. */
export async function openTls(part: TlsPart, folder: string): Promise<Tls> {
  let mark = await marksOf(part, folder);
  const hasClients = part.clientAuthority !== undefined;
  const context = await contextOf(part, folder);
  return {
    options: {
      ...context,
      ALPNProtocols: ["http/1.1"],
      ...(hasClients ? { requestCert: true, rejectUnauthorized: part.clientCertificate === "required" } : {}),
    },
    certificateOf: hasClients ? certificateReader(part) : undefined,
    follow(server, told, everyMs = 1_000) {
      let seen = mark;
      let isBusy = false;
      const look = async (): Promise<void> => {
        if (isBusy) return;
        isBusy = true;
        try {
          const now = await marksOf(part, folder);
          const isStill = now === seen;
          seen = now;
          // a certificate and its key are two files: both are waited for
          if (now === mark || !isStill) return;
          mark = now;
          server.setSecureContext(await contextOf(part, folder));
          told(undefined);
        } catch (error) {
          told(error);
        } finally {
          isBusy = false;
        }
      };
      const timer = setInterval(() => void look(), everyMs);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}
