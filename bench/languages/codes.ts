/** Names of languages as detectors give them, by the code that the bench's samples have. */

/** ISO 639-3 and older or finer codes to ISO 639-1; what is not here stays. */
const known: Readonly<Record<string, string>> = Object.fromEntries(
  (
    "amh:am arb:ar ara:ar arz:ar aze:az azj:az azb:az bel:be bul:bg ben:bn cat:ca ces:cs dan:da deu:de ell:el eng:en spa:es est:et ekk:et eus:eu " +
    "fas:fa pes:fa prs:fa fin:fi fra:fr guj:gu heb:he iw:he hin:hi hrv:hr hun:hu hye:hy isl:is ita:it jpn:ja kat:ka kan:kn kor:ko ckb:ku kmr:ku " +
    "lao:lo lit:lt lav:lv lvs:lv mal:ml mar:mr zsm:ms zlm:ms nld:nl nob:no nno:no nb:no nn:no ori:or ory:or pan:pa pol:pl por:pt ron:ro " +
    "rus:ru slk:sk slv:sl als:sq sqi:sq srp:sr swe:sv tam:ta tel:te tha:th tgl:tl fil:tl tur:tr ukr:uk urd:ur vie:vi yor:yo cmn:zh zho:zh " +
    "yue:zh wuu:zh ind:id afr:af cym:cy gle:ga mkd:mk epo:eo swh:sw swa:sw npi:ne nep:ne kaz:kk kir:ky khk:mn mon:mn uzn:uz uzb:uz tgk:tg tat:tt " +
    "khm:km mya:my glg:gl ltz:lb und:"
  )
    .split(" ")
    .map(pair => pair.split(":") as [string, string]),
);

export const codeOf = (label: string, detector: string): string => {
  const code = label.split("-")[0]!;
  // fastText's `als` is Alemannic, everybody else's Albanian.
  if (detector === "fasttext" && code === "als") return code;
  return known[code] ?? code;
};
