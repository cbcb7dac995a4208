/**
 * Transcripts of HTTP exchanges, kept as files and compared byte for byte. What differs from run to run is masked by these rules alone: random and
 * sealed ids (numbered by their first appearance, so that equal ids stay equal), ports of the loopback, fingerprints of programs, line and column in
 * JSON errors (newer versions of Node have them), and, where a test asks for it, digits of computed numbers. Written anew with LOAM_RECORD=1.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

const ids = /\b(chatcmpl|cmpl|resp|msg|rs|fc|call|rerank|modr|score|file|batch)([-_])(?:[0-9a-f]{24,32}\b|[\w-]{30}(?="))/g;

export class Transcript {
  readonly #name: string;
  readonly #known = new Map<string, string>();
  readonly #parts: string[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  title(text: string): void {
    this.#parts.push(`${"=".repeat(8)} ${text}\n`);
  }

  /** `numbers`: masks every number with a fraction, and vectors in base64. */
  add(text: string, { numbers = false } = {}): void {
    const plain = text
      .replace(ids, (id, kind: string, dash: string) => {
        if (!this.#known.has(id)) this.#known.set(id, `${kind}${dash}ID${this.#known.size + 1}`);
        return this.#known.get(id)!;
      })
      .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT")
      .replaceAll(/\bfp_[0-9a-f]{16}\b/g, "fp_PROGRAM")
      .replaceAll(/ \(line \d+ column \d+\)/g, "");
    const masked = numbers
      ? plain.replaceAll(/-?\d+\.\d+(e-?\d+)?/g, "REAL").replaceAll(/"embedding":"[A-Za-z0-9+/=]+"/g, '"embedding":"BASE64"')
      : plain;
    this.#parts.push(masked.endsWith("\n") ? masked : `${masked}\n`);
  }

  /** Holds what was recorded against the file. */
  compare(): void {
    const path = fileURLToPath(new URL(`../golden/wire/${this.#name}.txt`, import.meta.url));
    const text = this.#parts.join("");
    if (process.env.LOAM_RECORD === "1") {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    expect(text).toBe(readFileSync(path, "utf8"));
  }
}

/** Headers that belong to a contract; those of the transport (length, date, connection) do not. */
const told = ["content-type", "cache-control", "x-accel-buffering", "allow", "retry-after", "www-authenticate", "x-loam-model"];

/** Status, headers and the body's own bytes. */
export async function answerText(response: Response): Promise<string> {
  const headers = told.flatMap(name => (response.headers.has(name) ? [`${name}: ${response.headers.get(name)}\n`] : []));
  return `-- ${response.status}\n${headers.join("")}\n${await response.text()}`;
}

/** A server on the loopback that gives the answers of a list in turn and writes down what it was asked. */
export async function scriptedServer(
  answers: readonly (() => { readonly status: number; readonly text: string; readonly headers?: Record<string, string> } | "hang up")[],
  transcript: Transcript,
) {
  const rest = [...answers];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const piece of request) text += String(piece);
    const headers = ["authorization", "content-type", "accept"].flatMap(h =>
      request.headers[h] === undefined ? [] : [`   ${h}: ${request.headers[h]}\n`],
    );
    transcript.add(`-> ${request.method} ${request.url}\n${headers.join("")}${text}`);
    const answer = rest.shift()?.() ?? { status: 404, text: "{}" };
    if (answer === "hang up") return void request.socket.destroy();
    transcript.add(`-- ${answer.status}\n${answer.text}`);
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers }).end(answer.text);
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close: () => void server.close().closeAllConnections(),
  };
}

/** One call of a client against such a server: what went over the wire, and what came of it. */
export async function clientCase(
  transcript: Transcript,
  title: string,
  answers: readonly unknown[],
  call: (url: string) => Promise<unknown>,
): Promise<void> {
  transcript.title(title);
  const list = answers.map(
    a => () => (a === "hang up" ? a : { status: 200, text: "", ...(a as object) }) as { status: number; text: string } | "hang up",
  );
  const server = await scriptedServer(list, transcript);
  try {
    const came = await call(server.url).then(
      value => JSON.stringify(value),
      error => `${(error as { code?: string }).code}: ${(error as Error).message}`,
    );
    transcript.add(`=> ${came}`);
  } finally {
    server.close();
  }
}
