/** Duplicate keys in JSON, which `JSON.parse` swallows: two readers of one hostile file must not see two different files. Linear time. */

/** The first key that an object of this JSON text has twice. The text must be valid JSON (parse it first); escapes are compared resolved. */
export function duplicateKey(json: string): string | undefined {
  // one entry a nesting level: the keys seen, or undefined for a list
  const levels: (Set<string> | undefined)[] = [];
  let key = false; // the next string is a key
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case "{":
        levels.push(new Set());
        key = true;
        break;
      case "[":
        levels.push(undefined);
        key = false;
        break;
      case "}":
      case "]":
        levels.pop();
        key = false;
        break;
      case ",":
        key = levels.at(-1) !== undefined;
        break;
      case '"': {
        const from = at++;
        while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
        if (!key) break;
        key = false;
        const seen = levels.at(-1)!;
        const name = JSON.parse(json.slice(from, at + 1)) as string;
        if (seen.has(name)) return name;
        seen.add(name);
      }
    }
  }
  return undefined;
}
