/** Members of a tar archive, in the order in which they stand (modern-tar). */
import { createTarDecoder, type ParsedTarEntry } from "modern-tar";
import { BadFile } from "../bad-file.ts";
import type { SourceFile } from "../file.ts";
import type { Member } from "./archive.ts";
import { memberName } from "./member.ts";

const damaged = (error: unknown, place: string): unknown =>
  error instanceof BadFile || !(error instanceof Error) ? error : new BadFile("damaged", `tar: ${error.message}`, place);

/** Errors of reading the archive itself, which are the caller's. */
interface Reading {
  failure: unknown;
}

function streamOf(pieces: AsyncIterable<Buffer>, reading: Reading): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      try {
        const next = await iterator.next();
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      } catch (error) {
        reading.failure = error;
        controller.error(error);
      }
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

async function* contentOf(entry: ParsedTarEntry, place: string, reading: Reading): AsyncGenerator<Buffer> {
  const reader = entry.body.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read())
      yield Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
  } catch (error) {
    throw reading.failure ?? damaged(error, place);
  } finally {
    reader.releaseLock();
  }
}

/** Errors: `BadFile` "damaged", after everything that came before the damage. */
export async function* tarMembers(file: SourceFile): AsyncGenerator<Member> {
  const reading: Reading = { failure: undefined };
  const entries = streamOf(file.pieces(), reading)
    .pipeThrough(createTarDecoder({ strict: true }))
    .getReader();
  try {
    for (;;) {
      const next = await entries.read();
      if (next.done) return;
      const { header, body } = next.value;
      const name = memberName(header.name);
      const place = `${file.path}/${name}`;
      if ((header.type ?? "file") === "file")
        yield { name, sizeBytes: header.size, content: () => contentOf(next.value, place, reading), refused: undefined };
      // the next header comes only once this body is gone
      await body.cancel();
    }
  } catch (error) {
    throw reading.failure ?? damaged(error, file.path);
  } finally {
    await entries.cancel().catch(() => {});
  }
}
