/** Signs a browser in to a real server, for pictures of it. */
import type { Browser } from "playwright-core";

/** The cookies after a sign-in link, which is good for once. */
export async function signIn(browser: Browser, link: string) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(link);
  await page.locator("nav").first().waitFor();
  const state = await context.storageState();
  await context.close();
  return state;
}
