/** Ids of objects that a translation makes: a chat, an item of a response. */
import { randomBytes } from "node:crypto";

export const newObjectId = (prefix: string): string => `${prefix}${randomBytes(12).toString("hex")}`;
