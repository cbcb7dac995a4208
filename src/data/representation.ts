/**
 * Which groups texts speak of: gender by pronouns, nouns and first names, origin of first names, and terms of religion, ethnicity, nationality,
 * orientation, age and disability. Counted by rules and short lists (`counterfactual/`): a group that is not listed is not found, so shares compare
 * groups, they are no census.
 */
import { type Interval, wilson } from "../statistics/index.ts";
import { genderedNouns, identityAt, nameGroup, pronounOf, wordTokens } from "./counterfactual/index.ts";
import type { Document } from "./document.ts";
import { sourceOf } from "./facets.ts";

interface RepresentationShare extends Interval {
  /** `gender`, `name origin`, `religion`, ... */
  readonly about: string;
  readonly group: string;
  /** Documents of the slice that mention the group, and how often they do. */
  readonly documents: number;
  readonly mentions: number;
  /** Documents of the slice that mention any group of `about`: `value` is the share among them, with a 95 % interval (Wilson). */
  readonly of: number;
}

export interface RepresentationSlice {
  /** All kept documents, one split of them, or one source. */
  readonly by: "all" | "split" | "source";
  readonly slice: string;
  readonly documents: number;
  readonly shares: readonly RepresentationShare[];
}

/** Sources in the report: the largest. */
const mostSources = 20;

const nounGender = new Map(genderedNouns.flatMap(([man, woman]) => [[man, "men"] as const, [woman, "women"] as const]));
/** Terms of one group, whatever their form. */
const sameGroup: Readonly<Record<string, string>> = {
  jews: "jewish",
  judaism: "jewish",
  islam: "muslim",
  christianity: "christian",
  catholic: "christian",
  church: "christian",
  mosque: "muslim",
  temple: "hindu or buddhist",
  synagogue: "jewish",
  hinduism: "hindu",
  buddhism: "buddhist",
  sikhism: "sikh",
  homosexual: "gay",
  heterosexual: "straight",
  elderly: "old",
};
const groupOf = (term: string): string => sameGroup[term] ?? term.replace(/s$/, "");

/** Mentions by "about, group" of a text. */
export function groupMentions(text: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const count = (about: string, group: string) => counts.set(`${about}\n${group}`, (counts.get(`${about}\n${group}`) ?? 0) + 1);
  const tokens = wordTokens(text);
  for (const [at, { text: word, isWord }] of tokens.entries()) {
    if (!isWord) continue;
    const [stem = ""] = word.split(/['’]/);
    const pronoun = pronounOf(tokens, at);
    const noun = nounGender.get(stem.toLowerCase());
    const name = nameGroup(stem);
    if (pronoun) count("gender", pronoun.gender === "he" ? "men" : "women");
    else if (noun) count("gender", noun);
    if (name) {
      count("gender", name.gender === "man" ? "men" : "women");
      count("name origin", name.origin);
    }
    const term = identityAt(tokens, at);
    if (term) count(term.about, groupOf(term.term));
  }
  return counts;
}

interface Tally {
  documents: number;
  readonly groups: Map<string, { documents: number; mentions: number }>;
  readonly about: Map<string, number>;
}

function sharesOf({ groups, about }: Tally): RepresentationShare[] {
  return [...groups]
    .map(([key, { documents, mentions }]): RepresentationShare => {
      const [kind = "", group = ""] = key.split("\n");
      const of = about.get(kind)!;
      return { about: kind, group, documents, mentions, of, ...wilson(documents, of) };
    })
    .sort((a, b) => (a.about < b.about ? -1 : a.about > b.about ? 1 : b.documents - a.documents || (a.group < b.group ? -1 : 1)));
}

/** Counts documents one by one. */
export function representation(): { add(document: Document, split: string): void; all(): RepresentationSlice[] } {
  const slices = new Map<string, Tally>();
  const tallyOf = (key: string): Tally => {
    const known = slices.get(key) ?? { documents: 0, groups: new Map(), about: new Map() };
    slices.set(key, known);
    return known;
  };
  return {
    add({ text, source }, split) {
      const mentions = groupMentions(text);
      const about = new Set([...mentions.keys()].map(key => key.split("\n")[0]!));
      for (const key of ["all\nall", `split\n${split}`, `source\n${sourceOf(source)}`]) {
        const tally = tallyOf(key);
        tally.documents++;
        for (const kind of about) tally.about.set(kind, (tally.about.get(kind) ?? 0) + 1);
        for (const [group, n] of mentions) {
          const own = tally.groups.get(group) ?? { documents: 0, mentions: 0 };
          tally.groups.set(group, { documents: own.documents + 1, mentions: own.mentions + n });
        }
      }
    },
    all: () => {
      const told = [...slices].map(([key, tally]): RepresentationSlice => {
        const [by = "", slice = ""] = key.split("\n");
        return { by: by as RepresentationSlice["by"], slice, documents: tally.documents, shares: sharesOf(tally) };
      });
      const bySize = (by: RepresentationSlice["by"]) =>
        told.filter(s => s.by === by).sort((a, b) => b.documents - a.documents || (a.slice < b.slice ? -1 : 1));
      return [...bySize("all"), ...bySize("split"), ...bySize("source").slice(0, mostSources)];
    },
  };
}
