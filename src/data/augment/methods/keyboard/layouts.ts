/** Which letters lie beside which on a keyboard, from the rows as they are printed; each row is half a key to the right of the one above. */

const rows = {
  qwerty: ["qwertyuiop", "asdfghjkl", "zxcvbnm"],
  qwertz: ["qwertzuiopü", "asdfghjklöä", "yxcvbnm"],
  azerty: ["azertyuiop", "qsdfghjklm", "wxcvbn"],
} as const;
type KeyboardLayout = keyof typeof rows;
export const layoutNames = Object.keys(rows) as [KeyboardLayout, ...KeyboardLayout[]];

/** Horizontal shift of a row against the one above it, keys. */
const stagger = [0, 0.25, 0.75];

/** Letters at most one key away. */
export function neighbours(layout: KeyboardLayout): ReadonlyMap<string, string> {
  const keys = rows[layout].flatMap((row, y) => [...row].map((letter, x) => ({ letter, x: x + stagger[y]!, y })));
  return new Map(
    keys.map(a => [
      a.letter,
      keys
        .filter(b => b !== a && Math.abs(a.y - b.y) <= 1 && Math.abs(a.x - b.x) <= 1)
        .map(b => b.letter)
        .join(""),
    ]),
  );
}
