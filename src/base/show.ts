/** Values of others in our sentences. */

/** As JSON, cut to `most` characters. Never fails: what nests too deeply for `JSON.stringify`, which recurses, is named instead. */
export function showValue(value: unknown, most = 60): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? "nothing";
  } catch {
    text = typeof value === "bigint" ? String(value) : "a value nested too deeply to print";
  }
  return text.length > most ? `${text.slice(0, most - 3)}...` : text;
}
