/** The response header `x-loam-relaxed`: keywords of JSON Schemas that the answer is not held to, as pointers into the request. */

/** Characters of the header: most proxies take 8 KiB of headers. */
const mostCharacters = 2000;

/** What a URI's fragment may hold: names of properties are the client's own text. Half a character becomes the replacement character. */
const encoded = (pointer: string): string => encodeURI(pointer.replace(/\p{Surrogate}/gu, "\ufffd")).replaceAll(",", "%2C");

export function relaxedHeader(pointers: readonly string[]): string {
  let out = "";
  for (const pointer of new Set(pointers)) {
    const next = `${out === "" ? "" : `${out}, `}${encoded(pointer)}`;
    if (next.length > mostCharacters) return out === "" ? "..." : `${out}, ...`;
    out = next;
  }
  return out;
}
