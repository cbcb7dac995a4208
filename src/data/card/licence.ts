/** Names of licences: SPDX to the address that explains it and to the word that the Hugging Face hub knows. */

/** SPDX names that the hub lists, in its own spelling (the lower-case name). */
const onHub = new Set(
  (
    "apache-2.0 mit openrail bigscience-openrail-m cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 " +
    "cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 " +
    "cdla-permissive-1.0 cdla-permissive-2.0 wtfpl epl-1.0 epl-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 " +
    "afl-3.0 ecl-2.0 gfdl artistic-2.0 bsd bsd-2-clause bsd-3-clause isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl osl-3.0 postgresql ofl-1.1 ncsa " +
    "unlicense zlib pddl unknown other"
  ).split(" "),
);

/** What the hub's front matter wants: its own word, or `other` with the name beside. */
export function hubLicence(licence: string): { readonly license: string; readonly license_name?: string; readonly license_link?: string } {
  const word = licence.toLowerCase();
  for (const known of [word, word.replace(/-(only|or-later)$/, ""), word.replace(/^(odc-by|odbl|pddl)-1\.0$/, "$1")])
    if (onHub.has(known)) return { license: known };
  return /^https?:\/\//.test(licence)
    ? { license: "other", license_name: "own", license_link: licence }
    : { license: "other", license_name: word.replaceAll(/[^a-z0-9.]+/g, "-").replaceAll(/^-+|-+$/g, "") || "own" };
}

/** An address where the name is one of SPDX's by its form; else what was said. */
export const licenceUrl = (licence: string): string =>
  /^[A-Za-z0-9.+-]+$/.test(licence) && /[\d-]|^(mit|isc|zlib|unlicense|wtfpl)$/i.test(licence)
    ? `https://spdx.org/licenses/${licence}.html`
    : licence;
