/** POST /tokenize in llama.cpp's form: `content` to tokens with their pieces. */
import { nativeTokenizeRequest, requestFields } from "../../../protocols/index.ts";
import { startTokensOf } from "../../served-model.ts";
import type { AppContext, Services } from "../exchange.ts";
import { parseBody } from "../parse.ts";
import { checkedBody } from "../request-fields.ts";
import { nativeModel } from "./native-model.ts";
import { checkPromptCharacters, mixedTokens } from "./native-prompts.ts";
import { pieceOf } from "./token-probabilities.ts";

/** A piece that is no whole text is told as its bytes. */
function wirePiece(piece: ReturnType<typeof pieceOf>): string | number[] {
  return Buffer.from(piece.text).equals(piece.bytes) ? piece.text : [...piece.bytes];
}

export async function nativeTokenize(c: AppContext, services: Services): Promise<Response> {
  const body = parseBody(nativeTokenizeRequest, await checkedBody(c, requestFields.nativeTokenize));
  const engine = nativeModel(c, services, body.model);
  const { tokenizer } = engine.model;
  checkPromptCharacters({ room: "room" in engine ? engine.room : engine.model.longest }, body.content);
  const readSpecialTokens = body.parse_special ?? true;
  const isText = typeof body.content === "string";
  // an encoder's tokens stand on both sides of a text
  const encoded = isText
    ? Array.from(tokenizer.encode(body.content as string, { addSpecialTokens: body.add_special ?? false, readSpecialTokens }))
    : mixedTokens(tokenizer, body.content, { readSpecialTokens });
  const [start] = body.add_special && "room" in engine ? startTokensOf(engine.model) : [];
  const tokens = start === undefined || encoded[0] === start ? encoded : [start, ...encoded];
  return c.json({ tokens: body.with_pieces ? tokens.map(id => ({ id, piece: wirePiece(pieceOf(tokenizer, id)) })) : tokens });
}
