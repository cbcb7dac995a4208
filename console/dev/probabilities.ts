/** Made-up probabilities of tokens and attributions of words, in the server's forms. */

/** The token that was drawn, and another that is likelier or less likely by its length. */
export function madeUpLogprobs(token: string, isChat: boolean): object {
  const p = Math.max(0.02, 0.98 - 0.09 * token.length);
  const [logprob, other] = [Math.log(p), Math.log((1 - p) * 0.9)];
  const instead = token === " the" ? " a" : " the";
  if (!isChat)
    return { tokens: [token], token_logprobs: [logprob], top_logprobs: [{ [token]: logprob, [instead]: other }], text_offset: [0] };
  const alternatives = [
    { token, logprob },
    { token: instead, logprob: other },
  ];
  return { content: [{ token, logprob, top_logprobs: alternatives }] };
}

/** The longest word counts most, the shortest against. */
export function madeUpAttributions(prompt: string): object {
  const units = (prompt.match(/\s*\S+/g) ?? []).map(text => ({ tokens: [], text }));
  return { units, attributions: [{ target: "answer", score: -3.25, occlusion: units.map(u => 0.2 * u.text.trim().length - 0.5) }] };
}
