/**
 * Items that a list has had: a chain that is shared by all texts that begin alike, newest first. Each item that was added also notes the
 * shortest of its beginnings that can only go on to items that were had, for a text that has come there could not be finished.
 */
export interface Seen {
  readonly id: number;
  readonly before: Seen | undefined;
  /** Bytes of the item, a character each. */
  readonly text: string;
  /** Beginning that leads to nothing new; undefined where even the whole text can go on. */
  dead: string | undefined;
}

export const nothingSeen: Seen = { id: 0, before: undefined, text: "", dead: undefined };

/** Newest first. */
function* itemsSeen(of: Seen): Generator<Seen, void, undefined> {
  for (let at: Seen | undefined = of; at?.before; at = at.before) yield at;
}

export function hasSeen(of: Seen, text: string): boolean {
  for (const item of itemsSeen(of)) if (item.text === text) return true;
  return false;
}

/** Whether nothing new begins with the text. */
export function isDead(of: Seen, text: string): boolean {
  for (const { dead } of itemsSeen(of)) if (dead !== undefined && text.startsWith(dead)) return true;
  return false;
}
