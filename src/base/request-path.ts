/**
 * Whether a request's path has one reading. Servers, proxies and routers differ on what they make of broken or repeated percent-encoding, empty parts and
 * hidden separators, so a path with one of them is refused at the edge: behind it nothing has to be careful. (RFC 3986, section 7.3.)
 */

/** Why a path, percent-encoded as in a URL, cannot be taken; undefined where it can. */
export function pathFault(pathname: string): string | undefined {
  if (pathname.includes("//")) return "has an empty part";
  if (pathname.includes("\\")) return "hides a separator in a part";
  // most paths are plain
  if (!pathname.includes("%")) return undefined;
  let text: string;
  try {
    text = decodeURIComponent(pathname);
  } catch {
    return "has broken percent-encoding";
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\\\u0000-\u001f\u007f]/.test(text)) return "hides a separator or a control character in a part";
  if (/%[0-9A-Fa-f]{2}/.test(text)) return "is percent-encoded twice";
  // an encoded slash is part of a name (`org%2Fmodel`), as long as it leads nowhere
  if (text.split("/").some(part => part === "." || part === "..") || text.includes("//")) return "leads out of its place";
  return undefined;
}
