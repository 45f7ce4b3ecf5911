// Drives a headless Chromium over its debugging pipe; needs nothing but node.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import assert from "node:assert/strict";

const [browser, address, axe, prose, profile, pictures] = process.argv.slice(2);
const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--no-first-run", `--user-data-dir=${profile}`, "--remote-debugging-pipe", "about:blank"];
const child = spawn(browser, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
const waiting = new Map(), outside = [];
let number = 0, rest = "";
child.stdio[4].on("data", bytes => {
  const parts = (rest + bytes).split("\0");
  rest = parts.pop();
  for (const message of parts.map(part => JSON.parse(part))) {
    if (message.id) waiting.get(message.id)?.(message);
    else if (message.method === "Network.requestWillBeSent") outside.push(message.params.request.url);
  }
});
const send = (method, params = {}, sessionId) => new Promise((done, failed) => {
  const id = ++number;
  waiting.set(id, message => message.error ? failed(new Error(`${method}: ${message.error.message}`)) : done(message.result));
  child.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
});

const { targetId } = await send("Target.createTarget", { url: "about:blank" });
const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
const call = (method, params) => send(method, params, sessionId);
const run = async expression => {
  const { result, exceptionDetails } = await call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
};
const until = async (what, expression) => {
  for (let turn = 0; turn < 600; turn++) {
    if (await run(expression)) return;
    await new Promise(done => setTimeout(done, 100));
  }
  throw new Error(`${what} does not come: ${await run("document.body.innerText.slice(0, 600)")}`);
};
const key = async name => {
  await call("Input.dispatchKeyEvent", { type: "keyDown", key: name, text: name.length === 1 ? name : undefined });
  await call("Input.dispatchKeyEvent", { type: "keyUp", key: name });
};
const axed = async what => {
  for (const scheme of ["light", "dark"]) {
    for (const width of [360, 1280]) {
      await call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
      await call("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: false });
      const bad = await run("axe.run(document).then(r => r.violations.map(v => v.id + ': ' + v.nodes[0].html))");
      const wide = await run("document.documentElement.scrollWidth - document.documentElement.clientWidth");
      console.log(`preview, ${what}, ${width} px, ${scheme}: ${bad.length} violations, ${wide} px too wide`);
      assert.deepEqual({ bad, wide }, { bad: [], wide: 0 });
      if (pictures) {
        const { data } = await call("Page.captureScreenshot", { format: "png" });
        writeFileSync(`${pictures}/${what}-${width}-${scheme}.png`, Buffer.from(data, "base64"));
      }
    }
  }
};

try {
  const text = readFileSync(prose, "utf8");
  await call("Network.enable");
  await call("Page.enable");
  await call("Page.navigate", { url: address });
  await until("a state", "document.querySelectorAll('.page').length > 0");
  await until("the audit", "document.querySelectorAll('.edition h2 a').length === 2");
  // The page's own policy keeps foreign scripts out; the debugger is asked to run this one.
  await run(readFileSync(axe, "utf8"));
  await axed("pages");

  // A save: the page that changed is jumped to.
  await until("a picture", "[...document.images].some(image => image.complete && image.naturalWidth > 0)");
  await run("scrollTo(0, document.body.scrollHeight)");
  writeFileSync(prose, text + "\nA new last word.\n");
  await until("the changed page", "document.querySelector('.page.changed')?.getBoundingClientRect().top < innerHeight");
  await until("its place", "document.querySelector('.page.changed').getBoundingClientRect().top >= document.getElementById('top').offsetHeight");
  assert.match(await run("document.getElementById('status').textContent"), /changed|Making|Reading/);

  // A fault: over the pages, and said aloud; mending takes it away.
  const count = await run("document.querySelectorAll('.page').length");
  writeFileSync(prose, text + "\n{{ fig(\"nothing.of.it\") | pct(1) }}\n");
  await until("the fault", "!document.getElementById('faults').hidden");
  assert.match(await run("document.getElementById('told').textContent"), /summary\.en\.typ\.j2:\d+.*nothing\.of\.it/s);
  assert.match(await run("document.getElementById('alert').textContent"), /wrong/);
  assert.equal(await run("document.querySelectorAll('.page').length"), count);
  await key("e");
  assert.equal(await run("document.activeElement.id"), "faults");
  await axed("a fault");
  writeFileSync(prose, text);
  await until("the end of the fault", "document.getElementById('faults').hidden");

  // Keys: one language, all, the next page, and off.
  const visible = "[...document.querySelectorAll('.edition')].filter(edition => !edition.hidden).length";
  await key("1");
  assert.equal(await run(visible), 1);
  await key("0");
  assert.equal(await run(visible), 2);
  await key("j");
  assert.equal(await run("document.activeElement.className.split(' ')[0]"), "page");
  await run("document.getElementById('keys').click()");
  await key("2");
  assert.equal(await run(visible), 2);

  const foreign = outside.filter(url => !url.startsWith(address) && !url.startsWith("about:") && !url.startsWith("data:"));
  assert.deepEqual(foreign, []);
  console.log(`preview: ${outside.length} requests, none to another place`);
} finally {
  child.kill();
}
