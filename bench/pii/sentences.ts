/**
 * Sentences with private data in known places, and with what only looks like it. Of the values of one type some stand beside a word that
 * names them, some in running text; a third of the sentences holds hard negatives only.
 */
import type { Random } from "../../src/base/index.ts";
import * as v from "./values.ts";

export interface Truth {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}
export interface Sentence {
  readonly text: string;
  readonly truth: readonly Truth[];
}

interface Source {
  readonly type: string;
  readonly value: (r: Random) => string;
  /** `{}` is where the value stands; the mark is in the text once. */
  readonly templates: readonly string[];
}

const cut = (s: string, ...sizes: readonly number[]): string[] =>
  sizes.map((n, i) => {
    const at = sizes.slice(0, i).reduce((sum, x) => sum + x, 0);
    return s.slice(at, at + n);
  });

export const sources: readonly Source[] = [
  {
    type: "email",
    value: v.emailValue,
    templates: [
      "Please write to {} before Friday.",
      "From: {}",
      "{} asked for the slides again.",
      "Cc <{}> on everything, please.",
      "You can reach me at {}, or not at all.",
      "mailto:{}",
      "The list owner ({}) answered within the hour.",
      "Danke! Antworten bitte an {}.",
      "Contact:{};",
      "unsubscribe {}",
      "{}'s reply came late.",
      "'{}' is already taken.",
      "order 48213 was placed by {}",
    ],
  },
  {
    type: "phone",
    value: v.phoneWritten,
    templates: [
      "Call me at {} after six.",
      "Tel: {}",
      "My mobile is {}, leave a message.",
      "Phone {} (office hours only)",
      "Reach the front desk on {}.",
      "Ring {} and ask for Nora.",
      "Fax: {}",
      "If it breaks again, dial {}.",
      "For bookings: phone {}, open daily.",
      "WhatsApp {} works best.",
      "His new cell is {}.",
      "The surgery's number is {}.",
      "Text STOP to {} to leave the list.",
      "About order 48213: call {}.",
      "Questions on invoice 2291? Phone {} or write.",
      "Kind regards, Tom ({})",
      "Tom Ashby, head of sales, {}",
    ],
  },
  {
    type: "card",
    value: r => v.cardWritten(r, v.cardDigits(r)),
    templates: [
      "Charge it to my card {}, expiry 11/27.",
      "Visa or Mastercard: {}",
      "The payment with {} was refused.",
      "I read out {} and she typed it in.",
      "Card number {} CVV 123",
      "They took the deposit from {} twice.",
      "credit card: {}",
      "My number for the booking is {}.",
      "Please bill {} and send a receipt.",
      "cc {} exp 09/28",
      "The order was paid with {}.",
      "{}",
      "invoice 2291, settled by Amex {}",
    ],
  },
  {
    type: "iban",
    value: r => (r.below(2) ? v.ibanValue(r) : v.inFours(v.ibanValue(r))),
    templates: [
      "Please transfer the rent to {}.",
      "IBAN: {}",
      "My account is {} since March.",
      "Bankverbindung {}",
      "Refund goes to {}, as always.",
      "{} is the account of the club.",
      "IBAN {}, BIC on request",
    ],
  },
  {
    type: "ip",
    value: r => (r.below(3) ? v.publicIpv4(r) : v.publicIpv6(r)),
    templates: [
      "The login came from {}.",
      "Blocked {} after nine attempts.",
      "ping {} times out",
      "Received: from unknown ({}) by mx1",
      "server {} is down again",
      "Her address was {} at the time.",
      '{} - - "GET /index.html" 200',
      "Add {} to the allow list.",
      "version 2.1.0.7 is installed on {}",
      "from {}, port 51022",
    ],
  },
  {
    type: "us-ssn",
    value: r => cut(v.ssnDigits(r), 3, 2, 4).join("-"),
    templates: [
      "My SSN is {}.",
      "Social security number: {}",
      "She gave {} on the form.",
      "Applicant {} has no record.",
      "ssn {} for the W-2",
      "Please confirm {} with payroll.",
    ],
  },
  {
    type: "uk-nhs",
    value: r => (r.below(2) ? v.nhsDigits(r) : cut(v.nhsDigits(r), 3, 3, 4).join(" ")),
    templates: ["NHS number {}", "Her NHS no. is {}.", "Patient {} (NHS) was moved.", "Quote your NHS number, {}, on arrival."],
  },
  {
    type: "uk-nino",
    value: r => {
      const n = v.ninoValue(r);
      return r.below(2) ? n : cut(n, 2, 2, 2, 2, 1).join(" ");
    },
    templates: ["National Insurance number: {}", "My NI number is {}.", "NINO {}", "HMRC has you as {}.", "Employee {} starts on Monday."],
  },
  {
    type: "de-tax-id",
    value: v.taxIdDigits,
    templates: ["Steuer-ID: {}", "Meine Steueridentifikationsnummer lautet {}.", "Steuerliche IdNr. {}", "German tax ID {} as requested"],
  },
  {
    type: "es-id",
    value: r => (r.below(2) ? v.dniValue(r) : v.nieValue(r)),
    templates: ["DNI {}", "Mi NIE es {}.", "con documento {} en Madrid", "NIF: {}", "The tenant, {}, signed it."],
  },
  {
    type: "it-cf",
    value: v.codiceValue,
    templates: ["Codice fiscale: {}", "C.F. {}", "il signor Rossi, {}, residente a Roma", "Tax code {} for the notary"],
  },
  { type: "pl-pesel", value: v.peselDigits, templates: ["PESEL: {}", "mój PESEL to {}", "numer PESEL {} w umowie"] },
  { type: "in-aadhaar", value: r => v.inFours(v.aadhaarDigits(r)), templates: ["Aadhaar number {}", "My Aadhaar is {}.", "aadhaar: {}"] },
  { type: "fr-nir", value: v.nirDigits, templates: ["Numéro de sécurité sociale : {}", "NIR {}", "assurée {} depuis 2019"] },
  { type: "nl-bsn", value: v.bsnDigits, templates: ["BSN: {}", "Mijn burgerservicenummer is {}.", "BSN {} staat op de pas"] },
  {
    type: "br-cpf",
    value: r => v.cpfDigits(r).replace(/(\d{3})(\d{3})(\d{3})/, "$1.$2.$3-"),
    templates: ["CPF: {}", "portador do CPF {}", "cliente {} pagou"],
  },
  {
    type: "url-login",
    value: v.urlLogin,
    templates: [
      "postgres://{}@db.acme-labs.com:5432/main",
      "clone https://{}@git.acme-labs.com/x.git now",
      "ftp://{}@files.acme-labs.com/",
    ],
  },
  {
    type: "secret",
    value: v.secretValue,
    templates: [
      "export KEY={}",
      "The token {} was pushed by mistake.",
      "key: {}",
      "curl -H 'X-Key: {}' https://api.acme-labs.com",
      "oops, {} is in the log",
    ],
  },
  {
    type: "secret",
    value: v.passwordValue,
    templates: ["password: {}", "The wifi password is: {}", "client_secret={}", '"api_key": "{}"', "DB_PASSWORD={}"],
  },
];

const hex = (r: Random, n: number) => v.chars(r, n, "0123456789abcdef");
const luhnNumber = (r: Random, begin: string, n: number) => {
  const body = begin + v.digitsOf(r, n - 1 - begin.length);
  return body + v.luhnDigit(body);
};
const two = (n: number) => String(n).padStart(2, "0");
const negatives: readonly ((r: Random) => string)[] = [
  r => `Your order ${luhnNumber(r, v.pick(r, ["4", "51", "37", "6011"]), 16)} has shipped.`,
  r => `Order number: ${v.digitsOf(r, 10)}`,
  r => `Order ${v.digitsOf(r, 4)}-${luhnNumber(r, "4", 16)}-${v.digitsOf(r, 3)} is on its way.`,
  r => `Invoice ${v.digitsOf(r, 9)} of ${2000 + r.below(26)}-${two(1 + r.below(12))}-${two(1 + r.below(28))} is due.`,
  r => `Tracking ${v.digitsOf(r, 20)} says delivered.`,
  r => `Tracking 1Z${v.chars(r, 6, "ABCDEFGHJKLMNPRTUVWXYZ0123456789")}${v.digitsOf(r, 10)}`,
  r => `We ship version ${r.below(9)}.${r.below(20)}.${r.below(30)}.${r.below(99)} tonight.`,
  r => `Upgrade openssl-${r.below(3)}.${r.below(9)}.${r.below(9)}.${r.below(40)} first.`,
  r => `firmware ${1 + r.below(9)}.${r.below(9)}.${r.below(9)}.${r.below(9)} fixes it`,
  r =>
    `The meeting of ${two(1 + r.below(28))}.${two(1 + r.below(12))}.${2000 + r.below(26)} at ${two(r.below(24))}:${two(r.below(60))}:${two(r.below(60))} was short.`,
  r =>
    `Log ${2000 + r.below(26)}${two(1 + r.below(12))}${two(1 + r.below(28))}${two(r.below(24))}${two(r.below(60))}${two(r.below(60))} has the details.`,
  r => `See ISBN 978-${r.below(9)}-${v.digitsOf(r, 2)}-${v.digitsOf(r, 6)}-${r.below(9)}.`,
  r => `commit ${hex(r, 40)} breaks the build`,
  r => `md5 ${hex(r, 32)} ok`,
  r => `id ${hex(r, 8)}-${hex(r, 4)}-4${hex(r, 3)}-a${hex(r, 3)}-${hex(r, 12)} not found`,
  r => `request ${hex(r, 8)}-${v.digitsOf(r, 4)}-4${v.digitsOf(r, 3)}-8${v.digitsOf(r, 3)}-${v.digitsOf(r, 12)} failed`,
  r => `Message-ID: <${v.digitsOf(r, 14)}.${hex(r, 8)}@mail.gmail.com>`,
  r => `In-Reply-To: <${hex(r, 12)}@web.de>`,
  r => `npm install left-pad@${r.below(9)}.${r.below(20)}.${r.below(30)} and lodash@4.17.21`,
  r => `the icon is logo@${2 + r.below(2)}x.png`,
  r => `clone git@github.com:acme/tool-${r.below(99)}.git`,
  r => `The total was $${1 + r.below(999)},${v.digitsOf(r, 3)},${v.digitsOf(r, 3)}.${v.digitsOf(r, 2)} last year.`,
  r => `pi is ${r.below(9)}.${v.digitsOf(r, 15)} or so`,
  r => `coordinates ${r.below(90)}.${v.digitsOf(r, 6)}, ${r.below(180)}.${v.digitsOf(r, 6)}`,
  r =>
    `rows ${v.digitsOf(r, 4)} ${v.digitsOf(r, 4)} ${v.digitsOf(r, 4)} ${v.digitsOf(r, 4)} ${v.digitsOf(r, 4)} ${v.digitsOf(r, 4)} of the table`,
  r => `Ticket #${v.digitsOf(r, 10)} was closed.`,
  r => `case ${v.digitsOf(r, 3)}-${v.digitsOf(r, 3)}-${v.digitsOf(r, 5)} is open`,
  r => `MAC ${Array.from({ length: 6 }, () => hex(r, 2)).join(":")}`,
  r => `It took ${v.digitsOf(r, 9)} ns and ${v.digitsOf(r, 10)} bytes.`,
  r => `Unix time ${1_000_000_000 + r.below(700_000_000)} is when it began.`,
  r => `part no. ${v.chars(r, 2, "ABCDEFGH")}${v.digitsOf(r, 6)}${v.chars(r, 1, "EFGH")} is out of stock`,
  r => `part no. ${v.ninoValue(r)} is out of stock`,
  r => `Booking reference ${v.ninoValue(r)}, two adults`,
  r => `Your ref. ${v.digitsOf(r, 3)}-${v.digitsOf(r, 3)}-${v.digitsOf(r, 4)} of last week`,
  r => `serial ${v.digitsOf(r, 3)}-${v.digitsOf(r, 2)}-${v.digitsOf(r, 5)}`,
  r => `account ${v.digitsOf(r, 11)} at the library`,
  r => `Sum of ${v.digitsOf(r, 3)} ${v.digitsOf(r, 3)} ${v.digitsOf(r, 3)} units in stock`,
  r => `SKU ${v.digitsOf(r, 8)} and EAN ${v.digitsOf(r, 13)}`,
  r => `the years ${1900 + r.below(100)}-${2000 + r.below(26)} and pages ${100 + r.below(400)}-${500 + r.below(400)}`,
  r => `password: ${v.pick(r, ["please choose", "see the wiki", "********", "<your password>", "required"])}`,
  r => `token: ${v.pick(r, ["expired", "next_token", "undefined", "$(TOKEN)", "string"])}`,
  r => `std::vector<int> a::b(${r.below(99)}); // cafe::babe`,
  r => `score ${r.below(9)}-${r.below(9)}, ${r.below(99)}:${r.below(99)}, ${r.below(99)}/${r.below(99)}`,
];
const plain = [
  "Thanks again.",
  "See you on Monday.",
  "It rained all week.",
  "The rest is as we agreed.",
  "No reply is needed.",
  "Best wishes",
];

/** So many sentences; the same for the same seed. */
export function sentences(seed: string, count: number): Sentence[] {
  const r = v.fromSeed(seed);
  return Array.from({ length: count }, (_, i) => {
    let text = r.below(3) === 0 ? `${v.pick(r, plain)} ` : "";
    const truth: Truth[] = [];
    if (i % 3 === 2) text += v.pick(r, negatives)(r);
    else {
      const { type, value, templates } = v.pick(r, sources);
      const [before, after] = v.pick(r, templates).split("{}");
      const made = value(r);
      const start = text.length + before!.length;
      text += before! + made + after!;
      truth.push({ type, start, end: start + made.length });
    }
    if (r.below(4) === 0) text += ` ${v.pick(r, plain)}`;
    return { text, truth };
  });
}

const neutral = ["It is {}.", "He wrote down {} and left.", "{}", "See {} below.", "Anna, {}, since 2019", "Then it said {} again."];

/** Values with no word near that names them: what a rule that asks for one cannot find. */
export function bareSentences(seed: string, count: number): Sentence[] {
  const r = v.fromSeed(seed);
  return Array.from({ length: count }, () => {
    const { type, value } = v.pick(r, sources);
    const [before, after] = v.pick(r, neutral).split("{}");
    const made = value(r);
    return { text: before! + made + after!, truth: [{ type, start: before!.length, end: before!.length + made.length }] };
  });
}
