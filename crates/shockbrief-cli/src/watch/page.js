// Shows what the preview tells of: asks for the next state, which is answered once there is one.
"use strict";
const $ = id => document.getElementById(id);
const names = code => { try { return new Intl.DisplayNames(["en"], { type: "language" }).of(code); } catch { return code; } };
let state = null, shown = null, target = null;

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Only pages that changed are touched, so that nothing moves and the others keep their pictures.
function pages(edition) {
  const id = "edition-" + edition.language;
  let section = $(id);
  if (!section) {
    const heading = element("h2", { id: id + "-name", lang: "en" });
    section = element("section", { id, className: "edition" }, heading, element("div", { className: "list" }));
    section.setAttribute("aria-labelledby", heading.id);
    $("pages").append(section);
  }
  const heading = section.firstChild, list = section.lastChild, name = names(edition.language);
  heading.textContent = name + " ";
  if (edition.pdf) {
    const label = "PDF in " + name;
    heading.append(element("a", { href: "pdf/" + encodeURIComponent(edition.pdf), target: "_blank", textContent: label }));
  }
  let first = null;
  edition.pages.forEach((digest, index) => {
    let figure = list.children[index];
    const fresh = !figure;
    if (fresh) {
      figure = element("figure", { className: "page", tabIndex: -1 }, element("img", { loading: "lazy" }), element("figcaption", {}));
      list.append(figure);
    }
    if (figure.dataset.digest !== digest) {
      figure.dataset.digest = digest;
      figure.firstChild.src = "pages/" + digest + ".svg";
      first ??= figure;
    }
    const label = `Page ${index + 1} of ${edition.pages.length}`;
    figure.firstChild.alt = `${label}, ${name}`;
    figure.lastChild.textContent = label;
  });
  while (list.children.length > edition.pages.length) list.lastChild.remove();
  return first;
}

function languages() {
  const codes = state.editions.map(edition => edition.language);
  if (!shown || !shown.some(code => codes.includes(code))) shown = codes.slice();
  const button = (label, wanted) => {
    const made = element("button", { type: "button", textContent: label, onclick: () => { shown = wanted; languages(); } });
    made.setAttribute("aria-pressed", String(wanted.length === shown.length && wanted.every(code => shown.includes(code))));
    return made;
  };
  const held = [...$("languages").children].indexOf(document.activeElement);
  const all = codes.length > 1 ? [button("Side by side", codes.slice())] : [];
  $("languages").replaceChildren(...codes.map(code => button(names(code), [code])), ...all);
  if (held >= 0) $("languages").children[held]?.focus();
  for (const section of $("pages").children) section.hidden = !shown.includes(section.id.slice("edition-".length));
}

function jump(figure) {
  document.querySelectorAll(".page.changed").forEach(page => page.classList.remove("changed"));
  target = figure;
  figure.classList.add("changed");
  figure.scrollIntoView({ block: "start" });
}

function show(next) {
  const before = state;
  state = next;
  const words = Object.values(next.title);
  document.title = $("title").textContent = `${next.title.en ?? words[0] ?? next.slug} ${next.period}`.trim();
  const codes = next.editions.map(edition => edition.language);
  [...$("pages").children].filter(section => !codes.includes(section.id.slice("edition-".length))).forEach(section => section.remove());
  const changes = next.editions.map(edition => pages(edition));
  languages();
  const seen = changes.filter(figure => figure && !figure.closest("[hidden]"));
  const begun = before && before.editions.length > 0;
  if (begun && seen.length > 0) jump(seen.reduce((a, b) => (place(b) < place(a) ? b : a)));
  const faults = next.faults ?? "";
  if ($("told").textContent !== faults) {
    $("told").textContent = faults;
    $("alert").textContent = faults ? "Something is wrong: " + faults.split("\n")[0] : "";
  }
  $("faults").hidden = !faults;
  $("wrong").textContent = next.editions.length ? "The last good pages are shown; this is wrong now:" : "This is wrong:";
  $("status").textContent = status(next, begun ? seen : []);
}

const place = figure => [...figure.parentElement.children].indexOf(figure);

let last = "";
function status(next, seen) {
  if (seen.length > 0) last = `, page ${Math.min(...seen.map(place)) + 1} changed`;
  if (next.step === "drawing") return "Making the pages …";
  if (next.faults) return "Not as it should be: see above the pages";
  if (next.step === "auditing") return "Reading the numbers back …" + last;
  return "Up to date" + last;
}

function near(step) {
  const list = [...document.querySelectorAll(".edition:not([hidden]) .page")];
  if (!list.length) return;
  const same = list.filter(page => page.closest(".edition") === list[0].closest(".edition"));
  const top = $("pages").getBoundingClientRect().top < 0 ? same.filter(page => page.getBoundingClientRect().top < covered() + 40).length - 1 : -1;
  const page = same[Math.min(Math.max(top + step, 0), same.length - 1)];
  page.scrollIntoView({ block: "start" });
  page.focus({ preventScroll: true });
}

// What is jumped to stands below the head.
const covered = () => $("top").offsetHeight;
new ResizeObserver(() => { document.documentElement.style.scrollPaddingTop = covered() + 8 + "px"; }).observe($("top"));

const isOn = () => $("keys").getAttribute("aria-pressed") === "true";
$("keys").onclick = () => $("keys").setAttribute("aria-pressed", String(!isOn()));
addEventListener("keydown", event => {
  if (!isOn() || event.ctrlKey || event.metaKey || event.altKey || !state) return;
  const codes = state.editions.map(edition => edition.language);
  if (event.key === "j") near(1);
  else if (event.key === "k") near(-1);
  else if (event.key === "c" && target?.isConnected) jump(target);
  else if (event.key === "e" && !$("faults").hidden) $("faults").focus();
  else if (event.key === "0") { shown = codes; languages(); }
  else if (/^[1-9]$/.test(event.key) && codes[event.key - 1]) { shown = [codes[event.key - 1]]; languages(); }
  else return;
  event.preventDefault();
});

(async () => {
  for (;;) {
    try {
      const answer = await fetch("state" + (state ? "?after=" + state.version : ""));
      if (!answer.ok) throw new Error(answer.status);
      const next = await answer.json();
      if (next.version !== state?.version) show(next);
    } catch {
      $("status").textContent = "The preview has ended; start it again with shockbrief watch";
      await new Promise(done => setTimeout(done, 1000));
    }
  }
})();
