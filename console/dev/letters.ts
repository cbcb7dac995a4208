/** The fake server's language model: 2-grams of words over a few letters written for it. Seeded, tempered, and honest about being small. */
import { random } from "../../src/base/index.ts";

const letters = [
  "Re: [ILUG] Kernel panic after upgrade\n\nHi Paul,\n\nI had the same problem last week. The new kernel does not find the root partition because the module for the disk is not in the initial image. Rebuild it with mkinitrd and run lilo again before you reboot.\n\nIf that does not help, boot from the rescue floppy and send the output of dmesg to the list.\n\nRegards,\nTom\n\n",
  "Meeting on Thursday\n\nHi all,\n\nThe meeting is moved to Thursday at three, in the small room on the second floor. Please send me the numbers of your part before noon so that I can put them on one page.\n\nThanks,\nAnna\n\n",
  "Re: Meeting on Thursday\n\nOn Tue, Sep 10, 2002, Anna wrote:\n> The meeting is moved to Thursday at three.\n\nThursday is fine for me. I will bring the list of open problems and the new schedule.\n\nCheers,\nMark\n\n",
  "[ILUG] How do I read a mailbox?\n\nHi,\n\nI have a large mailbox from an old machine and I want to read the messages on the new one. Is there a small program that does this, or should I write a script? The file is in mbox format and about 200 MB.\n\nAny help is welcome.\n\nRegards,\nJohn\n\n",
  "Re: How do I read a mailbox?\n\nJohn,\n\nThe simple answer is to copy the file to your mail folder and open it with mutt. If you want to do it in a script, look at formail, which comes with procmail and splits the file into messages.\n\nCheers,\nTom\n\n",
  "A small business that pays\n\nDear friend,\n\nYou can earn money from home in a few hours a week. There is nothing to buy and no risk. Send us your name and we will send you the free report that tells you how it works.\n\nTo be removed from this list, reply with remove in the subject.\n\n",
  "The build is broken again\n\nHi,\n\nThe nightly build of the 2.4 branch is broken since the last change to the makefile. The linker does not find the library because the path is not set. I have put the log on the web page of the project.\n\nPlease look at it before Friday, because we want to tag the release on Monday.\n\nThanks,\nAnna\n\n",
];

/** Words with the space before them, as byte-pair tokens mostly are; line breaks and marks for themselves. */
export const wordsOf = (text: string): string[] => text.match(/\n+| ?[\p{L}\p{N}']+| ?[^\s\p{L}\p{N}]| /gu) ?? [];

const following = new Map<string, string[]>();
const every: string[] = [];
for (const letter of letters) {
  const words = wordsOf(letter);
  every.push(...words);
  for (let i = 1; i < words.length; i++)
    (following.get(words[i - 1]!) ?? following.set(words[i - 1]!, []).get(words[i - 1]!)!).push(words[i]!);
}

const counts = (words: readonly string[]): Map<string, number> => {
  const found = new Map<string, number>();
  for (const w of words) found.set(w, (found.get(w) ?? 0) + 1);
  return found;
};

/** Words that continue the prompt, without end. Temperature 0 takes the most frequent follower. */
export function* continued(prompt: string, temperature: number, seed: number): Generator<string> {
  const draw = random(seed);
  let last = wordsOf(prompt).at(-1)?.trim() ?? "";
  for (;;) {
    const options = [...counts(following.get(last) ?? following.get(` ${last}`) ?? every)];
    const best = options.reduce((a, b) => (b[1] > a[1] ? b : a));
    const weights = options.map(([, n]) => n ** (1 / temperature));
    let at = draw.uniform() * weights.reduce((a, b) => a + b, 0);
    const index = weights.findIndex(w => {
      at -= w;
      return at < 0;
    });
    const chosen = temperature === 0 ? best : (options[index] ?? best);
    last = chosen[0];
    yield chosen[0];
  }
}
