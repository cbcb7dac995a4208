/**
 * File patterns over relative paths with `/`: `*` and `?` within a name, `**` over folders, `{a,b}` alternatives. Greedy matching with one
 * place to come back to, so a hostile pattern costs at most pattern times path, never exponential time.
 */

/** `a{b,c}d` -> `abd`, `acd`; nested braces allowed. */
function expand(pattern: string): string[] {
  const open = pattern.indexOf("{");
  if (open < 0) return [pattern];
  const parts: string[] = [];
  let depth = 0;
  let start = open + 1;
  for (let i = open; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === "{") depth++;
    if (c === "," && depth === 1) {
      parts.push(pattern.slice(start, i));
      start = i + 1;
    }
    if (c === "}" && --depth === 0) {
      parts.push(pattern.slice(start, i));
      return parts.flatMap(part => expand(pattern.slice(0, open) + part + pattern.slice(i + 1)));
    }
  }
  return [pattern];
}

/** `*` and `?` against one name. */
function matchName(pattern: string, name: string): boolean {
  let [p, n, star, back] = [0, 0, -1, 0];
  while (n < name.length) {
    if (p < pattern.length && (pattern[p] === "?" || (pattern[p] !== "*" && pattern[p] === name[n]))) {
      p++;
      n++;
    } else if (pattern[p] === "*") {
      star = p++;
      back = n;
    } else if (star >= 0) {
      p = star + 1;
      n = ++back;
    } else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

function matchFolders(pattern: readonly string[], path: readonly string[]): boolean {
  let [p, n, star, back] = [0, 0, -1, 0];
  while (n < path.length) {
    if (pattern[p] === "**") {
      star = p++;
      back = n;
    } else if (p < pattern.length && matchName(pattern[p]!, path[n]!)) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++back;
    } else return false;
  }
  while (pattern[p] === "**") p++;
  return p === pattern.length;
}

/** Whether a relative path fits a pattern. */
export function glob(pattern: string): (path: string) => boolean {
  const alternatives = expand(pattern.replace(/^\.\//, "")).map(p => p.split("/"));
  return path => {
    const parts = path.split("/");
    return alternatives.some(a => matchFolders(a, parts));
  };
}
