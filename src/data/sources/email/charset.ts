/**
 * Character sets as mails really name them. The Encoding Standard's labels come first (TextDecoder knows them), then the spellings of
 * old mailers; a mail without a usable name is decoded by evidence: valid UTF-8, else what its own markup says, else windows-1252.
 */

/** Windows code pages that the Encoding Standard knows under another name. */
const codePages: Readonly<Record<string, string>> = { 932: "shift_jis", 936: "gbk", 949: "euc-kr", 950: "big5", 65001: "utf-8" };
const spellings: Readonly<Record<string, string>> = {
  chinesebig5: "big5",
  gb2312_charset: "gb2312",
  "iso-2022-jp-1": "iso-2022-jp",
  "iso-2022-jp-2": "iso-2022-jp",
  junet: "iso-2022-jp",
  uhc: "euc-kr",
  "windows-31j": "shift_jis",
};

const known = (label: string): string | undefined => {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
};

/** The standard's name for a label, or undefined where nobody knows it. */
export function charsetOf(label: string): string | undefined {
  const plain = label
    .trim()
    .toLowerCase()
    .replace(/^3d/, "")
    .replace(/^["']|["']$/g, "");
  if (plain === "") return undefined;
  const page = /^(?:x-)?(?:cp|ms|ibm|windows|win)[-_]?(\d+)$/.exec(plain)?.[1];
  return (
    known(plain) ??
    (spellings[plain] && known(spellings[plain])) ??
    (page && known(codePages[page] ?? `windows-${page}`)) ??
    known(plain.replace(/^x-/, "").replaceAll("_", "-"))
  );
}

const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
};

/** The character set that markup declares: `<meta charset>`, `http-equiv`, or the XML declaration; undefined where it declares none that is known. */
export function declaredCharset(markup: string): string | undefined {
  const label =
    /<meta\b[^>]{0,200}charset\s*=\s*["']?(?:3D)?["']?([\w.:-]{3,40})/i.exec(markup)?.[1] ??
    /<\?xml\b[^>]{0,200}encoding\s*=\s*(?:3D)?["']([\w.:-]{3,40})/i.exec(markup)?.[1];
  return label === undefined ? undefined : charsetOf(label);
}

/** A character set for bytes that name none. `text` is the same mail read as Latin-1, in which its markup may name one. */
export const guessCharset = (bytes: Uint8Array, text: string): string =>
  isUtf8(bytes) ? "utf-8" : (declaredCharset(text) ?? "windows-1252");
