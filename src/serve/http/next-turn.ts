/**
 * Tokens of a further turn behind an answer that is known as tokens: what the model's template writes between the two and around the new turn. The template is
 * asked for a conversation of an earlier turn, and what stands behind its answer is taken. Answers are not read as text again, so their tokens stay.
 */
import { encodeChat } from "../../text/index.ts";
import type { Engine } from "../engine.ts";
import type { ServedChatTurn } from "../served-model.ts";
import { asTemplateReads } from "./chat-messages.ts";
import { checkPromptLength, type TemplateUse, templateVariables, transcript } from "./prompt.ts";

/** The earlier turn; no template says this by itself. */
const question = "1+1=?";
const reply = "~2~";

type Render = (turns: readonly ServedChatTurn[]) => string;

/** What a rendering has behind the reply to an earlier turn; undefined where the template writes earlier turns in another way. */
function behindReply(render: Render, turns: readonly ServedChatTurn[]): string | undefined {
  const earlier = { role: "user", content: question };
  const asked = render([earlier]);
  const whole = render([earlier, { role: "assistant", content: reply }, ...turns]);
  const at = whole.startsWith(asked) ? whole.indexOf(reply, asked.length) : -1;
  return at < 0 ? undefined : whole.slice(at + reply.length);
}

/** `variables` are the template's. Errors: serve/contextLength, text/template. */
export function nextTurnTokens(engine: Engine, turns: readonly ServedChatTurn[], variables?: TemplateUse["variables"]): number[] {
  const { chatTemplate, tokenizer } = engine.model;
  checkPromptLength(
    engine,
    turns.reduce((n, t) => n + t.content.length, 0),
    "prompt",
  );
  if (!chatTemplate) {
    const text = behindReply(all => transcript(all), turns) ?? transcript(turns);
    return Array.from(tokenizer.encode(text, { addSpecialTokens: false, readSpecialTokens: false }));
  }
  const behind = {
    render: (marked: readonly ServedChatTurn[]) => {
      const render: Render = all =>
        chatTemplate.render(all, { addGenerationPrompt: true, variables: templateVariables(chatTemplate, variables) });
      return behindReply(render, marked) ?? render(marked);
    },
  };
  return Array.from(encodeChat(tokenizer, behind, asTemplateReads(chatTemplate, turns)));
}
