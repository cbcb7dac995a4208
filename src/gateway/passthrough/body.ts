/** A request's body as it comes, counted: nothing is held, and more than may come ends the call. */
import { Readable } from "node:stream";
import { formatBytes } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";

const tooLarge = (most: number) =>
  gatewayErrors.fail("tooLarge", { place: "body", expected: `at most ${formatBytes(most)}`, received: "more", hint: "Send less at once." });

export interface Body {
  stream: Readable | undefined;
  readonly declaredBytes: number | undefined;
  /** Set when it was more than it may be, or ended before it was whole. */
  failure: Error | undefined;
}

/** Errors: gateway/tooLarge where that was declared. */
export function passedBody(request: Request, most: number): Body {
  const said = request.headers.get("content-length");
  const declaredBytes = said === null ? undefined : Number(said);
  if (declaredBytes !== undefined && declaredBytes > most) throw tooLarge(most);
  const given = request.body;
  const body: Body = { stream: undefined, declaredBytes, failure: undefined };
  if (given === null || declaredBytes === 0) return body;
  async function* counted(): AsyncGenerator<Uint8Array> {
    let size = 0;
    try {
      for await (const piece of given!) {
        size += piece.length;
        if (size > most) throw tooLarge(most);
        yield piece;
      }
    } catch (error) {
      body.failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }
  body.stream = Readable.from(counted(), { objectMode: false });
  return body;
}
