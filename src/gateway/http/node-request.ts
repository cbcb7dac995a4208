/**
 * A request of node's as handlers read one, without making it into a Web Request: its headers, and its body once, whole. For requests for a
 * model, whose Request, Headers and streams would cost as much as all that is asked of them.
 */
import type { IncomingMessage } from "node:http";
import { gatewayErrors } from "../errors.ts";

/** What a Web `Headers` is read by. */
export interface HeaderReader {
  get(name: string): string | null;
  has(name: string): boolean;
}

/**
 * Values of one name are joined by a comma, as the Web does: node's own table would drop the second of two credentials in silence. Looked for when
 * they are asked for, by length first: a request has a dozen, and a table of them costs more than all questions.
 */
export class NodeHeaders implements HeaderReader {
  readonly #raw: readonly string[];

  /** Names and values in turn. */
  constructor(raw: readonly string[]) {
    this.#raw = raw;
  }

  /** `name` in small letters. */
  get(name: string): string | null {
    const raw = this.#raw;
    let found: string | null = null;
    for (let i = 0; i + 1 < raw.length; i += 2)
      if (raw[i]!.length === name.length && (raw[i] === name || raw[i]!.toLowerCase() === name))
        found = found === null ? raw[i + 1]! : `${found}, ${raw[i + 1]!}`;
    return found;
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }
}

export class NodeRequest {
  readonly method: string;
  readonly headers: HeaderReader;
  readonly #incoming: IncomingMessage;
  #isRead = false;

  constructor(incoming: IncomingMessage) {
    this.#incoming = incoming;
    this.method = incoming.method ?? "";
    this.headers = new NodeHeaders(incoming.rawHeaders);
  }

  /**
   * The body, of which node has checked that it is as long as was declared; at once where it came with the headers. Errors: gateway/cancelled
   * where the client leaves before its end.
   */
  received(): Buffer | Promise<Buffer> {
    const incoming = this.#incoming;
    const declared = this.headers.get("content-length");
    if (declared !== null && incoming.readableLength === Number(declared)) {
      this.#isRead = true;
      return (incoming.read() as Buffer | null) ?? Buffer.alloc(0);
    }
    return new Promise((resolve, reject) => {
      let first: Buffer | undefined;
      let more: Buffer[] | undefined;
      incoming.on("data", (piece: Buffer) => {
        if (first === undefined) first = piece;
        else if (more === undefined) more = [first, piece];
        else more.push(piece);
      });
      incoming.on("end", () => resolve(more ? Buffer.concat(more) : (first ?? Buffer.alloc(0))));
      const left = (error?: Error) =>
        reject(gatewayErrors.fail("cancelled", { place: "body", message: "the client left while it sent its body" }, error));
      incoming.on("error", left);
      incoming.on("close", () => {
        if (!incoming.complete) left();
      });
      if (incoming.destroyed && !incoming.complete) left();
    });
  }

  /** It is answered: a body that was taken at once is brought to its end, which frees it. */
  answered(): void {
    if (this.#isRead) this.#incoming.resume();
  }
}

/** What handlers are given: a request of the Web's, or one of node's. */
export type AnyRequest = Request | NodeRequest;
