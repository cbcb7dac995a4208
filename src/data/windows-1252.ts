/**
 * Windows-1252's printable characters in the place of C1 controls. No text means those controls: they are what is left where a decoder
 * took windows-1252 for Latin-1 (Node 20's own TextDecoder does, whatever its label). The table is the Encoding Standard's index.
 */

/** Characters of bytes 80 to 9F; bytes that stand for nothing keep their control, which cleaning then removes. */
const printable = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";

/** The text with every C1 control that windows-1252 knows as a character replaced by it. */
export const restoreWindows1252 = (text: string): string => text.replace(/[\u0080-\u009f]/g, c => printable[c.charCodeAt(0) - 0x80]!);

/** Bytes in a character set that TextDecoder knows. Throws a TypeError on bytes it does not allow when `fatal`. */
export const decodeBytes = (bytes: Uint8Array, charset: string, fatal = false): string => {
  const text = new TextDecoder(charset, { fatal }).decode(bytes);
  return charset === "windows-1252" ? restoreWindows1252(text) : text;
};
