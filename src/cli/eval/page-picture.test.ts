import { expect, test } from "vitest";
import { classPicture } from "../../evaluate/index.ts";
import { pictureSection } from "./page-picture.ts";

const truth = Int32Array.from([0, 0, 0, 1, 1, 1]);
const sure = [0.9, 0.8, 0.3, 0.4, 0.2, 0.1];
const pictureOf = (name: string) => classPicture({ classes: ["ham", name], truth, probabilities: sure.map(p => [p, 1 - p]) });

test("every drawing has a title and a description that it is named by, and its numbers as a table", () => {
  const page = pictureSection(pictureOf("spam"), "of-mail");
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(m => m[1]);
  expect(new Set(ids).size).toBe(ids.length);
  const named = [...page.matchAll(/aria-(?:labelledby|describedby)="([^"]+)"/g)].map(m => m[1]);
  // ROC and precision of each class, and reliability
  expect(named).toHaveLength(2 * (2 * 2 + 1));
  expect(ids).toEqual(expect.arrayContaining(named));
  expect(page.match(/<summary>in numbers<\/summary><div class="scroll"><table>/g)).toHaveLength(5);
  // a table that is wider than the screen is moved, not the page
  expect(page.match(/<div class="scroll"><table/g)).toHaveLength(page.match(/<table/g)!.length);
});

test("the table of mistakes has every class both ways, and names are text", () => {
  const page = pictureSection(pictureOf("<b>spam & eggs</b>"), "of-mail");
  expect(page).not.toContain("<b>spam");
  expect(page).toMatch(/<th scope="row">ham<\/th><td[^>]*>2<\/td><td[^>]*>1<\/td>/);
  expect(page).toMatch(/<th scope="row">&lt;b&gt;spam &amp; eggs&lt;\/b&gt;<\/th><td[^>]*>0<\/td><td[^>]*>3<\/td>/);
  expect(page).toMatch(/ROC, area 0\.889/);
});
