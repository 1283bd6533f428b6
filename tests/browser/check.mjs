// Opens every page of a folder in headless Chromium and uses it as a reader would: mouse, keyboard, filters, links, paper, scripts off.
// In: the folder with pages, the folder for screenshots. Out: one line a check, exit code 1 if any failed.
// The page's own security policy stays in force. Nothing is downloaded: the browser is the one that is installed.
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [pages, shots] = process.argv.slice(2);
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((file) => existsSync(file));
const profile = mkdtempSync(path.join(tmpdir(), "rootline-profile-"));
const options = {
  executablePath,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
};
await mkdir(shots, { recursive: true });
let failures = 0;
let checks = 0;
const check = async (name, run) => {
  checks += 1;
  try {
    const note = await run();
    console.log(`ok   ${name}${note ? `: ${note}` : ""}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL ${name}: ${error.message.split("\n").slice(0, 14).join("\n     ")}`);
  }
};

/** Opens a page and listens to everything that it should not do. */
const open = async (browser, file, settings = {}, hash = "") => {
  // Without motion, a place measured is where the mouse will find it.
  const context = await browser.newContext({ viewport: { width: 1280, height: 1000 }, reducedMotion: "reduce", ...settings });
  const page = await context.newPage();
  const bad = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) bad.push(`console: ${message.text()}`); });
  page.on("pageerror", (error) => bad.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => { bad.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  const url = pathToFileURL(file).href;
  page.on("request", (request) => { if (request.url().split("#")[0] !== url) bad.push(`request: ${request.url()}`); });
  await page.goto(url + hash, { waitUntil: "load" });
  if (settings.javaScriptEnabled !== false) await page.waitForTimeout(150);
  return { page, bad, close: () => context.close() };
};
const accessible = async (page, name) => {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"], runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] } }));
  const said = found.violations.map((v) => `${v.id} (${v.nodes.length}): ${v.nodes[0].html.slice(0, 160)} — ${v.nodes[0].failureSummary.split("\n").slice(1, 3).join(" ")}`);
  assert.deepEqual(said, [], `${name}: ${said.join("\n")}`);
};
const counted = (page) => page.locator(".ex-count").textContent();
/** Waits until the line of counts says something else than before, or exactly what is wanted: a busy machine draws late. */
const differs = async (page, before) => {
  await page.waitForFunction((text) => document.querySelector(".ex-count").textContent !== text, before, { timeout: 8000 }).catch(() => {});
  const now = await counted(page);
  assert.notEqual(now, before);
  return now;
};
const becomes = async (page, wanted, what) => {
  await page.waitForFunction((text) => document.querySelector(".ex-count").textContent.startsWith(text), wanted, { timeout: 8000 }).catch(() => {});
  assert.ok((await counted(page)).startsWith(wanted), `${what}: ${await counted(page)}, wanted ${wanted}`);
};
const chosen = async (page) => (await page.locator(".ex-title b").count() ? page.locator(".ex-title b").textContent() : "");

const browser = await chromium.launch({ ...options, args: [...options.args, `--disk-cache-dir=${profile}`] });
console.log(`Chromium ${browser.version()}`);
const files = (await readdir(pages)).filter((file) => file.endsWith(".html")).sort();
for (const name of files) {
  const file = path.join(pages, name);
  const title = name.replace(/\.html$/, "");
  await check(`${title}: opens from a file, says nothing on the console, asks the network for nothing`, async () => {
    const { page, bad, close } = await open(browser, file);
    for (const part of await page.locator("details:not([open]) > summary").all()) if (await part.isVisible()) await part.click({ timeout: 2000 }).catch(() => {});
    await page.mouse.wheel(0, 4000);
    await page.waitForTimeout(100);
    assert.deepEqual(bad, []);
    const odd = await page.evaluate(() => [...document.querySelectorAll("img, iframe, object, embed, link, base, form, a[href^='javascript'], [onclick], [onload], [onerror], [data-planted]")].map((e) => e.outerHTML.slice(0, 120)));
    assert.deepEqual(odd, []);
    assert.equal(await page.evaluate(() => globalThis.planted), undefined);
    await close();
  });
  for (const [mode, settings] of [["light", {}], ["dark", { colorScheme: "dark" }], ["phone", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }]]) {
    await check(`${title}: ${mode}, no violation found by axe, nothing sticks out sideways`, async () => {
      const { page, bad, close } = await open(browser, file, settings);
      await page.screenshot({ path: path.join(shots, `${title}-${mode}.png`), fullPage: false });
      if (mode !== "dark" && !title.startsWith("many-")) {
        const height = Math.min(6000, await page.evaluate(() => document.documentElement.scrollHeight));
        await page.setViewportSize({ width: mode === "phone" ? 390 : 1280, height });
        await page.waitForTimeout(100);
        await page.screenshot({ path: path.join(shots, `${title}-${mode}-long.png`) });
        await page.setViewportSize(settings.viewport || { width: 1280, height: 1000 });
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      // In the hostile page even short words of the schema, which never wrap, are as long as a paragraph.
      assert.ok(wide <= 1 || title === "hostile", `${wide} pixels too wide`);
      await accessible(page, title);
      assert.deepEqual(bad, []);
      await close();
    });
  }
  await check(`${title}: on paper it is a document without controls, in A4 and Letter`, async () => {
    const { page, bad, close } = await open(browser, file);
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.locator("#explorer").isVisible(), false);
    assert.equal(await page.locator(".copy >> nth=0").isVisible(), false);
    assert.equal(await page.locator("nav.contents").isVisible(), false);
    assert.equal(await page.locator("#lanes").isVisible(), true);
    await page.screenshot({ path: path.join(shots, `${title}-print.png`) });
    if (!title.startsWith("many-")) for (const format of ["A4", "Letter"]) {
      const paper = await page.pdf({ format });
      await writeFile(path.join(shots, `${title}-${format}.pdf`), paper);
      assert.ok(paper.length > 10000);
    }
    assert.deepEqual(bad, []);
    await close();
  });
  await check(`${title}: without scripts everything is there`, async () => {
    const { page, close } = await open(browser, file, { javaScriptEnabled: false });
    const text = await page.locator("main").innerText();
    for (const heading of ["Summary", "The cascade", "Impact and blast radius", "Metrics", "Timeline", "Root cause", "Detection", "Resolution and recovery", "Action items", "Sources and ledger", "Raw evidence"]) assert.ok(text.includes(heading), heading);
    assert.equal(await page.locator("#explorer").isVisible(), false);
    assert.equal(await page.locator("#lanes").isVisible(), true);
    await close();
  });
  await check(`${title}: a section is copied as Markdown, and log text stays text`, async () => {
    const { page, bad, close } = await open(browser, file, { permissions: ["clipboard-read", "clipboard-write"] });
    for (const section of ["summary", "timeline", "open"]) {
      await page.locator(`#${section} h2 .copy`).click();
      const text = await page.evaluate(() => navigator.clipboard.readText());
      assert.match(text, /^## /);
      const outside = text.replace(/(`+)[\s\S]*?\1/g, "");
      assert.doesNotMatch(outside, /<(?!https?:)[a-z/!]/i);
    }
    assert.deepEqual(bad, []);
    await close();
  });
  const explorer = await (async () => { const { page, close } = await open(browser, file); const there = await page.locator("#explorer").isVisible(); await close(); return there; })();
  if (!explorer) { console.log(`     ${title}: nothing dated, so no interactive timeline`); continue; }
  await check(`${title}: zoom by key, wheel and button, pan, and all of it in the address`, async () => {
    const { page, bad, close } = await open(browser, file);
    const canvas = page.locator(".ex-canvas");
    await canvas.focus();
    const start = await counted(page);
    await page.keyboard.press("+");
    const zoomed = await differs(page, start);
    await page.keyboard.press("ArrowRight");
    let now = await differs(page, zoomed);
    const box = await canvas.boundingBox();
    await page.mouse.move(box.x + box.width * 0.7, box.y + 60);
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -300);
    now = await differs(page, now);
    await page.keyboard.up("Control");
    await page.mouse.move(box.x + box.width * 0.6, box.y + 80);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.4, box.y + 80, { steps: 4 });
    await page.mouse.up();
    now = await differs(page, now);
    await page.getByLabel("Clock").selectOption("relative");
    now = await differs(page, now);
    await page.waitForURL(/#view\?from=\d+&to=\d+.*clock=relative/, { timeout: 8000 });
    const address = page.url();
    const again = await open(browser, file, {}, address.slice(address.indexOf("#")));
    await becomes(again.page, now, "the address brings the same view back");
    await again.close();
    await page.getByRole("button", { name: "Fit", exact: true }).click();
    await page.getByLabel("Clock").selectOption("utc");
    await becomes(page, start, "back to where it began");
    assert.deepEqual(bad, []);
    await close();
  });
  await check(`${title}: a stretch is brushed on the ruler`, async () => {
    const { page, close } = await open(browser, file);
    await page.locator(".ex-ruler").scrollIntoViewIfNeeded();
    const box = await page.locator(".ex-ruler").boundingBox();
    const before = await counted(page);
    await page.mouse.move(box.x + box.width * 0.2, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.3, box.y + 20, { steps: 3 });
    await page.mouse.up();
    await differs(page, before);
    await close();
  });
  await check(`${title}: filter, table, and back`, async () => {
    const { page, bad, close } = await open(browser, file);
    await page.getByRole("button", { name: "All", exact: true }).click();
    await page.waitForTimeout(300);
    const whole = await counted(page);
    const all = parseInt(whole, 10);
    await page.getByLabel("Text to look for").fill("no-such-thing-anywhere");
    await becomes(page, "0 of", "nothing fits");
    await page.getByRole("button", { name: "Clear", exact: true }).click();
    await becomes(page, whole, "cleared");
    await page.getByLabel("Kind of signal").selectOption({ index: 1 });
    await page.waitForTimeout(300);
    const some = parseInt(await counted(page), 10);
    assert.ok(some > 0 && some <= all, `${some} of ${all}`);
    await page.getByRole("button", { name: "Table", exact: true }).click();
    await page.locator(".ex-table tbody tr").first().waitFor({ timeout: 8000 });
    assert.equal(await page.locator(".ex-table tbody tr").count(), Math.min(100, some));
    await accessible(page, "with the table");
    await page.locator(".ex-table tbody tr button").first().click();
    await page.locator(".ex-title b").waitFor({ timeout: 8000 });
    await accessible(page, "with a chosen signal");
    assert.deepEqual(bad, []);
    await close();
  });
  await check(`${title}: faults by key, along the chain, to the records, and by address`, async () => {
    const { page, bad, close } = await open(browser, file);
    await page.locator(".ex-canvas").focus();
    await page.keyboard.press("9");
    await page.keyboard.press("n");
    await page.waitForTimeout(300);
    const one = await chosen(page);
    if (!one) { await close(); return "no fault here"; }
    await page.keyboard.press("n");
    await page.keyboard.press("p");
    await page.waitForTimeout(100);
    assert.equal(await chosen(page), one);
    const jumps = await page.locator(".ex-detail ul .ex-jump").count();
    await page.waitForTimeout(450);
    const address = page.url();
    assert.match(address, /at=s\d+/);
    const again = await open(browser, file, {}, address.slice(address.indexOf("#")));
    assert.equal(await chosen(again.page), one);
    await again.close();
    const link = page.locator(".ex-detail a[href^='#s']");
    if (await link.count()) {
      await page.locator(".ex-canvas").focus();
      await page.keyboard.press("Enter");
      await page.waitForTimeout(150);
      assert.equal(await page.evaluate(() => document.querySelector(":target")?.id), one.split(" ")[0]);
    }
    assert.deepEqual(bad, []);
    await close();
    return `${one}, ${jumps} ways on`;
  });
  await check(`${title}: a mark is touched on a phone`, async () => {
    const { page, bad, close } = await open(browser, file, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    await page.locator(".ex-canvas").scrollIntoViewIfNeeded();
    const box = await page.locator(".ex-canvas").boundingBox();
    for (let x = 110; x < box.width; x += 6) {
      await page.touchscreen.tap(box.x + x, box.y + 34);
      if (await page.locator(".ex-title").count()) break;
    }
    assert.deepEqual(bad, []);
    await close();
  });
  if (title.startsWith("many-")) await check(`${title}: stays quick`, async () => {
    const { page, close } = await open(browser, file);
    const figures = await page.evaluate(async () => {
      const painted = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0;
      const drawn = performance.getEntriesByName("timeline-drawn")[0]?.startTime ?? 0;
      const canvas = document.querySelector(".ex-canvas");
      const began = performance.now();
      for (let i = 0; i < 20; i++) {
        canvas.dispatchEvent(new KeyboardEvent("keydown", { key: i % 2 ? "-" : "+" }));
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      }
      return { painted, drawn, frame: (performance.now() - began) / 20 };
    });
    const said = `first paint ${figures.painted.toFixed(0)} ms, timeline drawn ${figures.drawn.toFixed(0)} ms, a step of zoom ${figures.frame.toFixed(0)} ms`;
    // Room for a busy machine; on an idle one these are a fraction of it.
    assert.ok(figures.painted < 5000 && figures.drawn < 10000 && figures.frame < 500, said);
    await close();
    return said;
  });
}
await check("less motion where that is asked for", async () => {
  const { page, close } = await open(browser, path.join(pages, files[0]), { reducedMotion: "reduce" });
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).scrollBehavior), "auto");
  await close();
});
await browser.close();
rmSync(profile, { recursive: true, force: true });
console.log(`${checks - failures} of ${checks} checks passed`);
process.exit(failures ? 1 : 0);
