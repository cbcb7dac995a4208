/**
 * Answers kept by the digest of their request, a file each, so that a run that is repeated or was cut off asks nothing twice. A file is whole
 * or absent; one that cannot be read is asked for anew. The text of the request is not kept.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { hashOf, writeFileAtomic } from "../../../base/index.ts";
import type { AskWriter, Writer, WriterAnswer } from "./writer.ts";

const stored = z.strictObject({ format: z.literal(1), text: z.string(), isCut: z.boolean(), tokens: z.number() });

/** Raise it when requests of the same content would be worded otherwise. */
const requestFormat = 1;

const askDigest = (identity: string, ask: AskWriter): string => hashOf({ requestFormat, identity, ask });

function readAnswer(path: string): WriterAnswer | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const { text, isCut, tokens } = stored.parse(JSON.parse(readFileSync(path, "utf8")));
    return { text, isCut, tokens, isCached: true };
  } catch {
    return undefined;
  }
}

/** The same writer, asking only what `folder` does not hold. */
export function cachedWriter(writer: Writer, folder: string): Writer {
  const asked = new Map<string, Promise<WriterAnswer>>();
  return {
    identity: writer.identity,
    async write(ask) {
      const digest = askDigest(writer.identity, ask);
      const path = join(folder, digest.slice(0, 2), `${digest}.json`);
      const known = readAnswer(path);
      if (known) return known;
      const pending = asked.get(digest);
      if (pending) return { ...(await pending), isCached: true };
      const asking = writer.write(ask).then(answer => {
        const { text, isCut, tokens, refusal } = answer;
        // What a server refuses today it may answer with another setting tomorrow.
        if (refusal !== undefined) return answer;
        writeFileAtomic(path, `${JSON.stringify({ format: 1, text, isCut, tokens })}\n`, { durable: false });
        return answer;
      });
      asked.set(digest, asking);
      try {
        return await asking;
      } finally {
        asked.delete(digest);
      }
    },
  };
}
