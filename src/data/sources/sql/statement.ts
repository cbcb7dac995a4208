/**
 * What a query looks like from outside: one statement that reads. Words in texts, names and comments count for nothing. The database itself
 * holds the line (a read-only transaction, one statement a request); this is for the sentence that says what is wrong, before anything runs.
 */

/** Texts, names and comments of SQL; PostgreSQL's quotes by dollars too. What does not end, ends with the query. */
const quiet = [/--[^\n]*/y, /\/\*[\s\S]*?(?:\*\/|$)/y, /'(?:[^']|'')*(?:'|$)/y, /"(?:[^"]|"")*(?:"|$)/y, /`[^`]*(?:`|$)/y];

/** The query without texts, names and comments: as long as it was. */
function loud(query: string): string {
  let out = "";
  for (let at = 0; at < query.length; ) {
    let length = 0;
    for (const pattern of quiet) {
      pattern.lastIndex = at;
      length = pattern.exec(query)?.[0].length ?? 0;
      if (length > 0) break;
    }
    const tag = query[at] === "$" ? /^\$\w{0,60}\$/.exec(query.slice(at, at + 64))?.[0] : undefined;
    if (tag) {
      const end = query.indexOf(tag, at + tag.length);
      length = (end < 0 ? query.length : end + tag.length) - at;
    }
    out += length > 0 ? " ".repeat(length) : query[at];
    at += length || 1;
  }
  return out;
}

/** The statement without a semicolon at its end, or why it is none that reads. */
export function readingStatement(query: string): { readonly statement: string } | { readonly expected: string; readonly received: string } {
  const words = loud(query);
  const first = /[a-z]+/i.exec(words)?.[0] ?? "";
  const expected = "one statement that begins with SELECT, WITH or VALUES";
  if (!/^\s*\(*\s*[a-z]/i.test(words) || !/^(?:select|with|values)$/i.test(first))
    return { expected, received: query.trim() === "" ? "nothing" : `"${query.trim().slice(0, 60)}"` };
  const semicolon = words.indexOf(";");
  if (
    semicolon >= 0 &&
    words
      .slice(semicolon + 1)
      .replace(/;/g, "")
      .trim() !== ""
  )
    return {
      expected,
      received: `another one behind it: "${query
        .slice(semicolon + 1)
        .trim()
        .slice(0, 60)}"`,
    };
  let depth = 0;
  for (const c of words) {
    depth += c === "(" ? 1 : c === ")" ? -1 : 0;
    if (depth < 0) break;
  }
  if (depth !== 0) return { expected: "as many ( as )", received: `"${query.trim().slice(0, 60)}"` };
  return { statement: semicolon < 0 ? query : query.slice(0, semicolon) };
}
