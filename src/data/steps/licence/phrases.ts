/**
 * Licences by what only they say: a few words of each, looked for in the text without case, line ends, comment marks and punctuation. Texts
 * of a family (BSD, GNU, MIT and its likes) are told apart by what the others lack.
 */

interface PhraseRule {
  readonly id: string;
  /** Each must be there; of a list inside one must. */
  readonly all: readonly (string | readonly string[])[];
  readonly none?: readonly string[];
}

const grant = "permission is hereby granted free of charge to any person obtaining a copy";
const redistribution = "redistribution and use in source and binary forms with or without modification are permitted";
const endorse = ["to endorse or promote products", "endorse or promote products derived"];
const iscGrant = [
  "permission to use copy modify and or distribute this software for any purpose with or without fee is hereby granted",
  "permission to use copy modify and distribute this software for any purpose with or without fee is hereby granted",
  "permission to use copy modify and distribute this software and its documentation for any purpose with or without fee is hereby granted",
] as const;

/** Whole texts: what stands in a LICENSE file, or above a program's source. */
export const fullTexts: readonly PhraseRule[] = [
  { id: "MIT-0", all: [grant], none: ["permission notice shall be included", "notice and this permission notice"] },
  {
    id: "MIT",
    all: [grant, ["permission notice shall be included", "permission notice including the next paragraph shall be included"]],
    none: ["except as contained in this notice", "use of the names or trademarks"],
  },
  { id: "X11", all: [grant, "except as contained in this notice"] },
  { id: "BSD-4-Clause", all: [redistribution, "all advertising materials mentioning features"] },
  { id: "BSD-3-Clause", all: [redistribution, endorse], none: ["all advertising materials mentioning features"] },
  { id: "BSD-2-Clause", all: [redistribution, "redistributions in binary form must reproduce"], none: endorse },
  { id: "0BSD", all: [iscGrant], none: ["provided that the above copyright notice", "copyright notice and this permission notice appear"] },
  { id: "ISC", all: [iscGrant, ["provided that the above copyright notice", "copyright notice and this permission notice appear"]] },
  { id: "Apache-2.0", all: ["apache license", "version 2 0 january 2004"] },
  { id: "AGPL-3.0-only", all: ["gnu affero general public license version 3 19 november 2007"] },
  { id: "LGPL-3.0-only", all: ["gnu lesser general public license version 3 29 june 2007"] },
  { id: "LGPL-2.1-only", all: ["gnu lesser general public license version 2 1 february 1999"] },
  { id: "GPL-3.0-only", all: ["gnu general public license version 3 29 june 2007"] },
  { id: "GPL-2.0-only", all: ["gnu general public license version 2 june 1991"] },
  {
    id: "MPL-2.0",
    all: [
      "mozilla public license version 2 0",
      ["each individual or legal entity that creates", "this source code form is subject to the terms"],
    ],
  },
  { id: "EPL-2.0", all: ["eclipse public license v 2 0", "the accompanying program is provided under"] },
  { id: "Unlicense", all: ["this is free and unencumbered software released into the public domain"] },
  { id: "CC0-1.0", all: ["cc0 1 0 universal", ["creative commons legal code", "affirmer"]] },
  {
    id: "CC-BY-4.0",
    all: ["attribution 4 0 international", "creative commons"],
    none: ["noncommercial 4 0 international", "sharealike 4 0 international", "noderivatives 4 0 international"],
  },
  { id: "CC-BY-SA-4.0", all: ["attribution sharealike 4 0 international"] },
  { id: "CC-BY-NC-4.0", all: ["attribution noncommercial 4 0 international"] },
  { id: "CC-BY-3.0", all: ["attribution 3 0 unported", "creative commons"] },
  { id: "Zlib", all: ["the origin of this software must not be misrepresented", "altered source versions must be plainly marked"] },
  { id: "BSL-1.0", all: ["boost software license version 1 0", "permission is hereby granted free of charge"] },
  { id: "BlueOak-1.0.0", all: ["blue oak model license", ["version 1 0 0", "everyone as much permission to work with"]] },
  { id: "Artistic-2.0", all: ["artistic license 2 0", "standard version"] },
  { id: "OFL-1.1", all: ["sil open font license", "version 1 1"] },
  { id: "WTFPL", all: ["do what the fuck you want to public license"] },
  { id: "Python-2.0", all: ["python software foundation license version 2", "beopen python open source license"] },
  { id: "PSF-2.0", all: ["python software foundation license version 2", "licensee"], none: ["beopen python open source license"] },
  {
    id: "PostgreSQL",
    all: [
      "in no event shall the university of california be liable",
      "permission to use copy modify and distribute this software and its documentation for any purpose without fee",
    ],
  },
  { id: "Unicode-3.0", all: ["unicode license v3", "permission is hereby granted free of charge"] },
  { id: "NCSA", all: ["university of illinois", "to deal with the software without restriction"] },
];

/** What stands above a source file or at a page's foot instead of the text. */
export const headers: readonly PhraseRule[] = [
  { id: "Apache-2.0", all: ["licensed under the apache license version 2 0"] },
  { id: "MPL-2.0", all: ["subject to the terms of the mozilla public license v 2 0"] },
  {
    id: "AGPL-3.0-or-later",
    all: ["gnu affero general public license", "either version 3 of the license or at your option any later version"],
  },
  {
    id: "LGPL-3.0-or-later",
    all: ["gnu lesser general public license", "either version 3 of the license or at your option any later version"],
  },
  {
    id: "LGPL-2.1-or-later",
    all: ["gnu lesser general public license", "either version 2 1 of the license or at your option any later version"],
  },
  {
    id: "GPL-3.0-or-later",
    all: ["gnu general public license", "either version 3 of the license or at your option any later version"],
    none: ["gnu lesser general", "gnu affero general"],
  },
  { id: "GPL-2.0-or-later", all: ["gnu general public license", "either version 2 of the license or at your option any later version"] },
];

/** `released under the MIT license`: the words between and the name. */
const mention =
  /\b(?:licen[cs]ed|released|distributed|available|published|covered|provided|is|are) (?:\w+ ){0,2}?under (?:the )?(?:terms (?:of|and conditions of) )?(?:the |an? )?((?:\w+ ){1,6}?)licen[cs]e\b/g;
const mentioned: Readonly<Record<string, string>> = {
  mit: "MIT",
  "mit x11": "MIT",
  expat: "MIT",
  isc: "ISC",
  apache: "Apache-2.0",
  "apache 2 0": "Apache-2.0",
  "apache 2": "Apache-2.0",
  "bsd 2 clause": "BSD-2-Clause",
  "simplified bsd": "BSD-2-Clause",
  "2 clause bsd": "BSD-2-Clause",
  "bsd 3 clause": "BSD-3-Clause",
  "3 clause bsd": "BSD-3-Clause",
  "new bsd": "BSD-3-Clause",
  "gnu free documentation": "GFDL-1.3-only",
  "open data commons open database": "ODbL-1.0",
  "creative commons attribution": "CC-BY-4.0",
  "creative commons attribution sharealike": "CC-BY-SA-4.0",
  "creative commons attribution share alike": "CC-BY-SA-4.0",
};

/** Letters and digits, small, a space between words. */
export const licenceForm = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();

const has = (text: string, phrase: string | readonly string[]): boolean =>
  typeof phrase === "string" ? text.includes(phrase) : phrase.some(p => text.includes(p));

/** Of a text in normal form: the rules that fit, in the order of the table. */
export const fitting = (rules: readonly PhraseRule[], text: string): string[] =>
  rules.filter(r => r.all.every(p => has(text, p)) && !(r.none ?? []).some(p => text.includes(p))).map(r => r.id);

/** Licences a text in normal form says it is under. */
export const mentions = (text: string): string[] => [...new Set([...text.matchAll(mention)].flatMap(m => mentioned[m[1]!.trim()] ?? []))];
