/** How an origin of web pages that may call a server is written in a configuration. */
import { z } from "zod";

const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text && text !== "null" && !text.includes("*");

/** `*`: pages of any origin; `localhost`: those of this machine, on any port; else an origin such as `https://app.example.com`. */
export const corsOrigin = z.string().refine(text => text === "*" || text === "localhost" || isOrigin(text), {
  error: "an origin without a path, such as https://app.example.com; localhost for pages of this machine, or * for any",
});
