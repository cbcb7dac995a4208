/** A part of a path as its letters; what is escaped wrongly stays as it came, and so is the name of nothing. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
