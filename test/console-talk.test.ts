/**
 * The console's Playground and Evaluations in a browser: models side by side, functions that a model calls, forms by keyboard alone, the list of evaluations
 * and the comparison of two of them item by item. The server is the console's own fake, whose answers are held against the contract in
 * console/dev/fake.test.ts.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { type FakeOptions, serveFake } from "../console/dev/fake.ts";
import { browserTest, openedBrowser } from "./support/browser.ts";
import { root } from "./support/child.ts";

const folder = join(root, "console/dist");
const browser = openedBrowser("console", "library");

interface Visit {
  readonly page: Page;
  /** Errors of the page that no test expects. */
  readonly errors: string[];
}

/** Opens a page of a server, and closes it afterwards. `expected`: what the browser may note of refusals. */
async function open(url: string, width: number, hash: string, use: (v: Visit) => Promise<void>, expected = /^$/): Promise<void> {
  const context = await browser().newContext({ viewport: { width, height: 800 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("console", m => m.type() === "error" && !expected.test(m.text()) && errors.push(m.text()));
  page.on("pageerror", e => errors.push(e.message));
  try {
    await page.goto(`${url}${hash}`);
    await use({ page, errors });
    expect(errors).toEqual([]);
  } finally {
    await context.close();
  }
}

async function visit(
  options: FakeOptions,
  width: number,
  hash: string,
  use: (v: Visit) => Promise<void>,
  expected?: RegExp,
): Promise<void> {
  const server = await serveFake(folder, options);
  try {
    await open(server.url, width, hash, use, expected);
  } finally {
    await server.close();
  }
}

const noWider = async (page: Page, width: number) =>
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
const openSettings = async (page: Page) => {
  const closed = page.locator("details.playground-settings:not([open]) summary");
  if ((await closed.count()) > 0) await closed.click();
};

browserTest("a prompt is written before the list of models has come, and one that was sent then goes when it comes", async () => {
  const server = await serveFake(folder, { tokenMs: 0 });
  try {
    await open(server.url, 1280, "", async ({ page }) => {
      let come = () => {};
      const list = new Promise<void>(resolve => {
        come = resolve;
      });
      await page.route("**/v1/models", async route => {
        await list;
        await route.continue();
      });
      await page.goto("about:blank");
      await page.goto(`${server.url}#/playground`);
      const prompt = page.getByLabel("Beginning of a text");
      await prompt.fill("Re: ");
      await expect.poll(() => page.getByRole("button", { name: "Continue" }).isDisabled()).toBe(true);
      const sent = page.waitForRequest(r => r.url().endsWith("/v1/completions"));
      await page.keyboard.press("Control+Enter");
      come();
      expect((await sent).postDataJSON()).toMatchObject({ prompt: "Re: " });
      // the field is the same one: what was written, and the focus, are still there
      await expect.poll(() => prompt.inputValue()).toBe("Re: ");
      expect(
        await prompt.evaluate(
          (field: unknown) => field === (globalThis as { document?: { activeElement: unknown } }).document?.activeElement,
        ),
      ).toBe(true);
    });
  } finally {
    await server.close();
  }
});

browserTest("the former address of the page opens the Playground, a model of the address is the one that is asked", async () => {
  await visit({ tokenMs: 0 }, 1280, "#/talk?model=mail-small%401", async ({ page }) => {
    await page.getByRole("heading", { level: 1, name: "Playground" }).waitFor();
    const body = page.waitForRequest(r => r.url().endsWith("/v1/completions"));
    await page.getByLabel("Beginning of a text").fill("Re: ");
    await page.keyboard.press("Control+Enter");
    expect((await body).postDataJSON()).toMatchObject({ model: "mail-small@1" });
    // the page is left by a link and opened by another: the choice is still there
    await page.getByRole("link", { name: "Engine", exact: true }).click();
    await page.getByRole("link", { name: "Playground", exact: true }).click();
    await expect.poll(() => page.url()).toContain("model=mail-small%401");
  });
  await visit({}, 1280, "#/playground?model=nobody%401", async ({ page }) => {
    await page.getByText("No model named nobody@1 is served").waitFor();
    await page.getByLabel("Beginning of a text").fill("Re: ");
    await expect.poll(() => page.getByRole("button", { name: "Continue" }).isDisabled()).toBe(true);
    await page.getByRole("combobox", { name: "Model", exact: true }).selectOption("mail-small@2");
    await expect.poll(() => page.getByRole("button", { name: "Continue" }).isDisabled()).toBe(false);
  });
});

browserTest("a version or an alias in the address of the Playground is not refused as unknown: it is sent as the model", async () => {
  await visit({ tokenMs: 0 }, 1280, "#/playground?model=mail-small%40latest", async ({ page }) => {
    const body = page.waitForRequest(r => r.url().endsWith("/v1/completions"));
    await page.getByLabel("Beginning of a text").fill("Re: ");
    await page.getByRole("button", { name: "Continue" }).click();
    expect((await body).postDataJSON()).toMatchObject({ model: "mail-small@latest" });
    await page.locator("article.exchange footer").first().waitFor();
    expect(await page.getByText("is served", { exact: false }).count()).toBe(0);
  });
});

browserTest("the Playground's prompt does not take the cursor from a field when the list of models comes late", async () => {
  await visit({ tokenMs: 0 }, 1280, "", async ({ page }) => {
    await page.getByRole("heading", { level: 1, name: "Home" }).waitFor();
    let answer = () => {};
    const asked = new Promise<void>(resolve => {
      answer = resolve;
    });
    await page.route("**/v1/models", async route => {
      await asked;
      await route.continue();
    });
    await page.evaluate('location.hash = "#/playground"');
    await openSettings(page);
    const field = page.getByLabel("Max tokens");
    await field.click();
    await page.keyboard.press("Control+A");
    answer();
    await page.getByLabel("Beginning of a text").waitFor();
    await page.keyboard.type("30");
    await expect.poll(() => field.inputValue()).toBe("30");
    await expect.poll(() => page.getByLabel("Beginning of a text").inputValue()).toBe("");
  });
});

browserTest(
  "two models answer the same prompt side by side: each is stopped and asked again by itself, both are one code, the better is feedback",
  async () => {
    for (const width of [1280, 400])
      await visit({ tokenMs: 25 }, width, "#/playground?model=mail-small%402&beside=mail-small%401", async ({ page }) => {
        const bodies: { model: string; prompt: string; temperature: number }[] = [];
        page.on("request", r => r.url().endsWith("/v1/completions") && bodies.push(r.postDataJSON()));
        await openSettings(page);
        await page.getByLabel("Max tokens").fill("30");
        await page.getByLabel("Other settings for the second model").check();
        await page.getByRole("region", { name: "Settings of mail-small@1" }).getByLabel("Temperature").fill("0");
        await page.getByLabel("Beginning of a text").fill("Hi all,\n\nThe ");
        await page.keyboard.press("Control+Enter");
        const of = (model: string) => page.getByRole("article", { name: `Completion, ${model}` }).first();
        const [second, first] = [of("mail-small@2"), of("mail-small@1")];
        await second.locator(".speed").getByText("tokens").first().waitFor();
        await first.locator(".speed").getByText("tokens").first().waitFor();
        expect(bodies.map(b => [b.model, b.prompt, b.temperature])).toEqual([
          ["mail-small@2", "Hi all,\n\nThe ", 0.8],
          ["mail-small@1", "Hi all,\n\nThe ", 0],
        ]);
        // one is stopped, the other goes on to its end
        await page.getByRole("button", { name: "Stop mail-small@2" }).click();
        await second.getByText("stopped by you").waitFor();
        await first.getByText("reached the token limit").waitFor();
        await expect.poll(() => page.getByRole("button", { name: "Prefer" }).count()).toBe(0);
        await second.getByRole("button", { name: "Retry" }).click();
        await second.getByText("reached the token limit").waitFor();
        expect(bodies).toHaveLength(3);
        for (const side of [second, first])
          await expect.poll(() => side.locator(".speed").textContent()).toMatch(/30 tokens.*tokens\/s.*first after/);
        const [a, b] = [(await second.boundingBox())!, (await first.boundingBox())!];
        expect(width === 400 ? b.y >= a.y + a.height : b.x >= a.x + a.width && a.y === b.y).toBe(true);
        await noWider(page, width);

        await first.getByRole("button", { name: "Code" }).click();
        const dialog = page.getByRole("dialog", { name: "Both requests as code" });
        const code = (await dialog.locator("pre").textContent())!;
        expect(code.match(/"model": "mail-small@[12]"/g)).toEqual(['"model": "mail-small@2"', '"model": "mail-small@1"']);
        await page.keyboard.press("Control+Enter");
        await dialog.getByText(/Copied|Not copied/).waitFor();
        await page.keyboard.press("Escape");

        const feedback: { score: boolean; request_id: string }[] = [];
        page.on("request", r => r.url().endsWith("/v1/feedback") && feedback.push(r.postDataJSON()));
        const prefer = first.getByRole("button", { name: "Prefer" });
        await prefer.focus();
        await page.keyboard.press("Enter");
        await page.getByText("Stored as feedback of both responses.").waitFor();
        await expect.poll(() => first.getByRole("button", { name: "Preferred" }).getAttribute("aria-pressed")).toBe("true");
        expect(feedback.map(f => f.score)).toEqual([false, true]);
        expect(new Set(feedback.map(f => f.request_id)).size).toBe(2);
        const download = page.waitForEvent("download");
        await page.getByRole("button", { name: "Export preferences" }).click();
        expect((await download).suggestedFilename()).toBe("preferences.jsonl");
        await page.getByRole("button", { name: "End the comparison" }).click();
        await expect.poll(() => page.getByRole("article").count()).toBe(1);
        expect(page.url()).not.toContain("beside");
      });
  },
);

browserTest("a conversation that was held with one model goes on with both, each with what it said itself", async () => {
  await visit({ tokenMs: 0 }, 1280, "#/playground?mode=chat", async ({ page }) => {
    const bodies: { model: string; messages: { role: string; content: string }[] }[] = [];
    page.on("request", r => r.url().endsWith("/v1/chat/completions") && bodies.push(r.postDataJSON()));
    await page.getByLabel("Max tokens").fill("8");
    const say = async (text: string, answers: number) => {
      await page.getByLabel("Message to the model").fill(text);
      await page.keyboard.press("Enter");
      await expect.poll(() => page.locator('.exchange[aria-busy="false"]').count()).toBe(answers);
    };
    await say("When is the meeting?", 1);
    await page.getByRole("button", { name: "Compare with another model" }).click();
    await expect.poll(() => page.url()).toContain("beside=mail-small%401");
    await expect.poll(() => page.locator(".exchange").count()).toBe(2);
    await say("And where?", 4);
    await say("Who comes?", 6);
    const [first, second] = ["mail-small@2", "mail-small@1"].map(model => bodies.filter(b => b.model === model).at(-1)!);
    for (const body of [first!, second!]) expect(body.messages.map(m => m.role).join(" ")).toBe("user assistant user assistant user");
    // the first answer is shared, the second one is each model's own
    expect(first!.messages.slice(0, 3)).toEqual(second!.messages.slice(0, 3));
    expect(first!.messages[3]).not.toEqual(second!.messages[3]);
  });
});

browserTest(
  "a function is defined, called with arguments, answered by hand and the conversation goes on; it is saved with all of it; by keys alone",
  async () => {
    for (const width of [1280, 400])
      await visit({ tokenMs: 0 }, width, "#/playground?mode=chat", async ({ page }) => {
        type Body = { tools?: { function: { name: string } }[]; tool_choice?: unknown; messages: Record<string, unknown>[] };
        const bodies: Body[] = [];
        page.on("request", r => r.url().endsWith("/v1/chat/completions") && bodies.push(r.postDataJSON()));
        await openSettings(page);
        await page.getByLabel("Max tokens").fill("8");
        const add = page.getByRole("button", { name: "Add a function" });
        await add.focus();
        await page.keyboard.press("Enter");
        const schema = page.getByLabel("JSON Schema of the arguments");
        await schema.fill('{ "type": "object", "properties": { "city": { "type": "strin" } } }');
        await page.getByText("properties.city.type: expected one of string, number, integer").waitFor();
        await page.getByLabel("Message to the model").fill("Rain in Rome?");
        await expect.poll(() => page.getByRole("button", { name: "Send", exact: true }).isDisabled()).toBe(true);
        await schema.fill('{ "type": "object", "properties": { "city": { "type": "string" } } }');
        await page.getByLabel("Tool choice").selectOption("required");
        // Ctrl Enter in a field of the settings sends the prompt
        await schema.focus();
        await page.keyboard.press("Control+Enter");
        await page.getByText("The model waits for the results of its calls.").waitFor({ state: width === 400 ? "attached" : "visible" });
        expect(bodies[0]).toMatchObject({ tools: [{ function: { name: "weather" } }], tool_choice: "required" });
        expect(JSON.parse((await page.getByLabel("Arguments of weather").textContent())!)).toEqual({ city: "Rome" });
        await page.getByText("called a function").waitFor();

        const result = page.getByLabel("Result of weather");
        await result.fill('{ "rain": false }');
        await page.keyboard.press("Control+Enter");
        await expect.poll(() => page.locator('.exchange[aria-busy="false"]').count()).toBe(2);
        expect(bodies[1]!.messages.slice(1)).toEqual([
          {
            role: "assistant",
            content: "",
            tool_calls: [{ id: "call-1", type: "function", function: { name: "weather", arguments: '{"city": "Rome"}' } }],
          },
          { role: "tool", tool_call_id: "call-1", content: '{ "rain": false }' },
        ]);
        await expect.poll(() => page.getByRole("form", { name: "Results of the calls" }).count()).toBe(0);
        await noWider(page, width);
        await page.locator(".exchange").last().getByRole("button", { name: "Code" }).click();
        await expect.poll(() => page.getByRole("dialog").locator("pre").textContent()).toContain('"tool_call_id": "call-1"');
        await page.keyboard.press("Escape");

        await page.getByLabel("Save as").fill("rain");
        await page.keyboard.press("Control+Enter");
        await page.getByText("Saved rain.").waitFor();
        await page.reload();
        await openSettings(page);
        await page.getByRole("button", { name: "rain", exact: true }).click();
        await expect.poll(() => page.locator(".exchange").count()).toBe(2);
        await page.getByLabel("Arguments of weather").waitFor();
        await expect.poll(() => page.getByLabel("Tool choice").inputValue()).toBe("required");
        // the conversation goes on from there
        await page.getByLabel("Tool choice").selectOption("none");
        await page.getByLabel("Message to the model").fill("And in Oslo?");
        await page.keyboard.press("Control+Enter");
        await expect.poll(() => page.locator('.exchange[aria-busy="false"]').count()).toBe(3);
        expect(bodies[2]!.messages.map(m => m.role)).toEqual(["user", "assistant", "tool", "assistant", "user"]);
      });
  },
);

browserTest("a response that is being written is announced sentence by sentence, then that it is complete", async () => {
  await visit({ tokenMs: 120 }, 1280, "#/playground?mode=chat", async ({ page }) => {
    const status = page.locator(".playground-main > [aria-live=polite]");
    await page.evaluate(`
      globalThis.heard = [];
      new MutationObserver(() => globalThis.heard.push(document.querySelector(".playground-main > [aria-live=polite]").textContent))
        .observe(document.querySelector(".playground-main"), { childList: true, subtree: true, characterData: true });
    `);
    await page.getByLabel("Max tokens").fill("60");
    await page.getByLabel("Message to the model").fill("When is the meeting?");
    await page.keyboard.press("Enter");
    await page.locator('.exchange[aria-busy="false"]').waitFor({ timeout: 60_000 });
    await expect.poll(() => status.textContent(), { timeout: 60_000 }).toMatch(/The response is complete\.$/);
    const heard = [...new Set((await page.evaluate("globalThis.heard")) as string[])].filter(text => text !== "");
    expect(heard[0]).toBe("The model is writing.");
    const bare = (text: string) => text.replace(/[^\p{L}\p{N}]+/gu, "");
    const said = heard.slice(1).join(" ").replace("The response is complete.", "");
    expect(bare(said)).toBe(bare((await page.locator(".exchange .written").textContent())!));
    // no flood: far fewer pieces than tokens
    expect(heard.length).toBeLessThan(15);
  });
});

browserTest("every evaluation is listed: sorted, filtered and searched in the address, and each opens its report", async () => {
  for (const width of [1280, 400])
    await visit({}, width, "#/evaluations", async ({ page }) => {
      const table = page.getByRole("table", { name: "Evaluations" });
      const rows = () => table.locator("tbody tr").count();
      await table.waitFor();
      expect(await rows()).toBe(6);
      await page.getByRole("button", { name: /^Main figure/ }).focus();
      await page.keyboard.press("Enter");
      await expect.poll(() => table.getByRole("columnheader", { name: /^Main figure/ }).getAttribute("aria-sort")).toBe("descending");
      await expect.poll(() => table.locator("tbody tr").first().textContent()).toMatch(/acc 0\.910/);
      await page.getByRole("combobox", { name: "Kind" }).selectOption("bits per byte");
      await expect.poll(rows).toBe(2);
      await page.getByRole("searchbox", { name: "Search evaluations" }).fill("small@1");
      await expect.poll(rows).toBe(1);
      await page.reload();
      await expect.poll(rows).toBe(1);
      expect(new URL(page.url()).hash).toBe("#/evaluations?sort=score&kind=bits+per+byte&find=small%401");
      await noWider(page, width);
      await table.getByRole("link", { name: "bits-per-byte" }).click();
      await page.getByRole("heading", { level: 2, name: "bits-per-byte, mail-small@1" }).waitFor();
      await page.getByRole("row", { name: /^5-gram/ }).waitFor();
      await noWider(page, width);
    });
  await visit({}, 1280, "#/evaluations/nobody%409", async ({ page }) => {
    await page.getByText("No version or evaluation named nobody@9").waitFor();
    await expect.poll(() => page.getByRole("table").count()).toBe(0);
  });
});

browserTest(
  "two evaluations of any models are compared item by item: flips, words that differ, the test, filters, pages and CSV; by keys",
  async () => {
    for (const width of [1280, 400])
      await visit({}, width, "#/evaluations?kind=task", async ({ page }) => {
        const press = async (name: string | RegExp, role: "button" | "link" = "button") => {
          await page.getByRole(role, { name }).first().focus();
          await page.keyboard.press("Enter");
        };
        await press("Compare folders of mail-small@2");
        await press("with mail-small@2", "link");
        const diff = page.getByRole("region", { name: "mail-small@2 against mail-small@1" });
        await diff
          .getByText("16 right only in mail-small@2, 6 right only in mail-small@1, 98 the same; 4 items that one of them lacks")
          .waitFor();
        await diff.getByRole("row", { name: /^acc .*\+0\.083 0\.008 to 0\.158 .*no significant difference/ }).waitFor();
        const items = diff.getByRole("list", { name: "Items" }).getByRole("listitem");
        await expect.poll(() => items.count()).toBe(22);
        const marked = async (side: string) => (await items.first().locator(`.is-${side} mark`).allInnerTexts()).join("");
        expect(await marked("first")).toContain("Wednesday");
        expect(await marked("second")).toContain("Friday");
        expect(await marked("second")).not.toContain("closes");
        await diff.getByRole("combobox", { name: "Items" }).selectOption("broken");
        await expect.poll(() => items.count()).toBe(6);
        await diff.getByRole("combobox", { name: "Items" }).selectOption("all");
        await expect.poll(() => items.count()).toBe(50);
        await press("Next");
        await diff.getByText("Page 2 of 3").waitFor();
        await page.reload();
        await diff.getByText("Page 2 of 3").waitFor();
        await diff.getByRole("combobox", { name: "Group" }).selectOption("length=long");
        await expect.poll(() => items.count()).toBe(40);
        await diff.getByRole("searchbox", { name: "Search items" }).fill("number 11");
        await expect.poll(() => items.count()).toBeLessThan(10);
        await noWider(page, width);
        const download = page.waitForEvent("download");
        await press(/^Export \d+ items as CSV/);
        const file = await readFile(await (await download).path(), "utf8");
        expect(file.split("\r\n")[0]).toBe(
          "id,place,change,gain,acc of mail-small@2,acc of mail-small@1,prompt,expected,mail-small@2,mail-small@1",
        );
        expect(file.trimEnd().split("\r\n").length).toBe(1 + (await items.count()));
      });
  },
);
