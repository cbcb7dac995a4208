/** Ranges of a text that somebody selected. A text field counts a line's end as one character, whatever the text has: places are taken back to the text's own UTF-16 code units. */

export interface LabelledSpan {
  readonly start: number;
  readonly end: number;
  readonly label: string;
}

/** The place in a text for a place in the field that shows it. */
export function placeInText(text: string, place: number): number {
  let at = 0;
  for (let shown = 0; shown < place && at < text.length; shown++) at += text.startsWith("\r\n", at) ? 2 : 1;
  return at;
}

/** With one more range; the same range with the same label is taken away. Ranges may overlap. */
export function toggledSpan(spans: readonly LabelledSpan[], span: LabelledSpan): readonly LabelledSpan[] {
  const rest = spans.filter(s => s.start !== span.start || s.end !== span.end || s.label !== span.label);
  return rest.length < spans.length ? rest : [...spans, span].sort((a, b) => a.start - b.start || a.end - b.end);
}
