// 1. A region that scrolls can be reached from the keyboard. It is measured when the reader comes near:
//    what is far below is not laid out yet.
const SCROLLS = "aside.margin, .katex-display, .cell_output pre, div.highlight pre, pre.literal-block, .bd-article table";
const near = new Set();
function markScrolling() {
  const wide = [...near].map((el) => [el, el.scrollWidth > el.clientWidth]);
  for (const [el, scrolls] of wide) {
    if (scrolls) el.tabIndex = 0;
    else if (el.hasAttribute("tabindex")) el.removeAttribute("tabindex");
  }
}
const nearing = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) near[isIntersecting ? "add" : "delete"](target);
  markScrolling();
}, { rootMargin: "400px" });
addEventListener("load", () => document.querySelectorAll(SCROLLS).forEach((el) => nearing.observe(el)));
addEventListener("resize", markScrolling);

// 2. Previews: a link to an equation, theorem, figure, citation or glossary term shows a copy of it
//    while it is pointed at or has the focus. Escape closes. Only pages of this site are read.
const WHOLE = "div.math, div.proof, div.exercise, div.solution, figure, div.citation, .bibliography dl, dl.citation > div, dl.py";
const pages = new Map();
let open = null, timer = 0;

function pageOf(url) {
  if (url.pathname === location.pathname) return Promise.resolve(document);
  if (!pages.has(url.pathname)) {
    const read = fetch(url.pathname).then((r) => (r.ok ? r.text() : Promise.reject(new Error(r.statusText))));
    pages.set(url.pathname, read.then((text) => new DOMParser().parseFromString(text, "text/html")));
  }
  return pages.get(url.pathname);
}

function targetOf(doc, id) {
  const el = doc.getElementById(id);
  if (!el) return null;
  if (el.tagName === "DT") return [el, el.nextElementSibling];
  const next = el.matches("span.target, span:empty") ? el.nextElementSibling : null;
  const whole = el.closest(WHOLE) || (next && next.matches(WHOLE) ? next : null);
  return whole ? [whole] : null;
}

function copy(el) {
  const twin = document.importNode(el, true);
  for (const part of [twin, ...twin.querySelectorAll("[id]")]) if (!part.closest("svg")) part.removeAttribute("id");
  return twin;
}

function close() {
  clearTimeout(timer);
  if (open) { open.link.removeAttribute("aria-describedby"); open.box.remove(); }
  open = null;
}

function show(link, parts) {
  close();
  const box = document.createElement("div"), at = link.getBoundingClientRect();
  box.className = "preview";
  box.id = "preview";
  box.setAttribute("role", "tooltip");
  box.append(...parts.filter(Boolean).map(copy));
  document.body.append(box);
  const left = Math.max(16, Math.min(at.left, document.documentElement.clientWidth - box.offsetWidth - 16));
  const below = at.bottom + box.offsetHeight + 8 < innerHeight || at.top < box.offsetHeight + 8;
  box.style.left = `${left + scrollX}px`;
  box.style.top = `${scrollY + (below ? at.bottom + 6 : at.top - box.offsetHeight - 6)}px`;
  link.setAttribute("aria-describedby", "preview");
  box.addEventListener("mouseenter", () => clearTimeout(timer));
  box.addEventListener("mouseleave", () => { timer = setTimeout(close, 200); });
  open = { link, box };
}

function approach(event) {
  const link = event.target.closest?.("article a[href*='#']:not(.headerlink), .preview a[href*='#']");
  if (!link || link === open?.link || link.closest(".preview")) return;
  const url = new URL(link.href);
  const near = url.pathname === location.pathname || (url.origin === location.origin && location.protocol !== "file:");
  if (!near || url.hash.length < 2) return;
  clearTimeout(timer);
  timer = setTimeout(() => {
    pageOf(url).then((doc) => {
      const parts = targetOf(doc, decodeURIComponent(url.hash.slice(1)));
      if (parts && (link.matches(":hover") || link === document.activeElement)) show(link, parts);
    }).catch(() => pages.delete(url.pathname));
  }, event.type === "focusin" ? 0 : 150);
}

function leave(event) {
  if (!event.target.closest?.("a")) return;
  clearTimeout(timer);
  if (open) timer = setTimeout(close, 200);
}

document.addEventListener("mouseover", approach);
document.addEventListener("focusin", approach);
document.addEventListener("mouseout", leave);
document.addEventListener("focusout", leave);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });

// 3. Twins: a symbol that is pointed at, or chosen below the title, is lit wherever it stands on the page,
//    in equations and in diagrams. A chosen one stays lit; Escape puts it out.
const SYMBOLS = { U: ["U", "U, from the input"], W: ["W", "W, from state to state"], V: ["V", "V, to the output"], grad: ["δ λ ε", "δ λ ε, the errors on their way back"] };
const lights = { chosen: "", pointed: "" };

function light() {
  const lit = lights.pointed || lights.chosen;
  if (lit) document.documentElement.dataset.lit = lit;
  else delete document.documentElement.dataset.lit;
  for (const button of document.querySelectorAll(".twins button")) button.ariaPressed = String(button.value === lights.chosen);
}

function symbolOf(el) {
  const symbol = el.closest?.("article [class*='sym-']:not(.twins *)");
  return symbol ? symbol.getAttribute("class").match(/sym-(\w+)/)[1] : "";
}

function offerTwins() {
  const here = Object.keys(SYMBOLS).filter((name) => document.querySelectorAll(`article .sym-${name}`).length > 1);
  const title = document.querySelector("article h1");
  if (!title || !document.querySelector("article svg [class*='sym-']") || here.length < 2) return;
  const group = document.querySelector("article .twins") || document.createElement("div");  // the build keeps its place
  group.className = "twins";
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "Light up a symbol wherever it stands");
  group.append("Light up ");
  for (const name of here) {
    const button = document.createElement("button");
    button.type = "button";
    button.value = name;
    button.className = `sym-${name}`;
    [button.textContent, button.title] = SYMBOLS[name];
    button.setAttribute("aria-label", SYMBOLS[name][1]);
    button.addEventListener("click", () => { lights.chosen = lights.chosen === name ? "" : name; light(); });
    group.append(button);
  }
  if (!group.isConnected) title.after(group);
  light();
}

document.addEventListener("DOMContentLoaded", offerTwins);
document.addEventListener("mouseover", (event) => {
  const name = symbolOf(event.target);
  if (name !== lights.pointed) { lights.pointed = name; light(); }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { lights.chosen = lights.pointed = ""; light(); }
});

// 4. A derivation can be read folded, its first side and its last alone, or line by line: by the buttons below it or the arrow keys there.
//    All lines stand there at first, on paper and without scripts.
function rowsOf(math) {
  const place = (cell) => Math.round(1000 * (parseFloat(cell.style.top) + parseFloat(cell.firstElementChild.style.height)));
  const columns = [...math.querySelector(".katex-html .mtable").children].filter((el) => el.className.startsWith("col-align"));
  const cells = columns.flatMap((column, c) => [...column.querySelector(".vlist").children].map((el) => [el, place(el), c]));
  const places = cells.map(([, at]) => at).sort((a, b) => a - b).filter((at, k, all) => !k || at - all[k - 1] > 100);  // KaTeX rounds: one line's cells differ a little
  const drawn = cells.map(([el, at, column]) => ({ el, row: places.findLastIndex((place) => place <= at), column }));
  const said = [...math.querySelector(".katex-mathml mtable").children].flatMap((tr, row) => [...tr.children].map((el, column) => ({ el, row, column })));
  return { parts: [...drawn, ...said], rise: (places.at(-1) - places[0]) / 1000 };
}

function offerReading(bar) {
  const math = bar.previousElementSibling, count = Number(bar.dataset.lines), { parts, rise } = rowsOf(math);
  const fold = document.createElement("button"), step = document.createElement("button"), status = document.createElement("span");
  const [first, last] = [[0, 0], [count - 1, 1]].map(([row, column]) => parts.find((part) => part.row === row && part.column === column));
  const boxes = ({ el }) => [...el.querySelectorAll(".mord, .mop, .mopen")].map((part) => part.getBoundingClientRect());
  const top = (part) => Math.min(...boxes(part).map((box) => box.top)), bottom = (part) => Math.max(...boxes(part).map((box) => box.bottom));
  const display = math.querySelector(".katex-display");
  let shown = count;
  fold.type = step.type = "button";
  status.setAttribute("role", "status");
  const inResult = ({ row, column }) => [first, last].some((part) => part.row === row && part.column === column);
  const show = (lines) => {
    shown = Math.max(0, Math.min(count, lines));
    for (const part of parts) {
      part.el.classList.toggle("unread", shown ? part.row >= shown : !inResult(part));
    }
    display.style.marginBottom = "";
    for (const { el } of [first, last]) el.style.transform = "";
    if (!shown) {  // the last side comes up to the first, which comes down if the other is too tall for its line
      const way = rise * parseFloat(getComputedStyle(first.el).fontSize), up = Math.min(way, top(last) - top(first));
      const room = math.getBoundingClientRect().bottom - Math.max(bottom(first) + way - up, bottom(last) - up);  // a tall first side keeps its depth
      display.style.marginBottom = `${parseFloat(getComputedStyle(display).marginBottom) - Math.min(up, room)}px`;
      last.el.style.transform = `translateY(${-up}px)`;
      first.el.style.transform = `translateY(${way - up}px)`;
    }
    fold.textContent = shown ? "Result only" : "All lines";
    step.textContent = shown && shown < count ? "Next line" : "Line by line";
    status.textContent = shown === count ? "" : shown ? `line ${shown} of ${count}` : "the result";
  };
  fold.addEventListener("click", () => show(shown ? 0 : count));
  step.addEventListener("click", () => show(shown && shown < count ? shown + 1 : 1));
  bar.addEventListener("keydown", (event) => {
    const to = { ArrowRight: shown + 1, ArrowLeft: shown - 1, Home: 0, End: count }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    show(to);
  });
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "How to read this derivation");
  show(count);
  bar.append(status, fold, step);
}

document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".reading").forEach(offerReading));
