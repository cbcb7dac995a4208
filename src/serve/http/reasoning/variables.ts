/** How a chat template is told to let the model reason or not: the switch that it has (`enable_thinking`, `thinking`), and the effort. */

interface ReasoningWish {
  /** OpenAI's word; "none" is not at all. */
  readonly effort?: string | null | undefined;
  /** Whether the model is to reason; as the template has it when absent. */
  readonly isEnabled?: boolean | undefined;
}

/** DeepSeek V3.1's and Granite's switch is a plain word: it counts where the template asks about it. */
const asksThinking = /\b(?:if|elif|and|or|not)\s+(?:not\s+)?thinking\b|\bthinking is\b/;

/** Variables for a template of this source; what it does not read changes nothing. */
export function reasoningVariables(source: string, { effort, isEnabled }: ReasoningWish): Readonly<Record<string, unknown>> {
  const enabled = isEnabled ?? (effort == null ? undefined : effort !== "none");
  const has = (name: string) => source.includes(name);
  return {
    ...(effort == null || effort === "none" ? {} : { reasoning_effort: effort }),
    ...(enabled !== undefined && has("enable_thinking") ? { enable_thinking: enabled } : {}),
    ...(enabled !== undefined && asksThinking.test(source) ? { thinking: enabled } : {}),
  };
}
