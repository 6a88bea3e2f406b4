// What every page can do besides being read: the theme, the two side bars, the search field, the download menu,
// folded solutions, buttons that copy code, and the contents list that follows the reader.
// It takes the place of the theme's own scripts, and of Bootstrap; tidy_html.py leaves them out.
{
const root = document.documentElement;
const all = (selector) => [...document.querySelectorAll(selector)];
const onClick = (selector, act) => all(selector).forEach((el) => el.addEventListener("click", act));

// 1. Light, dark, or as the machine says. The first lines of the page have already set what was chosen before.
const dark = matchMedia("(prefers-color-scheme: dark)");

function setTheme(mode) {
  root.dataset.mode = mode;
  root.dataset.theme = mode === "auto" ? (dark.matches ? "dark" : "light") : mode;
}

function nextTheme() {
  const order = dark.matches ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
  const mode = order[(order.indexOf(root.dataset.mode) + 1) % 3];
  setTheme(mode);
  try { localStorage.setItem("mode", mode); } catch { /* storage is closed: the choice holds for this page */ }
}

// 2. Side bars: on a narrow screen each is drawn in by a check box that its button ticks.
function offerSidebar(name) {
  const box = document.getElementById(`pst-${name}-sidebar-checkbox`);
  const bar = document.querySelector(`.bd-sidebar-${name}`), button = document.querySelector(`.${name}-toggle`);
  if (!box || !bar || !button) return;
  const shut = () => { box.checked = false; button.focus(); };
  button.addEventListener("click", () => {
    box.checked = !box.checked;
    if (box.checked) setTimeout(() => bar.querySelector("a, button")?.focus(), 100);
  });
  bar.addEventListener("keydown", (event) => { if (event.key === "Escape") shut(); });
  box.addEventListener("change", () => { if (!box.checked) button.focus(); });
}

// 3. Search: a button or Ctrl K (⌘ K) opens the field; Escape, or a click beside it, closes it.
const apple = /Mac|iPhone|iPad/.test(navigator.platform);

function toggleSearch() {
  const wrapper = document.querySelector(".search-button__wrapper");
  const field = document.querySelector("main form.bd-search input") || wrapper?.querySelector("input");
  if (!field) return;
  if (wrapper?.contains(field) && !wrapper.classList.toggle("show")) return field.blur();
  field.focus();
  field.select();
}

function searchKeys(event) {
  const asked = event.key.toLowerCase() === "k" && !event.shiftKey && !event.altKey && (apple ? event.metaKey : event.ctrlKey);
  const shown = document.querySelector(".search-button__wrapper.show");
  if (!asked && !(event.key === "Escape" && shown)) return;
  event.preventDefault();
  toggleSearch();
}

// 4. The download menu.
function setMenu(button, open) {
  button.classList.toggle("show", open);
  button.nextElementSibling.classList.toggle("show", open);
  button.ariaExpanded = String(open);
}

function offerMenu(button) {
  button.addEventListener("click", () => setMenu(button, !button.classList.contains("show")));
  document.addEventListener("click", (event) => { if (!button.parentElement.contains(event.target)) setMenu(button, false); });
  button.parentElement.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !button.classList.contains("show")) return;
    setMenu(button, false);
    button.focus();
  });
}

const deeds = {
  print: () => print(),
  fullscreen: () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen()),
};

// 5. A folded solution opens by its title. The page comes folded; without scripts all of it is seen.
function offerFold(box, index) {
  const title = box.querySelector(".admonition-title"), button = document.createElement("button");
  if (!title) return;
  box.id ||= `fold-${index}`;
  button.type = "button";
  button.className = "toggle-button";
  button.setAttribute("aria-controls", box.id);
  const say = () => {
    const folded = box.classList.contains("toggle-hidden");
    button.ariaExpanded = String(!folded);
    button.textContent = folded ? "Show" : "Hide";
  };
  title.append(" ", button);
  title.addEventListener("click", (event) => {
    if (event.target.closest("a")) return;
    box.classList.toggle("toggle-hidden");
    say();
  });
  say();
}

function openTarget() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const box = target && target.closest(".toggle-hidden");
  if (!box) return;
  box.querySelector(".toggle-button")?.click();
  target.scrollIntoView();
}

// 6. Copy a block of code: one button, put beside the block that is pointed at or has the focus.
const copier = document.createElement("button");
copier.type = "button";
copier.className = "copybtn";
copier.textContent = "Copy";
copier.addEventListener("click", async () => {
  const code = copier.parentElement.querySelector("pre").cloneNode(true);
  for (const prompt of code.querySelectorAll(".gp, .linenos")) prompt.remove();
  await navigator.clipboard.writeText(code.textContent).then(() => { copier.textContent = "Copied"; }, () => { copier.textContent = "Not copied"; });
  setTimeout(() => { copier.textContent = "Copy"; }, 2000);
});

function offerCopy(event) {
  const block = event.target.closest?.("div.highlight");
  if (block && copier.parentElement !== block) block.append(copier);
}

// 7. The contents list marks the section that is being read, and gives way to notes in the margin.
function follow() {
  const links = new Map(all(".bd-toc-nav a[href^='#']").map((a) => [decodeURIComponent(a.hash.slice(1)), a]));
  const list = document.querySelector(".bd-sidebar-secondary");
  const reading = new Set(), notes = new Set();
  const mark = () => {
    const now = [...links].filter(([id]) => reading.has(id)).pop()?.[1];
    for (const a of links.values()) {
      const on = Boolean(now) && a.parentElement.contains(now);
      a.classList.toggle("active", a === now);
      a.parentElement.classList.toggle("active", on);
    }
  };
  const watch = (seen, then, rootMargin) => new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) seen[isIntersecting ? "add" : "delete"](target.id || target);
    then();
  }, { rootMargin });
  const sections = watch(reading, mark, "-10% 0px -75% 0px");
  for (const id of links.keys()) if (document.getElementById(id)) sections.observe(document.getElementById(id));
  if (!list) return;
  const below = Math.max(0, innerHeight - list.scrollHeight - 16);  // where no note can meet the list
  const margins = watch(notes, () => list.classList.toggle("hide", notes.size > 0), `0px 0px -${below}px 0px`);
  all("aside.margin, .sidebar, .margin-caption, .tag_margin, .full-width, .popout").forEach((el) => margins.observe(el));
}

function watchTop() {
  const top = document.querySelector(".sbt-scroll-pixel-helper");
  if (top) new IntersectionObserver(([e]) => document.body.classList.toggle("scrolled", e.boundingClientRect.y < 0)).observe(top);
}

// 8. The list of pages shows the page that is open.
function showCurrent() {
  const bar = document.querySelector(".bd-sidebar-primary"), here = bar?.querySelector("a.current");
  if (here && bar.scrollHeight > bar.clientHeight) bar.scrollTop = here.getBoundingClientRect().top - bar.getBoundingClientRect().top - bar.clientHeight / 3;
}

// 9. The search quotes a page as it reads. Sphinx quotes every word in it: each formula three times (MathML, its TeX, what is
// drawn), the menus, the marks of a folded block, the letters in a figure.
const unread = ".katex-html, annotation, .headerlink, .bd-header-article, .bd-sidebar-secondary, footer, details.hide, summary, button, svg, script, style";

function quotable(html, anchor) {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const el of page.querySelectorAll(unread)) el.remove();
  for (const el of page.querySelectorAll("div.math")) el.textContent = " … ";  // a displayed equation is no line of prose
  for (const el of page.querySelectorAll("msub, msubsup")) el.children[1]?.before("_");
  for (const el of page.querySelectorAll("h1, h2, h3, h4")) if (!/[.:?!]\s*$/.test(el.textContent)) el.append(".");
  const main = page.querySelector("[role=main]");
  return ((anchor && main?.querySelector(anchor)) || main)?.textContent ?? "";
}

document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search !== "undefined") Search.htmlToText = quotable;
  dark.addEventListener("change", () => { if (root.dataset.mode === "auto") setTheme("auto"); });
  onClick(".theme-switch-button", nextTheme);
  offerSidebar("primary");
  offerSidebar("secondary");
  onClick(".search-button__button, .search-button__overlay", toggleSearch);
  addEventListener("keydown", searchKeys, true);
  if (apple) all("kbd.kbd-shortcut__modifier").forEach((key) => { key.textContent = "⌘"; });
  all("button.dropdown-toggle").forEach(offerMenu);
  onClick("[data-does]", (event) => deeds[event.currentTarget.dataset.does]());
  all(".admonition.toggle").forEach(offerFold);
  openTarget();
  addEventListener("hashchange", openTarget);
  addEventListener("mouseover", offerCopy);
  addEventListener("focusin", offerCopy);
  document.querySelector("main form.bd-search input")?.focus();
  requestAnimationFrame(() => setTimeout(() => { follow(); watchTop(); showCurrent(); }));
});
}
