/**
 * Turns for other requests while a large one is worked on: decoding, parsing, copying and encoding a body of 4 MB take the event loop for 1 to 5 ms
 * each, and small requests wait for one of them instead of for all.
 */

/** Characters or bytes of a body that is worked on in turns: below it all steps together take less than 1 ms. */
const largeSize = 256 * 1024;
/** Characters that are encoded in one turn. */
const encodedCharacters = 512 * 1024;

export const isLarge = (size: number): boolean => size > largeSize;

/** Everything else that waits has its turn. */
export const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/** For a large body a turn; to be awaited between two steps. */
export const turnFor = (size: number): Promise<void> | undefined => (isLarge(size) ? nextTurn() : undefined);

/** A text in UTF-8, encoded in turns. */
export async function encodedInTurns(text: string): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(Buffer.byteLength(text));
  let at = 0;
  for (let from = 0; from < text.length; ) {
    await nextTurn();
    let to = Math.min(text.length, from + encodedCharacters);
    const last = text.charCodeAt(to - 1);
    // not between the halves of a character
    if (to < text.length && last >= 0xd800 && last < 0xdc00) to--;
    at += bytes.write(text.slice(from, to), at);
    from = to;
  }
  return bytes;
}
