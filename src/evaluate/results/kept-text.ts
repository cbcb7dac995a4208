/** What an evaluation keeps of a text that it was about: private where the documents are, so it is bounded. */

/** Characters. */
const keptOfText = 500;

/** The beginning of a text, not cutting a character in two. */
export const keptBeginning = (text: string): string => text.slice(0, keptOfText).replace(/[\uD800-\uDBFF]$/, "");
